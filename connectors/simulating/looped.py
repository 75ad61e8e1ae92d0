"""A far side that runs in one event loop in a thread of its own, and keeps its state in a folder that is its alone.

All state belongs to the loop. `drive` and `stop` may be called from any thread; they hand their work over and wait for it.
"""

from __future__ import annotations

import asyncio
import fcntl
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol

from connectors.simulating.http import HOST

PATIENCE = 60
"""Seconds that a start or a stop may take: reading a hundred thousand orders takes some ten."""


class Machine(Protocol):
    """The far side itself. All of it is called in the loop."""

    async def start(self, port: int) -> int:
        """Read what was kept, or begin anew, and listen on this port (0 = any). Return the port."""
        ...

    async def stop(self) -> None:
        """Let go of everything; what changed is written."""
        ...

    def run_command(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Do what a person there would do. Raise ValueError, with words, for what can't be done."""
        ...


class LoopedSandbox:
    """A running machine: `drive` and `stop` of contract.RunningSandbox. `base` is its address."""

    def __init__(self, folder: Path, port: int, make: Callable[[], Machine], *, name: str) -> None:
        """Make the machine once the folder is ours, and start it.

        Raise OSError when the port is taken, RuntimeError when another sandbox runs in the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(folder)
        self._stopped = False
        self._machine = make()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        with ExitStack() as undone:
            undone.callback(self.stop)
            bound = asyncio.run_coroutine_threadsafe(self._machine.start(port), self._loop).result(PATIENCE)
            undone.pop_all()
        self.base = f"http://{HOST}:{bound}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def drive(self, command: str, **arguments: Any) -> Any:
        """Do a command and return its result. Raise ValueError, with words, for what can't be done."""
        if self._stopped:
            raise ValueError("The sandbox was stopped.")
        return asyncio.run_coroutine_threadsafe(self._drive(command, arguments), self._loop).result()

    async def _drive(self, command: str, arguments: Mapping[str, Any]) -> Any:
        return self._machine.run_command(command, arguments)

    def stop(self) -> None:
        """Stop listening, write what changed, and let go of the folder. Twice is harmless."""
        if self._stopped:
            return
        self._stopped = True
        try:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()
            self._lock.close()

    async def _stop(self) -> None:
        await self._machine.stop()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


def _lock(folder: Path) -> IO[str]:
    """Return the lock of a folder, which one sandbox at a time may have."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise RuntimeError(f"Another sandbox is running in {folder}. Stop it first.") from None
    return lock
