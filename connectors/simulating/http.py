"""HTTP on loopback as sandboxes serve it: whole requests in, answers out, and the ways in which an answer goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

HOST = "127.0.0.1"

LARGEST_BODY = 32 * 1024 * 1024

PIECES = 100
"""Into how many pieces a slow answer is cut."""


class HttpListener:
    """A port of this machine, and who answers there."""

    def __init__(self, handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        self._handle = handle
        self._server: web.Server | None = None
        self._sockets: asyncio.Server | None = None

    async def open(self, port: int) -> int:
        """Listen, and return the port; 0 takes any free one. Raise OSError when it is taken."""
        self._server = web.Server(
            self._handle,
            request_factory=_request,
            access_log=None,
            max_line_size=65_536,
            max_field_size=65_536,
            keepalive_timeout=75,
        )
        self._sockets = await asyncio.get_running_loop().create_server(self._server, HOST, port, backlog=1024)
        return int(self._sockets.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Let go of the port and of all connections."""
        if self._sockets is not None:
            self._sockets.close()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(timeout=0.05)


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY)


async def asked(incoming: web.BaseRequest) -> tuple[str, str, str, dict[str, str], bytes]:
    """Return a request whole: method, path, query, headers with their names in lower case, and body."""
    body = await incoming.read() if incoming.body_exists else b""
    url = incoming.rel_url
    headers = {name.lower(): value for name, value in incoming.headers.items()}
    return incoming.method, url.path, url.raw_query_string, headers, body


# --- what goes wrong ---------------------------------------------------------------------------------------------------------


def hang_up(incoming: web.BaseRequest) -> None:
    """Close the connection under the request."""
    if incoming.transport is not None:
        incoming.transport.abort()


async def cut(incoming: web.BaseRequest, response: web.Response, body: bytes) -> web.StreamResponse:
    """Promise the whole answer, send half of it, and close."""
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = max(len(body), 2)
    await stream.prepare(incoming)
    await stream.write(body[: len(body) // 2] or b"{")
    await asyncio.sleep(0.01)
    hang_up(incoming)
    return stream


async def drip(incoming: web.BaseRequest, response: web.Response, body: bytes, seconds: float) -> web.StreamResponse:
    """Send the answer in small pieces over so many seconds."""
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = len(body)
    await stream.prepare(incoming)
    pieces = min(len(body), PIECES) or 1
    size = -(-len(body) // pieces)
    for at in range(0, len(body), size or 1):
        try:
            await stream.write(body[at : at + size])
        except ConnectionError:
            break
        await asyncio.sleep(seconds / pieces)
    return stream
