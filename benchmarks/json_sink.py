"""A WMS for measuring, in a process of its own: takes orders by POST /orders, and answers after as many milliseconds as asked.

It speaks just enough of HTTP to cost little: what is measured shares the machine with it. `sink` starts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink."""

    url: str

    def counts(self) -> dict[str, int]:
        """Return how many requests came and how many orders they made, and begin to count anew."""
        with urllib.request.urlopen(f"{self.url}/counts", timeout=10) as answer:  # noqa: S310 - our own, on loopback
            counts: dict[str, int] = json.load(answer)
        return counts


@contextlib.contextmanager
def sink(delay_ms: int) -> Iterator[Sink]:
    """Run a sink that answers an order after `delay_ms`."""
    command = [sys.executable, "-m", "benchmarks.json_sink", str(delay_ms)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or not (port := process.stdout.readline().strip()):
                raise SystemExit("the sink didn't start")
            yield Sink(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


class _Orders:
    """What was taken: references by idempotency key."""

    def __init__(self) -> None:
        self.by_key: dict[str, dict[str, str]] = {}
        self.requests = 0

    def answer(self, method: str, target: str, key: str, body: bytes) -> Any:
        if target == "/counts":
            counts = {"requests": self.requests, "orders": len(self.by_key)}
            self.by_key, self.requests = {}, 0
            return counts
        self.requests += 1
        if method == "POST":
            made = {"id": f"W{self.requests}", "state": "open", "reference": str(json.loads(body)["reference"])}
            return self.by_key.setdefault(key or made["id"], made)
        wanted = target.partition("reference=")[2]
        return {"orders": [order for order in self.by_key.values() if order["reference"] == wanted]}


class _Connection(asyncio.Protocol):
    """One connection; requests come one after the other, each with a Content-Length or no body."""

    def __init__(self, orders: _Orders, delay: float) -> None:
        self.orders, self.delay = orders, delay
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.received = rest[length:]
        method, target, _ = first.split(" ")
        told = json.dumps(self.orders.answer(method, target, headers.get("idempotency-key", ""), rest[:length])).encode()
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told)
        if self.delay and method == "POST":
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, answer)
        else:
            self.transport.write(answer)


async def _serve(delay_ms: int) -> None:
    orders = _Orders()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(orders, delay_ms / 1000), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
