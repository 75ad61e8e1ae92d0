"""Sales orders and their lines: creating, adding lines, changing, and the statuses that follow from shipments and invoices.

Source: QuickBooks Commerce reference 3.12, 3.13, 4.1 to 4.6. Where no source tells, the choice stands beside the code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .answers import invalid, not_found, refused
from .companies import ADDRESS_READERS, COMPANY_READERS, check_address, check_company, make_address, make_company
from .inputs import (
    BLANK,
    NO_NUMBER,
    NOT_LISTED,
    TAKEN,
    Body,
    Errors,
    dates,
    decimals,
    integers,
    objects,
    read,
    read_tags,
    texts,
)
from .records import Order, OrderLine, Variant
from .stock import settle_commitment
from .store import Store
from .wire import ZERO, read_decimal, read_flag

HUNDRED = Decimal(100)

SETTABLE = ("draft", "active", "finalized")

LINE_TYPES = (None, "", "product", "discount", "shipping", "rounding", "fee", "gift_wrap")

ORDER_READERS = {
    **texts(
        "order_number",
        "reference_number",
        "email",
        "phone_number",
        "notes",
        "source_url",
        "status",
        "tax_treatment",
        "default_price_list_id",
    ),
    **integers("company_id", "shipping_address_id", "billing_address_id", "stock_location_id", "contact_id", "assignee_id"),
    **dates("issued_at", "ship_at"),
    "tags": read_tags,
}

LINE_READERS = {
    **integers("variant_id", "tax_type_id", "position"),
    **decimals("quantity", "price", "discount", "tax_rate_override"),
    **texts("label", "line_type"),
    "freeform": read_flag,
}


@dataclass(slots=True)
class Draft:
    """An order on its way in: everything is checked before anything is kept, so a refusal leaves nothing behind."""

    values: dict[str, Any]
    errors: Errors = field(default_factory=Errors)
    company: dict[str, Any] | None = None
    shipping: dict[str, Any] | None = None
    billing: dict[str, Any] | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)


def create_order(store: Store, body: Body, *, user_id: int = 1, application_id: int | None = None) -> Order:
    """Add an order with its lines, and the company and addresses that are nested in it."""
    draft = _draft(store, body)
    draft.errors.raise_any()
    values = draft.values
    if draft.company is not None:
        values["company_id"] = make_company(store, draft.company).id
    if draft.shipping is not None:
        values["shipping_address_id"] = make_address(store, values["company_id"], draft.shipping).id
    if draft.billing is not None:
        values["billing_address_id"] = make_address(store, values["company_id"], draft.billing).id
    values.setdefault("billing_address_id", values["shipping_address_id"])
    values["order_number"] = values.get("order_number") or next_order_number(store)
    order = store.insert(store.orders, **values, user_id=user_id, source_id=application_id)
    lines = [_insert_line(store, order, line, at) for at, line in enumerate(draft.lines)]
    order.line_ids = tuple(line.id for line in lines)
    order.total = total_of(store, order, lines)
    settle_commitment(store, order, lines)
    _announce_creation(store, order)
    return order


def _announce_creation(store: Store, order: Order) -> None:
    store.announce("order.create", "orders", order.id)
    if order.status == "finalized":
        store.announce("order.finalized", "orders", order.id)


def _draft(store: Store, body: Body) -> Draft:
    values = {name: value for name, value in read(body, ORDER_READERS).items() if value is not None}
    draft = Draft(values)
    errors = draft.errors
    _draft_company(store, body, draft)
    _draft_addresses(store, body, draft)
    errors.require("issued_at", values.get("issued_at"))
    _check_header(store, values, errors)
    _draft_currency(store, body, draft)
    company = store.companies.get(values.get("company_id"))
    preferred = company.data.get("default_stock_location_id") if company else None
    values.setdefault("stock_location_id", preferred or store.account_setting("primary_location_id"))
    values.setdefault("default_price_list_id", store.account_setting("default_order_price_list_id"))
    values.setdefault("tax_treatment", store.account_setting("default_tax_treatment"))
    values.setdefault("status", "draft")
    draft.lines = draft_lines(store, body.get("order_line_items"), errors, values["default_price_list_id"])
    return draft


def _draft_company(store: Store, body: Body, draft: Draft) -> None:
    nested = body.get("company")
    if isinstance(nested, dict) and not draft.values.get("company_id"):
        draft.company = nested
        check_company(store, read(nested, COMPANY_READERS), draft.errors, "company.")
    elif store.companies.get(draft.values.get("company_id")) is None:
        draft.errors.add("company", BLANK)


def _draft_addresses(store: Store, body: Body, draft: Draft) -> None:
    """Find or take the addresses. Billing defaults to shipping; a used label is refused, nothing is de-duplicated."""
    values, errors = draft.values, draft.errors
    company_id = values.get("company_id") if draft.company is None else None
    for side in ("shipping", "billing"):
        nested, key = body.get(f"{side}_address"), f"{side}_address_id"
        if isinstance(nested, dict) and nested:
            address = read(nested, ADDRESS_READERS)
            check_address(store, address, company_id, errors, f"{side}_address.")
            setattr(draft, side, address)
            values.pop(key, None)
        elif key in values:
            known = store.addresses.get(values[key])
            if known is None or known.company_id != company_id:
                errors.add(f"{side}_address", BLANK)
        elif side == "shipping":
            errors.add("shipping_address", BLANK)
    if draft.shipping and draft.billing and draft.shipping.get("label") == draft.billing.get("label") is not None:
        if draft.shipping == draft.billing:
            draft.billing = None
        else:
            errors.add("billing_address.label", TAKEN)


def _draft_currency(store: Store, body: Body, draft: Draft) -> None:
    iso = body.get("currency_iso")
    if not iso:
        draft.values["currency_id"] = store.account_setting("default_currency_id")
        return
    for currency in store.plain("currencies"):
        if currency.data["iso"] == iso and currency.status == "active":
            draft.values["currency_id"] = currency.id
            return
    draft.errors.add("currency", BLANK)


def _check_header(store: Store, values: Body, errors: Errors, known: Order | None = None) -> None:
    if values.get("status", "draft") not in SETTABLE and (known is None or values["status"] != known.status):
        errors.add("status", NOT_LISTED)
    if values.get("tax_treatment") not in (None, "inclusive", "exclusive"):
        errors.add("tax_treatment", NOT_LISTED)
    location_id = values.get("stock_location_id")
    if location_id is not None and location_id not in store.plain("locations").rows:
        errors.add("stock_location", BLANK)
    number = values.get("order_number")
    if number and store.options.strict_order_numbers:
        taken = store.orders.by_value["order_number"].get(number)
        if any(other_id != (known.id if known else 0) for other_id in taken):
            errors.add("order_number", TAKEN)


def next_order_number(store: Store) -> str:
    """Return the account's next free number: SO0001 and so on."""
    used = store.orders.by_value["order_number"]
    at = len(store.orders) + 1
    while used.get(f"SO{at:04d}"):
        at += 1
    return f"SO{at:04d}"


