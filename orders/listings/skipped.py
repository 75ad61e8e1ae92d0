"""Orders that were knowingly not loaded."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q

from cartrover.accounts.models import Account
from orders.listings.paging import Page, page_of
from orders.models import SkippedOrder


def skipped_page(account: Account, *, loaded: bool = False, file: str = "", after: UUID | None = None) -> Page[SkippedOrder]:
    """Return the orders that stay out, or with `loaded` those that a person has loaded since, the latest first.

    `file` keeps those of the files of that name. `can_be_loaded` says whether enough of the order was read.
    """
    rows = skipped_rows(account, loaded=loaded, file=file)
    # Drafts hold whole orders; the list needs to know only whether there is one.
    can_be_loaded = Q(draft__isnull=False, loaded_at__isnull=True)
    shown = rows.select_related("connection", "document__connection").defer("draft").annotate(can_be_loaded=can_be_loaded)
    return page_of(account, shown, along="created_at", descending=True, after=after)


def skipped_rows(account: Account, *, loaded: bool, file: str) -> Any:
    """Return the skipped orders of the account that the list asks for, as a queryset."""
    rows = SkippedOrder.objects.for_account(account).filter(loaded_at__isnull=not loaded)
    return rows.filter(document__name=file) if file else rows
