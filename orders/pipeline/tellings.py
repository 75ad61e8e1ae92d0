"""What a cart must still be told of packages and of what will not come, as rows; each quantity once, and never more than was
ordered.

Each function runs in one transaction: it makes a file and marks what stands in it as told, or returns None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, Sum

from connectors.contract import CancelRow, Purpose, ShipmentRow, ShipmentState
from connectors.models import Connection
from connectors.readers import settings_of
from orders.alerts import raise_alert, resolve_alerts
from orders.models import LineCancellation, Order, OrderEvent, OrderLine, OutboundDocument, Shipment, ShipmentLine
from orders.pipeline.documents import make_document
from orders.pipeline.loader import update_rows
from orders.pipeline.settle import confirm
from orders.run import Run

AT_ONCE = 2000
"""Packages or cancellations in one file: a few thousand rows, that a person can still look through."""


def source_id(order: Order) -> str:
    """Return the source's own id of the order; "" where the hub had to make one out of retailer and number."""
    return "" if order.external_id == order.alternate_id else order.external_id


# --- packages ----------------------------------------------------------------------------------------------------------------


def tell_shipments(run: Run) -> OutboundDocument | None:
    """Make a file of the packages that are shipped, have tracking (or may go without) and weren't told."""
    cart = run.connection
    with transaction.atomic():
        run.lease_required()
        waiting = Shipment.objects.for_account(cart.account_id).filter(
            order__source=cart, document__isnull=True, state=ShipmentState.SHIPPED, nothing_to_tell=False
        )
        waiting = waiting.filter(~Q(tracking_number="") | Q(send_without_tracking=True))
        shipments = list(waiting.select_related("order").order_by("pk")[:AT_ONCE])
        if not shipments:
            return None
        told = _told_of_lines(cart.account_id, _lines_of(cart, shipments))
        rows = _shipment_rows(told)
        document = make_document(cart, Purpose.SHIPMENTS, rows) if rows else None
        _mark_shipments(cart, shipments, told, document)
        return document


def acknowledge_shipments(cart: Connection, shipments: Sequence[Shipment]) -> OutboundDocument | None:
    """Make a file of just these packages, which the cart has read by itself; runs in the caller's transaction."""
    told = _told_of_lines(cart.account_id, _lines_of(cart, shipments))
    rows = _shipment_rows(told)
    document = make_document(cart, Purpose.SHIPMENTS, rows) if rows else None
    _mark_shipments(cart, shipments, told, document)
    return document


def acknowledge_cancels(cart: Connection, rows: Sequence[LineCancellation]) -> OutboundDocument:
    """Make a file of just these cancellations, which the cart has read by itself; runs in the caller's transaction."""
    document = make_document(cart, Purpose.CANCELS, _cancel_rows(rows, ""))
    LineCancellation.objects.for_account(cart.account_id).filter(pk__in=[row.pk for row in rows]).update(document=document)
    return document


def _lines_of(cart: Connection, shipments: Sequence[Shipment]) -> list[ShipmentLine]:
    rows = ShipmentLine.objects.for_account(cart.account_id).filter(shipment__in=shipments, line__isnull=False)
    return list(rows.select_related("line", "shipment__order").order_by("shipment_id", "line__line_no", "pk"))


def shipment_rows_of(order: Order) -> list[ShipmentRow]:
    """Return what the next shipment file would tell of this order; marks nothing."""
    lines = ShipmentLine.objects.for_account(order.account_id).filter(
        ~Q(shipment__tracking_number="") | Q(shipment__send_without_tracking=True),
        shipment__order=order,
        shipment__document__isnull=True,
        shipment__state=ShipmentState.SHIPPED,
        shipment__nothing_to_tell=False,
        line__isnull=False,
    )
    rows = list(lines.select_related("line", "shipment__order").order_by("shipment_id", "line__line_no", "pk"))
    return _shipment_rows(_told_of_lines(order.account_id, rows))


