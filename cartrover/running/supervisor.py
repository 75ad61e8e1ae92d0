"""Keeps a handful of processes running: starts them, starts them again with back-off when they die, and stops them in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from cartrover.running import lifeline

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds between two starts of a child that keeps dying: short enough to be back soon, long enough not to burn a core."""

HEALTHY_AFTER = 60.0
"""A child that lived so many seconds is forgiven its earlier deaths."""

LOOK_EVERY = 0.1
"""Seconds between two looks at the children."""

LOG_LIMIT = 5_000_000
"""Bytes that a log may have when a child starts; a longer one is set aside as `.1`, in place of the one set aside before."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a child is.

    `form` and `command` are those of `lifeline`. `stop_with` are the signals that end it, each with the seconds that it is
    then given; after the last it is killed with everything below it. Children stop in the order of `stage`, those of one
    stage together. One that runs `once` is not started again after it ended well.
    """

    name: str
    form: str
    command: tuple[str, ...]
    log: Path
    folder: Path = Path()
    environment: Mapping[str, str] = field(default_factory=dict)
    keep_files: tuple[int, ...] = ()
    stop_with: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 5.0),)
    stage: int = 0
    once: bool = False


class Child:
    """One process and what is needed to have it again."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.deaths = 0
        self.start_at: float | None = 0.0
        """When it is to be started (monotonic seconds); None while it runs or when it is done."""

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process, tied to this one, in a session of its own: a terminal's Ctrl-C goes to the supervisor alone."""
        plan = self.plan
        with _open_log(plan.log) as log:
            self.process = subprocess.Popen(  # noqa: S603  # our own command line, no shell
                [sys.executable, "-P", lifeline.__file__, str(os.getpid()), plan.form, *plan.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=plan.folder,
                env={**os.environ, **plan.environment},
                pass_fds=plan.keep_files,
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        self.start_at = None

    def send(self, number: signal.Signals) -> None:
        if self.process is not None and self.running:
            self.process.send_signal(number)

    def kill_all(self) -> None:
        """Kill the process and whatever is left in its session."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()


class Supervisor:
    """Runs children until it is asked to stop. `say` gets one line for people about everything worth knowing."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.children: list[Child] = []
        self.stop_requests = 0

    def listen_to_signals(self) -> None:
        """Let Ctrl-C, a polite kill and a closed terminal end the run; a second one hurries it."""

        def request(number: int, frame: FrameType | None) -> None:
            self.stop_requests += 1

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, request)

    def add(self, plan: Plan) -> Child:
        """Take a child in and start it."""
        child = Child(plan)
        self.children.append(child)
        child.start()
        return child

    def remove(self, child: Child) -> None:
        """End a child and forget it."""
        self._stop_together([child], hurried=lambda: False)
        self.children.remove(child)

    def look(self) -> None:
        """Notice who died, and start again who is due."""
        now = time.monotonic()
        for child in list(self.children):
            if child.start_at is None:
                self._notice_death(child, now)
            elif child.start_at <= now:
                child.start()

    def _notice_death(self, child: Child, now: float) -> None:
        if child.process is None or child.running:
            return
        code = child.process.returncode
        child.kill_all()
        if child.plan.once and code == 0:
            self.children.remove(child)
            return
        child.deaths = 1 if now - child.started_at > HEALTHY_AFTER else child.deaths + 1
        pause = min(FIRST_PAUSE * 2 ** (child.deaths - 1), LONGEST_PAUSE)
        child.start_at = now + pause
        self.say(
            f"The {child.plan.name} ended by itself ({_how_it_ended(code)}). Starting it again in {pause:.0f} s; "
            f"{child.plan.log} may say why."
        )

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Look after the children until `ready` or until so many seconds have passed or a stop was asked for."""
        end = time.monotonic() + seconds
        while not self.stop_requests and time.monotonic() < end:
            if ready():
                return True
            self.look()
            time.sleep(LOOK_EVERY)
        return False

    def run(self) -> None:
        """Look after the children until a stop is asked for."""
        while not self.stop_requests:
            self.look()
            time.sleep(LOOK_EVERY)

    def stop(self) -> None:
        """End all children, stage by stage, and leave no process behind."""
        requests = self.stop_requests
        for stage in sorted({child.plan.stage for child in self.children}):
            group = [child for child in self.children if child.plan.stage == stage]
            self._stop_together(group, hurried=lambda: self.stop_requests > max(requests, 1))
        self.children.clear()

    def _stop_together(self, group: Sequence[Child], *, hurried: Callable[[], bool]) -> None:
        began = time.monotonic()
        waiting = {id(child): list(child.plan.stop_with) for child in group}
        deadline = {id(child): began for child in group}
        while any(child.running for child in group) and not hurried():
            for child in group:
                if not child.running or time.monotonic() < deadline[id(child)]:
                    continue
                if not waiting[id(child)]:
                    child.kill_all()
                    continue
                number, seconds = waiting[id(child)].pop(0)
                child.send(number)
                deadline[id(child)] = time.monotonic() + seconds
            time.sleep(LOOK_EVERY / 2)
        for child in group:
            child.kill_all()


def _how_it_ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_name(path.name + ".1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
