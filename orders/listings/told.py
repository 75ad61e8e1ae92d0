"""Packages and invoices of the WMS: what a cart was told of each, when, and in which file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from cartrover import locales
from cartrover.accounts.models import Account
from connectors.contract import ShipmentState
from orders.listings.paging import Page, page_of
from orders.models import Invoice, Shipment, ShipmentLine


class Shown(StrEnum):
    """Which packages or invoices are listed; `no_tracking` means packages that only lack a tracking number."""

    ALL = ""
    UNTOLD = "untold"
    NO_TRACKING = "no_tracking"


WAITS = Q(document__isnull=True, nothing_to_tell=False, order__isnull=False) & ~Q(state=ShipmentState.VOID)
NO_TRACKING = WAITS & Q(state=ShipmentState.SHIPPED, tracking_number="", send_without_tracking=False)


LINES_SAID = 5
"""Lines of a package that a list names."""

AROUND = (
    *("public_id", "seen_at", "order__public_id", "order__cust_ref"),
    *("document__name", "document__state", "document__sent_at", "document__public_id", "document__connection__public_id"),
)
"""What lists of both show beside their own columns: a file is not read with its bytes, nor an order with its addresses."""

OF_SHIPMENT = (
    *("tracking_number", "carrier", "service", "external_order_id", "shipped_at", "state", "told_tracking"),
    *("nothing_to_tell", "send_without_tracking"),
)
OF_INVOICE = ("told_id", "number", "external_id", "total", "currency", "invoice_date", "is_void")


def shipments_page(account: Account, shown: Shown, after: UUID | None = None) -> Page[Shipment]:
    """Return packages, the latest seen first, each with its order and the file that told of it.

    `wms_name` and `cart_name` are where it comes from and who is told.
    """
    rows: Any = Shipment.objects.for_account(account)
    if shown:
        rows = rows.filter(NO_TRACKING if shown is Shown.NO_TRACKING else WAITS)
    rows = rows.select_related("order", "document__connection").only(*AROUND, *OF_SHIPMENT)
    rows = rows.annotate(wms_name=F("connection__name"), cart_name=F("order__source__name"))
    return page_of(account, rows, along="seen_at", descending=True, after=after)


def invoices_page(account: Account, shown: Shown, after: UUID | None = None) -> Page[Invoice]:
    """Return invoices, the latest seen first, each with its order and the file that told of it.

    `wms_name` and `cart_name` are where it comes from and who is told.
    """
    rows: Any = Invoice.objects.for_account(account)
    if shown:
        rows = rows.filter(document__isnull=True, is_void=False, order__isnull=False)
    rows = rows.select_related("order", "document__connection").only(*AROUND, *OF_INVOICE)
    rows = rows.annotate(wms_name=F("connection__name"), cart_name=Coalesce("cart__name", "order__source__name"))
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


def contents(account: Account, shipments: Sequence[Shipment]) -> Mapping[int, str]:
    """Say what each of these packages holds, by its key: its first lines, and how many more there are."""
    rows = ShipmentLine.objects.for_account(account).filter(shipment__in=[one.pk for one in shipments]).order_by("pk")
    lines: dict[int, list[str]] = defaultdict(list)
    for shipment_id, quantity, item in rows.values_list("shipment_id", "quantity", "line__item"):
        lines[shipment_id].append(f"{locales.number(quantity)} × {item or 'a line of the WMS'}")
    more = {pk: [f"and {locales.number(len(said) - LINES_SAID)} more"] for pk, said in lines.items() if len(said) > LINES_SAID}
    return {pk: ", ".join([*said[:LINES_SAID], *more.get(pk, [])]) for pk, said in lines.items()}