def cancel_rows_of(order: Order) -> list[CancelRow]:
    """Return what the next cancellation file would tell of this order; nothing while no code is chosen."""
    code = str(settings_of(order.source).get("cancel_code") or "")
    rows = LineCancellation.objects.for_account(order.account_id).filter(line__order=order, document__isnull=True)
    return _cancel_rows(list(rows.select_related("line__order").order_by("pk")), code) if code else []


def _told_of_lines(account_id: int, lines: Sequence[ShipmentLine]) -> list[tuple[ShipmentLine, int]]:
    """Say how many of each package line may be told: no line beyond what was ordered and not told as canceled."""
    ids = {row.line_id for row in lines}
    canceled = dict(
        LineCancellation.objects.for_account(account_id)
        .filter(line__in=ids, document__isnull=False)
        .values_list("line")
        .annotate(total=Sum("quantity"))
    )
    left: dict[int, int] = {}
    told = []
    for row in lines:
        line = row.line
        if line is None:
            continue
        room = left.setdefault(line.pk, max(0, line.quantity - line.told - canceled.get(line.pk, 0)))
        quantity = min(row.quantity, room)
        left[line.pk] = room - quantity
        told.append((row, quantity))
    return told


def _shipment_rows(told: Sequence[tuple[ShipmentLine, int]]) -> list[ShipmentRow]:
    """Return a row per package and order line; what travels under one tracking number is one package to the cart."""
    first: dict[tuple[int | None, str], ShipmentLine] = {}
    quantities: dict[tuple[int | None, str], int] = defaultdict(int)
    for at, (row, quantity) in enumerate(told):
        if quantity:
            key = (row.line_id, row.shipment.tracking_number or f"#{at}")
            first.setdefault(key, row)
            quantities[key] += quantity
    return [_shipment_row(row, quantities[key]) for key, row in first.items()]


def _shipment_row(row: ShipmentLine, quantity: int) -> ShipmentRow:
    shipment, line = row.shipment, row.line
    order = shipment.order
    if order is None or line is None:
        raise ValueError("a package without its order can't be told")
    return ShipmentRow(
        cust_po_no=order.cust_po_no,
        external_order_id=source_id(order),
        line_id=line.line_id,
        item=line.item,
        upc=line.upc,
        quantity=quantity,
        tracking_number=shipment.tracking_number,
        carrier=shipment.carrier or order.ship_carrier,
        service=shipment.service or order.ship_method,
        ship_code=order.ship_code,
        shipped_at=shipment.shipped_at or shipment.remote_updated_at,
        extra=order.extra,
    )


def _mark_shipments(
    cart: Connection, shipments: Sequence[Shipment], told: Sequence[tuple[ShipmentLine, int]], document: OutboundDocument | None
) -> None:
    """Mark what the file tells; a package that had nothing left to tell is an event and isn't looked at again."""
    on_lines: dict[int, int] = {}
    held: dict[int, int] = defaultdict(int)
    by_shipment: dict[int, int] = defaultdict(int)
    for row, quantity in told:
        if row.line is not None:
            on_lines[row.line.pk] = on_lines.get(row.line.pk, row.line.told) + quantity
        by_shipment[row.shipment_id] += quantity
        held[row.shipment_id] += row.quantity
    update_rows(OrderLine, ("told",), list(on_lines.items()))
    update_rows(ShipmentLine, ("told",), [(row.pk, quantity) for row, quantity in told if quantity])
    with_news = [one for one in shipments if document is not None and by_shipment[one.pk]]
    if document is not None:
        update_rows(
            Shipment, ("document_id", "told_tracking"), [(one.pk, document.pk, one.tracking_number) for one in with_news]
        )
    subjects = [str(one.public_id) for one in shipments]
    resolve_alerts(account_id=cart.account_id, cause="no_tracking", subjects=subjects)
    _note_untold(cart, [one for one in shipments if not by_shipment[one.pk]])
    for one in with_news:
        if by_shipment[one.pk] < held[one.pk]:
            _alert_too_many(cart, one, by_shipment[one.pk], held[one.pk])


