"""What a cart must still be told, as rows; each quantity once, and never more than was ordered.

Each function runs in one transaction: it makes a file and marks what stands in it as told, or returns None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from connectors.contract import CancelRow, InvoiceRow, Purpose, ShipmentRow, ShipmentState
from connectors.models import Connection
from connectors.readers import settings_of
from orders.alerts import raise_alert, resolve_alerts
from orders.models import (
    Invoice,
    InvoiceLine,
    LineCancellation,
    Order,
    OrderEvent,
    OrderLine,
    OutboundDocument,
    Shipment,
    ShipmentLine,
)
from orders.pipeline.documents import make_document
from orders.pipeline.loader import money
from orders.run import Run

AT_ONCE = 2000
"""Packages, invoices or cancellations in one file: a few thousand rows, that a person can still look through."""


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
        lines = list(
            ShipmentLine.objects.for_account(cart.account_id)
            .filter(shipment__in=shipments, line__isnull=False)
            .select_related("line", "shipment__order")
            .order_by("shipment_id", "line__line_no", "pk")
        )
        told = _told_of_lines(lines)
        rows = [_shipment_row(line, quantity) for line, quantity in told if quantity]
        document = make_document(cart, Purpose.SHIPMENTS, rows) if rows else None
        _mark_shipments(cart, shipments, told, document)
        return document


def _told_of_lines(lines: Sequence[ShipmentLine]) -> list[tuple[ShipmentLine, int]]:
    """Say how many of each package line may be told: no line is told beyond what was ordered and not canceled."""
    left: dict[int, int] = {}
    told = []
    for row in lines:
        line = row.line
        if line is None:
            continue
        room = left.setdefault(line.pk, max(0, line.quantity - line.told))
        quantity = min(row.quantity, room)
        left[line.pk] = room - quantity
        told.append((row, quantity))
    return told


def _shipment_row(row: ShipmentLine, quantity: int) -> ShipmentRow:
    shipment, line = row.shipment, row.line
    order = shipment.order
    if order is None or line is None:
        raise ValueError("a package without its order can't be told")
    return ShipmentRow(
        cust_po_no=order.cust_po_no,
        external_order_id=_source_id(order),
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


def _source_id(order: Order) -> str:
    """Return the source's own id of the order; "" where the hub had to make one out of retailer and number."""
    return "" if order.external_id == order.alternate_id else order.external_id


def _mark_shipments(
    cart: Connection, shipments: Sequence[Shipment], told: Sequence[tuple[ShipmentLine, int]], document: OutboundDocument | None
) -> None:
    """Mark what the file tells; a package that had nothing left to tell is an event and is never looked at again."""
    account_id = cart.account_id
    for row, quantity in told:
        if quantity and row.line_id is not None:
            OrderLine.objects.for_account(account_id).filter(pk=row.line_id).update(told=F("told") + quantity)
            ShipmentLine.objects.for_account(account_id).filter(pk=row.pk).update(told=quantity)
    by_shipment: dict[int, int] = {}
    for row, quantity in told:
        by_shipment[row.shipment_id] = by_shipment.get(row.shipment_id, 0) + quantity
    for shipment in shipments:
        asked = by_shipment.get(shipment.pk, 0)
        rows = Shipment.objects.for_account(account_id).filter(pk=shipment.pk)
        if document is not None and asked:
            rows.update(document=document, told_tracking=shipment.tracking_number)
            resolve_alerts(account_id=account_id, cause="no_tracking", subjects=[str(shipment.public_id)])
        else:
            _nothing_to_tell(cart, shipment)


def _nothing_to_tell(cart: Connection, shipment: Shipment) -> None:
    Shipment.objects.for_account(cart.account_id).filter(pk=shipment.pk).update(nothing_to_tell=True)
    words = (
        f"Package {shipment.tracking_number or shipment.external_id} holds nothing that {cart.name} wasn't "
        "told already, or nothing "
        "of this order; it is not told."
    )
    OrderEvent.objects.create(
        account_id=cart.account_id, order=shipment.order, connection=cart, kind="shipment.nothing_to_tell", words=words
    )


# --- invoices ----------------------------------------------------------------------------------------------------------------


