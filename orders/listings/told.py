"""Packages and invoices of the WMS: what a cart was told of each, when, and in which file."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from django.db.models import Prefetch, Q

from cartrover.accounts.models import Account
from connectors.contract import ShipmentState
from orders.listings.paging import Page, page_of
from orders.models import Invoice, InvoiceLine, Shipment, ShipmentLine


class Shown(StrEnum):
    """Which packages or invoices are listed; `no_tracking` means packages that only lack a tracking number."""

    ALL = ""
    UNTOLD = "untold"
    NO_TRACKING = "no_tracking"


WAITS = Q(document__isnull=True, nothing_to_tell=False, order__isnull=False) & ~Q(state=ShipmentState.VOID)
NO_TRACKING = WAITS & Q(state=ShipmentState.SHIPPED, tracking_number="", send_without_tracking=False)


def shipments_page(account: Account, shown: Shown, after: UUID | None = None) -> Page[Shipment]:
    """Return packages, the latest seen first, each with its lines, its order and the file that told of it."""
    rows = Shipment.objects.for_account(account)
    if shown:
        rows = rows.filter(NO_TRACKING if shown is Shown.NO_TRACKING else WAITS)
    lines = Prefetch("lines", ShipmentLine.objects.for_account(account).select_related("line").order_by("pk"))
    rows = rows.select_related("connection", "order__source", "document").prefetch_related(lines)
    return page_of(account, rows, along="seen_at", descending=True, after=after)


def invoices_page(account: Account, shown: Shown, after: UUID | None = None) -> Page[Invoice]:
    """Return invoices, the latest seen first, each with its lines, its order and the file that told of it."""
    rows = Invoice.objects.for_account(account)
    if shown:
        rows = rows.filter(document__isnull=True, is_void=False, order__isnull=False)
    lines = Prefetch("lines", InvoiceLine.objects.for_account(account).select_related("line").order_by("pk"))
    rows = rows.select_related("connection", "order__source", "document", "cart").prefetch_related(lines)
    return page_of(account, rows, along="seen_at", descending=True, after=after)


def waits_for_tracking(shipment: Shipment) -> bool:
    """Say whether a person may send it without a tracking number: it lacks nothing else. As `NO_TRACKING`, of one package."""
    return (
        shipment.document_id is None
        and not shipment.nothing_to_tell
        and shipment.order_id is not None
        and shipment.state == ShipmentState.SHIPPED
        and not shipment.tracking_number
        and not shipment.send_without_tracking
    )


def why_untold(shipment: Shipment) -> str:
    """Say why no cart was told of a package yet."""
    if shipment.order is None:
        return "belongs to no order of ours"
    if shipment.state == ShipmentState.VOID:
        return "voided, nothing to tell"
    if shipment.nothing_to_tell:
        return "nothing of it is for the cart"
    if shipment.state == ShipmentState.PACKED:
        return "told when it ships"
    return "waits for a tracking number" if waits_for_tracking(shipment) else "goes with the next file"
