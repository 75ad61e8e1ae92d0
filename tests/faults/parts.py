"""The parts of an installation as processes that can be killed, stopped, made mute and started again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Part:
    """A process in a session of its own, so that whatever it forked goes with it. Start it as often as you like."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._may_end = False

    def start(self) -> Part:
        assert not self.runs, f"{self.name} runs already"
        self._may_end = False
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def ended_by_itself(self) -> bool:
        return self._process is not None and not self.runs and not self._may_end

    def kill(self) -> None:
        """SIGKILL to the process and all below it, as when a container or a machine dies."""
        self._may_end = True
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def kill_one_below(self, dice: random.Random) -> bool:
        """SIGKILL to one process that this one forked, as when memory runs out; False when it has none."""
        below = self.below()
        if not below:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(dice.choice(below), signal.SIGKILL)
        return True

    def below(self) -> list[int]:
        with contextlib.suppress(OSError):
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def mute(self) -> None:
        """Let it hold its connections and say nothing, until `speak`."""
        os.killpg(self.pid, signal.SIGSTOP)

    def speak(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """SIGTERM to the process alone, as a container's runtime does."""
        self._may_end = True
        if self.runs:
            os.kill(self.pid, signal.SIGTERM)

    def wait(self, seconds: float) -> int:
        """Return its exit code. Raise `subprocess.TimeoutExpired` when it doesn't end in time."""
        return self.process.wait(seconds)

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""
