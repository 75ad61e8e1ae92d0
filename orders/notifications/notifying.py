"""Tells people and programs of alerts: what waits for a channel goes out in one message, by one worker at a time.

A message is marked as sent only afterwards, so that none is lost; one whose worker died in between comes again, with the same
ids. A channel that can't be reached is tried again later, says so on its page, and holds up no other one.
"""

from __future__ import annotations

import hashlib
import hmac
import smtplib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Min, Q
from django.urls import reverse
from django.utils.http import urlencode

from cartrover.accounts.access import zone_of
from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from cartrover.ids import new_id
from cartrover.leasing import Lease, LeaseLost, claim, free_at
from cartrover.vault import SealBroken, unseal
from connectors.errors import ConnectorError
from connectors.network import GuardedNetwork
from connectors.transports.http import HttpClient
from orders.models import (
    Alert,
    AlertState,
    ChannelKind,
    Notification,
    NotificationChannel,
    NotificationEvent,
    NotificationState,
    Pace,
)
from orders.notifications import happenings, notice_texts
from orders.notifications.notice_texts import Message, Said
from orders.notifications.notices import listening, needs_person
from orders.notifications.places import place_of
from orders.retrying import next_try

BUNDLED = timedelta(minutes=1)
"""How far apart messages of one channel are: what comes in a storm comes together."""

IN_ONE_MESSAGE = 500

TIMEOUT = 20.0
"""Seconds for one message: a third of what a lease allows."""

SIGNATURE = "X-CartRover-Hmac-Sha256"
"""The header with the HMAC-SHA256 of the raw body in lower-case hex. Source: CartRover reference 1.10."""

_WHY = "messages of all accounts are sent"


