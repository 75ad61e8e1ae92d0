"""What a cart must still be told of invoices: those of the WMS, or by a setting one for each package at the order's prices.

An invoice waits until all that it bills has shipped and the file that says so lies whole at the cart. Per line, all invoices
together never exceed what shipped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum

from connectors.contract import InvoiceRow, Purpose, ShipmentState
from connectors.models import Connection
from connectors.readers import settings_of
from orders.models import Invoice, InvoiceLine, Order, OrderLine, OutboundDocument, Shipment, ShipmentLine
from orders.pipeline.documents import UNSENT, make_document
from orders.pipeline.loader import money, update_rows
from orders.pipeline.tellings import source_id
from orders.run import Run

AT_ONCE = 2000
"""Invoices in one file."""

Told = list[tuple[Invoice, list[InvoiceLine]]]


def covered(lines: QuerySet[InvoiceLine]) -> Q:
    """Return the condition on invoices under which all that they bill has shipped and isn't invoiced yet.

    `lines` are the invoice lines that may be looked at. Two rows of one order line may still exceed it together.
    """
    matched = lines.filter(invoice=OuterRef("pk"), line__isnull=False, quantity__gt=0)
    return Q(Exists(matched)) & ~Q(Exists(matched.filter(line__shipped__lt=F("line__invoiced") + F("quantity"))))


def overtakes_nothing(shipments: QuerySet[Shipment]) -> Q:
    """Return the condition on invoices under which no file of their orders' packages is still on its way to the cart.

    `shipments` are those that may be looked at. A file that broke off is sent again a while later, and its invoices after it.
    """
    return ~Q(Exists(shipments.filter(order=OuterRef("order_id"), document__state__in=UNSENT)))


def tell_invoices(run: Run) -> OutboundDocument | None:
    """Make a file of the invoices whose quantities have shipped and weren't invoiced to the cart before."""
    cart = run.connection
    by_package = settings_of(cart)["invoices_from"] == "shipments"
    with transaction.atomic():
        run.lease_required()
        if by_package:
            _make_invoices(cart)
        told = _told(list(_waiting(cart, by_package=by_package)[:AT_ONCE]))
        if not told:
            return None
        _give_ids(cart, [invoice for invoice, _ in told])
        document = make_document(cart, Purpose.INVOICES, _rows(told))
        _mark(told, document)
        return document


def invoice_rows_of(order: Order) -> list[InvoiceRow]:
    """Return what the next invoice file would tell of this order; marks nothing and makes no invoices."""
    by_package = settings_of(order.source)["invoices_from"] == "shipments"
    told = _told(list(_waiting(order.source, by_package=by_package).filter(order=order)))
    _give_ids(order.source, [invoice for invoice, _ in told])
    return _rows(told)


def _waiting(cart: Connection, *, by_package: bool) -> QuerySet[Invoice]:
    """Those that the hub made and those of the WMS are never mixed: the setting says which ones count."""
    lines, shipments = InvoiceLine.objects.for_account(cart.account_id), Shipment.objects.for_account(cart.account_id)
    waiting = Invoice.objects.for_account(cart.account_id).filter(
        covered(lines), overtakes_nothing(shipments), order__source=cart, document__isnull=True, is_void=False
    )
    waiting = waiting.filter(shipment__state=ShipmentState.SHIPPED) if by_package else waiting.filter(shipment__isnull=True)
    return waiting.select_related("order", "shipment").order_by("pk")


def _told(invoices: Sequence[Invoice]) -> Told:
    """Return the invoices that are covered, each with its lines; the others wait."""
    if not invoices:
        return []
    rows = InvoiceLine.objects.for_account(invoices[0].account_id).filter(
        invoice__in=invoices, line__isnull=False, quantity__gt=0
    )
    by_invoice: dict[int, list[InvoiceLine]] = defaultdict(list)
    for row in rows.select_related("line").order_by("line__line_no", "pk"):
        by_invoice[row.invoice_id].append(row)
    room: dict[int, int] = {}
    return [
        (invoice, by_invoice[invoice.pk])
        for invoice in invoices
        if by_invoice[invoice.pk] and _takes_room(by_invoice[invoice.pk], room)
    ]


