"""Runs the sandboxes of all connectors that have one, and lets other processes of this machine drive them.

Each keeps its state, its ports and what a connection to it needs in a folder of its own, so that a restart changes nothing for
the connections. Whoever may open the control socket, the owner of the folder, may give any command that `RunningSandbox.drive`
knows.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from cartrover.running import sockets
from connectors import registry
from connectors.contract import ConnectorSpec, RunningSandbox, Side, StartSandbox

PATIENCE = 30.0
"""Seconds that a command to a sandbox may take: making ten thousand orders takes a few."""

CONNECTION_FILE = "connection.json"


class NoSandbox(RuntimeError):
    """No sandbox runs here; the words say how to start one."""


class CommandRefused(ValueError):
    """The sandbox knows no such command, or can't do it now; the words are its own."""


@dataclass(frozen=True, slots=True)
class SandboxConnection:
    """What a connection to a running sandbox has to be set to."""

    kind: str
    name: str
    side: Side
    page: str
    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Running:
    spec: ConnectorSpec
    box: RunningSandbox
    folder: Path


class Sandboxes:
    """All sandboxes, running in this process. `extra` are commands beyond those of the sandboxes, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.extra: dict[str, Callable[..., Any]] = {"kinds": lambda: list(self._running)}
        self._running: dict[str, _Running] = {}
        self._server: _ControlServer | None = None

    def start(self) -> None:
        """Start every sandbox and write down how to connect to it; then listen for commands."""
        sockets.make_private_folder(self.folder)
        for spec in registry.all_specs():
            if spec.sandbox is not None:
                self._start_one(spec, spec.sandbox)
        self._server = _ControlServer(control_socket(self.folder), self)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="sandbox control", daemon=True).start()

    def _start_one(self, spec: ConnectorSpec, start: StartSandbox) -> None:
        folder = self.folder / spec.kind
        sockets.make_private_folder(folder)
        box = start(str(folder), _ports_of_last_time(folder))
        self._running[spec.kind] = _Running(spec, box, folder)
        facts = {
            "kind": spec.kind,
            "name": spec.name,
            "side": spec.side,
            "page": box.page,
            "settings": dict(box.settings),
            "secrets": dict(box.secrets),
            "control": str(control_socket(self.folder)),
        }
        _write_private(folder / CONNECTION_FILE, facts)

    def stop(self) -> None:
        """Stop listening and let go of all ports; what the sandboxes hold stays for the next start."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            control_socket(self.folder).unlink(missing_ok=True)
        for one in self._running.values():
            one.box.stop()
        self._running.clear()

    def of_side(self, side: Side) -> list[RunningSandbox]:
        return [one.box for one in self._running.values() if one.spec.side is side]

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return, by kind, what may be shown of each: no secrets, but where they are kept."""
        return {
            kind: {
                "name": one.spec.name,
                "settings": dict(one.box.settings),
                "page": one.box.page,
                "connection_file": str(one.folder / CONNECTION_FILE),
            }
            for kind, one in self._running.items()
        }

    def do(self, kind: str, command: str, arguments: Mapping[str, Any]) -> Any:
        """Give a command to one sandbox, or without a kind to all of them together. Raise `ValueError` with words."""
        if not kind:
            if command not in self.extra:
                raise ValueError(f"There is no command {command}.")
            return self.extra[command](**arguments)
        if kind not in self._running:
            raise ValueError(f"No sandbox of the kind {kind} runs; there are: {', '.join(self._running) or 'none'}.")
        return self._running[kind].box.drive(command, **arguments)


def control_socket(folder: Path) -> Path:
    """Return where the sandboxes of this folder listen for commands."""
    return sockets.socket_path(folder, "control.sock")


def drive(folder: Path, kind: str, command: str, **arguments: Any) -> Any:
    """Give a command to a sandbox that runs in another process. Raise `NoSandbox` or `CommandRefused`."""
    request = {"kind": kind, "command": command, "arguments": arguments}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
        wire.settimeout(PATIENCE)
        try:
            wire.connect(str(control_socket(folder)))
            wire.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(wire.makefile("rb").readline() or b"null")
        except (OSError, ValueError) as problem:
            raise NoSandbox(
                "No sandbox runs here. Start the hub with `python manage.py up --sandbox`, or the sandboxes alone with "
                "`python manage.py sandbox`, then try again."
            ) from problem
    if answer is None or "error" in answer:
        raise CommandRefused(answer["error"] if answer else "The sandbox stopped while it was asked.")
    return answer["result"]


def running(folder: Path) -> list[SandboxConnection]:
    """Return what runs in another process, carts first. Raise `NoSandbox` when nothing does."""
    kinds = drive(folder, "", "kinds")
    found = [_read_connection(folder / kind / CONNECTION_FILE) for kind in kinds]
    return sorted(found, key=lambda one: (one.side is not Side.CART, one.kind))


def _read_connection(path: Path) -> SandboxConnection:
    facts = json.loads(path.read_text())
    return SandboxConnection(
        kind=facts["kind"],
        name=facts["name"],
        side=Side(facts["side"]),
        page=facts["page"],
        settings=facts["settings"],
        secrets=facts["secrets"],
    )


def _ports_of_last_time(folder: Path) -> dict[str, int]:
    """Return the port of its page, which every sandbox calls `http`; further ones a sandbox remembers itself."""
    try:
        page = json.loads((folder / CONNECTION_FILE).read_text())["page"]
    except (OSError, ValueError, KeyError):
        return {}
    port = urlsplit(page).port
    return {"http": port} if port and _is_free(port) else {}


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _write_private(path: Path, facts: Mapping[str, Any]) -> None:
    """Write a file that nobody but its owner can read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(facts, file, indent=2)
    fresh.replace(path)


class _ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One line of JSON in, one line of JSON out, for whoever may open the socket."""

    daemon_threads = True

    def __init__(self, path: Path, sandboxes: Sandboxes) -> None:
        self.sandboxes = sandboxes
        sockets.make_private_folder(path.parent)
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        sandboxes = cast(_ControlServer, self.server).sandboxes
        try:
            request = json.loads(self.rfile.readline())
            answer = {"result": sandboxes.do(request["kind"], request["command"], request["arguments"])}
        except (ValueError, KeyError, TypeError) as problem:
            answer = {"error": str(problem)}
        self.wfile.write(json.dumps(answer, default=str).encode() + b"\n")