def tell_invoices(run: Run) -> OutboundDocument | None:
    """Make a file of the invoices whose quantities have shipped and weren't invoiced to the cart before."""
    cart = run.connection
    with transaction.atomic():
        run.lease_required()
        if settings_of(cart)["invoices_from"] == "shipments":
            _make_invoices(cart)
        waiting = Invoice.objects.for_account(cart.account_id).filter(
            order__source=cart, document__isnull=True, is_void=False, order__shipped_quantity__gt=0
        )
        if settings_of(cart)["invoices_from"] == "shipments":
            waiting = waiting.filter(shipment__isnull=False)
        else:
            waiting = waiting.filter(shipment__isnull=True)
        rows: list[InvoiceRow] = []
        told: list[tuple[Invoice, list[InvoiceLine]]] = []
        room: dict[int, int] = {}
        for invoice in waiting.select_related("order").order_by("pk")[:AT_ONCE]:
            lines = _covered_lines(invoice, room)
            if lines:
                _give_id(cart, invoice)
                rows += _invoice_rows(invoice, lines)
                told.append((invoice, lines))
        if not rows:
            return None
        document = make_document(cart, Purpose.INVOICES, rows)
        for invoice, lines in told:
            Invoice.objects.for_account(cart.account_id).filter(pk=invoice.pk).update(document=document)
            for line in lines:
                InvoiceLine.objects.for_account(cart.account_id).filter(pk=line.pk).update(told=line.quantity)
                OrderLine.objects.for_account(cart.account_id).filter(invoice_lines=line).update(
                    invoiced=F("invoiced") + line.quantity
                )
        return document


def _covered_lines(invoice: Invoice, room: dict[int, int]) -> list[InvoiceLine]:
    """Return the invoice's lines when all of them have shipped and aren't invoiced yet; else nothing, and it waits."""
    rows = list(
        InvoiceLine.objects.for_account(invoice.account_id)
        .filter(invoice=invoice, line__isnull=False)
        .select_related("line")
        .order_by("line__line_no", "pk")
    )
    wanted: dict[int, int] = {}
    for row in rows:
        if row.line is not None:
            wanted[row.line.pk] = wanted.get(row.line.pk, 0) + row.quantity
            room.setdefault(row.line.pk, row.line.shipped - row.line.invoiced)
    if not wanted or any(quantity > room[pk] for pk, quantity in wanted.items()):
        return []
    for pk, quantity in wanted.items():
        room[pk] -= quantity
    return rows


def _give_id(cart: Connection, invoice: Invoice) -> None:
    """Give the invoice an id that this cart has never seen: DSCO refuses one that was used (DSCO reference 4)."""
    base = (invoice.number or invoice.external_id)[:90]
    used = Invoice.objects.for_account(cart.account_id).filter(cart=cart)
    candidate, turn = base, 1
    while used.filter(told_id=candidate).exclude(pk=invoice.pk).exists():
        turn += 1
        candidate = f"{base}-{turn}"
    Invoice.objects.for_account(cart.account_id).filter(pk=invoice.pk).update(cart=cart, told_id=candidate)
    invoice.cart, invoice.told_id = cart, candidate


