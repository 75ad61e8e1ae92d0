"""Ways to tell somebody of alerts: made, changed, switched and removed, each with a trail."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account, AuditEntry, User
from cartrover.clock import hub_now
from cartrover.outbound import is_allowed
from cartrover.vault import seal
from connectors.refusals import Refused
from orders.models import ChannelKind, Notification, NotificationChannel, NotificationState
from orders.notifications.notifying import destination, send_test

TELLS = ("tell_alerts", "tell_orders", "tell_shipments", "tell_stock")
"""What a webhook is told of."""

SETTINGS = ("name", "scope", "pace", "hour", "tell_resolved", "active", *TELLS)
"""What can be changed of a channel besides its address."""

LONGEST_ADDRESS = 2000

REPLAYED_AT_MOST = 50_000

TESTS_AN_HOUR = 20
"""Tests that an account may send within an hour: enough to set all up, too few to bother strangers with."""

TESTED = "channel.tested"


@transaction.atomic
def channel_add(
    *, account: Account, kind: ChannelKind, actor: str, address: str, **chosen: Any
) -> tuple[NotificationChannel, str]:
    """Make a channel of the account; return it, and for a webhook the secret that signs its bodies, which is shown once.

    Raise `Refused` for a name that is taken or an address that can't be used.
    """
    secret = _drawn() if kind == ChannelKind.WEBHOOK else ""
    fields = {"kind": kind, **_address_fields(kind, address), **_known(chosen)}
    if secret:
        fields["sealed_secret"] = seal(secret)
    try:
        with transaction.atomic():
            channel = NotificationChannel.objects.create(account=account, **fields)
    except IntegrityError as taken:
        raise Refused(f"There is a channel named “{chosen.get('name', '')}” already. Choose another name.") from taken
    audit(account=account, actor=actor, verb="channel.made", subject=_subject(channel), words=f"To {_shown(channel)}.")
    return channel, secret


@transaction.atomic
def channel_change(channel: NotificationChannel, *, actor: str, address: str = "", **chosen: Any) -> bool:
    """Make these the channel's settings; an empty address leaves it as it is. Return whether anything changed.

    Raise `Refused` for a name that is taken or an address that can't be used.
    """
    known = _known(chosen)
    if channel.looked_at is not None and channel.active:
        known.pop("looked_at", None)
    fields = {name: value for name, value in known.items() if getattr(channel, name) != value}
    if set(fields) == {"looked_at"}:
        fields = {}
    if address.strip() and address.strip() != channel.address:
        # Whether a new address can be reached is another question than whether the old one could.
        fields |= {**_address_fields(ChannelKind(channel.kind), address), **_fresh()}
    if fields.get("active") or "pace" in fields:
        fields |= {"due_at": None}
    if fields.get("active") and channel.looked_at is not None:
        # What happened while it was off isn't told.
        fields |= {"looked_at": hub_now()}
    if not fields:
        return False
    try:
        with transaction.atomic():
            NotificationChannel.objects.for_account(channel.account_id).filter(pk=channel.pk).update(**fields)
    except IntegrityError as taken:
        raise Refused(f"There is a channel named “{chosen.get('name', '')}” already. Choose another name.") from taken
    channel.refresh_from_db()
    said = [name for name in (*SETTINGS, "address") if name in fields or (name == "address" and "shown" in fields)]
    words = "Changed: " + ", ".join(name.replace("_", " ") for name in said) + "."
    audit(account=channel.account, actor=actor, verb="channel.changed", subject=_subject(channel), words=words)
    return True


@transaction.atomic
def channel_remove(channel: NotificationChannel, *, actor: str) -> None:
    """Take the channel away; what waited for it is told nobody."""
    audit(account=channel.account, actor=actor, verb="channel.removed", subject=_subject(channel))
    NotificationChannel.objects.for_account(channel.account_id).filter(pk=channel.pk).delete()


@transaction.atomic
def channel_roll_secret(channel: NotificationChannel, *, actor: str) -> str:
    """Give a webhook a new secret and return it; the next body is signed with it. Raise `Refused` for other kinds."""
    if channel.kind != ChannelKind.WEBHOOK:
        raise Refused("Only webhooks are signed.")
    secret = _drawn()
    NotificationChannel.objects.for_account(channel.account_id).filter(pk=channel.pk).update(sealed_secret=seal(secret))
    audit(account=channel.account, actor=actor, verb="channel.secret_rolled", subject=_subject(channel))
    return secret


@transaction.atomic
def channel_replay(channel: NotificationChannel, *, since: datetime, actor: str) -> int:
    """Tell a webhook again what it was told, or wasn't, since then, under the same ids; return how many that is.

    Raise `Refused` for other kinds, for one that is switched off, and for more than a replay may hold.
    """
    if channel.kind != ChannelKind.WEBHOOK or not channel.active:
        raise Refused("Only a webhook that is switched on can be told again.")
    rows = Notification.objects.for_account(channel.account_id).filter(channel=channel, created_at__gte=since)
    rows = rows.exclude(state=NotificationState.WAITING)
    if rows[: REPLAYED_AT_MOST + 1].count() > REPLAYED_AT_MOST:
        raise Refused(f"That is more than {REPLAYED_AT_MOST:,} events. Choose a later moment.")
    found = rows.update(state=NotificationState.WAITING, sent_at=None, replayed=True)
    NotificationChannel.objects.for_account(channel.account_id).filter(pk=channel.pk).update(due_at=None)
    words = f"{found} events since {since:%Y-%m-%d %H:%M} UTC."
    audit(account=channel.account, actor=actor, verb="channel.replayed", subject=_subject(channel), words=words)
    return found


@transaction.atomic
def own_mail_save(*, account: Account, user: User, **chosen: Any) -> NotificationChannel:
    """Make this what the person is told of by their own e-mail."""
    channel, is_new = NotificationChannel.objects.for_account(account).get_or_create(
        account=account, user=user, defaults={"kind": ChannelKind.EMAIL, **_known(chosen)}
    )
    if is_new:
        audit(account=account, actor=str(user), verb="channel.made", subject=_subject(channel), words="Their own e-mail.")
    else:
        channel_change(channel, actor=str(user), **chosen)
    return channel


def _known(chosen: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: chosen[name] for name in SETTINGS if name in chosen}
    if any(known.get(name) for name in TELLS[1:]):
        # What happened before it was asked for isn't told.
        known["looked_at"] = hub_now()
    return known


def _fresh() -> dict[str, Any]:
    return {"failures": 0, "failing_since": None, "last_words": "", "due_at": None}


def _address_fields(kind: ChannelKind, address: str) -> dict[str, Any]:
    """Return the columns of an address. That of a webhook is a secret: who has it can write into the room behind it."""
    address = address.strip()
    if kind == ChannelKind.EMAIL:
        return {"address": address, "shown": address}
    return {"sealed_address": seal(address), "shown": f"{_host_of(address)} …{address[-4:]}"}


def _host_of(address: str) -> str:
    """Return the host of a webhook's address. Raise `Refused` for what can't be one, or may not be reached."""
    try:
        parts = urlsplit(address)
        host, is_good = parts.hostname or "", parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        host, is_good = "", False
    is_clean = address.isascii() and address.isprintable() and " " not in address and len(address) <= LONGEST_ADDRESS
    if not (host and is_good and is_clean):
        raise Refused("Paste the whole address, as https://hooks.example.com/… with what stands behind the host.")
    if parts.username is not None or parts.fragment:
        raise Refused("The address may hold no user and no #. Paste it as the other side shows it.")
    try:
        is_open = is_allowed(ip_address(host))
    except ValueError:  # a name: where it leads is looked up at each message
        is_open = True
    if not is_open:
        raise Refused(f"{host} is a private address, which the hub may not reach. Enter the public one.")
    return host


def channel_test(channel: NotificationChannel, *, actor: str) -> tuple[bool, str]:
    """Send a test message now; return whether it went out, and words for people. Raise `Refused` after too many."""
    hour_ago = hub_now() - timedelta(hours=1)
    if AuditEntry.objects.filter(account=channel.account_id, verb=TESTED, at__gte=hour_ago).count() >= TESTS_AN_HOUR:
        raise Refused(f"{TESTS_AN_HOUR} tests went out within the last hour, which is as many as may. Try again later.")
    audit(account=channel.account, actor=actor, verb=TESTED, subject=f"channel {channel}", words=f"To {destination(channel)}.")
    return send_test(channel)


def _drawn() -> str:
    return secrets.token_hex(32)


def _subject(channel: NotificationChannel) -> str:
    return f"own e-mail of {channel.user}" if channel.user is not None else f"{channel.kind} {channel.name}"


def _shown(channel: NotificationChannel) -> str:
    return channel.shown.split(" ")[0]
