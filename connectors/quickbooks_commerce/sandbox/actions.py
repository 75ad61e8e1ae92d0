"""`POST /orders/{id}/actions/{action}`: invoice, pay, pack, fulfil (fulfill), void.

Source: QuickBooks Commerce reference 4.2. Choice: an action answers 201 with the last child that it made, or with the order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import shapes
from .answers import no_route, refused
from .inputs import Body, read
from .invoicing import READERS as INVOICE_READERS
from .invoicing import make_invoice, make_payment, paid_of, uninvoiced_parts
from .orders import void_order
from .records import Fulfillment, Order
from .shipping import READERS as SHIPPING_READERS
from .shipping import make_fulfillment, refuse_unfinalized, ship_fulfillment, unpacked_parts
from .store import Store
from .wire import read_stamp

Action = Callable[[Store, Order, Body], dict[str, Any]]

EXTRAS = ("tracking_number", "tracking_company", "tracking_url", "service", "notes", "shipped_at")


def run_action(store: Store, order: Order, name: str, body: Body) -> dict[str, Any]:
    """Do it and return the answer's body."""
    action = ACTIONS.get(name)
    if action is None:
        raise no_route(f"/orders/{order.id}/actions/{name}")
    return action(store, order, body)


def _inner(body: Body, root: str) -> Body:
    inner = body.get(root)
    return inner if isinstance(inner, dict) else body


def invoice(store: Store, order: Order, body: Body) -> dict[str, Any]:
    """Invoice what isn't yet."""
    values = read(_inner(body, "invoice"), INVOICE_READERS)
    made = make_invoice(store, order, uninvoiced_parts(store, order), **values)
    return {"invoice": shapes.invoice(store, made)}


def pay(store: Store, order: Order, body: Body) -> dict[str, Any]:
    """Pay the unpaid invoices; invoice and pay the rest."""
    refuse_unfinalized(order, "paid")
    values = _inner(body, "payment")
    parts = uninvoiced_parts(store, order)
    if parts:
        make_invoice(store, order, parts)
    method = _payment_method(store, values.get("payment_method_name"))
    made = None
    for row in store.invoices.many(order.invoice_ids):
        rest = row.total - paid_of(store, row)
        if row.status == "active" and rest > 0:
            made = make_payment(
                store, row, rest, paid_at=read_stamp(values.get("paid_at")), payment_method_id=method, reference=None
            )
    if made is None:
        raise refused("There is nothing to pay")
    return {"payment": shapes.payment(store, made)}


def _payment_method(store: Store, name: Any) -> int | None:
    for row in store.plain("payment_methods"):
        if row.data["name"] == name or (not name and row.data["is_default"]):
            return row.id
    return None


def _extras(body: Body) -> dict[str, Any]:
    values = read(_inner(body, "fulfillment"), SHIPPING_READERS)
    return {name: value for name, value in values.items() if name in EXTRAS and value is not None}


def pack(store: Store, order: Order, body: Body) -> dict[str, Any]:
    """Pack what isn't yet."""
    made = make_fulfillment(store, order, unpacked_parts(store, order), **_extras(body))
    return {"fulfillment": shapes.fulfillment(store, made)}


def fulfil(store: Store, order: Order, body: Body) -> dict[str, Any]:
    """Ship the packed boxes, and all the rest in one."""
    refuse_unfinalized(order, "packed or shipped")
    extras = _extras(body)
    last: Fulfillment | None = None
    for box in store.fulfillments.many(order.fulfillment_ids):
        if box.status == "packed":
            ship_fulfillment(store, box, **extras)
            last = box
    parts = unpacked_parts(store, order)
    if parts:
        last = make_fulfillment(store, order, parts, status="fulfilled", **extras)
    if last is None:
        raise refused("There is nothing to ship")
    return {"fulfillment": shapes.fulfillment(store, last)}


def void(store: Store, order: Order, body: Body) -> dict[str, Any]:
    void_order(store, order)
    return {"order": shapes.order(store, order)}


ACTIONS: dict[str, Action] = {
    "invoice": invoice,
    "pay": pay,
    "pack": pack,
    "fulfil": fulfil,
    "fulfill": fulfil,
    "void": void,
}