def _note_untold(cart: Connection, shipments: Sequence[Shipment]) -> None:
    """Packages that hold nothing that may be told are left alone; what waited for them may be confirmed."""
    if not shipments:
        return
    update_rows(Shipment, ("nothing_to_tell",), [(one.pk, True) for one in shipments])
    OrderEvent.objects.bulk_create(
        OrderEvent(
            account_id=cart.account_id,
            order=one.order,
            connection=cart,
            kind="shipment.nothing_to_tell",
            words=f"Package {one.tracking_number or one.external_id} holds nothing that {cart.name} wasn't told already, or "
            "nothing of this order; it is not told.",
        )
        for one in shipments
    )
    confirm(cart, [one.order_id for one in shipments if one.order_id is not None])


def _alert_too_many(cart: Connection, shipment: Shipment, told: int, held: int) -> None:
    order = shipment.order
    if order is None:
        return
    words = (
        f"Package {shipment.tracking_number or shipment.external_id} of order {order.cust_ref} holds {held} pieces, but only "
        f"{told} of them were ordered and not told before. {cart.name} is told {told}: settle the rest with the retailer."
    )
    raise_alert(
        account_id=cart.account_id,
        cause="shipped_too_many",
        subject=str(shipment.public_id),
        words=words,
        connection=cart,
        order=order,
    )


# --- cancellations -----------------------------------------------------------------------------------------------------------


def tell_cancels(run: Run) -> OutboundDocument | None:
    """Make a file of the quantities that will not come, with the code that a person chose or the cart's settings name."""
    cart = run.connection
    settings: Mapping[str, Any] = settings_of(cart)
    code = str(settings.get("cancel_code") or "")
    with transaction.atomic():
        run.lease_required()
        waiting = LineCancellation.objects.for_account(cart.account_id).filter(line__order__source=cart, document__isnull=True)
        without = 0 if code else waiting.filter(code="").count()
        if without:
            _alert_no_code(run, without)
            waiting = waiting.exclude(code="")
        else:
            resolve_alerts(account_id=cart.account_id, cause="no_cancel_code", subjects=[cart.name])
        rows = list(waiting.select_related("line__order").order_by("pk")[:AT_ONCE])
        if not rows:
            return None
        document = make_document(cart, Purpose.CANCELS, _cancel_rows(rows, code))
        waiting.filter(pk__in=[row.pk for row in rows]).update(document=document)
        return document


def _cancel_rows(rows: Sequence[LineCancellation], code: str) -> list[CancelRow]:
    """Return a row per order line: what was canceled of it in several steps is told as one."""
    steps: dict[int, list[LineCancellation]] = defaultdict(list)
    for row in rows:
        steps[row.line_id].append(row)
    return [_cancel_row(of_line[-1], sum(row.quantity for row in of_line), code) for of_line in steps.values()]


def _cancel_row(row: LineCancellation, quantity: int, code: str) -> CancelRow:
    line = row.line
    return CancelRow(
        cust_po_no=line.order.cust_po_no,
        external_order_id=source_id(line.order),
        line_id=line.line_id,
        item=line.item,
        code=row.code or code,
        reason=row.because,
        quantity=quantity,
    )


def _alert_no_code(run: Run, number: int) -> None:
    cart = run.connection
    words = (
        f"{number} {'cancellations wait' if number > 1 else 'cancellation waits'}: no cancel code is chosen in the settings "
        f"of {cart.name}, and each retailer wants its own. Choose one there, and {cart.name} is told."
    )
    is_new = raise_alert(account_id=cart.account_id, cause="no_cancel_code", subject=cart.name, words=words, connection=cart)
    # Every sweep comes by here while the rows wait: said once, and whenever somebody asks for this run.
    if is_new or run.named:
        run.problem(words)
