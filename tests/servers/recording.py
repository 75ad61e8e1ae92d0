"""A proxy before a far side that keeps what was sent, word by word, and may answer in the far side's place."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}
"""Headers of one leg of the way."""


@dataclass(frozen=True)
class Sent:
    """A request as the far side got it; names of headers in lower case, `raw` the body to the byte."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    raw: bytes = b""


Instead = Callable[[Sent], tuple[int, Any] | None]
"""Gives status and body (JSON, or bytes as they are) in place of the far side's; None = let it answer."""


class RecordingProxy:
    """Passes requests on to `target`; `sent` has them all, `instead` may answer some."""

    def __init__(self, target: str) -> None:
        self.sent: list[Sent] = []
        self.instead: Instead = lambda sent: None
        self._target = urlsplit(target)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{self._target.path}"

    def of(self, method: str, path: str) -> list[Sent]:
        """Return the requests of one route, in the order in which they came."""
        return [one for one in self.sent if (one.method, one.path) == (method, path)]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        far = HTTPConnection(self._target.hostname or "", self._target.port, timeout=10)
        try:
            far.request(method, path, body or None, {name: value for name, value in headers.items() if name not in HOP})
            answer = far.getresponse()
            told = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
            return answer.status, told, answer.read()
        finally:
            far.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet

            def _answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                sent = Sent(self.command, urlsplit(self.path).path, headers, json.loads(raw) if raw else None, raw)
                proxy.sent.append(sent)
                replaced = proxy.instead(sent)
                if replaced is None:
                    status, told, content = proxy.pass_on(self.command, self.path, headers, raw)
                else:
                    status, told = replaced[0], {"Content-Type": "application/json"}
                    content = replaced[1] if isinstance(replaced[1], bytes) else json.dumps(replaced[1]).encode()
                self.send_response(status)
                for name, value in {**told, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        return Handler
