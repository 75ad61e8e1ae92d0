"""The clock of a machine that is off by minutes, and that somebody sets while everything runs.

Every process that is told of the same file goes by it: so many seconds ahead of the true time, or behind. The steady clock is
left alone, as on a machine whose clock is set.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

LOOK_EVERY = 0.1


def follow(file: Path) -> None:
    """Let this process, and each one that it forks, go by the file."""
    clock = time_machine.travel(datetime.now(UTC) + _ahead(file), tick=True).start()

    def look() -> None:
        known = _ahead(file)
        while True:
            time.sleep(LOOK_EVERY)
            if (now := _ahead(file)) != known:
                known = now
                clock.move_to(time_machine.escape_hatch.datetime.datetime.now(UTC) + now)

    def start() -> None:
        threading.Thread(target=look, name="wrong clock", daemon=True).start()

    os.register_at_fork(after_in_child=start)
    start()


def _ahead(file: Path) -> timedelta:
    return timedelta(seconds=float(file.read_text()))