# --- lines -------------------------------------------------------------------------------------------------------------------


def draft_lines(store: Store, value: Any, errors: Errors, price_list: str) -> list[dict[str, Any]]:
    """Return the new lines of a request, checked; what is wrong goes to `errors` as `order_line_items.attribute`."""
    return [_draft_line(store, line, errors, price_list, "order_line_items.") for line in objects(value)]


def _draft_line(store: Store, body: Body, errors: Errors, price_list: str, prefix: str) -> dict[str, Any]:
    values = read(body, LINE_READERS)
    variant = store.variants.get(values.get("variant_id"))
    if values.get("freeform"):
        values["variant_id"] = None
    elif variant is None or variant.status != "active":
        errors.add(f"{prefix}variant", BLANK)
    if "quantity" not in body:
        values["quantity"] = Decimal(1)
    if values.get("price") is None and "price" in body and body["price"] not in (None, ""):
        errors.add(f"{prefix}price", NO_NUMBER)
    elif values.get("price") is None:
        values["price"] = _listed_price(store, variant, price_list)
    _check_line(values, errors, prefix)
    return values


def _listed_price(store: Store, variant: Variant | None, price_list: str) -> Decimal | None:
    """Return the price of the order's price list, where the sandbox is not set to demand one."""
    if variant is None or store.options.price_required:
        return None
    price: Decimal | None = getattr(variant, f"{price_list}_price", None)
    return price