class NotReached(Exception):
    """The channel didn't take the message; the words say why, and never hold its address.

    `after` is in how many seconds the far side asked to be tried again.
    """

    def __init__(self, words: str, *, after: float | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.after = after


def notify_due(budget: float = 60.0) -> int:
    """Send what is due, at most `budget` seconds long; return how many channels were told something.

    Those that failed last time come last: who can be reached doesn't wait for who can't.
    """
    happenings.write_new()
    ends, told = time.monotonic() + budget, 0
    for channel in _due_channels():
        if time.monotonic() > ends:
            break
        told += _send_waiting(channel)
    return told


def send_test(channel: NotificationChannel) -> tuple[bool, str]:
    """Send a test message now; return whether it went out, and words for people. What waits isn't touched."""
    message = Message(channel.account.name, channel.account.slug, (), _portal(channel.account), hub_now(), is_test=True)
    try:
        _deliver(channel, message, new_id())
    except NotReached as failed:
        good, words = False, failed.words
    else:
        good, words = True, f"The test went out to {destination(channel)}."
    changes: dict[str, Any] = {"last_words": words}
    if good:
        changes |= {"failures": 0, "failing_since": None, "due_at": None}
    NotificationChannel.objects.for_account(channel.account_id).filter(pk=channel.pk).update(**changes)
    return good, words


def destination(channel: NotificationChannel) -> str:
    """Say where the channel leads, without what makes its address a secret."""
    if channel.kind != ChannelKind.EMAIL:
        return channel.shown
    return channel.user.email if channel.user is not None else channel.address


# --- which are due -----------------------------------------------------------------------------------------------------------


def _due_channels() -> Sequence[NotificationChannel]:
    now = hub_now()
    waiting = Notification.objects.across_accounts(_WHY).filter(state=NotificationState.WAITING)
    oldest = dict(waiting.order_by().values("channel").annotate(oldest=Min("created_at")).values_list("channel", "oldest"))
    rows = NotificationChannel.objects.across_accounts(_WHY).filter(free_at(now), pk__in=list(oldest))
    rows = rows.filter(Q(due_at__isnull=True) | Q(due_at__lte=now)).select_related("account", "user")
    return [one for one in rows.order_by("failures", "pk") if one.pace != Pace.DAILY or digest_at(one, oldest[one.pk]) <= now]


def digest_at(channel: NotificationChannel, after: datetime) -> datetime:
    """Return when the channel's digest is due that tells of something of `after`: the first such hour in the account's zone."""
    zone = zone_of(channel.account)
    here = after.astimezone(zone)
    due = here.replace(hour=channel.hour, minute=0, second=0, microsecond=0)
    return due if due > here else due + timedelta(days=1)


# --- one channel -------------------------------------------------------------------------------------------------------------


def _send_waiting(channel: NotificationChannel) -> bool:
    """Send what waits for the channel if nobody else does; return whether it was told something."""
    now = hub_now()
    lease = claim(NotificationChannel, channel.pk, only=Q(due_at__isnull=True) | Q(due_at__lte=now))
    if lease is None:
        return False
    channel = NotificationChannel.objects.across_accounts(_WHY).select_related("account", "user").get(pk=channel.pk)
    rows = Notification.objects.for_account(channel.account_id).filter(channel=channel, state=NotificationState.WAITING)
    related = ("alert__connection", "alert__order", "story__order__source", "reading__connection")
    waiting = list(rows.select_related(*related).order_by("pk")[:IN_ONE_MESSAGE])
    told = _worth_telling(channel, waiting)
    dropped = [one.pk for one in waiting if one not in told]
    try:
        if told:
            _deliver(channel, _message(channel, told), told[0].public_id)
    except NotReached as failed:
        _note_failure(channel, lease, dropped, failed)
        return False
    _note_told(channel, lease, told, dropped)
    return bool(told)


def _worth_telling(channel: NotificationChannel, waiting: Sequence[Notification]) -> Sequence[Notification]:
    """Leave out what is over before it was told, what somebody has dismissed, and all if nobody is there any more."""
    if not listening(channel.account_id).filter(pk=channel.pk).exists():
        return []
    opened = Notification.objects.for_account(channel.account_id).filter(
        channel=channel, event=NotificationEvent.OPENED, state=NotificationState.SENT
    )
    ended = [one.alert_id for one in waiting if one.event == NotificationEvent.RESOLVED]
    known = set(opened.filter(alert__in=ended).values_list("alert_id", flat=True))
    return [
        one
        for one in waiting
        if one.alert is None
        or one.replayed
        or (one.event == NotificationEvent.OPENED and one.alert.state == AlertState.OPEN)
        or (one.event == NotificationEvent.RESOLVED and one.alert_id in known)
    ]


def _note_told(channel: NotificationChannel, lease: Lease, told: Sequence[Notification], dropped: Sequence[int]) -> None:
    now = hub_now()
    changes: dict[str, Any] = {}
    if told:
        what = "alert" if all(one.alert_id for one in told) else "event"
        words = f"Told of {len(told)} {what}{'' if len(told) == 1 else 's'}."
        changes = {"last_sent_at": now, "failures": 0, "failing_since": None, "last_words": words, "due_at": now + BUNDLED}
    _mark(channel, lease, sent=[one.pk for one in told], dropped=dropped, **changes)


def _note_failure(channel: NotificationChannel, lease: Lease, dropped: Sequence[int], failed: NotReached) -> None:
    now = hub_now()
    since = channel.failing_since or now
    again = next_try(failures=channel.failures + 1, first_failed_at=since, now=now, after=failed.after)
    changes = {"failures": channel.failures + 1, "failing_since": since, "last_words": failed.words, "due_at": again}
    if again is None:
        # Nobody has mended it for a fortnight: what is old is told no more, and what comes new is tried once.
        rows = Notification.objects.for_account(channel.account_id).filter(channel=channel, state=NotificationState.WAITING)
        dropped = list(rows.values_list("pk", flat=True))
    _mark(channel, lease, sent=[], dropped=dropped, **changes)


def _mark(channel: NotificationChannel, lease: Lease, *, sent: Sequence[int], dropped: Sequence[int], **changes: Any) -> None:
    rows = Notification.objects.for_account(channel.account_id)
    try:
        with transaction.atomic():
            lease.require()
            rows.filter(pk__in=sent).update(state=NotificationState.SENT, sent_at=hub_now())
            rows.filter(pk__in=dropped).update(state=NotificationState.DROPPED)
            lease.release(**changes)
    except LeaseLost:
        # Whoever took over sends the same ids again, which tell the receiver that it knows them.
        return


# --- what is told ------------------------------------------------------------------------------------------------------------


def _message(channel: NotificationChannel, told: Sequence[Notification]) -> Message:
    account = channel.account
    elsewhere = 0
    if channel.pace == Pace.DAILY:
        still = Alert.objects.for_account(account).filter(state=AlertState.OPEN)
        elsewhere = still.exclude(pk__in=[one.alert_id for one in told]).count()
    said = tuple(_said(account, one, one.alert) for one in told if one.alert is not None)
    events = tuple(happenings.told(one) for one in told if one.alert is None)
    return Message(account.name, account.slug, said, _portal(account), hub_now(), elsewhere, events=events)


def _said(account: Account, one: Notification, alert: Alert) -> Said:
    place = place_of(alert)
    link = f"{_portal(account)}alerts/"
    if place is not None:
        query = f"?{urlencode(place.query)}" if place.query else ""
        link = f"{settings.PORTAL_URL}{reverse(place.page, kwargs={'slug': account.slug, **place.ids})}{query}"
    facts = {
        "alert": str(alert.public_id),
        "cause": alert.cause,
        "words": alert.words,
        "needs_person": needs_person(alert),
        "connection": alert.connection.name if alert.connection is not None else None,
        "order": alert.order.cust_ref if alert.order is not None else None,
        "opened_at": alert.first_seen_at.isoformat(timespec="seconds"),
        "resolved_at": alert.closed_at.isoformat(timespec="seconds") if alert.closed_at is not None else None,
        "url": link,
    }
    is_open = one.event == NotificationEvent.OPENED
    return Said(str(one.public_id), is_open, alert.words, place.words if place else "Look at the alerts", link, facts)


def _portal(account: Account) -> str:
    return f"{settings.PORTAL_URL}{reverse('account_home', kwargs={'slug': account.slug})}"


# --- how it goes out ---------------------------------------------------------------------------------------------------------


def _deliver(channel: NotificationChannel, message: Message, first_id: UUID) -> None:
    """Send the message. Raise `NotReached` when it isn't certain that it was taken."""
    if channel.kind == ChannelKind.EMAIL:
        _send_mail(destination(channel), message, first_id)
        return
    try:
        address = unseal(channel.sealed_address or b"")
        secret = unseal(channel.sealed_secret) if channel.sealed_secret else ""
    except SealBroken as broken:
        raise NotReached("Its address can't be opened any more. Enter it again.") from broken
    if channel.kind == ChannelKind.SLACK:
        _post(channel.shown, address, notice_texts.slack(message), {})
    else:
        body = notice_texts.webhook(message)
        _post(channel.shown, address, body, {SIGNATURE: signature(secret, body)})


def signature(secret: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of the raw body in lower-case hex: receivers compare it with the header."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _send_mail(to: str, message: Message, first_id: UUID) -> None:
    host = urlsplit(settings.PORTAL_URL).hostname or "cartrover"
    headers = {"Message-ID": f"<{first_id}@{host}>", "Auto-Submitted": "auto-generated"}
    mail = EmailMessage(notice_texts.subject(message), notice_texts.mail(message), to=[to], headers=headers)
    try:
        mail.connection = get_connection(timeout=TIMEOUT)
        mail.send()
    except smtplib.SMTPRecipientsRefused as refused:
        raise NotReached(f"The mail server refuses {to}. Check the address.") from refused
    except (smtplib.SMTPException, OSError) as failed:
        raise NotReached("The mail server didn't take the mail. It is tried again.") from failed


def _post(shown: str, address: str, body: bytes, headers: dict[str, str]) -> None:
    parts = urlsplit(address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        client = HttpClient(
            f"{parts.scheme}://{parts.netloc}",
            network=GuardedNetwork(),
            timeout=TIMEOUT,
            max_bytes=64 * 1024,
            far_side=parts.hostname or shown,
        )
        try:
            # Sent twice it does no harm, since each event has its id: so no doubt has to be cleared up.
            answer = client.request(
                "POST", path, is_write=False, body=body, headers={"Content-Type": "application/json", **headers}
            )
        finally:
            client.close()
    except ConnectorError as failed:
        raise NotReached(failed.words, after=getattr(failed, "after", None)) from failed
    if not answer.ok:
        raise NotReached(f"{parts.hostname} refused the message ({answer.status}). Check the address there.")
