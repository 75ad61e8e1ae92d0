"""How many requests may be under way at once at a remote account: one row a request, held by its lease.

Some far sides refuse the eleventh request while ten are under way, whichever worker sends it. A worker therefore holds a slot's
row for as long as its request takes. A slot of one that died comes back with its lease and not before, though its owner may be
known to be dead: the far side may still be at its request. There is no queue: each holder lets go while it deals with an
answer, and whoever looks in that moment is next.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import QuerySet

from cartrover.clock import database_now
from cartrover.leasing import Lease, claim, free_at
from connectors.errors import SlowDown
from connectors.models import RequestSlot
from connectors.thread_database import brief_use

PATIENCE = 20.0
"""Seconds that a request waits for a slot: shorter than a call may take, and far within the lease of the run that waits."""

COME_AGAIN = 10.0
"""Seconds after which a run tries again that found no slot."""

NAP = 0.03
"""Seconds, about, between two looks at a far side that is full: short beside the answer of any far side that has such a
limit."""

SLOT_LEASE = timedelta(seconds=45)
"""How long a slot is held at most: longer than a call may take (28 s), so that it is never free while its request is under
way."""


class RequestSlots:
    """The slots of one remote account, as one session takes them. Any thread may use it.

    `home` is the thread that opened the session. Threads of one session wait for each other in memory, and only as many as
    there are slots ask the database.
    """

    def __init__(self, remote: str, at_once: int, *, home: int) -> None:
        self._remote, self._at_once = remote, at_once
        self._home = home
        self._room = threading.BoundedSemaphore(at_once)
        self._are_made = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold a slot. Raise `SlowDown` when none became free for twenty seconds."""
        ends = time.monotonic() + PATIENCE
        if not self._room.acquire(timeout=PATIENCE):
            raise _full()
        try:
            with brief_use(self._home):
                lease = self._wait_for_one(ends)
            try:
                yield
            finally:
                with brief_use(self._home):
                    lease.release()
        finally:
            self._room.release()

    def _wait_for_one(self, ends: float) -> Lease:
        if not self._are_made:
            self._make()
        while True:
            lease = self._free_one()
            if lease is not None:
                return lease
            if time.monotonic() >= ends:
                raise _full()
            time.sleep(NAP * random.uniform(0.5, 1.5))

    def _free_one(self) -> Lease | None:
        free = list(self._slots().filter(free_at(database_now())).values_list("pk", flat=True))
        random.shuffle(free)  # so that those who look at the same time don't all reach for the same one
        return next(filter(None, (claim(RequestSlot, pk, lasts=SLOT_LEASE) for pk in free)), None)

    def _make(self) -> None:
        known = set(self._slots().values_list("number", flat=True))
        missing = [RequestSlot(remote=self._remote, number=number) for number in range(self._at_once) if number not in known]
        RequestSlot.objects.bulk_create(missing, ignore_conflicts=True)
        self._are_made = True

    def _slots(self) -> QuerySet[RequestSlot]:
        return RequestSlot.objects.filter(remote=self._remote, number__lt=self._at_once)


def _full() -> SlowDown:
    words = "As many requests as the far side allows at once are under way in other runs; the hub goes on when one has ended."
    return SlowDown(words, after=COME_AGAIN)
