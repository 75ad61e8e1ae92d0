"""What staff does to many rows at once: the portal's own actions, each with an entry in the merchant's audit log."""

from __future__ import annotations

from django.db import transaction

from cartrover.accounts.actions import audit
from cartrover.clock import hub_now
from connectors.models import Service, ServiceName
from connectors.refusals import Refused
from orders.actions import order_release
from orders.acts import on_request
from orders.alerts import resolve_alerts
from orders.models import Alert, AlertState, MessageState, Order, OutboundMessage
from orders.waking import wake

Said = tuple[bool, str]
"""Whether it went as meant, and what to say if not."""


def run_now(service: Service, actor: str) -> Said:
    """Make a service due at once."""
    try:
        on_request.run_soon(service)
    except Refused as refused:
        return False, refused.words
    subject = f"{service.connection.name} {service.name}"
    audit(account=service.account, actor=actor, verb="service.run_now", subject=subject)
    return True, ""


@transaction.atomic
def release(order: Order, actor: str) -> Said:
    """Let a held order go on, as its page does."""
    order = Order.objects.for_account(order.account_id).select_for_update().get(pk=order.pk)
    if not order.hold:
        return False, "it isn't held any more."
    if not order_release(order, actor=actor):
        return False, "it is still held: what it waits for isn't mended yet."
    audit(account=order.account, actor=actor, verb="order.released", subject=f"order {order.cust_ref}")
    return True, ""


@transaction.atomic
def send_now(message: OutboundMessage, actor: str) -> Said:
    """Have a message tried at once that waits for its next try; a held one goes on with its order.

    One whose outcome nobody knows is asked for at the WMS first, as always.
    """
    rows = OutboundMessage.objects.for_account(message.account_id)
    message = rows.select_for_update().select_related("order", "connection").get(pk=message.pk)
    if message.state == MessageState.HELD:
        return release(message.order, actor)
    if message.state not in (MessageState.WAITING, MessageState.UNKNOWN):
        return False, "it is being sent, or nothing is left to send."
    if message.order.hold:
        return False, "its order is held: release that."
    rows.filter(pk=message.pk).update(due_at=hub_now())
    wake(message.connection, ServiceName.ORDER_DELIVERY)
    subject = f"{message.purpose} of order {message.order.cust_ref}"
    audit(account=message.account, actor=actor, verb="message.send_now", subject=subject)
    return True, ""


@transaction.atomic
def resolve(alert: Alert, actor: str) -> Said:
    """Close an alert whose cause is gone; while it lasts, the next run raises it anew."""
    if alert.state == AlertState.RESOLVED:
        return False, "it is resolved already."
    if not resolve_alerts(account_id=alert.account_id, cause=alert.cause, subjects=[alert.subject]):
        return False, "it is resolved already."
    audit(
        account=alert.account,
        actor=actor,
        verb="alert.resolved",
        subject=f"{alert.cause} {alert.subject}",
        words=alert.words,
    )
    return True, ""
