"""What a DSCO connection learns about its server and remembers between runs: its clock, and whether it renames."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from connectors.contract import Memory
from connectors.transports.files import FileEntry

CLOCK_SLACK: Final = 3
"""Seconds by which an offset may differ from the known one without being remembered anew: transfers take as long."""


class Remembered:
    """Reads and writes the connection's memory under kinds and keys of this connector."""

    def __init__(self, memory: Memory, now: Callable[[], datetime]) -> None:
        self._memory, self._now = memory, now

    def far_now(self) -> datetime:
        """Return the server's time as well as it is known."""
        return self._now() + timedelta(seconds=self.clock_offset())

    def clock_offset(self) -> int:
        """Return by how many seconds the server's clock is ahead of ours."""
        return int(self._memory.get("clock", ["offset_seconds"]).get("offset_seconds", "0"))

    def learn_clock(self, entry: FileEntry) -> int | None:
        """Learn the server's clock from a file that was written just now; None where the server doesn't say its time."""
        if entry.modified_at is None:
            return None
        offset = round((entry.modified_at - self._now()).total_seconds())
        if abs(offset - self.clock_offset()) > CLOCK_SLACK:
            self._memory.put("clock", {"offset_seconds": str(offset)})
        return offset

    def rename_is_refused(self) -> bool:
        """Tell whether the server refused renaming when it was last tried."""
        return bool(self._memory.get("upload", ["rename"]))

    def learn_rename(self, *, is_refused: bool) -> None:
        """Remember it, so that a refusal isn't provoked with every file."""
        if is_refused:
            self._memory.put("upload", {"rename": "refused"})
        elif self.rename_is_refused():
            self._memory.forget("upload", ["rename"])
