"""How much may be asked: so many requests a minute, so many at once, and fewer batches. Source: QuickBooks Online reference
9.2."""

from __future__ import annotations

import time
from collections import deque

from .answers import THROTTLED, Answer, json_answer
from .company import Company

WINDOW = 60.0


class Throttle:
    """Counts the requests of the last minute, and those that are under way."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self.under_way = 0
        self._requests: deque[float] = deque()
        self._batches: deque[float] = deque()

    def clear(self) -> None:
        self._requests.clear()
        self._batches.clear()

    def refusal(self, *, is_batch: bool) -> Answer | None:
        """Count a request; return the 429 where it is one too many."""
        options = self._company.options
        counted, most = (self._batches, options["batch_limit"]) if is_batch else (self._requests, options["rate_limit"])
        now = time.monotonic()
        while counted and counted[0] <= now - WINDOW:
            counted.popleft()
        if len(counted) >= most or self.under_way > options["at_once"]:
            return throttled(self._company)
        counted.append(now)
        return None


def throttled(company: Company) -> Answer:
    return json_answer(429, {"Fault": THROTTLED.fault(), "time": company.stamp()})
