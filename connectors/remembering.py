"""What a connection remembers between runs, and things that must be made at the far side once, however many workers ask."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

from django.db.models import F, Q

from cartrover.clock import database_now, hub_now
from cartrover.leasing import Lease, LeaseLost, break_dead_lease, claim
from connectors.errors import AlreadyTaken, BadDocument, FixConnection, FixOrder, SlowDown, TryLater
from connectors.models import Connection, RemoteFact
from connectors.thread_database import brief_use

CHUNK = 500
"""Keys in one query: SQLite allows fewer than a thousand parameters in older builds."""

LONGEST = 200
"""Width of the columns for keys and values."""

PATIENCE = 5.0
"""Seconds to wait for another worker that is making the same thing: longer than making takes, shorter than a run's patience."""

_NOT_EXECUTED = (TryLater, SlowDown, FixConnection, FixOrder, BadDocument)
"""After these the far side provably made nothing, so that the next attempt need not wait."""


class RememberedFacts:
    """A `contract.Memory` over the `RemoteFact` rows of one connection. Any thread may use it.

    `settled_after` is how old an attempt without an outcome must be before something that wasn't found is made again.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        settled_after: timedelta,
        home: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._settled_after = settled_after
        self._home = threading.get_ident() if home is None else home
        self._sleep = sleep

    def get(self, kind: str, keys: Collection[str]) -> dict[str, str]:
        """Return the values of those keys that are remembered."""
        column_to_key = {_column(key): key for key in keys}
        found: dict[str, str] = {}
        with brief_use(self._home):
            for chunk in _chunks(column_to_key):
                rows = self._rows(kind).filter(key__in=chunk).exclude(value="")
                found.update((column_to_key[column], value) for column, value in rows.values_list("key", "value"))
        return found

    def put(self, kind: str, values: Mapping[str, str]) -> None:
        """Remember values; known keys are overwritten. An empty value, or one over 200 characters, is a bug."""
        now = hub_now()
        for key, value in values.items():
            if not 0 < len(value) <= LONGEST:
                raise ValueError(f"{kind} {key}: a remembered value has 1 to {LONGEST} characters")
        with brief_use(self._home):
            for chunk in _chunks(sorted(values.items())):
                RemoteFact.objects.bulk_create(
                    [self._new(kind, key, value=value, seen_at=now) for key, value in chunk],
                    update_conflicts=True,
                    unique_fields=["connection", "kind", "key"],
                    update_fields=["value", "seen_at"],
                )

    def forget(self, kind: str, keys: Collection[str]) -> None:
        """Forget keys; unknown ones, and ones that are being made just now, are left alone.

        What is forgotten and made again gets a new idempotency key, so that the far side doesn't answer with the old thing.
        """
        with brief_use(self._home):
            for chunk in _chunks([_column(key) for key in keys]):
                self._rows(kind).filter(key__in=chunk).exclude(value="").delete()

    def make_once(self, kind: str, key: str, *, find: Callable[[], str | None], make: Callable[[str], str]) -> str:
        """Return the value of a thing that must exist once at the far side, made at most once however many workers ask.

        `find` is asked before every `make`. `make` gets an idempotency key that stays the same until an attempt is known to
        have made nothing lasting under it. Raise `TryLater` while another worker makes it, or while an attempt without an
        outcome is too young to be repeated; what `find` and `make` raise is passed on.
        """
        with brief_use(self._home):
            fact, lease = self._claim(kind, key)
            if lease is None:
                return str(fact.value)
            value = ""
            try:
                value = self._find_or_make(fact, lease, find, make)
            finally:
                lease.release(**({"value": value, "seen_at": hub_now()} if value else {}))
            return value

    # --- one thing, one maker ---------------------------------------------------------------------------------------------

    def _claim(self, kind: str, key: str) -> tuple[RemoteFact, Lease | None]:
        """Return the fact, with the right to make it, or without where it is known meanwhile."""
        column, ends = _column(key), time.monotonic() + PATIENCE
        RemoteFact.objects.bulk_create([self._new(kind, key)], ignore_conflicts=True)
        while True:
            fact = self._rows(kind).filter(key=column).first()
            if fact is None:  # forgotten by another worker between the two statements
                RemoteFact.objects.bulk_create([self._new(kind, key)], ignore_conflicts=True)
                continue
            if fact.value:
                return fact, None
            lease = claim(RemoteFact, fact.pk, only=Q(value=""))
            if lease is not None:
                fact.refresh_from_db()
                return fact, lease
            if break_dead_lease(RemoteFact, fact.pk):
                continue
            if time.monotonic() >= ends:
                raise TryLater(f"Another worker is just making {kind} {key[:80]} at the far side.", after=5)
            self._sleep(0.1)

    def _find_or_make(self, fact: RemoteFact, lease: Lease, find: Callable[[], str | None], make: Callable[[str], str]) -> str:
        found = find()
        if found:
            return found
        self._require_old_attempt(fact)
        self._record_attempt(fact, lease)
        try:
            return make(str(fact.public_id))
        except AlreadyTaken as taken:
            found = find()
            if found:
                return found
            if taken.what != "key":
                raise
            # The key is used up and nothing came of it: the next attempt needs another one.
            self._held(fact, lease).update(public_id=uuid.uuid4())
            raise TryLater(f"{taken.words} Nothing was found either; the hub looks again in a minute.", after=60) from taken
        except _NOT_EXECUTED:
            self._held(fact, lease).update(attempts=0)
            raise

    def _record_attempt(self, fact: RemoteFact, lease: Lease) -> None:
        """Before the call: a worker that dies in it leaves an attempt behind that says when to look again."""
        try:
            lease.renew()
        except LeaseLost as lost:
            raise TryLater(f"Another worker has begun to make {fact.kind} {fact.key[:80]}.", after=5) from lost
        self._held(fact, lease).update(attempts=F("attempts") + 1, seen_at=database_now())

    def _require_old_attempt(self, fact: RemoteFact) -> None:
        if not fact.attempts:
            return
        waits = (fact.seen_at + self._settled_after - database_now()).total_seconds()
        if waits > 0:
            raise TryLater(
                f"An attempt to make {fact.kind} {fact.key[:80]} had no answer and may still arrive; the hub looks again.",
                after=waits,
            )

    def _held(self, fact: RemoteFact, lease: Lease) -> Any:
        return self._rows(fact.kind).filter(pk=fact.pk, lease_token=lease.token)

    # --- rows -------------------------------------------------------------------------------------------------------------

    def _rows(self, kind: str) -> Any:
        return RemoteFact.objects.for_account(self._connection.account_id).filter(connection=self._connection, kind=kind)

    def _new(self, kind: str, key: str, **values: Any) -> RemoteFact:
        return RemoteFact(
            account_id=self._connection.account_id, connection=self._connection, kind=kind, key=_column(key), **values
        )


def _column(key: str) -> str:
    """The key as its column holds it: one that is too long keeps its beginning and is told apart by its hash."""
    return key if len(key) <= LONGEST else f"{key[: LONGEST - 65]}#{sha256(key.encode()).hexdigest()}"


def _chunks(items: Collection[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
