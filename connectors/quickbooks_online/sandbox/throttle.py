"""How much may be asked: so many requests a minute, so many at once, and fewer batches. Source: QuickBooks Online reference
9.2."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from .answers import THROTTLED, Answer, json_answer
from .company import Company

WINDOW = 60.0


class Throttle:
    """Counts the requests of the last minute, and those that are under way: `most_at_once` is how many that ever were."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._under_way = 0
        self._requests: deque[float] = deque()
        self._batches: deque[float] = deque()
        self.most_at_once = 0

    def clear(self) -> None:
        self._requests.clear()
        self._batches.clear()
        self.most_at_once = 0

    @contextmanager
    def under_way(self) -> Iterator[bool]:
        """Count a request from its arrival to its answer; tell whether it is within what may be under way at once."""
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            yield self._under_way <= self._company.options["at_once"]
        finally:
            self._under_way -= 1

    def refusal(self, *, is_batch: bool, has_room: bool) -> Answer | None:
        """Count a request; return the 429 where it is one too many."""
        options = self._company.options
        counted, most = (self._batches, options["batch_limit"]) if is_batch else (self._requests, options["rate_limit"])
        now = time.monotonic()
        while counted and counted[0] <= now - WINDOW:
            counted.popleft()
        if len(counted) >= most or not has_room:
            return throttled(self._company)
        counted.append(now)
        return None


def throttled(company: Company) -> Answer:
    return json_answer(429, {"Fault": THROTTLED.fault(), "time": company.stamp()})
