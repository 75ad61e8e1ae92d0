"""Ties a process to the life of its parent: when the parent is gone, however it went, the process goes too.

Run as a program it ties itself, then becomes what it was asked to be:

    python -P lifeline.py PARENT_PID module celery -A cartrover worker
    python -P lifeline.py PARENT_PID script manage.py sandbox
    python -P lifeline.py PARENT_PID program /usr/bin/redis-server --port 0

Everything that such a process forks is tied to it in turn, so that no pool worker outlives its pool. Standard library only, and
nothing of the project is imported: this runs before anything else does.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import subprocess
import sys
import threading
import time

POLL_SECONDS = 1.0
"""How often the parent is looked for where the kernel doesn't tell: seldom enough to cost nothing."""

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Make this process be killed as soon as `parent` is not its parent any more; at once when that is so already.

    The signal is SIGKILL: the parent has vanished without a word, as in a power cut, and the tables are made for that. A
    gentler one would leave a worker that finishes its run beside the next start.
    """
    if not _kernel_tells_of_death():
        threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()
    if os.getppid() != parent:
        _die()


def tie_forks() -> None:
    """Tie every process that this one forks from its main thread, and so on down the tree."""
    before: dict[str, int] = {}

    def remember() -> None:
        # The kernel watches the thread that forked, not its process: a short-lived thread must not take its fork along.
        in_main = threading.current_thread() is threading.main_thread()
        before["parent"] = os.getpid() if in_main else 0

    def tie() -> None:
        if before["parent"]:
            end_with(before["parent"])

    os.register_at_fork(before=remember, after_in_child=tie)


def _kernel_tells_of_death() -> bool:
    """Ask Linux to kill this process when its parent ends; the wish survives exec. False where there is no such call."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stand_over(command: list[str], parent: int) -> int:
    """Run a program that can't look for its parent itself, and end it when `parent` is gone. Return its exit code."""
    with subprocess.Popen(command) as program:  # noqa: S603  # our own command line, no shell
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: program.send_signal(received))
        while os.getppid() == parent:
            try:
                return program.wait(timeout=POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        program.kill()
        return program.wait()


def main(arguments: list[str]) -> None:
    """Tie this process to the parent that it was told, then become the module, script or program."""
    parent, form, target, *rest = arguments
    if form == "program":
        if not _kernel_tells_of_death():
            sys.exit(_stand_over([target, *rest], int(parent)))
        if os.getppid() != int(parent):
            _die()
        os.execv(target, [target, *rest])  # noqa: S606  # our own command line, no shell
    end_with(int(parent))
    tie_forks()
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  # a path entry is text
    sys.argv = [target, *rest]
    if form == "module":
        runpy.run_module(target, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(target, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