def _takes_room(lines: Sequence[InvoiceLine], room: dict[int, int]) -> bool:
    """Take what the lines bill from what of each order line may still be billed; False, and nothing taken, if it is more."""
    wanted: dict[int, int] = defaultdict(int)
    for row in lines:
        if row.line is not None:
            wanted[row.line.pk] += row.quantity
            room.setdefault(row.line.pk, row.line.shipped - row.line.invoiced)
    if any(quantity > room[pk] for pk, quantity in wanted.items()):
        return False
    for pk, quantity in wanted.items():
        room[pk] -= quantity
    return True


def _give_ids(cart: Connection, invoices: Sequence[Invoice]) -> None:
    """Give each an id that this cart has never seen: DSCO refuses one that was used (DSCO reference 4)."""
    used = Invoice.objects.for_account(cart.account_id).filter(cart=cart)
    bases = {(invoice.number or invoice.external_id)[:90] for invoice in invoices}
    taken = set(used.filter(told_id__in=bases).values_list("told_id", flat=True))
    for invoice in invoices:
        base = (invoice.number or invoice.external_id)[:90]
        candidate, turn = base, 1
        while candidate in taken or (turn > 1 and used.filter(told_id=candidate).exists()):
            turn += 1
            candidate = f"{base}-{turn}"
        taken.add(candidate)
        invoice.cart, invoice.told_id = cart, candidate


def _mark(told: Told, document: OutboundDocument) -> None:
    update_rows(
        Invoice,
        ("cart_id", "told_id", "document_id"),
        [(invoice.pk, invoice.cart_id, invoice.told_id, document.pk) for invoice, _ in told],
    )
    rows = [row for _, lines in told for row in lines]
    update_rows(InvoiceLine, ("told",), [(row.pk, row.quantity) for row in rows])
    invoiced: dict[int, int] = {}
    for row in rows:
        if row.line is not None:
            invoiced[row.line.pk] = invoiced.get(row.line.pk, row.line.invoiced) + row.quantity
    update_rows(OrderLine, ("invoiced",), list(invoiced.items()))


# --- rows --------------------------------------------------------------------------------------------------------------------


def _rows(told: Told) -> list[InvoiceRow]:
    packages = _packages_of([invoice.order for invoice, _ in told if invoice.order is not None])
    rows = []
    for invoice, lines in told:
        order = invoice.order
        if order is None:
            raise ValueError("an invoice without its order can't be told")
        total = money(invoice.total or _sum_of(lines))
        for row in lines:
            if row.line is not None:
                package = invoice.shipment if invoice.shipment_id else packages.get(row.line.pk)
                rows.append(_row(invoice, order, row.line, row.quantity, total, package))
    return rows


def _row(
    invoice: Invoice, order: Order, line: OrderLine, quantity: int, total: Decimal, package: Shipment | None
) -> InvoiceRow:
    return InvoiceRow(
        invoice_id=invoice.told_id,
        cust_po_no=order.cust_po_no,
        external_order_id=source_id(order),
        invoice_date=invoice.invoice_date,
        total=total,
        currency=invoice.currency or order.currency or "USD",
        line_id=line.line_id,
        item=line.item,
        upc=line.upc,
        title=line.title,
        unit_price=money(line.price),
        quantity=quantity,
        tracking_number=package.tracking_number if package else "",
        carrier=(package.carrier or order.ship_carrier) if package else "",
        service=(package.service or order.ship_method) if package else "",
        ship_code=order.ship_code if package else "",
        shipped_at=package.shipped_at if package else None,
    )


def _packages_of(orders: Sequence[Order]) -> dict[int, Shipment]:
    """Return the package of each line that came in one package only: of several, none can be named on one row."""
    if not orders:
        return {}
    found: dict[int, dict[int, Shipment]] = defaultdict(dict)
    rows = ShipmentLine.objects.for_account(orders[0].account_id).filter(
        shipment__order__in=orders, shipment__state=ShipmentState.SHIPPED, line__isnull=False
    )
    for row in rows.select_related("shipment"):
        if row.line_id is not None:
            found[row.line_id][row.shipment_id] = row.shipment
    return {line_id: next(iter(packages.values())) for line_id, packages in found.items() if len(packages) == 1}


