"""Where an order can stand, and how it may move."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from connectors.contract import HoldReason

if TYPE_CHECKING:
    from orders.models import Order


class OrderState(StrEnum):
    NEW = "new"
    READY = "ready"
    SENT = "sent"
    SHIPPED = "shipped"
    CONFIRMED = "confirmed"
    CANCELED = "canceled"


MOVES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.NEW: frozenset({OrderState.READY, OrderState.CANCELED, OrderState.SHIPPED, OrderState.CONFIRMED}),
    OrderState.READY: frozenset(
        {OrderState.SENT, OrderState.CANCELED, OrderState.NEW, OrderState.SHIPPED, OrderState.CONFIRMED}
    ),
    OrderState.SENT: frozenset({OrderState.SHIPPED, OrderState.CANCELED}),
    OrderState.SHIPPED: frozenset({OrderState.CONFIRMED, OrderState.SENT}),
    OrderState.CONFIRMED: frozenset(),
    OrderState.CANCELED: frozenset(),
}
"""READY back to NEW: an order that was taken off its route, to be routed again. SHIPPED back to SENT: a package was voided
before the cart was told of it. NEW or READY to SHIPPED or CONFIRMED: a person says that it was done elsewhere."""


class Status(StrEnum):
    """What people and programs see; see docs/interfaces.md."""

    NEW = "new"
    AT_WMS = "at_wms"
    PARTIAL = "partial"
    SHIPPED = "shipped"
    CONFIRMED = "confirmed"
    CANCELED = "canceled"
    ERROR = "error"


def status_of(*, state: str, hold: str, shipped_quantity: int) -> Status:
    """Return the outward status: a held order is an error wherever it stands, but for one that only waits to go live."""
    if hold and hold != HoldReason.NOT_LIVE:
        return Status.ERROR
    match OrderState(state):
        case OrderState.NEW | OrderState.READY:
            return Status.NEW
        case OrderState.SENT:
            return Status.PARTIAL if shipped_quantity else Status.AT_WMS
        case OrderState.SHIPPED:
            return Status.SHIPPED
        case OrderState.CONFIRMED:
            return Status.CONFIRMED
        case OrderState.CANCELED:
            return Status.CANCELED


class IllegalMove(RuntimeError):
    """The transition table doesn't have this move: a bug."""


def advance(order: Order, to: OrderState, *, because: str, actor: str = "") -> bool:
    """Move the order if it still stands where `order.state` says; write the event in the caller's transaction.

    Return False, and change nothing, when somebody else has moved it meanwhile. Raise `IllegalMove` for a move that the table
    doesn't have.
    """
    from orders.models import Order, OrderEvent

    was = OrderState(order.state)
    if to not in MOVES[was]:
        raise IllegalMove(f"{was} to {to}")
    moved = Order.objects.for_account(order.account_id).filter(pk=order.pk, state=was).update(state=to)
    if not moved:
        return False
    order.state = to
    OrderEvent.objects.create(account_id=order.account_id, order=order, kind=f"order.{to}", words=because, actor=actor)
    return True


def advance_all(orders: Sequence[Order], to: OrderState, *, because: str) -> list[Order]:
    """Move many orders of one account that stand in one state, as `advance` does one; return those that moved.

    Runs in the caller's transaction.
    """
    from orders.models import Order, OrderEvent

    if not orders:
        return []
    account_id, was = orders[0].account_id, OrderState(orders[0].state)
    if any(order.state != was or order.account_id != account_id for order in orders) or to not in MOVES[was]:
        raise IllegalMove(f"{', '.join(sorted({order.state for order in orders}))} to {to}")
    rows = Order.objects.for_account(account_id).filter(pk__in=[order.pk for order in orders], state=was)
    still_there = set(rows.select_for_update().values_list("pk", flat=True))
    rows.update(state=to)
    moved = [order for order in orders if order.pk in still_there]
    for order in moved:
        order.state = to
    OrderEvent.objects.bulk_create(
        OrderEvent(account_id=account_id, order=order, kind=f"order.{to}", words=because) for order in moved
    )
    return moved