def _invoice_rows(invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[InvoiceRow]:
    order = invoice.order
    if order is None:
        raise ValueError("an invoice without its order can't be told")
    packages = _packages_of(order)
    total = invoice.total or _sum_of(lines)
    rows = []
    for row in lines:
        line = row.line
        if line is None:
            continue
        package = (invoice.shipment if invoice.shipment_id else packages.get(line.pk)) or None
        rows.append(
            InvoiceRow(
                invoice_id=invoice.told_id,
                cust_po_no=order.cust_po_no,
                external_order_id=_source_id(order),
                invoice_date=invoice.invoice_date,
                total=money(total),
                currency=invoice.currency or order.currency or "USD",
                line_id=line.line_id,
                item=line.item,
                upc=line.upc,
                title=line.title,
                unit_price=money(line.price),
                quantity=row.quantity,
                tracking_number=package.tracking_number if package else "",
                carrier=(package.carrier or order.ship_carrier) if package else "",
                service=(package.service or order.ship_method) if package else "",
                ship_code=order.ship_code if package else "",
                shipped_at=package.shipped_at if package else None,
            )
        )
    return rows


def _packages_of(order: Order) -> dict[int, Shipment]:
    """Return the package of each line that came in one package only: of several, none can be named on one row."""
    found: dict[int, list[Shipment]] = {}
    rows = ShipmentLine.objects.for_account(order.account_id).filter(
        shipment__order=order, shipment__state=ShipmentState.SHIPPED, line__isnull=False
    )
    for row in rows.select_related("shipment"):
        if row.line_id is not None:
            found.setdefault(row.line_id, []).append(row.shipment)
    return {line_id: packages[0] for line_id, packages in found.items() if len(packages) == 1}


def _sum_of(lines: Sequence[InvoiceLine]) -> Decimal:
    return sum(((row.line.price or Decimal(0)) * row.quantity for row in lines if row.line), Decimal(0))


def _make_invoices(cart: Connection) -> None:
    """Make an invoice of each shipped package that has none, from the order's prices, for WMSs that make no invoices."""
    shipments = Shipment.objects.for_account(cart.account_id).filter(
        order__source=cart, state=ShipmentState.SHIPPED, invoices__isnull=True
    )
    for shipment in shipments.select_related("order").order_by("pk")[:AT_ONCE]:
        rows = [row for row in shipment.lines.select_related("line") if row.line is not None]
        if shipment.order is None or not rows:
            continue
        count = Invoice.objects.for_account(cart.account_id).filter(order=shipment.order, shipment__isnull=False).count()
        total = sum(((row.line.price or Decimal(0)) * row.quantity for row in rows if row.line), Decimal(0))
        invoice = Invoice.objects.create(
            account_id=cart.account_id,
            connection=shipment.connection,
            external_id=f"shipment:{shipment.external_id}",
            external_order_id=shipment.external_order_id,
            order=shipment.order,
            shipment=shipment,
            number=f"{shipment.order.cust_ref}-{count + 1}",
            invoice_date=(shipment.shipped_at or shipment.remote_updated_at).date(),
            total=money(total),
            currency=shipment.order.currency,
        )
        InvoiceLine.objects.bulk_create(
            InvoiceLine(
                account_id=cart.account_id,
                invoice=invoice,
                external_id=row.external_id,
                external_line_id=row.external_line_id,
                line=row.line,
                quantity=row.quantity,
            )
            for row in rows
        )


# --- cancellations -----------------------------------------------------------------------------------------------------------


def tell_cancels(run: Run) -> OutboundDocument | None:
    """Make a file of the quantities that will not come, with the code that the cart's settings name."""
    cart = run.connection
    settings: Mapping[str, Any] = settings_of(cart)
    code = str(settings.get("cancel_code") or "")
    with transaction.atomic():
        run.lease_required()
        waiting = LineCancellation.objects.for_account(cart.account_id).filter(line__order__source=cart, document__isnull=True)
        rows = list(waiting.select_related("line__order").order_by("pk")[:AT_ONCE])
        if not rows:
            return None
        if not code:
            _alert_no_code(run, len(rows))
            return None
        resolve_alerts(account_id=cart.account_id, cause="no_cancel_code", subjects=[cart.name])
        document = make_document(cart, Purpose.CANCELS, [_cancel_row(row, code) for row in rows])
        waiting.filter(pk__in=[row.pk for row in rows]).update(document=document)
        return document


def _cancel_row(row: LineCancellation, code: str) -> CancelRow:
    line = row.line
    return CancelRow(
        cust_po_no=line.order.cust_po_no,
        external_order_id=_source_id(line.order),
        line_id=line.line_id,
        item=line.item,
        code=code,
        reason=row.because,
        quantity=row.quantity,
    )


def _alert_no_code(run: Run, number: int) -> None:
    cart = run.connection
    words = (
        f"{number} cancellations wait: no cancel code is chosen in the settings of {cart.name}, and each "
        "retailer wants its own. "
        "Choose one, and they are told."
    )
    raise_alert(account_id=cart.account_id, cause="no_cancel_code", subject=cart.name, words=words, connection=cart)
    run.problem(words)