def _sum_of(lines: Sequence[InvoiceLine]) -> Decimal:
    return sum(((row.line.price or Decimal(0)) * row.quantity for row in lines if row.line), Decimal(0))


# --- invoices that the hub makes ----------------------------------------------------------------------------------------------


def _make_invoices(cart: Connection) -> None:
    """Make an invoice of each shipped package that has none, for WMSs that make no invoices."""
    contents = ShipmentLine.objects.for_account(cart.account_id).filter(line__isnull=False)
    billable = contents.filter(shipment=OuterRef("pk"), line__shipped__gt=F("line__invoiced"))
    shipments = list(
        Shipment.objects.for_account(cart.account_id)
        .filter(Exists(billable), order__source=cart, state=ShipmentState.SHIPPED, invoices__isnull=True)
        .select_related("order")
        .order_by("pk")[:AT_ONCE]
    )
    if not shipments:
        return
    rows: dict[int, list[ShipmentLine]] = defaultdict(list)
    for row in contents.filter(shipment__in=shipments).select_related("line").order_by("line__line_no", "pk"):
        rows[row.shipment_id].append(row)
    room = _not_billed(cart, {row.line_id for of_one in rows.values() for row in of_one if row.line_id is not None})
    made = Invoice.objects.for_account(cart.account_id).filter(
        order__in=[one.order_id for one in shipments], shipment__isnull=False
    )
    counts: dict[int, int] = dict(made.values_list("order").annotate(count=Count("pk")))
    for shipment in shipments:
        if shipment.order is not None and _make_invoice(shipment, shipment.order, rows[shipment.pk], room, counts):
            counts[shipment.order.pk] = counts.get(shipment.order.pk, 0) + 1


def _not_billed(cart: Connection, line_ids: set[int]) -> dict[int, int]:
    """Return how many of each line have shipped and stand on no invoice that was told, or that the hub made and will tell."""
    waiting = dict(
        InvoiceLine.objects.for_account(cart.account_id)
        .filter(
            line__in=line_ids,
            invoice__document__isnull=True,
            invoice__is_void=False,
            invoice__shipment__state=ShipmentState.SHIPPED,
        )
        .values_list("line")
        .annotate(total=Sum("quantity"))
    )
    lines = OrderLine.objects.for_account(cart.account_id).filter(pk__in=line_ids)
    return {
        pk: shipped - invoiced - waiting.get(pk, 0) for pk, shipped, invoiced in lines.values_list("pk", "shipped", "invoiced")
    }


def _make_invoice(
    shipment: Shipment, order: Order, rows: Sequence[ShipmentLine], room: dict[int, int], counts: dict[int, int]
) -> bool:
    """Make the invoice of one package out of what may still be billed; False where that is nothing."""
    billed: list[tuple[ShipmentLine, OrderLine, int]] = []
    for row in rows:
        if row.line is None:
            continue
        quantity = max(0, min(row.quantity, room[row.line.pk]))
        room[row.line.pk] -= quantity
        if quantity:
            billed.append((row, row.line, quantity))
    if not billed:
        return False
    invoice = Invoice.objects.create(
        account_id=order.account_id,
        connection_id=shipment.connection_id,
        external_id=f"shipment:{shipment.external_id}",
        external_order_id=shipment.external_order_id,
        order=order,
        shipment=shipment,
        number=f"{order.cust_ref}-{counts.get(order.pk, 0) + 1}",
        invoice_date=(shipment.shipped_at or shipment.remote_updated_at).date(),
        total=money(sum(((line.price or Decimal(0)) * quantity for _, line, quantity in billed), Decimal(0))),
        currency=order.currency,
    )
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            account_id=order.account_id,
            invoice=invoice,
            external_id=row.external_id,
            external_line_id=row.external_line_id,
            line=line,
            quantity=quantity,
        )
        for row, line, quantity in billed
    )
    return True
