"""How many requests a remote account still allows in a window of time: one row for all workers, drawn in blocks.

A worker takes a block of requests off the row with one conditional UPDATE and then spends it without asking the database. What
it hasn't spent goes back when its session closes, and is lost with a worker that dies: fewer requests for the rest of the
window, never more. What the far side's headers say wins over our own count as soon as they say it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db.models import F, Q

from connectors.errors import SlowDown
from connectors.models import RequestBudget
from connectors.thread_database import brief_use

BLOCKS_A_WINDOW = 20
"""Into how many blocks a window is cut: large enough to ask the database seldom, small enough that a dead worker's block and
the idle blocks of others are a few per cent."""

LARGEST_BLOCK = 50

UNKNOWN_WINDOW = timedelta(seconds=60)
"""How long a window is taken to be where only a limit is known; the next header corrects it."""

SAME_MOMENT = timedelta(seconds=5)
"""Far sides round their reset time, and a slow answer shifts it; a difference below this is none."""


class RequestWindow:
    """The requests of one `RequestBudget` row, `requests` in each window of `length`. Any thread may use it.

    With 0 requests nobody has named a limit: they are unlimited until a header or a refusal says otherwise.
    """

    def __init__(self, name: str, requests: int, length: timedelta, *, now: Callable[[], datetime], home: int) -> None:
        self._name, self._requests, self._length = name, requests, length
        self._now, self._home = now, home
        self._lock = threading.Lock()
        self._row: RequestBudget | None = None
        self._asked_at: datetime | None = None
        self._block = 0
        self._block_ends: datetime | None = None

    def take(self) -> None:
        """Spend one request. Raise `SlowDown` when the window is used up."""
        with self._lock:
            now = self._now()
            if not self._has_block(now) and not self._is_unlimited(now):
                with brief_use(self._home):
                    self._draw(now)
            if self._block:
                self._block -= 1

    def observe(self, limit: int, remaining: int, reset_at: datetime) -> None:
        """Remember what the far side's headers said. Answers that come late, of a window that is over, change nothing."""
        with self._lock:
            if limit < 1 or reset_at <= self._now() or not self._is_news(limit, remaining, reset_at):
                return
            with brief_use(self._home):
                self._learn(limit, max(remaining, 0), reset_at)

    def exhausted(self, reset_at: datetime) -> None:
        """Let nobody ask again before `reset_at`."""
        with self._lock, brief_use(self._home):
            self._block, self._block_ends = 0, None
            row = self._read() or self._make()
            RequestBudget.objects.filter(pk=row.pk).update(remaining=0, reset_at=reset_at)
            self._read()

    def close(self) -> None:
        """Give back what was drawn and not spent."""
        with self._lock:
            if self._block and self._block_ends is not None and self._now() < self._block_ends:
                with brief_use(self._home):
                    rows = RequestBudget.objects.filter(remote=self._name, reset_at=self._block_ends)
                    rows.filter(remaining__lte=F("limit") - self._block).update(remaining=F("remaining") + self._block)
            self._block, self._block_ends = 0, None

    # --- drawing ----------------------------------------------------------------------------------------------------------

    def _has_block(self, now: datetime) -> bool:
        if self._block_ends is not None and now >= self._block_ends:
            self._block, self._block_ends = 0, None
        return self._block > 0

    def _is_unlimited(self, now: datetime) -> bool:
        """Nobody has named a limit; asked anew once a second, as another worker may have learnt of one."""
        if self._requests:
            return False
        if self._asked_at is None or now - self._asked_at >= timedelta(seconds=1):
            with brief_use(self._home):
                self._read()
        row = self._row
        return row is None or (row.limit == 0 and (row.reset_at is None or row.reset_at <= now))

    def _draw(self, now: datetime) -> None:
        row = self._read() or self._make()
        while True:
            if row.reset_at is None or row.reset_at <= now:
                self._open_window(row, now)
            elif row.remaining > 0:
                block = min(max(row.limit // BLOCKS_A_WINDOW, 1), LARGEST_BLOCK, row.remaining)
                same = RequestBudget.objects.filter(pk=row.pk, reset_at=row.reset_at, remaining__gte=block)
                if same.update(remaining=F("remaining") - block):
                    self._block, self._block_ends = block, row.reset_at
                    row.remaining -= block
                    return
            else:
                after = (row.reset_at - now).total_seconds()
                raise SlowDown("The far side's request limit is used up; the hub goes on when it opens again.", after=after)
            row = self._read() or self._make()

    def _open_window(self, row: RequestBudget, now: datetime) -> None:
        """Begin the window that `now` lies in; whoever comes first does it."""
        limit = row.limit or self._requests
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        ends = epoch + ((now - epoch) // self._length + 1) * self._length
        closed = RequestBudget.objects.filter(Q(reset_at__isnull=True) | Q(reset_at__lte=now), pk=row.pk)
        closed.update(limit=limit, remaining=limit, reset_at=ends)

    # --- what is known of the row -----------------------------------------------------------------------------------------

    def _read(self) -> RequestBudget | None:
        self._row = RequestBudget.objects.filter(remote=self._name).first()
        self._asked_at = self._now()
        return self._row

    def _make(self) -> RequestBudget:
        self._row, _ = RequestBudget.objects.get_or_create(remote=self._name, defaults={"limit": self._requests})
        return self._row

    def _is_news(self, limit: int, remaining: int, reset_at: datetime) -> bool:
        """Ordinary answers say what we know already, and cost no query: the far side has at least what the row still has."""
        row = self._row
        if row is None or row.limit != limit or row.reset_at is None:
            return True
        return abs(row.reset_at - reset_at) > SAME_MOMENT or remaining < row.remaining + self._block

    def _learn(self, limit: int, remaining: int, reset_at: datetime) -> None:
        row = self._read() or self._make()
        rows = RequestBudget.objects.filter(pk=row.pk)
        if row.limit != limit or row.reset_at is None or abs(row.reset_at - reset_at) > SAME_MOMENT:
            # Another window or another limit than we took it for: the far side's own count starts us afresh.
            rows.update(limit=limit, remaining=max(remaining - self._block, 0), reset_at=reset_at)
            self._block_ends = reset_at if self._block else None
        else:
            # Somebody outside the hub spends from the same budget: never more than the far side says is left.
            self._block = min(self._block, remaining)
            rows.filter(remaining__gt=remaining - self._block).update(remaining=max(remaining - self._block, 0))
        self._read()