def _check_line(values: Body, errors: Errors, prefix: str = "") -> None:
    quantity = values.get("quantity")
    if quantity is None:
        errors.add(f"{prefix}quantity", NO_NUMBER)
    elif quantity < 0:
        errors.add(f"{prefix}quantity", "must be greater than or equal to 0")
    errors.require(f"{prefix}price", values.get("price"))
    discount = values.get("discount")
    if discount is not None and abs(discount) > HUNDRED:
        errors.add(f"{prefix}discount", "must be between -100 and 100")
    if values.get("line_type") not in LINE_TYPES:
        errors.add(f"{prefix}line_type", NOT_LISTED)


def _insert_line(store: Store, order: Order, values: Body, position: int) -> OrderLine:
    kept = {name: value for name, value in values.items() if value is not None}
    kept.setdefault("position", position)
    kept.setdefault("tax_type_id", store.account_setting("default_sales_order_tax_type_id"))
    return store.insert(store.order_lines, order_id=order.id, **kept)


def lines_of(store: Store, order: Order) -> list[OrderLine]:
    return store.order_lines.many(order.line_ids)


def order_of(store: Store, line: OrderLine) -> Order:
    return store.orders.rows[line.order_id]


def order_named(store: Store, body: Body) -> Order:
    """Return the order that a body's `order_id` names. Raise the 422 when there is none."""
    order = store.orders.get(read(body, integers("order_id")).get("order_id"))
    if order is None:
        raise invalid({"order": [BLANK]})
    return order


def add_lines(store: Store, order: Order, drafted: Sequence[Body]) -> list[OrderLine]:
    """Add checked lines behind the others."""
    start = 1 + max((line.position for line in lines_of(store, order)), default=-1)
    added = [_insert_line(store, order, values, start + at) for at, values in enumerate(drafted)]
    order.line_ids = (*order.line_ids, *(line.id for line in added))
    store.touch(store.orders, order)
    recompute(store, order)
    return added


def create_line(store: Store, body: Body) -> OrderLine:
    """Add one line by `POST /order_line_items`."""
    order = order_named(store, body)
    _refuse_closed(order)
    errors = Errors()
    values = _draft_line(store, body, errors, order.default_price_list_id, "")
    errors.raise_any()
    return add_lines(store, order, [values])[0]


def update_line(store: Store, line: OrderLine, body: Body) -> None:
    """Change a line; its quantity can't fall below what was packed or invoiced."""
    _refuse_closed(order_of(store, line))
    values = read(body, LINE_READERS)
    values.pop("freeform", None)
    variant_id = values.pop("variant_id", line.variant_id)
    errors = Errors()
    if not line.freeform and variant_id != line.variant_id:
        variant = store.variants.get(variant_id)
        if variant is None or variant.status != "active":
            errors.add("variant", BLANK)
        elif line.packed or line.invoiced:
            errors.add("variant", "can't be changed after it was packed or invoiced")
    _check_line({"quantity": line.quantity, "price": line.price, **values}, errors)
    least = max(line.packed, line.invoiced)
    if (values.get("quantity") or line.quantity) < least or ("quantity" in values and values["quantity"] == ZERO < least):
        errors.add("quantity", f"must be greater than or equal to {least}")
    errors.raise_any()
    order = order_of(store, line)
    if not line.freeform and variant_id != line.variant_id:
        _move_to_variant(store, line, variant_id)
    if store.change(store.order_lines, line, **values):
        store.touch(store.orders, order)
    recompute(store, order)


def _move_to_variant(store: Store, line: OrderLine, variant_id: int | None) -> None:
    quantity, line.quantity = line.quantity, ZERO
    settle_commitment(store, order_of(store, line), [line])
    line.quantity = quantity
    store.change(store.order_lines, line, variant_id=variant_id)
    store.touch(store.orders, order_of(store, line))


