"""Fulfilments (shipments) and returns, with their lines.

A fulfilment is packed first and leaves stock alone; as fulfilled it has left the stock. Source: QuickBooks Commerce reference
3.14, 4.1, 4.2. Choice: only finalized orders can be packed or shipped, as their pages allow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from .answers import not_found, refused
from .inputs import NO_NUMBER, NOT_LISTED, Body, Errors, dates, decimals, instants, integers, objects, read, texts
from .orders import order_named, recompute
from .records import Fulfillment, FulfillmentLine, FulfillmentReturn, Order, OrderLine
from .stock import ship
from .store import Store
from .wire import ZERO, read_decimal

NO_LINES = "Cannot create or update a Fulfillment without line items"

READERS = {
    **integers("shipping_address_id", "billing_address_id", "stock_location_id"),
    **texts("delivery_type", "service", "notes", "tracking_company", "tracking_number", "tracking_url", "status"),
    **dates("packed_at"),
    **instants("shipped_at", "received_at"),
    **decimals("exchange_rate"),
}

Part = tuple[OrderLine, Decimal]


def create_fulfillment(store: Store, body: Body) -> Fulfillment:
    """Pack (or ship) lines of a finalized order by `POST /fulfillments`."""
    order = order_named(store, body)
    errors = Errors()
    values = {name: value for name, value in read(body, READERS).items() if value is not None}
    if values.get("status", "packed") not in ("packed", "fulfilled"):
        errors.add("status", NOT_LISTED)
    items = objects(body.get("fulfillment_line_items"))
    if not items:
        raise refused(NO_LINES)
    parts = _asked_parts(store, order, items, errors)
    errors.raise_any()
    return make_fulfillment(store, order, parts, **values)


def _asked_parts(store: Store, order: Order, items: Sequence[Body], errors: Errors) -> list[Part]:
    """Return the lines and quantities of a request. A line that the order doesn't have is the 404 of the API."""
    asked: dict[int, Decimal] = {}
    parts: list[Part] = []
    for item in items:
        line_id = read(item, integers("order_line_item_id")).get("order_line_item_id")
        line = store.order_lines.get(line_id)
        if line is None or line.order_id != order.id:
            raise not_found("OrderLineItem", item.get("order_line_item_id"))
        quantity = read_decimal(item.get("quantity"))
        if quantity is None or quantity <= 0:
            errors.add("fulfillment_line_items.quantity", NO_NUMBER if quantity is None else "must be greater than 0")
            continue
        asked[line.id] = asked.get(line.id, ZERO) + quantity
        if asked[line.id] > line.quantity - line.packed:
            errors.add("fulfillment_line_items.quantity", f"must be less than or equal to {line.quantity - line.packed}")
        parts.append((line, quantity))
    return parts


def unpacked_parts(store: Store, order: Order) -> list[Part]:
    """Return what of an order isn't packed yet."""
    lines = [line for line in store.order_lines.many(order.line_ids) if line.variant_id is not None]
    return [(line, line.quantity - line.packed) for line in lines if line.quantity > line.packed]


def refuse_unfinalized(order: Order, what: str) -> None:
    if order.status not in ("finalized", "fulfilled"):
        raise refused(f"Order must be finalized before it can be {what}")


def make_fulfillment(store: Store, order: Order, parts: Sequence[Part], **values: Any) -> Fulfillment:
    """Add a fulfilment of checked parts; with status fulfilled it ships at once."""
    refuse_unfinalized(order, "packed or shipped")
    if not parts:
        raise refused(NO_LINES)
    status = values.pop("status", "packed")
    fulfillment = store.insert(
        store.fulfillments,
        order_id=order.id,
        company_id=order.company_id,
        **{
            "shipping_address_id": order.shipping_address_id,
            "billing_address_id": order.billing_address_id,
            "stock_location_id": order.stock_location_id,
            "packed_at": store.clock.today(),
            **values,
        },
    )
    lines = [_insert_line(store, fulfillment, line, quantity, at) for at, (line, quantity) in enumerate(parts, start=1)]
    fulfillment.line_ids = tuple(line.id for line in lines)
    order.fulfillment_ids = (*order.fulfillment_ids, fulfillment.id)
    store.touch(store.orders, order)
    store.announce("fulfillment.create", "fulfillments", fulfillment.id, order_id=order.id)
    if status == "fulfilled":
        _ship(store, fulfillment, "shipped_at" in values)
    recompute(store, order)
    return fulfillment


