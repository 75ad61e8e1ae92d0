"""Alerts, and for each the one place that mends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count

from cartrover.accounts.models import Account
from orders.listings.paging import Page, page_of
from orders.models import Alert, AlertState

COUNTED = 99
"""Highest number in the navigation."""

ABOUT_FILES = frozenset(
    {"bad_document", "document_cut", "document_refused", "file_gone", "file_not_fetched", "maybe_truncated", "not_taken"}
)
"""Causes that are about files of the connection."""


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the account: what its link says, the name of its address, and what the address needs."""

    words: str
    page: str
    ids: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


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


def place_of(alert: Alert) -> Place | None:
    """Return the one place that mends what the alert tells of; None where only support can."""
    if alert.cause == "no_tracking":
        return Place("Look at packages without a number", "shipments", query={"show": "no_tracking"})
    if alert.order is not None:
        return Place(f"Look at order {alert.order.cust_ref}", "order", {"public_id": alert.order.public_id})
    match alert.cause:
        case "hold.unknown_sku":
            return Place(f"Add an alias for {alert.subject}", "aliases")
        case "hold.unmapped_ship_method":
            return Place(f"Map {alert.subject}", "ship_methods")
        case "stock_drop" if alert.connection is not None:
            return Place("Look at the inventory", "inventory", query={"cart": str(alert.connection.public_id)})
        case "rows_refused":
            return Place("Look at the refused orders", "skipped", query={"file": alert.subject})
        case "month_spent" if alert.connection is not None:
            words = f"Look at the settings of {alert.connection.name}"
            return Place(words, "connection_settings", {"public_id": alert.connection.public_id})
        case "internal" | "counts_differ":
            return None
    if alert.connection is None:
        return None
    page = "connection_files" if alert.cause in ABOUT_FILES else "connection"
    words = (
        f"Look at the files of {alert.connection.name}" if alert.cause in ABOUT_FILES else f"Look at {alert.connection.name}"
    )
    return Place(words, page, {"public_id": alert.connection.public_id})
