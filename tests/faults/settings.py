"""The settings of production, with a clock that ticks each second: a test can't wait a quarter of a minute for each tick."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from django.utils import timezone

from cartrover.settings import *  # noqa: F403

for _entry in CELERY_BEAT_SCHEDULE.values():  # noqa: F405 - from the star above
    _entry["schedule"] = min(_entry["schedule"], timedelta(seconds=1))
# One each second would be most of what the workers do.
CELERY_BEAT_SCHEDULE["housekeeping"]["schedule"] = timedelta(seconds=20)  # noqa: F405

if os.environ.get("FAULTS_NEXT_VERSION"):
    INSTALLED_APPS.append("tests.faults.next_version")  # noqa: F405

if _ahead := float(os.environ.get("FAULTS_CLOCK_AHEAD", "0")):
    _true_now = timezone.now

    def _wrong_now() -> datetime:
        """What a machine says whose clock is so many seconds ahead."""
        return _true_now() + timedelta(seconds=_ahead)

    timezone.now = _wrong_now
