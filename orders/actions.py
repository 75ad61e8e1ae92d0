"""What people do to orders: each action says what becomes true, and leaves an event."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from cartrover.clock import hub_now
from connectors.contract import HoldReason, Side
from connectors.models import Connection, Service, ServiceName
from orders.alerts import resolve_alerts
from orders.holding import hold_order
from orders.models import (
    MessagePurpose,
    MessageState,
    Order,
    OrderEvent,
    OutboundMessage,
    Shipment,
    SkippedOrder,
)
from orders.models.order import held_for
from orders.pipeline.canceling import Telling, cancel_order
from orders.pipeline.messages import VOID_IS_KNOWN
from orders.pipeline.persist import LoadCounts, draft_of, load_drafts
from orders.pipeline.release import reconsider, release_held, send_on_its_way
from orders.pipeline.route import Route
from orders.states import OrderState
from orders.waking import wake, wake_stock_uploads

OVERRULED = [HoldReason.INCOMPLETE, HoldReason.UNMAPPED_SHIP_METHOD]
"""Holds of the hub's own making that a person may overrule; going live and choosing a route are done where they belong."""


ANSWERED = [HoldReason.VOIDED_AT_WMS, HoldReason.DUPLICATE_AT_WMS, HoldReason.REFUSED]
"""Holds that the WMS's own answer led to: no attempt is still under way, so that nobody waits for one."""

ASKED_FIRST = [*ANSWERED, HoldReason.GAVE_UP, HoldReason.INTERNAL]
"""Holds of orders that the WMS may have."""


def after_mapping_change(account_id: int) -> int:
    """Let go what waited for an alias, a product or a shipping code; return how many orders went on at once.

    Unknown SKUs are looked up at the WMS by the next delivery run, which is made due now.
    """
    released = release_held(account_id, [HoldReason.UNMAPPED_SHIP_METHOD], because="Its shipping code is mapped now.")
    for wms in Connection.objects.for_account(account_id).filter(side=Side.WMS):
        with transaction.atomic():
            services = Service.objects.for_account(account_id).select_for_update()
            service = services.filter(connection=wms, name=ServiceName.ORDER_DELIVERY).first()
            if service is not None:
                services.filter(pk=service.pk).update(cursor={**service.cursor, "recheck_skus": True})
        wake(wms, ServiceName.ORDER_DELIVERY)
    wake_stock_uploads(account_id)
    return released


def after_going_live(cart: Connection) -> int:
    """Release the orders that waited in test mode; those that are too old by now are canceled with that reason."""
    route = Route.of(cart)
    earliest = route.earliest_order_date
    if earliest is not None:
        waiting = Order.objects.for_account(cart.account_id).filter(held_for(HoldReason.NOT_LIVE), source=cart)
        for order in waiting.filter(order_date__lt=earliest):
            cancel_order(order, because=f"Placed on {order.order_date}, before the earliest order date {earliest}.")
    return release_held(cart.account_id, [HoldReason.NOT_LIVE], because=f"{cart.name} is live.", cart=cart)


def order_release(order: Order, *, actor: str) -> bool:
    """Let a held order go on because a person says so; return False when something still stands in its way."""
    if not order.hold:
        return False
    with transaction.atomic():
        _ask_first(order)
        return reconsider(order, Route.of(order.source), because=f"Released by {actor}.", actor=actor, overrule=OVERRULED)


def _ask_first(order: Order) -> None:
    """Have the WMS asked for the order before it is sent once more, wherever it may have it by now.

    What is void there, was refused or given up goes out under a new key, as a person wants it sent anew; of several a person
    has left one, which is looked for under the old one.
    """
    if order.hold not in ASKED_FIRST:
        return
    messages = OutboundMessage.objects.for_account(order.account_id).filter(
        order=order, purpose=MessagePurpose.DELIVER, state=MessageState.HELD, attempts__gt=0
    )
    changes: dict[str, object] = {"state": MessageState.UNKNOWN, "taken": "", "first_failed_at": None, "due_at": hub_now()}
    if order.hold != HoldReason.DUPLICATE_AT_WMS:
        changes["generation"] = F("generation") + 1
    if order.hold == HoldReason.VOIDED_AT_WMS:
        changes["taken"] = VOID_IS_KNOWN
    if order.hold in ANSWERED:
        changes["sent_at"] = None
    messages.update(**changes)


