"""Alerts, as pages list and count them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Count

from cartrover.accounts.models import Account
from orders.listings.paging import Page, page_of
from orders.models import Alert, AlertState

COUNTED = 99
"""Highest number in the navigation."""


def alerts_page(account: Account, state: AlertState, after: UUID | None = None) -> Page[Alert]:
    """Return the alerts of one state, the latest first, each with its connection and order."""
    rows = Alert.objects.for_account(account).filter(state=state).select_related("connection", "order")
    return page_of(account, rows, along="last_seen_at", descending=True, after=after)


def open_count(account: Account) -> int:
    """Return how many alerts are open, `COUNTED` + 1 where there are more than that."""
    return Alert.objects.for_account(account).filter(state=AlertState.OPEN)[: COUNTED + 1].count()


def open_counts(accounts: Sequence[Account]) -> Mapping[int, int]:
    """Return how many alerts are open in each of these accounts, by the account's key; those without any are left out."""
    rows = Alert.objects.across_accounts("a person chooses among their own accounts")
    counted = rows.filter(account__in=accounts, state=AlertState.OPEN).values("account").annotate(number=Count("pk"))
    return dict(counted.order_by().values_list("account", "number"))
