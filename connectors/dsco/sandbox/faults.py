"""Faults that a test or a person switches on, and the questions that the server asks about them."""

from __future__ import annotations

import fnmatch
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from connectors.dsco.sandbox.state import SandboxError

ARGUMENTS: dict[str, dict[str, Any]] = {
    "refuse_login": {},
    "refuse_connections": {"seconds": None},
    "change_host_key": {},
    "drop": {"during": "any", "after_bytes": 0},
    "stall": {"operation": "any", "after_bytes": 0, "seconds": None},
    "slow": {"seconds": 0.0, "bytes_per_second": 0},
    "refuse_rename": {},
    "refuse_write": {},
    "refuse_read": {},
    "refuse_list": {},
    "refuse_remove": {},
    "disk_full": {"after_bytes": 0},
    "archive_early": {"after_bytes": 0},
    "swallow": {"operation": "close", "how": "drop"},
    "fail_import": {},
}
"""Every fault with its further arguments and their defaults."""

CHOICES: dict[tuple[str, str], tuple[str, ...]] = {
    ("drop", "during"): ("read", "write", "any"),
    ("stall", "operation"): ("open", "read", "write", "close", "rename", "remove", "list", "stat", "any"),
    ("swallow", "operation"): ("open", "write", "close", "rename", "remove"),
    ("swallow", "how"): ("drop", "silence"),
}


@dataclass(slots=True)
class Fault:
    """One fault that is switched on. `times` is how often it still happens; None = until it is cleared."""

    name: str
    path: str
    times: int | None
    arguments: dict[str, Any]
    until: float | None = None
    seen: int = 0
    cleared: threading.Event = field(default_factory=threading.Event, repr=False)

    def fits(self, path: str, moved: int, wanted: dict[str, str]) -> bool:
        """Tell whether it happens to this path, after so many bytes, with these arguments ("any" fits all)."""
        if not fnmatch.fnmatchcase(path, self.path) or moved < int(self.arguments.get("after_bytes", 0)):
            return False
        return all(self.arguments[name] in ("any", value) for name, value in wanted.items())


class Faults:
    """What is switched on now. Asked by the server's loop and the office alike."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[Fault] = []
        self._spent: list[Fault] = []

    def switch_on(self, name: str, path: str, times: int | None, arguments: dict[str, Any]) -> None:
        """Switch a fault on. Raise `SandboxError` for one that isn't there, or arguments that it doesn't have."""
        if name not in ARGUMENTS:
            raise SandboxError(f"There is no fault {name!r}. The faults are {', '.join(ARGUMENTS)}.")
        unknown = arguments.keys() - ARGUMENTS[name].keys()
        if unknown:
            known = ", ".join(("times", "path", *ARGUMENTS[name]))
            raise SandboxError(f"The fault {name} has no {', '.join(sorted(unknown))}; it takes {known}.")
        whole = ARGUMENTS[name] | arguments
        for argument, value in whole.items():
            allowed = CHOICES.get((name, argument))
            if allowed and value not in allowed:
                raise SandboxError(f"The fault {name} takes as {argument} one of {', '.join(allowed)}, not {value!r}.")
        seconds = whole["seconds"] if name == "refuse_connections" else None
        until = None if seconds is None else time.monotonic() + float(seconds)
        with self._lock:
            self._active.append(Fault(name, path, times, whole, until))

    def clear(self, name: str | None = None) -> None:
        """Switch one kind of fault off, or all; who is stalled goes on."""
        with self._lock:
            for fault in self._active + self._spent:
                if name in (None, fault.name):
                    fault.cleared.set()
            self._spent = [fault for fault in self._spent if not fault.cleared.is_set()]
            self._active = [fault for fault in self._active if name not in (None, fault.name)]

    def happens(self, name: str, path: str = "", *, moved: int = 0, **wanted: str) -> Fault | None:
        """Return the fault of this name that happens here and now and count it, or None."""
        if not self._active:
            return None
        with self._lock:
            for fault in list(self._active):
                if fault.until is not None and time.monotonic() >= fault.until:
                    self._active.remove(fault)
                elif fault.name == name and fault.fits(path, moved, wanted):
                    self._count(fault)
                    return fault
        return None

    def is_on(self, name: str) -> bool:
        """Tell whether a fault of this name is switched on, without counting it."""
        return any(fault.name == name for fault in list(self._active))

    def _count(self, fault: Fault) -> None:
        fault.seen += 1
        if fault.times is not None and fault.seen >= fault.times:
            # Kept until it is cleared: somebody may still be stalled by it.
            self._active.remove(fault)
            self._spent.append(fault)

    def listing(self) -> list[dict[str, Any]]:
        """Return what is switched on, for a person."""
        with self._lock:
            return [
                {"name": fault.name, "path": fault.path, "times": fault.times, "seen": fault.seen, **fault.arguments}
                for fault in self._active
            ]

    def any_on(self) -> bool:
        """Tell whether anything is switched on: the quick way out of the hot path."""
        return bool(self._active)

    def speeds(self, path: str) -> list[float]:
        """Return the speeds in bytes per second that slow faults ask for on this path."""
        return [
            float(fault.arguments["bytes_per_second"])
            for fault in list(self._active)
            if fault.name == "slow" and fault.arguments["bytes_per_second"] and fnmatch.fnmatchcase(path, fault.path)
        ]
