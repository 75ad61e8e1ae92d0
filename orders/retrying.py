"""When to try again, or never: pure."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

FIRST_TRIES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
AFTERWARDS = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=15)
"""How long a message is tried before it needs a person: the same span that CartRover's users know (CartRover reference 2.7)."""

JITTER = 0.2
"""Spreads the hourly tries, so that everything that failed together doesn't come back together."""


def next_try(*, failures: int, first_failed_at: datetime, now: datetime, after: float | None = None) -> datetime | None:
    """Return when to try again after `failures` failures (at least one), or None when it is time to give up.

    `after` is what the far side asked for, in seconds: never sooner than that.
    """
    if now - first_failed_at >= GIVE_UP_AFTER:
        return None
    wait = FIRST_TRIES[failures - 1] if failures <= len(FIRST_TRIES) else AFTERWARDS * (1 + random.uniform(-JITTER, JITTER))
    if after is not None:
        wait = max(wait, timedelta(seconds=after))
    return now + wait