def _insert_line(store: Store, fulfillment: Fulfillment, line: OrderLine, quantity: Decimal, position: int) -> FulfillmentLine:
    made = store.insert(
        store.fulfillment_lines,
        fulfillment_id=fulfillment.id,
        order_line_item_id=line.id,
        position=position,
        quantity=quantity,
        variant_id=line.variant_id,
    )
    line.packed += quantity
    line.fulfillment_line_ids = (*line.fulfillment_line_ids, made.id)
    store.mark(store.order_lines, line)
    return made


def _ship(store: Store, fulfillment: Fulfillment, has_time: bool) -> None:
    """Make a packed fulfilment fulfilled: what it holds leaves the stock."""
    for part in store.fulfillment_lines.many(fulfillment.line_ids):
        line = store.order_lines.rows[part.order_line_item_id]
        line.shipped += part.quantity
        part.base_price = line.price
        store.mark(store.order_lines, line)
        store.mark(store.fulfillment_lines, part)
        ship(store, line.variant_id, fulfillment.stock_location_id, part.quantity)
    stamps = {} if has_time else {"shipped_at": store.clock.stamp()}
    store.change(store.fulfillments, fulfillment, status="fulfilled", **stamps)
    store.announce("fulfillment.fulfilled", "fulfillments", fulfillment.id, order_id=fulfillment.order_id)


def ship_fulfillment(store: Store, fulfillment: Fulfillment, **values: Any) -> None:
    """Ship a packed fulfilment, with what is now known of its way."""
    if fulfillment.status != "packed":
        raise refused(f"Fulfillment is already {fulfillment.status}")
    store.change(store.fulfillments, fulfillment, **values)
    _ship(store, fulfillment, "shipped_at" in values)
    recompute(store, store.orders.rows[fulfillment.order_id])


def update_fulfillment(store: Store, fulfillment: Fulfillment, body: Body) -> None:
    """Change tracking and the like; packed -> fulfilled ships it."""
    values = read(body, READERS)
    status = values.pop("status", None) or fulfillment.status
    errors = Errors()
    if status != fulfillment.status and (status != "fulfilled" or fulfillment.status != "packed"):
        errors.add("status", NOT_LISTED)
    if values.get("exchange_rate", ZERO) is None:
        values.pop("exchange_rate")
    errors.raise_any()
    store.change(store.fulfillments, fulfillment, **values)
    if status != fulfillment.status:
        _ship(store, fulfillment, values.get("shipped_at") is not None)
    order = store.orders.rows[fulfillment.order_id]
    store.touch(store.orders, order)
    recompute(store, order)


def delete_fulfillment(store: Store, fulfillment: Fulfillment) -> None:
    """Void a fulfilment: a packed one becomes deleted, a fulfilled one void and its stock comes back (a choice)."""
    if fulfillment.status in ("void", "deleted"):
        raise refused(f"Fulfillment is already {fulfillment.status}")
    if any(row.status != "void" for row in store.returns.having("order_id", fulfillment.order_id)):
        raise refused("Cannot delete a Fulfillment that has returns")
    shipped = fulfillment.status == "fulfilled"
    for part in store.fulfillment_lines.many(fulfillment.line_ids):
        line = store.order_lines.rows[part.order_line_item_id]
        line.packed -= part.quantity
        if shipped:
            line.shipped -= part.quantity
            ship(store, line.variant_id, fulfillment.stock_location_id, -part.quantity)
        store.mark(store.order_lines, line)
    store.change(store.fulfillments, fulfillment, status="void" if shipped else "deleted")
    order = store.orders.rows[fulfillment.order_id]
    store.touch(store.orders, order)
    recompute(store, order)


