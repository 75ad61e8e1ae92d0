"""Who changed what: the account's trail, filtered, and how its verbs are said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from cartrover.accounts.models import Account, AuditEntry
from cartrover.clock import hub_now
from orders.listings.paging import PAGE, Page

VERBS: Mapping[str, str] = {
    "account.made": "made the account",
    "account.changed": "changed the account",
    "account.exported": "exported everything",
    "member.made_owner": "made an owner",
    "member.invited": "invited a member",
    "invitation.sent_again": "sent an invitation again",
    "invitation.revoked": "took an invitation back",
    "member.joined": "joined",
    "member.changed": "changed a member's role",
    "member.removed": "removed a member",
    "connection.made": "made a connection",
    "connection.changed": "changed a connection",
    "connection.granted": "granted access",
    "connection.activated": "went live",
    "connection.paused": "paused a connection",
    "connection.resumed": "resumed a connection",
    "connection.disconnected": "disconnected",
    "connection.host_key_accepted": "accepted a host key",
    "connection.secret_removed": "removed a stored secret",
    "connection.test_mode": "went back to test mode",
    "connection.test_skipped": "skipped the test order",
    "service.scheduled": "changed a schedule",
    "alert.dismissed": "dismissed an alert",
    "alias.added": "added an alias",
    "alias.changed": "changed an alias",
    "alias.removed": "removed an alias",
    "product.added": "added a product",
    "product.changed": "changed a product",
    "product.removed": "removed a product",
    "ship_method.changed": "mapped a shipping code",
    "api_key.made": "made an API key",
    "api_key.rolled": "rolled an API key",
    "api_key.revoked": "revoked an API key",
    "api_key.in_addresses": "took or refused API keys in addresses",
    "channel.made": "added a notification channel",
    "channel.changed": "changed a notification channel",
    "channel.removed": "removed a notification channel",
    "channel.secret_rolled": "rolled a channel's secret",
    "support.asked": "asked support for help",
    "support.said": "wrote to support",
    "support.withdrawn": "withdrew a request to support",
    "support.moved": "moved a request to support",
    "staff.made": "made a row (our staff)",
    "staff.changed": "changed a row (our staff)",
    "staff.deleted": "deleted a row (our staff)",
}
"""What people choose from; a verb that isn't here is shown as it is written."""


def verb_words(verb: str) -> str:
    """Say what was done."""
    return VERBS.get(verb, verb.replace(".", " ").replace("_", " "))


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """What of the trail is wanted; empty = all. Days are the account's own, both included."""

    actor: str = ""
    verb: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> TrailFilter:
        """Read a filter from the query of an address; what can't be read there counts as not said."""
        text = {name: query.get(name, "").strip()[:254] for name in ("actor", "verb", "since", "until")}
        return cls(text["actor"], text["verb"], _day(text["since"]), _day(text["until"]))


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:  # a well-formed date that doesn't exist
        return None


def trail_page(account: Account, wanted: TrailFilter, after: str = "", *, limit: int = PAGE) -> Page[AuditEntry]:
    """Return a page of the trail, the latest first.

    The cursor is the moment of the page's last entry and how many entries of just that moment were shown: entries are never
    changed or deleted, so that names a place, and no id of the database leaves the house.
    """
    rows, shown = _filtered(account, wanted).order_by("-at", "-pk"), 0
    if after:
        text, _, number = after.rpartition("~")
        moment = _moment(text)
        if moment is None or not (number.isascii() and number.isdigit()):
            return Page([], None)
        rows, shown = rows.filter(at__lte=moment), min(int(number), 1000)
    found = list(rows[shown : shown + limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1].at
    same = sum(entry.at == last for entry in found[:limit])
    before = shown if after and last == _moment(after.rpartition("~")[0]) else 0
    return Page(found[:limit], f"{last.isoformat()}~{before + same}")


def trail(account: Account, at_once: int = 1000) -> Iterator[Sequence[AuditEntry]]:
    """Yield the whole trail, the oldest first, in chunks that are a query each."""
    rows = AuditEntry.objects.filter(account=account).order_by("at", "pk")
    chunk = list(rows[:at_once])
    while chunk:
        yield chunk
        last = chunk[-1]
        chunk = list(rows.filter(at__gte=last.at).filter(Q(at__gt=last.at) | Q(pk__gt=last.pk))[:at_once])


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _filtered(account: Account, wanted: TrailFilter) -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.filter(account=account)
    if wanted.actor:
        rows = rows.filter(actor__icontains=wanted.actor)
    if wanted.verb:
        rows = rows.filter(verb=wanted.verb)
    if wanted.since is not None:
        rows = rows.filter(at__gte=_begin(wanted.since))
    if wanted.until is not None:
        rows = rows.filter(at__lt=_begin(wanted.until + timedelta(days=1)) if wanted.until < date.max else hub_now())
    return rows


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
