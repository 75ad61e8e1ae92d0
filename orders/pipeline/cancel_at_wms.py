"""Stage: the WMS is asked to cancel an order, or the order is let go where the WMS turns out not to have it."""

from __future__ import annotations

from django.db import transaction

from cartrover.clock import hub_now
from connectors.contract import Exchange, RemoteState
from connectors.errors import ConnectorError, FixConnection, FixOrder, OutcomeUnknown, SlowDown, TryLater
from orders.alerts import raise_alert
from orders.holding import lift_hold
from orders.models import MessagePurpose, MessageState, Order, OrderEvent, OutboundMessage
from orders.models.outbound import OPEN_STATES
from orders.pipeline.batch_work import BatchWork, answer_to
from orders.pipeline.canceling import Telling, cancel_order, tell_cart
from orders.pipeline.doubts import DEAD
from orders.pipeline.messages import receipt_of
from orders.pipeline.outcomes import finish_attempt, give_back, mark_sending
from orders.states import OrderState, advance

UNSENT = (OrderState.NEW, OrderState.READY)


def cancel_at_wms(work: BatchWork, message: OutboundMessage) -> None:
    """Bring a cancellation to its outcome. Raise what concerns the connection; the message is then as it was."""
    order = message.order
    if order.state not in (*UNSENT, OrderState.SENT):
        work.done(message, words=f"The order was {order.state} already.")
        return
    attempt_id = mark_sending(work.batch, [message]).get(message.pk)
    if attempt_id is None:
        return
    try:
        result = answer_to(lambda: _ask(work, message))
    except (SlowDown, FixConnection):
        give_back(work.batch, [message], begun=True)
        raise
    if isinstance(result, FixOrder):
        finish_attempt(message.account_id, attempt_id, result)
        _refused(work, message, result)
    elif isinstance(result, Exception):
        # Voiding what is void already is success, so that trying again can do no harm.
        work.failed(message, _later(result) if isinstance(result, OutcomeUnknown) else result, attempt_id=attempt_id)
    else:
        finish_attempt(message.account_id, attempt_id, result)
        _canceled(work, message)


def _ask(work: BatchWork, message: OutboundMessage) -> Exchange | None:
    if message.order.state == OrderState.SENT:
        return work.session.cancel(receipt_of(message.order))
    _void_what_is_there(work, message)
    return None


def _later(error: ConnectorError) -> TryLater:
    later = TryLater(error.words)
    later.exchange = error.exchange
    return later


def _void_what_is_there(work: BatchWork, message: OutboundMessage) -> None:
    """An order that was never delivered for certain may be there all the same, even twice: none of them may ship."""
    deliveries = OutboundMessage.objects.for_account(message.account_id).filter(
        order=message.order_id, purpose=MessagePurpose.DELIVER, attempts__gt=0
    )
    if not deliveries.exists():
        return
    for receipt in work.session.find(work.orders[message.pk]):
        if receipt.state not in DEAD:
            work.session.cancel(receipt)


def _canceled(work: BatchWork, message: OutboundMessage) -> None:
    order = message.order
    telling = Telling(**message.telling) if message.telling else None
    with transaction.atomic():
        work.done(message)
        if order.state in UNSENT:
            deliveries = OutboundMessage.objects.for_account(order.account_id).filter(order=order, state__in=OPEN_STATES)
            deliveries.update(state=MessageState.DROPPED, done_at=hub_now(), words="The order was canceled.")
            cancel_order(order, because=message.words or "Canceled.", telling=telling)
        else:
            if order.hold:
                lift_hold(order, because="Canceled.")
            if advance(order, OrderState.CANCELED, because=f"Canceled at {work.wms_name}."):
                Order.objects.for_account(order.account_id).filter(pk=order.pk).update(
                    canceled_at=hub_now(), wms_state=RemoteState.VOID
                )
                if telling is not None:
                    tell_cart(order, telling)
    work.run.count("canceled")


def _refused(work: BatchWork, message: OutboundMessage, error: FixOrder) -> None:
    """The WMS keeps the order: that is told once, and nothing goes on as if it were canceled."""
    order = message.order
    words = f"{work.wms_name} doesn't cancel order {order.cust_ref}: {error.words}"
    with transaction.atomic():
        work.done(message, state=MessageState.DROPPED, words=words)
        if order.state in UNSENT:
            _look_it_up_again(order)
        OrderEvent.objects.create(account_id=order.account_id, order=order, kind="order.cancel_refused", words=words)
        raise_alert(
            account_id=order.account_id,
            cause="cancel_wanted",
            subject=str(order.public_id),
            words=words,
            connection=order.source,
            order=order,
        )
    work.run.count("held")
    work.run.problem(f"Order {order.cust_ref}: {words}")


def _look_it_up_again(order: Order) -> None:
    """It is there after all: a delivery that was let go because nothing was found becomes one in doubt, and is adopted."""
    messages = OutboundMessage.objects.for_account(order.account_id).filter(order=order, purpose=MessagePurpose.DELIVER)
    last = messages.order_by("-pk").first()
    if last is not None and last.state == MessageState.DROPPED:
        messages.filter(pk=last.pk).update(state=MessageState.UNKNOWN, due_at=hub_now(), done_at=None)
