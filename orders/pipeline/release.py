"""Stage: an order that waited goes on its way."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from cartrover.clock import database_now, hub_now
from cartrover.leasing import free_at
from connectors.contract import HoldReason
from connectors.models import Connection, ServiceName
from orders.holding import hold_order, lift_hold, resolve_shared_hold_alerts
from orders.models import MessagePurpose, MessageState, Order, OrderEvent, OrderLine, OutboundMessage
from orders.models.order import held_for
from orders.models.outbound import OPEN_STATES
from orders.pipeline.route import Route
from orders.rules.ship_methods import ShipMethods
from orders.states import OrderState, advance
from orders.waking import wake

MOVED_AT_ONCE = 500
"""Orders that go to another WMS in one transaction."""


def send_on_its_way(order: Order, route: Route) -> None:
    """Make an order that nothing holds READY with a delivery that is due; one that is on its way already is left alone.

    It goes where the cart's orders go now, unless another WMS may have it: that one is asked first.
    """
    if order.state not in (OrderState.NEW, OrderState.READY) or route.wms is None:
        return
    messages = OutboundMessage.objects.for_account(order.account_id).filter(order=order, purpose=MessagePurpose.DELIVER)
    elsewhere = messages.filter(state__in=OPEN_STATES).exclude(connection=route.wms)
    unsent = elsewhere.filter(free_at(database_now()), state__in=[MessageState.WAITING, MessageState.HELD])
    unsent.update(connection=route.wms, taken="")
    under_way = elsewhere.select_related("connection").first()
    wms = under_way.connection if under_way is not None else route.wms
    if order.wms_id != wms.pk:
        Order.objects.for_account(order.account_id).filter(pk=order.pk).update(wms=wms)
        order.wms = wms
    if order.state == OrderState.NEW:
        advance(order, OrderState.READY, because=f"Ready for {wms.name}.")
    if not messages.filter(state__in=OPEN_STATES).exists():
        now = hub_now()
        OutboundMessage.objects.create(account_id=order.account_id, connection=wms, order=order, due_at=now, created_at=now)
    wake(wms, ServiceName.ORDER_DELIVERY)


def move_unsent(cart: Connection, *, because: str) -> int:
    """Have the orders that wait for their delivery go where the cart's orders go now; return how many that were.

    One that another WMS has, or may have, stays with it. One whose number doesn't fit is held.
    """
    route = Route.of(cart)
    if route.wms is None:
        return 0
    messages = OutboundMessage.objects.for_account(cart.account_id).filter(
        free_at(database_now()), order__source=cart, order__hold="", purpose=MessagePurpose.DELIVER, state=MessageState.WAITING
    )
    elsewhere = messages.exclude(connection=route.wms)
    moved = after = 0
    while pks := list(elsewhere.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:MOVED_AT_ONCE]):
        after = pks[-1]
        moved += _move(elsewhere.filter(pk__in=pks), route, because)
    if moved:
        wake(route.wms, ServiceName.ORDER_DELIVERY)
    return moved


@transaction.atomic
def _move(messages: QuerySet[OutboundMessage], route: Route, because: str) -> int:
    assert route.wms is not None  # noqa: S101 - asked by the caller
    account_id = route.cart.account_id
    # Locked first: what a sender has just claimed stays where it is.
    mine = list(messages.select_for_update().values_list("pk", flat=True))
    rows = OutboundMessage.objects.for_account(account_id).filter(pk__in=mine)
    rows.update(connection=route.wms, taken="", due_at=hub_now())
    orders = Order.objects.for_account(account_id).filter(pk__in=rows.values("order"))
    orders.update(wms=route.wms)
    words = f"Goes to {route.wms.name}. {because}"
    events = [
        OrderEvent(account_id=account_id, order_id=pk, connection=route.wms, kind="order.rerouted", words=words)
        for pk in orders.values_list("pk", flat=True)
    ]
    OrderEvent.objects.bulk_create(events)
    for order in orders.select_related("source"):
        if not route.id_rule.accepts(order.cust_ref):
            reconsider(order, route, because=because)
    return len(events)


@transaction.atomic
def reconsider(order: Order, route: Route, *, because: str, actor: str = "", overrule: Iterable[HoldReason] = ()) -> bool:
    """Ask anew whether a held order may go; return whether it may.

    Holds of the hub's own making (not live, unmapped code, no route, incomplete) are kept with fresh words where their cause
    still stands, unless a person overrules them; any other hold is lifted.
    """
    lines = OrderLine.objects.for_account(order.account_id).filter(order=order).count()
    hold = route.hold_of(
        is_test=order.is_test,
        lines=lines,
        expected_lines=order.expected_lines,
        ship_code=order.ship_code,
        cust_ref=order.cust_ref,
    )
    if hold is not None and hold.reason not in set(overrule):
        if hold.reason != order.hold:
            hold_order(order, hold.reason, hold.words, subject=hold.subject)
        return False
    if order.hold and not lift_hold(order, because=because, actor=actor):
        return False
    send_on_its_way(order, route)
    return True


def release_held(account_id: int, reasons: Iterable[HoldReason], *, because: str, cart: Connection | None = None) -> int:
    """Reconsider every order that is held for one of these reasons; return how many go on."""
    orders = Order.objects.for_account(account_id).filter(held_for(*reasons)).select_related("source")
    if cart is not None:
        orders = orders.filter(source=cart)
    routes: dict[int, Route] = {}
    released = 0
    for order in orders.order_by("pk").iterator(chunk_size=200):
        if order.source_id not in routes:
            routes[order.source_id] = Route.of(order.source)
        released += reconsider(order, routes[order.source_id], because=because)
    if HoldReason.UNMAPPED_SHIP_METHOD in set(reasons):
        _resolve_mapped_codes(account_id, cart)
    if HoldReason.NO_ROUTE in set(reasons) and not orders.filter(hold=HoldReason.NO_ROUTE).exists():
        names = Connection.objects.for_account(account_id).values_list("name", flat=True)
        resolve_shared_hold_alerts(account_id, HoldReason.NO_ROUTE, list(names))
    return released


def _resolve_mapped_codes(account_id: int, cart: Connection | None) -> None:
    carts = [cart] if cart is not None else list(Connection.objects.for_account(account_id).filter(side="cart"))
    for one in carts:
        methods = ShipMethods.of(one, hold_unmapped=True)
        mapped = [code for code, wms_code in methods.codes.items() if wms_code]
        resolve_shared_hold_alerts(account_id, HoldReason.UNMAPPED_SHIP_METHOD, mapped)
