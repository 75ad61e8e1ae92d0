"""The clock (`celery beat`). It ticks by a steady clock: setting the machine's back by an hour must not silence it for one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from celery.beat import ScheduleEntry, Scheduler

_BEGAN, _BEGAN_AT = datetime.now(UTC), time.monotonic()


def steady_now() -> datetime:
    """Return the time as the machine said it when this process began, counted on by a clock that nobody sets."""
    return _BEGAN + timedelta(seconds=time.monotonic() - _BEGAN_AT)


class SteadyEntry(ScheduleEntry):
    """An entry whose interval is measured by the steady clock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schedule.nowfun = steady_now


class SteadyScheduler(Scheduler):
    """Keeps nothing between two starts: what is due stands in the database, and a tick too many or too few costs nothing.

    The file that `--schedule` names is touched every three minutes, so that whoever looks after the process sees it alive.
    """

    Entry = SteadyEntry

    def __init__(self, *args: Any, schedule_filename: str, **kwargs: Any) -> None:
        self._alive = Path(schedule_filename)
        super().__init__(*args, **kwargs)

    def sync(self) -> None:
        """Show that the clock ticks."""
        self._alive.touch()
