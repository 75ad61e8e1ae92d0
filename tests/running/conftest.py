"""A hub that really runs, in a folder of its own, and a way to see every process that belongs to it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.waiting import becomes_true

MARKER = "CARTROVER_TEST_MARKER"


def processes_with(marker: str) -> dict[int, str]:
    """Return the processes whose environment holds the marker: whatever a hub started inherits it."""
    wanted = f"{MARKER}={marker}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


class Hub:
    """`manage.py up` in a folder of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.marker = os.urandom(8).hex()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CARTROVER_VAR": str(folder / "var"),
            "SECRET_KEY": "only-for-tests",
            MARKER: self.marker,
            **environment,
        }
        self.output = folder / "output"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self, *options: str, expect: str = "CartRover runs at") -> Hub:
        if self.process is not None:
            self.process.wait(timeout=5)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *options],
                cwd=settings.ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        assert becomes_true(lambda: expect in self.said() or self.running.poll() is not None, 90), self.said()
        assert expect in self.said(), self.said()
        if expect == "CartRover runs at":
            self.port = int(self.said().split("http://127.0.0.1:")[1].split("/")[0])
        return self

    def said(self) -> str:
        return self.output.read_text()

    def get(self, path: str = "/") -> int:
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            wire.request("GET", path)
            return wire.getresponse().status
        finally:
            wire.close()

    def processes(self) -> dict[int, str]:
        return processes_with(self.marker)

    def pid_of(self, words: str) -> int:
        own = {pid: line for pid, line in self.processes().items() if words in line and _parent(pid) == self.running.pid}
        assert len(own) == 1, own
        return next(iter(own))

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "start it first"
        return self.process

    def end(self) -> None:
        """Kill what a failed test left."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    one = Hub(tmp_path)
    yield one
    one.end()
