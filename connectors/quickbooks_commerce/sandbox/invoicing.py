"""Invoices with their lines, and payments.

Source: QuickBooks Commerce reference 3.15, 3.16, 4.9. Choice: only finalized orders can be invoiced, as their pages allow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .answers import invalid, not_found, refused
from .inputs import BLANK, NO_NUMBER, Body, Errors, dates, decimals, integers, objects, read, texts
from .orders import line_total, next_number, order_named, recompute
from .records import Invoice, Order, OrderLine, Payment
from .shipping import refuse_unfinalized
from .store import Store
from .wire import ZERO, read_decimal, read_integer, read_stamp

NO_LINES = "Cannot create invoice without line items"

READERS = {
    **integers("shipping_address_id", "billing_address_id", "payment_term_id"),
    **texts("invoice_number", "notes"),
    **dates("invoiced_at", "due_at"),
    **decimals("exchange_rate"),
}

Part = tuple[OrderLine, Decimal]


def create_invoice(store: Store, body: Body) -> Invoice:
    """Invoice lines of a finalized order by `POST /invoices`."""
    order = order_named(store, body)
    errors = Errors()
    items = objects(body.get("invoice_line_items"))
    if not items:
        raise refused(NO_LINES)
    parts = _asked_parts(store, order, items, errors)
    errors.raise_any()
    return make_invoice(store, order, parts, **read(body, READERS))


def _asked_parts(store: Store, order: Order, items: Sequence[Body], errors: Errors) -> list[Part]:
    asked: dict[int, Decimal] = {}
    parts: list[Part] = []
    for item in items:
        line = store.order_lines.get(read(item, integers("order_line_item_id")).get("order_line_item_id"))
        if line is None or line.order_id != order.id:
            raise not_found("OrderLineItem", item.get("order_line_item_id"))
        quantity = read_decimal(item.get("quantity"))
        if quantity is None or quantity <= 0:
            errors.add("invoice_line_items.quantity", NO_NUMBER if quantity is None else "must be greater than 0")
            continue
        asked[line.id] = asked.get(line.id, ZERO) + quantity
        if asked[line.id] > line.quantity - line.invoiced:
            errors.add("invoice_line_items.quantity", f"must be less than or equal to {line.quantity - line.invoiced}")
        parts.append((line, quantity))
    return parts


def uninvoiced_parts(store: Store, order: Order) -> list[Part]:
    """Return what of an order isn't invoiced yet, freeform lines included."""
    lines = store.order_lines.many(order.line_ids)
    return [(line, line.quantity - line.invoiced) for line in lines if line.quantity > line.invoiced]


def make_invoice(store: Store, order: Order, parts: Sequence[Part], **values: Any) -> Invoice:
    """Add an invoice of checked parts."""
    refuse_unfinalized(order, "invoiced")
    if not parts:
        raise refused(NO_LINES)
    kept = {name: value for name, value in values.items() if value is not None and value != ""}
    invoiced_at = kept.setdefault("invoiced_at", store.clock.today())
    term = store.plain("payment_terms").get(kept.get("payment_term_id") or store.account_setting("default_payment_term_id"))
    days = read_integer(term.data["due_in_days"]) if term else 0
    kept.setdefault("due_at", (date.fromisoformat(invoiced_at) + timedelta(days=days or 0)).isoformat())
    kept.setdefault("invoice_number", _next_invoice_number(store))
    invoice = store.insert(
        store.invoices,
        order_id=order.id,
        company_id=order.company_id,
        currency_id=order.currency_id,
        **{
            "shipping_address_id": order.shipping_address_id,
            "billing_address_id": order.billing_address_id,
            "payment_term_id": term.id if term else None,
            **kept,
        },
    )
    ids = []
    for at, (line, quantity) in enumerate(parts, start=1):
        row = store.insert(
            store.invoice_lines, invoice_id=invoice.id, order_line_item_id=line.id, position=at, quantity=quantity
        )
        line.invoiced += quantity
        line.invoice_line_ids = (*line.invoice_line_ids, row.id)
        store.mark(store.order_lines, line)
        ids.append(row.id)
    invoice.line_ids = tuple(ids)
    invoice.total = sum((line_total(store, order, line, quantity) for line, quantity in parts), ZERO)
    order.invoice_ids = (*order.invoice_ids, invoice.id)
    store.touch(store.orders, order)
    recompute(store, order)
    store.announce("invoice.create", "invoices", invoice.id, order_id=order.id)
    return invoice


