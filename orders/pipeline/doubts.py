"""Stage: a message whose last attempt has no outcome. The WMS is asked first; only what it surely hasn't got is sent again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from cartrover.clock import hub_now
from connectors.contract import HoldReason, Receipt, RemoteState
from connectors.errors import FixOrder, OutcomeUnknown, TryLater
from connectors.models import Connection, ServiceName
from orders.models import MessageState, Order, OrderEvent, OutboundMessage
from orders.pipeline.batch_work import BatchWork, answer_to
from orders.pipeline.messages import VOID_IS_KNOWN, cancels_wanted, taken_of
from orders.pipeline.outcomes import adopted, gave_up_words, note_delivered
from orders.pipeline.route import Route
from orders.retrying import next_try
from orders.waking import wake

DEAD = frozenset({RemoteState.VOID, RemoteState.DELETED})


def settle_doubt(work: BatchWork, message: OutboundMessage) -> bool:
    """Ask the WMS whether it has the order; return True when it may be sent again now.

    Otherwise the message has an outcome, or waits until it may be asked after again. Raise what concerns the connection.
    """
    message.state = MessageState.UNKNOWN
    order = work.orders[message.pk]
    found = answer_to(lambda: work.session.find(order))
    if isinstance(found, Exception):
        # A question leaves nothing behind, so that one without an answer is asked again.
        work.failed(message, TryLater(found.words) if isinstance(found, OutcomeUnknown) else found)
        return False
    live = [one for one in found if one.state not in DEAD]
    if len(live) == 1:
        note_delivered(work.batch, [adopted(message, order, live[0])])
        work.run.count("adopted")
        return False
    if live or (found and VOID_IS_KNOWN not in taken_of(message)):
        work.failed(message, _held_for(work, message, live))
        return False
    return _may_resend(work, message)


def _held_for(work: BatchWork, message: OutboundMessage, live: Sequence[Receipt]) -> FixOrder:
    name, ref = work.wms_name, message.order.cust_ref
    if live:
        words = f"{name} has {len(live)} orders with the number {ref}. Void all but one there, then release this order."
        return FixOrder(words, reason=HoldReason.DUPLICATE_AT_WMS)
    words = f"{name} has order {ref}, but voided. Release this order to send it again, or cancel it."
    return FixOrder(words, reason=HoldReason.VOIDED_AT_WMS)


def _may_resend(work: BatchWork, message: OutboundMessage) -> bool:
    """Nothing was found: an attempt that is too young may still be executed, so it is asked after again later."""
    taken = taken_of(message)
    elsewhere = _goes_elsewhere(message)
    if "number" in taken and elsewhere is None:
        work.failed(message, _number_of_another(work, message))
        return False
    now = hub_now()
    due_at = now if taken - {VOID_IS_KNOWN} == {"label"} else _resend_at(work, message, now)
    if due_at is None:
        work.failed(message, FixOrder(gave_up_words(message.words), reason=HoldReason.GAVE_UP))
        return False
    if due_at > now:
        work.write(message, state=MessageState.UNKNOWN, due_at=due_at)
        work.run.count("waiting")
        return False
    if cancels_wanted([message]):
        work.done(message, state=MessageState.DROPPED, words="The order was canceled.")
        return False
    if Order.objects.for_account(message.account_id).filter(pk=message.order_id).exclude(hold="").exists():
        work.write(message, state=MessageState.HELD)
        return False
    if elsewhere is not None:
        _send_on(work, message, elsewhere)
        return False
    if "key" in taken:
        # Used up without an order to show for it. The new key is as good as any: it is spared until it is taken as well.
        message.generation += 1
        message.taken = ",".join(sorted(taken - {"key"}))
    return True


def _goes_elsewhere(message: OutboundMessage) -> Connection | None:
    """Return the WMS that the orders of the message's cart go to now, where that is another one."""
    wms = Route.of(message.order.source).wms
    return wms if wms is not None and wms.pk != message.connection_id else None


def _send_on(work: BatchWork, message: OutboundMessage, wms: Connection) -> None:
    """Let an order that this WMS surely hasn't got go where the orders of its cart go now."""
    with transaction.atomic():
        if not work.write(message, state=MessageState.WAITING, connection=wms, taken="", sent_at=None, due_at=hub_now()):
            return
        Order.objects.for_account(message.account_id).filter(pk=message.order_id).update(wms=wms)
        OrderEvent.objects.create(
            account_id=message.account_id,
            order_id=message.order_id,
            connection=wms,
            kind="order.rerouted",
            words=f"Goes to {wms.name}: {work.wms_name} hasn't got it.",
        )
    wake(wms, ServiceName.ORDER_DELIVERY)
    work.run.count("moved")


def _resend_at(work: BatchWork, message: OutboundMessage, now: datetime) -> datetime | None:
    """Return when the attempt is old enough to be repeated, and its message due again after so many failures; None = never.

    A named run tries each message once, whatever it waits for, but never while an attempt may still arrive.
    """
    if message.sent_at is None:
        return now
    settled_at = message.sent_at + work.resend_after
    if work.run.named:
        return settled_at
    first = message.first_failed_at or message.sent_at
    if next_try(failures=1, first_failed_at=first, now=now) is None:
        return None
    due_at = next_try(failures=max(1, message.attempts), first_failed_at=message.sent_at, now=message.sent_at)
    return max(settled_at, due_at or settled_at)


def _number_of_another(work: BatchWork, message: OutboundMessage) -> FixOrder:
    return FixOrder(
        f"{work.wms_name} says that the order number {message.order.cust_ref} is taken, by an order that isn't this one. "
        "Rename or remove that order there, then release this one.",
        field="cust_ref",
        reason=HoldReason.REFUSED,
    )