def delete_line(store: Store, line: OrderLine) -> None:
    """Remove a line of which nothing was packed or invoiced."""
    if line.packed or line.invoiced:
        raise refused("Cannot delete a line item that has been packed, shipped or invoiced")
    order = order_of(store, line)
    _refuse_closed(order)
    line.quantity = ZERO
    settle_commitment(store, order, [line])
    order.line_ids = tuple(i for i in order.line_ids if i != line.id)
    store.remove(store.order_lines, line)
    store.touch(store.orders, order)
    recompute(store, order)


def _refuse_closed(order: Order) -> None:
    """Choice: void and deleted orders can't be changed any more."""
    if order.status in ("void", "deleted"):
        raise refused(f"Cannot update an order that is {order.status}")


# --- changing ----------------------------------------------------------------------------------------------------------------


def update_order(store: Store, order: Order, body: Body) -> None:
    """Change what is named. Embedded lines without an id are added, those with one are changed; none is removed."""
    _refuse_closed(order)
    values = read(body, ORDER_READERS)
    values = {name: value for name, value in values.items() if value is not None or name in _NULLABLE}
    values.pop("company_id", None)
    errors = Errors()
    if "issued_at" in body:
        errors.require("issued_at", values.get("issued_at"))
    _check_header(store, values, errors, order)
    _check_step(order, values, errors)
    nested = _changed_addresses(store, order, body, values, errors)
    known, fresh = _split_lines(store, order, body)
    drafted = draft_lines(store, fresh, errors, order.default_price_list_id)
    errors.raise_any()
    for line, change in known:
        update_line(store, line, change)
    for side, address in nested.items():
        values[f"{side}_address_id"] = make_address(store, order.company_id, address).id
    finalized = values.get("status") == "finalized" != order.status
    store.change(store.orders, order, **values)
    if drafted:
        add_lines(store, order, drafted)
    recompute(store, order)
    if finalized:
        store.announce("order.finalized", "orders", order.id)


_NULLABLE = frozenset(
    {"reference_number", "email", "phone_number", "notes", "source_url", "ship_at", "contact_id", "assignee_id"}
)


def _check_step(order: Order, values: Body, errors: Errors) -> None:
    """Choice: an order goes back to draft or active only while nothing of it was packed or invoiced."""
    wanted = values.get("status", order.status)
    if wanted in ("draft", "active") and wanted != order.status and (order.fulfillment_ids or order.invoice_ids):
        errors.add("status", "can't be changed after items were packed or invoiced")


def _changed_addresses(
    store: Store, order: Order, body: Body, values: dict[str, Any], errors: Errors
) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for side in ("shipping", "billing"):
        given, key = body.get(f"{side}_address"), f"{side}_address_id"
        if isinstance(given, dict) and given:
            nested[side] = read(given, ADDRESS_READERS)
            check_address(store, nested[side], order.company_id, errors, f"{side}_address.")
        elif key in values:
            known = store.addresses.get(values[key])
            if known is None or known.company_id != order.company_id:
                errors.add(f"{side}_address", BLANK)
    return nested


def _split_lines(store: Store, order: Order, body: Body) -> tuple[list[tuple[OrderLine, dict[str, Any]]], list[dict[str, Any]]]:
    known: list[tuple[OrderLine, dict[str, Any]]] = []
    fresh: list[dict[str, Any]] = []
    for item in objects(body.get("order_line_items")):
        line_id = item.get("id")
        if line_id is None:
            fresh.append(item)
            continue
        line = store.order_lines.get(line_id) if isinstance(line_id, int) else None
        if line is None or line.order_id != order.id:
            raise not_found("OrderLineItem", line_id)
        known.append((line, item))
    return known, fresh


def delete_order(store: Store, order: Order) -> None:
    """Delete a draft; an order that was active becomes void instead. Source: reference 2.4."""
    if order.status == "draft":
        close_order(store, order, "deleted")
    else:
        void_order(store, order)


def void_order(store: Store, order: Order) -> None:
    """Void an order. Choice: refused once anything has shipped or been paid; packed boxes and open invoices go with it."""
    if order.status in ("void", "deleted"):
        raise refused(f"Order is already {order.status}")
    if order.fulfillment_status != "unshipped":
        raise refused("Cannot void an order that has been shipped")
    if order.payment_status != "unpaid":
        raise refused("Cannot void an order that has been paid")
    close_order(store, order, "void")


