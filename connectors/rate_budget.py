"""The request budget of a remote account, shared by all workers: so many in a window, so many at once, so many in a month."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta

from cartrover.clock import hub_now
from connectors.contract import RateLimit
from connectors.month_budget import add_to_month
from connectors.request_slots import RequestSlots
from connectors.request_window import UNKNOWN_WINDOW, RequestWindow
from connectors.thread_database import brief_use


class BudgetLimiter:
    """A `contract.Limiter` over the rows of one remote account. Any thread may use it.

    Without a limit of the spec and without a header that names one, requests are only counted. `made` is how many were allowed.
    `month_of` is under whose name the month is counted, where that isn't the remote account.
    """

    def __init__(
        self,
        remote: str,
        limits: RateLimit | None,
        *,
        month_of: str = "",
        now: Callable[[], datetime] = hub_now,
        home: int | None = None,
    ) -> None:
        self.made = 0
        self._counted = 0
        self._month_of, self._now = month_of or remote, now
        self._home = threading.get_ident() if home is None else home
        self._lock = threading.Lock()
        self._counts_months = limits is not None and limits.monthly > 0
        length = timedelta(seconds=limits.window_seconds) if limits else UNKNOWN_WINDOW
        sorts = {"": limits.requests, **limits.apart} if limits else {"": 0}
        self._windows = {
            sort: RequestWindow(_row_name(remote, sort), most, length, now=now, home=self._home) for sort, most in sorts.items()
        }
        self._slots = RequestSlots(remote, limits.at_once, home=self._home) if limits and limits.at_once else None

    def under_way(self) -> AbstractContextManager[None]:
        """Hold one of the requests that may be under way at once. Raise `SlowDown` when none becomes free."""
        return self._slots.held() if self._slots is not None else nullcontext()

    def take(self, sort: str = "") -> None:
        """Count one request. Raise `SlowDown` when the budget of this window is used up."""
        self._windows[sort].take()
        with self._lock:
            self.made += 1

    def observe(self, *, limit: int, remaining: int, reset_at: datetime) -> None:
        """Remember what the far side's headers said. Answers that come late, of a window that is over, change nothing."""
        self._windows[""].observe(limit, remaining, reset_at)

    def exhausted(self, *, reset_at: datetime, sort: str = "") -> None:
        """Remember that the far side refused: no worker asks again before `reset_at`."""
        self._windows[sort].exhausted(reset_at)

    def close(self) -> None:
        """Give back what was drawn and not spent."""
        for window in self._windows.values():
            window.close()
        with self._lock:
            self._count_month()

    def _count_month(self) -> None:
        """Add what was made since the last time to the month's count, where the far side counts months."""
        uncounted, self._counted = self.made - self._counted, self.made
        if not uncounted or not self._counts_months:
            return
        with brief_use(self._home):
            add_to_month(self._month_of, uncounted, now=self._now())


def _row_name(remote: str, sort: str) -> str:
    """Return the name of the row of what is counted apart; the account's own name is that of everything else."""
    return f"{remote}#{sort}" if sort else remote
