"""Holding orders and letting them go: a held order stays where it stands, and its messages wait with it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from cartrover.clock import hub_now
from cartrover.leasing import FREE
from connectors.contract import HoldReason
from orders.alerts import raise_alert, resolve_alerts
from orders.models import MessagePurpose, MessageState, Order, OrderEvent, OutboundMessage
from orders.models.order import held_for
from orders.waking import wake_stock_uploads

ALERTED_HOLDS = frozenset(HoldReason) - {HoldReason.NOT_LIVE, HoldReason.INCOMPLETE, HoldReason.BY_PERSON}
"""Holds that somebody must look at; the others end by themselves or are known to whoever made them."""


@transaction.atomic
def hold_order(order: Order, reason: HoldReason, words: str, *, subject: str = "", actor: str = "") -> None:
    """Make the order wait with this reason; its delivery waits with it.

    One that may have reached the WMS already is still looked up there, and only then waits; a cancellation goes on.
    `subject` is what the alert is about where many orders share one cause (a SKU, a shipping code); else the order itself.
    """
    now = hub_now()
    same = order.hold == reason and order.hold_words == words
    Order.objects.for_account(order.account_id).filter(pk=order.pk).update(
        hold=reason, hold_words=words, held_at=now, updated_at=now
    )
    order.hold, order.hold_words, order.held_at = reason, words, now
    deliveries = OutboundMessage.objects.for_account(order.account_id).filter(order=order, purpose=MessagePurpose.DELIVER)
    deliveries.filter(state=MessageState.WAITING).update(state=MessageState.HELD, words=words, **FREE)
    if not same:
        # Held orders don't count against what may be sold.
        wake_stock_uploads(order.account_id)
        OrderEvent.objects.create(
            account_id=order.account_id,
            order=order,
            kind="order.held",
            words=f"Held: {words}",
            actor=actor,
            data={"reason": reason},
        )
    if reason in ALERTED_HOLDS:
        raise_alert(
            account_id=order.account_id,
            cause=f"hold.{reason}",
            subject=subject or str(order.public_id),
            words=words,
            connection=order.source,
            order=None if subject else order,
        )


@transaction.atomic
def lift_hold(order: Order, *, because: str, actor: str = "") -> bool:
    """Let the order go on from where it stands; return False when it wasn't held any more. Its messages become due now."""
    was = order.hold
    now = hub_now()
    lifted = Order.objects.for_account(order.account_id).filter(pk=order.pk, hold=was).exclude(hold="")
    if not was or not lifted.update(hold="", hold_words="", held_at=None, updated_at=now):
        return False
    order.hold, order.hold_words, order.held_at = "", "", None
    OutboundMessage.objects.for_account(order.account_id).filter(order=order, state=MessageState.HELD).update(
        state=MessageState.WAITING, due_at=now, words="", first_failed_at=None
    )
    OrderEvent.objects.create(
        account_id=order.account_id, order=order, kind="order.released", words=because, actor=actor, data={"reason": was}
    )
    wake_stock_uploads(order.account_id)
    resolve_alerts(account_id=order.account_id, cause=f"hold.{was}", subjects=[str(order.public_id)])
    if not Order.objects.for_account(order.account_id).filter(held_for(HoldReason(was))).exists():
        # Alerts that many orders shared (a SKU, a shipping code) hold nothing up any more.
        resolve_alerts(account_id=order.account_id, cause=f"hold.{was}")
    return True


def resolve_shared_hold_alerts(account_id: int, reason: HoldReason, subjects: Sequence[str]) -> None:
    """Close the alerts on SKUs or shipping codes that hold nothing up any more."""
    resolve_alerts(account_id=account_id, cause=f"hold.{reason}", subjects=subjects)