def order_hold(order: Order, *, actor: str) -> None:
    """Keep an order back until a person releases it. Raise `ValueError` for one that is on its way."""
    if order.state not in (OrderState.NEW, OrderState.READY):
        raise ValueError(f"Order {order.cust_ref} was sent already and can't be held. Cancel it instead.")
    hold_order(order, HoldReason.BY_PERSON, f"Held by {actor}.", actor=actor)


def order_cancel(order: Order, *, actor: str, telling: Telling | None = None) -> bool:
    """Cancel an order, and with `telling` tell the cart; return False when the WMS has to agree first.

    Raise `ValueError` when it is too late.
    """
    return cancel_order(order, because=f"Canceled by {actor}.", actor=actor, telling=telling)


def order_resend(order: Order, *, actor: str) -> bool:
    """Send an order again that the WMS lost or voided, or that waits; return False when something still holds it.

    Raise `ValueError` unless it is there no more.
    """
    if order.state in (OrderState.SHIPPED, OrderState.CONFIRMED, OrderState.CANCELED):
        raise ValueError(f"Order {order.cust_ref} is {order.state} already and can't be sent again.")
    if order.hold != HoldReason.VOIDED_AT_WMS and order.state not in (OrderState.NEW, OrderState.READY):
        raise ValueError(f"Order {order.cust_ref} is at the WMS. Void it there first.")
    if order.hold:
        return order_release(order, actor=actor)
    send_on_its_way(order, Route.of(order.source))
    waiting = OutboundMessage.objects.for_account(order.account_id).filter(order=order, state=MessageState.WAITING)
    waiting.update(due_at=hub_now())
    OrderEvent.objects.create(
        account_id=order.account_id, order=order, kind="order.resent", words=f"Sent again by {actor}.", actor=actor
    )
    return True


def shipment_send_without_tracking(shipment: Shipment, *, actor: str) -> None:
    """Tell the cart of a package although it has no tracking number."""
    Shipment.objects.for_account(shipment.account_id).filter(pk=shipment.pk).update(send_without_tracking=True)
    resolve_alerts(account_id=shipment.account_id, cause="no_tracking", subjects=[str(shipment.public_id)])
    if shipment.order is not None:
        OrderEvent.objects.create(
            account_id=shipment.account_id,
            order=shipment.order,
            kind="shipment.without_tracking",
            actor=actor,
            words=f"To be told without a tracking number, says {actor}.",
        )
        wake(shipment.order.source, ServiceName.SHIPMENT_UPLOAD)


def stock_send_anyway(cart: Connection, *, actor: str) -> None:
    """Tell the cart its stock although much of it falls to zero at once: the next telling, and only that."""
    with transaction.atomic():
        services = Service.objects.for_account(cart.account_id).select_for_update()
        service = services.get(connection=cart, name=ServiceName.INVENTORY_UPLOAD)
        services.filter(pk=service.pk).update(cursor={**service.cursor, "send_anyway": True})
    OrderEvent.objects.create(
        account_id=cart.account_id, connection=cart, kind="stock.send_anyway", words=f"Sent anyway, says {actor}.", actor=actor
    )
    wake(cart, ServiceName.INVENTORY_UPLOAD)


def skipped_load(skipped: SkippedOrder, *, actor: str) -> LoadCounts:
    """Load a skipped order after all. Raise `ValueError` where it could not be read in the first place."""
    counts = load_drafts(
        connection=skipped.connection, drafts=[draft_of(skipped)], document=skipped.document, actor=actor, force=True
    )
    SkippedOrder.objects.for_account(skipped.account_id).filter(pk=skipped.pk).update(loaded_at=hub_now())
    return counts
