"""A Redis server of its own, where one is installed or came with the packages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cartrover.running import broker
from tests.servers.debian import free_port, running


def program() -> Path | None:
    """Return the server to run; None without one."""
    return next((one.path for one in broker.programs()), None)


def arguments(folder: Path, port: int) -> list[str]:
    """Return what the server is started with: on loopback, with what it needs to lose nothing when it is killed."""
    return ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", ""]


@contextlib.contextmanager
def redis(folder: Path, port: int = 0) -> Iterator[str]:
    """Run a server on loopback that keeps its files in `folder`; give its URL."""
    where, port = program(), port or free_port()
    assert where is not None
    folder.mkdir(exist_ok=True)
    with running([str(where), *arguments(folder, port)], port, folder / "log"):
        yield f"redis://127.0.0.1:{port}/0"
