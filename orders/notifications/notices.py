"""What is to be told of alerts, written in the transaction that raises or resolves them; `notifying` sends it.

Only rows are inserted here and none is changed, so that no flow ever waits for another one's transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q, QuerySet

from cartrover.accounts.models import Membership, Role
from connectors.models import Connection
from orders.models import (
    Alert,
    AlertState,
    ChannelKind,
    Notification,
    NotificationChannel,
    NotificationEvent,
    NotificationState,
    Scope,
)

CONNECTION_BROKEN = "connection_broken"

MENDS_ITSELF = frozenset({"document_refused", "file_not_fetched", "internal"})
"""Causes that the hub tries again by itself; a broken connection says itself whether it needs a person."""


def needs_person(alert: Alert) -> bool:
    """Tell whether nothing goes on until a person acts."""
    if alert.cause == CONNECTION_BROKEN and alert.connection_id is not None:
        return Connection.objects.for_account(alert.account_id).filter(pk=alert.connection_id, needs_person=True).exists()
    return alert.cause not in MENDS_ITSELF


def write_opened(alert: Alert) -> None:
    """Have every channel told of the open alert that is to be told of such; one that was told of it is left alone."""
    add_owners_channels(alert.account_id)
    channels = listening(alert.account_id).exclude(
        notifications__in=Notification.objects.for_account(alert.account_id).filter(alert=alert, event=NotificationEvent.OPENED)
    )
    if not needs_person(alert):
        channels = channels.filter(scope=Scope.ALL)
    channels = channels.filter(tell_alerts=True)
    _write(alert.account_id, [(pk, alert.pk) for pk in channels.values_list("pk", flat=True)], NotificationEvent.OPENED)


def write_still_open(account_id: int, cause: str, subject: str) -> None:
    """Have those told of an open alert that needs a person by now and did not when it opened."""
    alert = Alert.objects.for_account(account_id).filter(cause=cause, subject=subject, state=AlertState.OPEN).first()
    if alert is not None:
        write_opened(alert)


def write_resolved(account_id: int, cause: str, closed_at: datetime) -> None:
    """Have those told that the alerts of this cause that were closed at just this moment are over.

    Told are those who were or are yet to be told that they opened, and who want to know.
    """
    told = Notification.objects.for_account(account_id).filter(
        event=NotificationEvent.OPENED,
        alert__cause=cause,
        alert__state=AlertState.RESOLVED,
        alert__closed_at=closed_at,
        channel__tell_resolved=True,
        channel__active=True,
    )
    pairs = told.exclude(state=NotificationState.DROPPED).order_by("pk").values_list("channel_id", "alert_id")
    _write(account_id, list(pairs), NotificationEvent.RESOLVED)


def listening(account_id: int) -> QuerySet[NotificationChannel]:
    """Return the account's channels that are on, without those of people who are no members any more."""
    members = Membership.objects.filter(account_id=account_id, user__is_active=True).values("user")
    rows = NotificationChannel.objects.for_account(account_id).filter(active=True)
    return rows.filter(Q(user__isnull=True) | Q(user__in=members))


def add_owners_channels(account_id: int) -> None:
    """Let owners who have never said what they want be told by e-mail, at once, of what needs a person."""
    owners = Membership.objects.filter(account_id=account_id, role=Role.OWNER)
    known = NotificationChannel.objects.for_account(account_id).filter(user__isnull=False).values("user")
    missing = list(owners.exclude(user__in=known).values_list("user_id", flat=True))
    if missing:
        NotificationChannel.objects.for_account(account_id).bulk_create(
            [NotificationChannel(account_id=account_id, user_id=pk, kind=ChannelKind.EMAIL) for pk in missing],
            ignore_conflicts=True,
        )


def forget_old(before: datetime) -> None:
    """Remove what was told of alerts that were over before that; of an open one it is kept, so that it is told once."""
    rows = Notification.objects.across_accounts("old notifications of all accounts")
    rows.filter(alert__state=AlertState.RESOLVED, alert__closed_at__lt=before).delete()
    rows.filter(alert__isnull=True, created_at__lt=before).delete()


def _write(account_id: int, pairs: Collection[tuple[int, int]], event: NotificationEvent) -> None:
    if pairs:
        Notification.objects.for_account(account_id).bulk_create(
            [Notification(account_id=account_id, channel_id=channel, alert_id=alert, event=event) for channel, alert in pairs],
            ignore_conflicts=True,
        )
