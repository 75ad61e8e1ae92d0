"""For each alert the one page of the account that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orders.models import Alert

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