def close_order(store: Store, order: Order, status: str) -> None:
    """Make an order void or deleted, whatever has become of it: what it committed is free again."""
    for fulfillment in store.fulfillments.many(order.fulfillment_ids):
        if fulfillment.status == "packed":
            store.change(store.fulfillments, fulfillment, status="void")
    for invoice in store.invoices.many(order.invoice_ids):
        if invoice.payment_status == "unpaid":
            store.change(store.invoices, invoice, status="void")
    store.change(store.orders, order, status=status)
    recompute(store, order)


# --- what follows from the rest ----------------------------------------------------------------------------------------------


def total_of(store: Store, order: Order, lines: Sequence[OrderLine]) -> Decimal:
    """Return the order's total, with tax where prices are without."""
    return sum((line_total(store, order, line, line.quantity) for line in lines), ZERO)


def line_total(store: Store, order: Order, line: OrderLine, quantity: Decimal) -> Decimal:
    """Return what so many units of a line cost, rounded to four places."""
    amount = quantity * line.price
    if line.discount:
        amount *= (HUNDRED - line.discount) / HUNDRED
    if order.tax_treatment == "exclusive":
        rate = line.tax_rate_override if line.tax_rate_override is not None else tax_rate(store, line.tax_type_id)
        if rate:
            amount *= (HUNDRED + rate) / HUNDRED
    return amount if amount == amount.to_integral_value() else amount.quantize(Decimal("0.0001"))


def tax_rate(store: Store, tax_type_id: int | None) -> Decimal:
    """Return the sum of a tax type's components, in percent."""
    total = ZERO
    for row in store.plain("tax_components").rows.values():
        if row.data["tax_type_id"] == tax_type_id and row.data["rate"] != "0.0":
            total += read_decimal(row.data["rate"]) or ZERO
    return total


def recompute(store: Store, order: Order) -> None:
    """Bring everything derived up to date: total, statuses, committed stock."""
    lines = lines_of(store, order)
    goods = [line for line in lines if line.variant_id is not None]
    packed = _share([line.packed for line in goods], [line.quantity for line in goods])
    shipped = _share([line.shipped for line in goods], [line.quantity for line in goods])
    invoiced = _share([line.invoiced for line in lines], [line.quantity for line in lines])
    returned = _share([line.returned for line in goods], [line.shipped for line in goods])
    returning = _share([line.returning for line in goods], [line.shipped for line in goods])
    status, before = order.status, order.status
    if status == "finalized" and shipped == "all":
        status = "fulfilled"
    elif status == "fulfilled" and shipped != "all":
        status = "finalized"
    store.change(
        store.orders,
        order,
        status=status,
        total=total_of(store, order, lines),
        packed_status={"none": "unpacked", "some": "partial", "all": "packed"}[packed],
        fulfillment_status={"none": "unshipped", "some": "partial", "all": "shipped"}[shipped],
        invoice_status={"none": "uninvoiced", "some": "partial", "all": "invoiced"}[invoiced],
        return_status={"none": "unreturned", "some": "partial", "all": "returned"}[returned],
        returning_status={"none": "unreturning", "some": "partial", "all": "returning"}[returning],
        payment_status=_payment_status(store, order),
    )
    settle_commitment(store, order, lines)
    if status == "fulfilled" != before:
        store.announce("order.fulfilled", "orders", order.id)


def _share(parts: Sequence[Decimal], wholes: Sequence[Decimal]) -> str:
    if not any(parts):
        return "none"
    return "all" if all(part >= whole for part, whole in zip(parts, wholes, strict=True)) else "some"


def _payment_status(store: Store, order: Order) -> str:
    paid = sum((payment.amount for payment in store.payments.many(order.payment_ids) if payment.status == "active"), ZERO)
    if paid <= 0:
        return "unpaid"
    return "paid" if paid >= order.total else "partial"


SEQUENCE = re.compile(r"^(.*?)(\d+)$")


def next_number(used: Sequence[str], first: str) -> str:
    """Return the number after the last one of a series such as INV0001."""
    match = SEQUENCE.match(used[-1]) if used else None
    if match is None:
        return first
    digits = match[2]
    return f"{match[1]}{int(digits) + 1:0{len(digits)}d}"
