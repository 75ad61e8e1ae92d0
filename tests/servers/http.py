"""An HTTP server on bare sockets, which answers as a test says: byte by byte if it must be."""

from __future__ import annotations

import contextlib
import json as jsonlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    """A request as it came. Names of headers are in lower case; `connection` counts connections from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def json(self) -> Any:
        return jsonlib.loads(self.body)

    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


class Line:
    """The server's end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.is_open = True

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def answer(self, status: int = 200, *, json: Any = None, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send a whole answer; the connection stays open."""
        content = body if json is None else jsonlib.dumps(json).encode()
        known = {"Content-Length": str(len(content)), "Content-Type": "application/json"} | (headers or {})
        lines = "".join(f"{name}: {value}\r\n" for name, value in known.items())
        self.send(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + content)

    def drip(self, data: bytes, every: float) -> None:
        """Send a byte at a time."""
        for position in range(len(data)):
            self.send(data[position : position + 1])
            time.sleep(every)

    def close(self) -> None:
        self.is_open = False
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def reset(self) -> None:
        """Break off as a crashed machine's network would."""
        self.is_open = False
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


Behaviour = Callable[[Request, Line], None]


def ok(request: Request, line: Line) -> None:
    line.answer(json={"ok": True})


@dataclass
class RunningHttp:
    """A server that runs. Each request is given to `behave`; change it at any time."""

    url: str
    port: int
    behave: Behaviour = ok
    greet: Callable[[Line], None] | None = None
    """Called with each new connection before anything is read."""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    lines: list[Line] = field(default_factory=list)

    def in_turn(self, *behaviours: Behaviour) -> None:
        """Let each request be answered by the next of these, the last one going on for ever."""
        left = list(behaviours)
        lock = threading.Lock()

        def behave(request: Request, line: Line) -> None:
            with lock:
                now = left.pop(0) if len(left) > 1 else left[0]
            now(request, line)

        self.behave = behave


@contextlib.contextmanager
def http_server(*, certificate: Path | None = None) -> Iterator[RunningHttp]:
    """Run a server on 127.0.0.1; with a certificate (PEM with key) it speaks https under the name localhost."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    running = RunningHttp(f"https://localhost:{port}" if certificate else f"http://127.0.0.1:{port}", port)
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            running.connections += 1
            thread = threading.Thread(target=_serve, args=(running, connection, context, running.connections), daemon=True)
            threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield running
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)
        for line in running.lines:
            line.close()
        for thread in threads:
            thread.join(5)


def _serve(running: RunningHttp, connection: socket.socket, context: ssl.SSLContext | None, number: int) -> None:
    with contextlib.suppress(OSError), connection:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = Line(connection)
        running.lines.append(line)
        with connection, connection.makefile("rb") as reader:
            if running.greet is not None:
                running.greet(line)
            while line.is_open:
                request = _read(reader, number)
                if request is None:
                    return
                running.requests.append(request)
                running.behave(request, line)


def _read(reader: Any, number: int) -> Request | None:
    first = reader.readline().decode().split(" ")
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while (text := reader.readline().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    return Request(first[0], first[1], headers, body, number)
