"""Orders that are not wanted any more: at once while nothing was sent, by asking the WMS afterwards."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

from django.db import transaction
from django.db.models import QuerySet

from cartrover.clock import hub_now
from connectors.contract import HoldReason
from connectors.models import ServiceName
from orders.alerts import raise_alert, resolve_alerts
from orders.holding import lift_hold
from orders.models import LineCancellation, MessagePurpose, MessageState, Order, OrderEvent, OrderLine, OutboundMessage
from orders.models.outbound import OPEN_STATES
from orders.pipeline.settle import cancel_rest, confirm
from orders.states import OrderState, advance
from orders.waking import wake, wake_stock_uploads


@dataclass(frozen=True, slots=True)
class Telling:
    """What the cart is told of an order that a person cancels: its own code for the reason, and words."""

    code: str
    reason: str


MAYBE_THERE = [HoldReason.GAVE_UP, HoldReason.INTERNAL, HoldReason.DUPLICATE_AT_WMS]
"""Holds of orders that the WMS may have, or has."""


@transaction.atomic
def cancel_order(order: Order, *, because: str, actor: str = "", telling: Telling | None = None) -> bool:
    """Cancel an order; return True when that is done, False when the WMS has to agree first.

    With `telling` the cart is told once it is canceled; without, it is told nothing.

    Raise `ValueError`, with words, for one that is shipped, confirmed or canceled already.
    """
    if order.state in (OrderState.SHIPPED, OrderState.CONFIRMED, OrderState.CANCELED):
        raise ValueError(f"Order {order.cust_ref} is {order.state} already and can't be canceled.")
    if order.state in (OrderState.NEW, OrderState.READY) and drop_unsent(order, "The order was canceled."):
        if order.hold:
            lift_hold(order, because="Canceled.", actor=actor)
        advance(order, OrderState.CANCELED, because=because, actor=actor)
        Order.objects.for_account(order.account_id).filter(pk=order.pk).update(canceled_at=hub_now())
        resolve_alerts(account_id=order.account_id, cause="cancel_wanted", subjects=[str(order.public_id)])
        wake_stock_uploads(order.account_id)
        if telling is not None:
            tell_cart(order, telling)
        return True
    _ask_wms(order, because=because, actor=actor, telling=telling)
    return False


def tell_cart(order: Order, telling: Telling) -> None:
    """Have the cart told that what hasn't shipped of a canceled order will not come."""
    # The cart may have canceled it itself while the WMS was asked.
    fresh = Order.objects.for_account(order.account_id).get(pk=order.pk)
    for line in OrderLine.objects.for_account(order.account_id).filter(order=order).order_by("line_no"):
        cancel_rest(fresh, line, line.quantity, telling.reason, code=telling.code)
    wake(order.source, ServiceName.CANCEL_UPLOAD)


def drop_unsent(order: Order, words: str) -> bool:
    """Drop the order's messages unless one of them may have reached the WMS or is on its way."""
    messages = OutboundMessage.objects.for_account(order.account_id).filter(order=order)
    begun = messages.filter(state__in=[MessageState.SENDING, MessageState.UNKNOWN]) | messages.exclude(lease_token="").filter(
        state__in=OPEN_STATES
    )
    if order.hold in MAYBE_THERE:
        begun |= messages.filter(state=MessageState.HELD, attempts__gt=0)
    if begun.exists():
        return False
    messages.filter(state__in=[MessageState.WAITING, MessageState.HELD]).update(
        state=MessageState.DROPPED, done_at=hub_now(), words=words
    )
    return True


def _ask_wms(order: Order, *, because: str, actor: str, telling: Telling | None) -> None:
    """Queue a cancellation behind whatever the WMS is still to be told of the order."""
    if order.wms is None:
        raise ValueError(f"Order {order.cust_ref} is at no WMS that could be asked to cancel it.")
    open_ones = open_cancels(order.account_id, [order.pk])
    if open_ones.exists():
        if telling is not None:
            open_ones.update(telling=asdict(telling))
        return
    asked_at = hub_now()
    OutboundMessage.objects.create(
        account_id=order.account_id,
        connection=order.wms,
        order=order,
        purpose=MessagePurpose.CANCEL,
        due_at=asked_at,
        created_at=asked_at,
        words=because,
        telling=asdict(telling) if telling is not None else None,
    )
    OrderEvent.objects.create(
        account_id=order.account_id,
        order=order,
        kind="order.cancel_asked",
        actor=actor,
        words=f"{because} {order.wms.name} is asked to cancel it.",
    )
    wake(order.wms, ServiceName.ORDER_DELIVERY)


def open_cancels(account_id: int, order_ids: Collection[int]) -> QuerySet[OutboundMessage]:
    """Return the messages that ask the WMS to cancel one of these orders and that it hasn't answered."""
    return OutboundMessage.objects.for_account(account_id).filter(
        order__in=list(order_ids), purpose=MessagePurpose.CANCEL, state__in=OPEN_STATES
    )


def note_cart_canceled(order: Order) -> None:
    """The cart wants nothing more of the order: it is told of no cancellation of it from now on."""
    account_id, now = order.account_id, hub_now()
    unnoted = Order.objects.for_account(account_id).filter(pk=order.pk, cart_canceled_at__isnull=True)
    if not unnoted.update(cart_canceled_at=now, updated_at=now):
        return
    order.cart_canceled_at = now
    open_cancels(account_id, [order.pk]).update(telling=None)
    untold = LineCancellation.objects.for_account(account_id).filter(line__order=order, document__isnull=True)
    if untold.delete()[0]:
        confirm(order.source, [order.pk])


def cancel_for_source(order: Order, *, tell_wms: bool, document_name: str) -> None:
    """The cart canceled the order: do what can be done, and say so where it can't."""
    note_cart_canceled(order)
    words = f"{order.source.name} canceled the order."
    OrderEvent.objects.create(
        account_id=order.account_id,
        order=order,
        connection=order.source,
        kind="order.canceled_at_source",
        words=words,
        document_name=document_name,
    )
    unsent = order.state in (OrderState.NEW, OrderState.READY)
    if unsent or (tell_wms and order.state == OrderState.SENT):
        cancel_order(order, because=words)
        return
    raise_alert(
        account_id=order.account_id,
        cause="cancel_wanted",
        subject=str(order.public_id),
        connection=order.source,
        order=order,
        words=f"{order.source.name} canceled order {order.cust_ref}, but it is {order.state} already. Settle it "
        "with the retailer.",
    )