# --- returns -----------------------------------------------------------------------------------------------------------------

RETURN_READERS = {
    **integers("location_id"),
    **texts("delivery_type", "notes", "tracking_company", "tracking_number", "tracking_url", "credit_note_number"),
    **instants("received_at"),
}


def create_return(store: Store, body: Body) -> FulfillmentReturn:
    """Take back shipped lines by `POST /fulfillment_returns`."""
    order = order_named(store, body)
    errors = Errors()
    items = objects(body.get("fulfillment_return_line_items"))
    if not items:
        raise refused("Cannot create or update a Fulfillment return without line items")
    parts = [(item, _returned_line(store, order, item, errors)) for item in items]
    errors.raise_any()
    values = {name: value for name, value in read(body, RETURN_READERS).items() if value is not None}
    values.setdefault("location_id", order.stock_location_id)
    made = store.insert(store.returns, order_id=order.id, company_id=order.company_id, **values)
    ids = []
    for at, (item, line) in enumerate(parts):
        quantity = read_decimal(item["quantity"]) or ZERO
        row = store.insert(
            store.return_lines,
            fulfillment_return_id=made.id,
            order_line_item_id=line.id,
            position=at,
            quantity=quantity,
        )
        line.returning += quantity
        line.return_line_ids = (*line.return_line_ids, row.id)
        store.mark(store.order_lines, line)
        ids.append(row.id)
    made.line_ids = tuple(ids)
    order.fulfillment_return_ids = (*order.fulfillment_return_ids, made.id)
    recompute(store, order)
    store.announce("fulfillment_return.create", "fulfillment_returns", made.id, order_id=order.id)
    if made.received_at:
        receive_return(store, made)
    return made


def _returned_line(store: Store, order: Order, item: Body, errors: Errors) -> OrderLine:
    line = store.order_lines.get(read(item, integers("order_line_item_id")).get("order_line_item_id"))
    if line is None or line.order_id != order.id:
        raise not_found("OrderLineItem", item.get("order_line_item_id"))
    quantity = read_decimal(item.get("quantity"))
    rest = line.shipped - line.returned - line.returning
    if quantity is None or not 0 < quantity <= rest:
        errors.add("fulfillment_return_line_items.quantity", f"must be greater than 0 and less than or equal to {rest}")
    return line


def update_return(store: Store, row: FulfillmentReturn, body: Body) -> None:
    store.change(store.returns, row, **read(body, RETURN_READERS))
    if (row.received_at or body.get("status") == "received") and row.status == "returning":
        receive_return(store, row)


def receive_return(store: Store, row: FulfillmentReturn) -> None:
    """Put what came back on the shelf."""
    for part in store.return_lines.many(row.line_ids):
        line = store.order_lines.rows[part.order_line_item_id]
        line.returning -= part.quantity
        line.returned += part.quantity
        store.mark(store.order_lines, line)
        ship(store, line.variant_id, row.location_id, -part.quantity)
    store.change(store.returns, row, status="received", received_at=row.received_at or store.clock.stamp())
    recompute(store, store.orders.rows[row.order_id])
    store.announce("fulfillment_return.received", "fulfillment_returns", row.id, order_id=row.order_id)


def delete_return(store: Store, row: FulfillmentReturn) -> None:
    """Give up a return that hasn't come."""
    if row.status != "returning":
        raise refused(f"Fulfillment return is already {row.status}")
    for part in store.return_lines.many(row.line_ids):
        line = store.order_lines.rows[part.order_line_item_id]
        line.returning -= part.quantity
        store.mark(store.order_lines, line)
    store.change(store.returns, row, status="void")
    recompute(store, store.orders.rows[row.order_id])
