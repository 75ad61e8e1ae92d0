"""The last things that happened at the server, as a person would look them up."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from connectors.dsco.sandbox.state import now_text

KEPT = 500
"""Enough for a person to look back on an hour of polling; the jobs' history is kept apart and for good."""


class Activity:
    """Logins, downloads, uploads, renames and what the server did by itself. Never holds a password."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def note(self, what: str, path: str = "", size: int | None = None) -> None:
        """Remember that something happened now."""
        with self._lock:
            self._entries.append({"at": now_text(), "what": what, "path": path, "bytes": size})

    def entries(self) -> list[dict[str, Any]]:
        """Return what is remembered, oldest first."""
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
