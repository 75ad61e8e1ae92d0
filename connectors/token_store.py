"""The OAuth 2.0 token of a connection, shared by all workers: renewed by one at a time, stored before anybody uses it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace as changed
from datetime import datetime
from typing import Any

from django.db.models import F

from cartrover import vault
from cartrover.clock import hub_now
from cartrover.leasing import Lease, break_dead_lease, claim
from connectors.contract import Token
from connectors.errors import FixConnection, TryLater
from connectors.models import Connection, ConnectionSecret
from connectors.thread_database import brief_use

OAUTH_TOKEN = "oauth_token"  # noqa: S105 - the name of a row, no token
"""The name under which a connection's token is kept."""

PATIENCE = 10.0
"""Seconds to wait for a worker that renews the token just now: a refresh takes one request."""


class StoredToken:
    """A `contract.TokenStore` over the sealed token of one connection. Any thread may use it."""

    def __init__(self, connection: Connection, *, home: int | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._connection = connection
        self._home = threading.get_ident() if home is None else home
        self._sleep = sleep

    def current(self) -> Token | None:
        """Return the stored token, or None when access was never granted."""
        with brief_use(self._home):
            row = self._rows().first()
            return _opened(row) if row is not None else None

    def grant(self, token: Token) -> None:
        """Store the token of a new grant, in place of whatever was there; a renewal that is under way loses against it."""
        sealed = _sealed(token)
        with brief_use(self._home):
            changes = {"sealed": sealed, "changed_at": hub_now(), "version": F("version") + 1}
            freed = {"lease_token": "", "lease_owner": "", "lease_until": None}
            if not self._rows().update(**changes, **freed):
                ConnectionSecret.objects.create(
                    account_id=self._connection.account_id, connection=self._connection, name=OAUTH_TOKEN, sealed=sealed
                )

    def replace(self, stale: Token, renew: Callable[[Token], Token]) -> Token:
        """Return a token that is newer than `stale`, renewed by at most one worker at a time.

        Raise `FixConnection` when there is no grant any more, `TryLater` when another worker renews and doesn't finish within
        ten seconds; what `renew` raises is passed on, and the stored token stays.
        """
        ends = time.monotonic() + PATIENCE
        with brief_use(self._home):
            while True:
                row = self._rows().first()
                if row is None:
                    raise FixConnection(
                        "Access was never granted or was taken back. Grant access again on the connection's page."
                    )
                if (known := _opened(row)).access != stale.access:
                    return known
                lease = claim(ConnectionSecret, row.pk)
                if lease is not None:
                    return self._renew(lease, stale, renew)
                if break_dead_lease(ConnectionSecret, row.pk):
                    continue
                if time.monotonic() >= ends:
                    raise TryLater("Another worker is just renewing the access token.", after=5)
                self._sleep(0.1)

    def _renew(self, lease: Lease, stale: Token, renew: Callable[[Token], Token]) -> Token:
        try:
            row = self._rows().get()
            known = _opened(row)
            if known.access != stale.access:  # renewed between our look and our claim
                return known
            fresh = renew(known)
            if not fresh.refresh:  # a far side that doesn't rotate leaves it out; the old one stays good
                fresh = changed(fresh, refresh=known.refresh, ends_at=fresh.ends_at or known.ends_at)
            # By version, not by lease: a far side that rotates has voided the old token, so the new one must not get lost.
            same = self._rows().filter(version=row.version)
            if not same.update(sealed=_sealed(fresh), changed_at=hub_now(), version=F("version") + 1):
                return self.current() or fresh
            return fresh
        finally:
            lease.release()

    def _rows(self) -> Any:
        rows = ConnectionSecret.objects.for_account(self._connection.account_id)
        return rows.filter(connection=self._connection, name=OAUTH_TOKEN)


def _sealed(token: Token) -> bytes:
    moments = {"expires_at": token.expires_at, "ends_at": token.ends_at}
    kept = {name: moment.isoformat() if moment else None for name, moment in moments.items()}
    return vault.seal(json.dumps({"access": token.access, "refresh": token.refresh, **kept}))


def _opened(row: ConnectionSecret) -> Token:
    kept = json.loads(vault.unseal(row.sealed))
    return Token(
        access=kept["access"], refresh=kept["refresh"], expires_at=_moment(kept, "expires_at"), ends_at=_moment(kept, "ends_at")
    )


def _moment(kept: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(kept[name]) if kept.get(name) else None
