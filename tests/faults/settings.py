"""The settings of production, with a clock that ticks each second: a test can't wait a quarter of a minute for each tick."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from cartrover.settings import *  # noqa: F403
from tests.faults import wrong_clock

for _entry in CELERY_BEAT_SCHEDULE.values():  # noqa: F405 - from the star above
    _entry["schedule"] = min(_entry["schedule"], timedelta(seconds=1))
# One each second would be most of what the workers do.
CELERY_BEAT_SCHEDULE["housekeeping"]["schedule"] = timedelta(seconds=20)  # noqa: F405

if os.environ.get("FAULTS_NEXT_VERSION"):
    INSTALLED_APPS.append("tests.faults.next_version")  # noqa: F405

if _file := os.environ.get("FAULTS_CLOCK"):
    wrong_clock.follow(Path(_file))