def _next_invoice_number(store: Store) -> str:
    used = store.invoices.by_value["invoice_number"]
    number = f"INV{len(store.invoices) + 1:04d}"
    while used.get(number):
        number = next_number([number], number)
    return number


def update_invoice(store: Store, invoice: Invoice, body: Body) -> None:
    values = {name: value for name, value in read(body, READERS).items() if value is not None or name == "notes"}
    if store.change(store.invoices, invoice, **values):
        store.touch(store.orders, store.orders.rows[invoice.order_id])


def delete_invoice(store: Store, invoice: Invoice) -> None:
    """Void an unpaid invoice; its lines can be invoiced anew."""
    if invoice.status == "void":
        raise refused("Invoice is already void")
    if invoice.payment_status != "unpaid":
        raise refused("Cannot delete an invoice that has payments")
    for part in store.invoice_lines.many(invoice.line_ids):
        line = store.order_lines.rows[part.order_line_item_id]
        line.invoiced -= part.quantity
        store.mark(store.order_lines, line)
    store.change(store.invoices, invoice, status="void")
    order = store.orders.rows[invoice.order_id]
    store.touch(store.orders, order)
    recompute(store, order)
    store.announce("invoice.destroy", "invoices", invoice.id, order_id=order.id)


def create_payment(store: Store, body: Body) -> Payment:
    values = read(body, {**integers("invoice_id", "payment_method_id"), **decimals("amount"), **texts("reference")})
    invoice = store.invoices.get(values.get("invoice_id"))
    if invoice is None:
        raise invalid({"invoice": [BLANK]})
    if values.get("amount") is None:
        raise invalid({"amount": [NO_NUMBER]})
    return make_payment(
        store,
        invoice,
        values["amount"],
        reference=values.get("reference"),
        payment_method_id=values.get("payment_method_id"),
        paid_at=read_stamp(body.get("paid_at")),
    )


def make_payment(store: Store, invoice: Invoice, amount: Decimal, *, paid_at: str | None = None, **values: Any) -> Payment:
    payment = store.insert(
        store.payments,
        invoice_id=invoice.id,
        order_id=invoice.order_id,
        amount=amount,
        paid_at=paid_at or store.clock.stamp(),
        **values,
    )
    order = store.orders.rows[invoice.order_id]
    order.payment_ids = (*order.payment_ids, payment.id)
    invoice.payment_ids = (*invoice.payment_ids, payment.id)
    store.touch(store.orders, order)
    _recompute_invoice(store, invoice)
    recompute(store, order)
    store.announce("payment.create", "payments", payment.id, order_id=order.id)
    return payment


def delete_payment(store: Store, payment: Payment) -> None:
    store.change(store.payments, payment, status="archived")
    _recompute_invoice(store, store.invoices.rows[payment.invoice_id])
    recompute(store, store.orders.rows[payment.order_id])


def _recompute_invoice(store: Store, invoice: Invoice) -> None:
    paid = paid_of(store, invoice)
    status = "unpaid" if paid <= 0 else "paid" if paid >= invoice.total else "partial"
    store.change(store.invoices, invoice, payment_status=status)
    store.touch(store.invoices, invoice)


def paid_of(store: Store, invoice: Invoice) -> Decimal:
    return sum((row.amount for row in store.payments.many(invoice.payment_ids) if row.status == "active"), ZERO)
