"""Everything that an account has as one ZIP, made piece by piece while it is sent: neither memory nor disk grows with it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cartrover.accounts.access import zone_of
from cartrover.accounts.changing import retention_of
from cartrover.accounts.models import Account, Membership
from connectors.models import Connection, Service
from orders.import_export import exports
from orders.import_export.csv_text import RowWriter
from orders.listings.audit import trail
from orders.models import ApiKey, NotificationChannel

CONTENTS: Mapping[str, str] = {
    "orders": "every order with its addresses and lines",
    "order_lines": "a row for each line of an order",
    "shipments": "packages and what is in them",
    "invoices": "invoices and what they bill",
    "inventory": "stock by SKU, as last read from the WMS",
    "products": "products",
    "aliases": "which SKU of a cart is which of the WMS",
    "ship_methods": "shipping codes and what they become",
    "skipped": "orders that were knowingly not loaded",
    "events": "the story of every order",
    "account": "the account's settings",
    "members": "who may do what",
    "connections": "carts and WMS with their settings, without passwords and keys",
    "services": "what runs how often",
    "notification_channels": "who is told of alerts, without secret addresses",
    "api_keys": "keys of programs, without their secret part",
    "audit_log": "who changed what",
}
"""The files of the archive, each a CSV, and what is in them."""

Rows = Iterator[Iterable[Any]]


class _Outlet(io.RawIOBase):
    """What the ZIP is written into: keeps what was not taken yet, and can't be sought in, so nothing needs to be kept."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        pieces, self._pieces = b"".join(self._pieces), []
        return pieces


def archive_chunks(account: Account, now: datetime) -> Iterator[bytes]:
    """Yield the ZIP: README.txt and a CSV for each of `CONTENTS`. Each file shows its rows as they are when it is written."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        yield from _file(archive, outlet, "README.txt", [_readme(account, now)], account, now)
        for what in CONTENTS:
            chunks = exports.csv_chunks(account, what) if what in exports.EXPORTS else _csv(_OTHERS[what](account))
            yield from _file(archive, outlet, f"{what}.csv", chunks, account, now)
    yield outlet.taken()


def _file(
    archive: zipfile.ZipFile, outlet: _Outlet, name: str, chunks: Iterable[str], account: Account, now: datetime
) -> Iterator[bytes]:
    info = zipfile.ZipInfo(name, now.astimezone(zone_of(account)).timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    # How large it becomes isn't known while its head is written.
    with archive.open(info, "w", force_zip64=True) as file:
        for chunk in chunks:
            file.write(chunk.encode())
            if piece := outlet.taken():
                yield piece


def _readme(account: Account, now: datetime) -> str:
    listed = "\n".join(f"{what + '.csv':26} {words}" for what, words in CONTENTS.items())
    text = (
        f"Everything that CartRover has of {account.name} ({account.slug}), exported {now:%Y-%m-%d %H:%M} UTC.\n\n{listed}\n\n"
        "The files are CSV in UTF-8 with a comma between cells and the names of the columns in the first line. Times are UTC.\n"
        "Text that a spreadsheet would take for a formula begins with an apostrophe.\n"
        "Passwords, keys and secret addresses are not in it: nobody can read them back. Personal data is in it as long as the\n"
        f"account keeps it ({retention_of(account)} days). Whoever has this file has it, too: keep it as you keep your books.\n"
    )
    return text.replace("\n", "\r\n")


def _csv(rows: Rows) -> Iterator[str]:
    writer = RowWriter()
    for number, row in enumerate(rows, start=1):
        writer.write(_cell(value) for value in row)
        if number % exports.CHUNK == 0:
            yield writer.taken()
    yield writer.taken()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bool):
        return "Y" if value else "N"
    return value


def _account(account: Account) -> Rows:
    yield "setting", "value"
    yield "name", account.name
    yield "address", account.slug
    yield "organization", account.organization.name
    yield "time_zone", account.time_zone
    yield "retention_days", retention_of(account)
    yield "api_keys_in_addresses", account.api_keys_in_url
    yield "made", account.created_at


def _members(account: Account) -> Rows:
    yield "email", "name", "role", "since"
    for one in Membership.objects.filter(account=account).select_related("user").order_by("user__email"):
        yield one.user.email, one.user.name, one.role, one.created_at


def _connections(account: Account) -> Rows:
    yield "name", "side", "kind", "state", "live", "destination", "settings", "made"
    rows = Connection.objects.for_account(account).select_related("destination").order_by("side", "name")
    for one in rows:
        goes_to = one.destination.name if one.destination is not None else ""
        yield one.name, one.side, one.kind, one.state, one.live, goes_to, one.settings, one.created_at


def _services(account: Account) -> Rows:
    yield "connection", "service", "every", "last_run", "last_outcome", "words"
    rows = Service.objects.for_account(account).select_related("connection").order_by("connection__name", "name")
    for one in rows:
        yield one.connection.name, one.name, one.every, one.last_run_at, one.last_outcome, one.last_words


def _channels(account: Account) -> Rows:
    yield "name", "kind", "to", "about", "when", "hour", "tells_when_over", "on", "made"
    for one in NotificationChannel.objects.for_account(account).select_related("user").order_by("pk"):
        to = one.user.email if one.user is not None else one.shown
        yield one.name, one.kind, to, one.scope, one.pace, one.hour, one.tell_resolved, one.active, one.created_at


def _api_keys(account: Account) -> Rows:
    yield (
        "name",
        "level",
        "cart",
        "api_user",
        "begins_with",
        "made",
        "made_by",
        "rolled",
        "last_used",
        "last_in_address",
        "revoked",
    )
    for one in ApiKey.objects.for_account(account).select_related("cart").order_by("pk"):
        cart = one.cart.name if one.cart is not None else ""
        stamps = (one.rolled_at, one.last_used_at, one.url_used_at, one.revoked_at)
        yield one.name, one.level, cart, one.api_user, one.prefix, one.created_at, one.created_by, *stamps


def _audit_log(account: Account) -> Rows:
    yield "at", "actor", "verb", "subject", "words"
    for chunk in trail(account):
        for entry in chunk:
            yield entry.at, entry.actor, entry.verb, entry.subject, entry.words


_OTHERS: Mapping[str, Callable[[Account], Rows]] = {
    "account": _account,
    "members": _members,
    "connections": _connections,
    "services": _services,
    "notification_channels": _channels,
    "api_keys": _api_keys,
    "audit_log": _audit_log,
}
