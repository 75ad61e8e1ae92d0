"""The settings of production, with a clock that ticks each second: a test can't wait a quarter of a minute for each tick."""

from __future__ import annotations

from datetime import timedelta

from cartrover.settings import *  # noqa: F403

for _entry in CELERY_BEAT_SCHEDULE.values():  # noqa: F405 - from the star above
    _entry["schedule"] = min(_entry["schedule"], timedelta(seconds=1))
# One each second would be most of what the workers do.
CELERY_BEAT_SCHEDULE["housekeeping"]["schedule"] = timedelta(seconds=20)  # noqa: F405
