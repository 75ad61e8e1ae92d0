"""Waiting for what comes by itself. The time-out is for a busy machine; who waits looks often enough to go on at once."""

from __future__ import annotations

import time
from collections.abc import Callable


def becomes_true(holds: Callable[[], object], seconds: float = 60.0, *, every: float = 0.02) -> bool:
    """Return whether it became true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(every)
    return bool(holds())


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Return once it is true."""
    assert becomes_true(holds, seconds, every=0.01), f"it did not happen in {seconds:g} seconds"
