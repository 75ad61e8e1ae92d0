"""Runs a hub's services in children that die at a certain step, as `kill -9` would have it: `python -m tests.faults.stepper`.

Each line of standard input is `{"services": [...], "die_at": N}`; each line of standard output says how that run ended:
`{"died": bool, "steps": N, "at": words}`. A step is what the world outside can tell apart: before and after each commit, and
before and after each request to a far side. `die_at` 0 lets a run come to its end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.settings")
django.setup()

import paramiko  # noqa: E402
import requests  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402
from django.db.backends.utils import CursorWrapper  # noqa: E402

from connectors.models import Connection, ServiceName  # noqa: E402
from orders.dispatcher import run_named  # noqa: E402


class Steps:
    """Counts steps over all threads, and kills this process at one of them."""

    def __init__(self, die_at: int, report: int) -> None:
        self.taken = 0
        self._die_at = die_at
        self._report = report
        self._lock = threading.Lock()

    def take(self, words: str) -> None:
        with self._lock:
            self.taken += 1
            if self.taken == self._die_at:
                os.write(self._report, json.dumps({"died": True, "steps": self.taken, "at": words}).encode())
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: type[Any], name: str, words: Callable[..., str]) -> None:
        """Make each call of a method two steps; words that are empty make none."""
        original = getattr(owner, name)

        def counted(this: Any, *rest: Any, **more: Any) -> Any:
            said = words(this, *rest, **more)
            if said:
                self.take(f"before {said}")
            result = original(this, *rest, **more)
            if said:
                self.take(f"after {said}")
            return result

        setattr(owner, name, counted)


def _alone(cursor: Any, sql: str, *_: Any, **__: Any) -> str:
    """Name a statement that is a transaction of its own and changes something."""
    is_change = sql.startswith(("INSERT", "UPDATE", "DELETE"))
    return " ".join(sql.split()[:3]) if is_change and not cursor.db.in_atomic_block else ""


def _run(services: list[str], die_at: int, report: int) -> None:
    steps = Steps(die_at, report)
    steps.around(BaseDatabaseWrapper, "_commit", lambda *_, **__: "a commit")
    steps.around(CursorWrapper, "execute", _alone)
    steps.around(requests.adapters.HTTPAdapter, "send", lambda _, asked, **__: f"{asked.method} {asked.path_url}"[:60])
    steps.around(paramiko.SFTPClient, "_request", lambda _, kind, *__: f"SFTP {kind}")
    steps.around(paramiko.SFTPFile, "write", lambda *_: "a piece of a file")
    connections = list(Connection.objects.across_accounts("a test of faults").select_related("account").order_by("-side"))
    for _ in run_named(connections, [ServiceName(name) for name in services]):
        pass
    os.write(report, json.dumps({"died": False, "steps": steps.taken, "at": ""}).encode())


def _in_a_child(services: list[str], die_at: int) -> str:
    reads, writes = os.pipe()
    connection.close()
    child = os.fork()
    if not child:
        try:
            _run(services, die_at, writes)
        finally:
            sys.stderr.flush()
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as report:
        said = report.read()
    os.waitpid(child, 0)
    return said


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(_in_a_child(asked["services"], asked["die_at"]) + "\n")
        sys.stdout.flush()
