"""What is left of a SKU that was counted in several warehouses at several times: pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from heapq import merge

Count = tuple[datetime, int]
"""When a warehouse was counted, and what could be sold there then; below zero for what was oversold."""

Taken = tuple[datetime, int]
"""When the WMS took an order, and how many pieces of the SKU were in it."""


def left_of(counts: Iterable[Count], taken: Iterable[Taken]) -> int:
    """Return the least that may be left; whatever was taken after a count isn't in it, what was taken before is.

    Nobody says from which warehouse an order went. So it is taken from those that were counted before it came, as far as they
    had something; one that was counted later has it in its count. A warehouse that nobody counts any more costs no more than it
    had.
    """
    left = 0
    was_counted = ((at, False, number) for at, number in sorted(counts))
    was_taken = ((at, True, number) for at, number in sorted(taken))
    for _, is_taken, number in merge(was_counted, was_taken):
        left = min(left, max(0, left - number)) if is_taken else left + number
    return left
