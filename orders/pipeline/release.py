"""Stage: an order that waited goes on its way."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from connectors.contract import HoldReason
from connectors.models import Connection, ServiceName
from orders.holding import hold_order, lift_hold, resolve_shared_hold_alerts
from orders.models import MessagePurpose, Order, OrderLine, OutboundMessage
from orders.models.order import held_for
from orders.models.outbound import OPEN_STATES
from orders.pipeline.route import Route
from orders.rules.ship_methods import ShipMethods
from orders.states import OrderState, advance
from orders.waking import wake


def send_on_its_way(order: Order, route: Route) -> None:
    """Make an order that nothing holds READY with a delivery that is due; one that is on its way already is left alone."""
    if order.state not in (OrderState.NEW, OrderState.READY) or route.wms is None:
        return
    if order.wms_id != route.wms.pk:
        Order.objects.for_account(order.account_id).filter(pk=order.pk).update(wms=route.wms)
        order.wms = route.wms
    if order.state == OrderState.NEW:
        advance(order, OrderState.READY, because=f"Ready for {route.wms.name}.")
    messages = OutboundMessage.objects.for_account(order.account_id).filter(order=order, purpose=MessagePurpose.DELIVER)
    if not messages.filter(state__in=OPEN_STATES).exists():
        OutboundMessage.objects.create(
            account_id=order.account_id, connection=route.wms, order=order, due_at=timezone.now(), created_at=timezone.now()
        )
    wake(route.wms, ServiceName.ORDER_DELIVERY)


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
