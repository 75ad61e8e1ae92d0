"""Lists a page at a time: the next page begins behind the last row of this one, wherever that row stands by now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Q

from cartrover.accounts.models import Account

PAGE = 50
"""Rows on a page: two screens, and quick on a phone."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, and what to pass as `after` for the next page; None on the last one.

    `looked_back`: the page may not be full, as what is older than that was not looked at yet; the next page does.
    """

    rows: Sequence[Row]
    next: UUID | str | None
    looked_back: datetime | None = None


def page_of(
    account: Account, rows: Any, *, along: str, descending: bool = False, after: UUID | None = None, limit: int = PAGE
) -> Page[Any]:
    """Return a page of the account's `rows` (a queryset) along a column that an index has right after the account.

    `after` is the public id of the row before the page, which need not be among `rows` any more; one that the account doesn't
    have gives an empty page.
    """
    rows = rows.order_by(f"-{along}", "-pk") if descending else rows.order_by(along, "pk")
    if after is not None:
        everything = rows.model.objects.for_account(account)
        last = everything.filter(public_id=after).values_list(along, "pk").first()
        if last is None:
            return Page([], None)
        before, beyond = ("lte", "lt") if descending else ("gte", "gt")
        # The first condition is what the index can walk; the second only sorts out equal values.
        rows = rows.filter(Q((f"{along}__{before}", last[0]))).filter(
            Q((f"{along}__{beyond}", last[0])) | Q((f"pk__{beyond}", last[1]))
        )
    found = list(rows[: limit + 1])
    return Page(found[:limit], found[limit - 1].public_id if len(found) > limit else None)
