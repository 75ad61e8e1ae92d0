"""Which of our orders and lines a record of the WMS belongs to; what came before its order's receipt is matched later."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from django.db import transaction
from django.db.models import Q, QuerySet

from connectors.contract import ShipmentState
from connectors.models import Connection
from orders.models import Invoice, InvoiceLine, Order, OrderEvent, OrderLine, Shipment, ShipmentLine
from orders.pipeline.loader import update_rows
from orders.run import Run

AT_ONCE = 500
"""Ids in one question to the database."""

T = TypeVar("T")
Lines = dict[tuple[int, str], OrderLine]
"""Our lines by order and the WMS's line id, as far as that is known."""


def pieces(values: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def orders_at(wms: Connection, external_ids: Collection[str]) -> dict[str, Order]:
    """Return those of our orders that the WMS has under one of these ids, by that id."""
    found: dict[str, Order] = {}
    for some in pieces(sorted(set(external_ids) - {""})):
        rows = Order.objects.for_account(wms.account_id).filter(wms=wms, wms_order_id__in=some)
        found |= {order.wms_order_id: order for order in rows.select_related("source")}
    return found


def lines_at(account_id: int, order_ids: Collection[int]) -> Lines:
    """Return the lines of these orders whose id at the WMS is known."""
    found: Lines = {}
    for some in pieces(sorted(order_ids)):
        rows = OrderLine.objects.for_account(account_id).filter(order__in=some).exclude(external_id="")
        found |= {(line.order_id, line.external_id): line for line in rows}
    return found


def with_known_lines(account_id: int, ours: dict[str, Order]) -> dict[str, Order]:
    """Leave out orders of which no line's id is known: their receipt came in the middle of a walk.

    What belongs to them waits without an order, and the next run matches it line by line.
    """
    known = {order_id for order_id, _ in lines_at(account_id, [order.pk for order in ours.values()])}
    return {external_id: order for external_id, order in ours.items() if order.pk in known}


def package_event(order: Order, shipment: Shipment, *, first: bool) -> OrderEvent:
    """Return the sentence about a package for its order's story, not yet saved."""
    tracking = f" as {shipment.tracking_number}" if shipment.tracking_number else ", without a tracking number yet"
    words = {
        ShipmentState.PACKED: f"Packed{tracking}.",
        ShipmentState.SHIPPED: f"Shipped{tracking}.",
        ShipmentState.VOID: "A package was voided.",
    }[ShipmentState(shipment.state)]
    return OrderEvent(
        account_id=order.account_id,
        order=order,
        connection_id=shipment.connection_id,
        words=words,
        kind="shipment.seen" if first else "shipment.changed",
    )


def match_unmatched(run: Run, learn_lines: Callable[[set[str]], None], settle: Callable[[Collection[int]], None]) -> None:
    """Give packages and invoices that came before their order's receipt to that order now.

    `learn_lines` reads the line ids of orders, by the WMS's order ids, outside of any transaction; `settle` moves orders on, in
    the transaction that matches: what is matched once is never looked at again.
    """
    wms = run.connection
    shipments = Shipment.objects.for_account(run.account_id).filter(connection=wms, order__isnull=True)
    invoices = Invoice.objects.for_account(run.account_id).filter(connection=wms, order__isnull=True)
    waiting = Q(wms_order_id__in=shipments.values("external_order_id")) | Q(
        wms_order_id__in=invoices.values("external_order_id")
    )
    orders = Order.objects.for_account(run.account_id).filter(waiting, wms=wms).exclude(wms_order_id="")
    for some in pieces(list(orders.order_by("pk").values_list("wms_order_id", flat=True))):
        run.progress()
        learn_lines(set(some))
        ours = orders_at(wms, some)
        with transaction.atomic():
            run.lease_required()
            lines = lines_at(run.account_id, [order.pk for order in ours.values()])
            _match_packages(shipments.filter(external_order_id__in=some), ours, lines)
            _match_invoices(invoices.filter(external_order_id__in=some), ours, lines)
            settle([order.pk for order in ours.values()])


def _match_packages(shipments: QuerySet[Shipment], ours: dict[str, Order], lines: Lines) -> None:
    found = [(shipment, ours[shipment.external_order_id]) for shipment in shipments.prefetch_related("lines")]
    update_rows(Shipment, ("order_id",), [(shipment.pk, order.pk) for shipment, order in found])
    rows = [(row, lines.get((order.pk, row.external_line_id))) for shipment, order in found for row in shipment.lines.all()]
    update_rows(ShipmentLine, ("line_id",), [(row.pk, line.pk) for row, line in rows if line is not None])
    OrderEvent.objects.bulk_create(package_event(order, shipment, first=True) for shipment, order in found)


def _match_invoices(invoices: QuerySet[Invoice], ours: dict[str, Order], lines: Lines) -> None:
    found = [(invoice, ours[invoice.external_order_id]) for invoice in invoices.prefetch_related("lines")]
    update_rows(Invoice, ("order_id",), [(invoice.pk, order.pk) for invoice, order in found])
    rows = [(row, lines.get((order.pk, row.external_line_id))) for invoice, order in found for row in invoice.lines.all()]
    update_rows(InvoiceLine, ("line_id",), [(row.pk, line.pk) for row, line in rows if line is not None])
