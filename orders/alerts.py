"""Alerts: raised once however often the cause is seen, resolved by whoever sees that it is gone."""

from __future__ import annotations

from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.db.models import F

from cartrover.accounts.actions import audit
from cartrover.clock import hub_now
from connectors.models import Connection
from orders.models import Alert, AlertState, Order
from orders.notifications import notices


def raise_alert(
    *,
    account_id: int,
    cause: str,
    subject: str,
    words: str,
    connection: Connection | None = None,
    order: Order | None = None,
) -> bool:
    """Make the alert stand with these words; return whether it is new. A dismissed one stays dismissed and is only counted.

    Who is to be told of a new one is written down in the same transaction.
    """
    now = hub_now()
    open_ones = (
        Alert.objects.for_account(account_id).filter(cause=cause, subject=subject[:200]).exclude(state=AlertState.RESOLVED)
    )
    if open_ones.update(words=words, last_seen_at=now, times=F("times") + 1):
        if cause == notices.CONNECTION_BROKEN:
            notices.write_still_open(account_id, cause, subject[:200])
        return False
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                account_id=account_id, cause=cause, subject=subject[:200], words=words, connection=connection, order=order
            )
            notices.write_opened(alert)
    except IntegrityError:  # another worker raised it between the two statements
        return False
    return True


def resolve_alerts(
    *,
    account_id: int,
    cause: str,
    subjects: Collection[str] | None = None,
    connection: Connection | None = None,
    orders: Collection[Order] | None = None,
) -> int:
    """Close the open alerts of this cause (of these subjects, this connection, these orders); return how many there were.

    Who was told of them and wants to know is written down in the same transaction.
    """
    rows = Alert.objects.for_account(account_id).filter(cause=cause).exclude(state=AlertState.RESOLVED)
    if subjects is not None:
        rows = rows.filter(subject__in=[subject[:200] for subject in subjects])
    if connection is not None:
        rows = rows.filter(connection=connection)
    if orders is not None:
        rows = rows.filter(order__in=orders)
    now = hub_now()
    with transaction.atomic(savepoint=False):
        closed = rows.update(state=AlertState.RESOLVED, closed_at=now)
        if closed:
            notices.write_resolved(account_id, cause, now)
    return closed


def dismiss_alert(alert: Alert, *, actor: str) -> bool:
    """Take an alert out of sight: while its cause lasts it is only counted. Return False unless it is open."""
    rows = Alert.objects.for_account(alert.account_id).filter(pk=alert.pk, state=AlertState.OPEN)
    if not rows.update(state=AlertState.DISMISSED, closed_at=hub_now()):
        return False
    subject = alert.order.cust_ref if alert.order is not None else alert.subject
    audit(account=alert.account, actor=actor, verb="alert.dismissed", subject=f"{alert.cause} {subject}", words=alert.words)
    return True
