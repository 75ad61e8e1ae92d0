"""What these tests stand on: a hub's side of a session in memory, orders to send, and a far side that answers as it is told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectors.contract import Address, Opening, OrderLineOut, OrderOut, Token
from connectors.field_values import typed
from connectors.quickbooks_commerce.connector import SPEC
from connectors.quickbooks_commerce.session import QuickBooksCommerceSession, open_session
from tests.servers.hub import CountingLimiter, OpenNetwork, SharedTokens, no_progress, utc_now

SAMPLES = Path(__file__).parents[3] / "connectors" / "quickbooks_commerce" / "samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text())


# --- the hub's side ----------------------------------------------------------------------------------------------------------


class PromptNetwork(OpenNetwork):
    """Sends small packets at once, as the hub's own network does."""

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = super().connect(host, port, timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


@dataclass
class PlainMemory:
    """Remembers in a dictionary; makes things one at a time."""

    facts: dict[tuple[str, str], str] = field(default_factory=dict)
    made: list[tuple[str, str]] = field(default_factory=list)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def get(self, kind: str, keys: Collection[str]) -> dict[str, str]:
        return {key: self.facts[kind, key] for key in keys if (kind, key) in self.facts}

    def put(self, kind: str, values: Mapping[str, str]) -> None:
        self.facts |= {(kind, key): value for key, value in values.items()}

    def forget(self, kind: str, keys: Collection[str]) -> None:
        for key in keys:
            self.facts.pop((kind, key), None)

    def make_once(self, kind: str, key: str, *, find: Callable[[], str | None], make: Callable[[str], str]) -> str:
        with self._making:
            known = self.facts.get((kind, key)) or find()
            if not known:
                self.made.append((kind, key))
                known = make(f"{kind}-{key}-1")
            self.facts[kind, key] = known
            return known


@dataclass
class Hub:
    """All that a session gets, kept between sessions as the database would."""

    settings: dict[str, str]
    secrets: dict[str, str]
    memory: PlainMemory = field(default_factory=PlainMemory)
    limiter: CountingLimiter = field(default_factory=CountingLimiter)
    tokens: SharedTokens = field(default_factory=lambda: SharedTokens(None))
    now: Callable[[], datetime] = utc_now

    def open(self, **settings: str) -> QuickBooksCommerceSession:
        return open_session(
            Opening(
                settings=typed(SPEC.fields, {**self.settings, **settings}),
                secrets=self.secrets,
                network=PromptNetwork(),
                limiter=self.limiter,
                memory=self.memory,
                tokens=self.tokens,
                progress=no_progress,
                now=self.now,
            )
        )


def granted(access: str = "first", refresh: str = "renew-1") -> SharedTokens:
    return SharedTokens(Token(access, refresh, datetime(2100, 1, 1, tzinfo=UTC)))


def line(line_no: int, sku: str, quantity: int = 1, price: str | None = "10.00") -> OrderLineOut:
    return OrderLineOut(
        line_no=line_no, item=sku, wms_item=sku, quantity=quantity, price=None if price is None else Decimal(price)
    )


def an_order(number: str = "PO-1", *lines: OrderLineOut, **changes: Any) -> OrderOut:
    values: dict[str, Any] = {
        "public_id": f"public-{number}",
        "cust_ref": number,
        "cust_po_no": f"{number}-FULL",
        "order_date": date(2026, 11, 18),
        "ship_by": date(2026, 11, 21),
        "retailer_name": "Hearth & Home",
        "customer_code": "DSCO-1000",
        "currency": "USD",
        "ship_to": Address(
            first_name="Pat",
            last_name="Doe",
            address_1="1 Sample Street",
            city="Portland",
            state="OR",
            zip="97201",
            country="US",
            phone="555-0100",
            e_mail="pat@example.com",
        ),
        "bill_to": Address(),
        "ship_code": "UPSG",
        "ship_carrier": "UPS",
        "ship_method": "Ground",
        "notes": "",
        "shipping_charge": Decimal(0),
        "discount": Decimal(0),
        "is_test": False,
        "lines": lines or (line(1, "CAP-001"),),
        "extra": {},
    }
    return OrderOut(**{**values, **changes})


# --- the far side ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    params: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.params if key == name]


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Script = Reply | Callable[[Asked], Reply]


class FarSide:
    """Answers each route with its replies in turn, the last one for ever; remembers every request."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._scripts: dict[str, list[Script]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def on(self, route: str, *replies: Script) -> None:
        """Answer `route` ("GET /orders") with these."""
        self._scripts[route] = list(replies)

    def requests(self, route: str) -> list[Asked]:
        return [asked for asked in self.asked if f"{asked.method} {asked.path}" == route]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _reply(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            scripts = self._scripts.get(f"{asked.method} {asked.path}")
            script: Script = Reply(404, {"type": "Not Found", "message": f"nothing at {asked.path}"})
            if scripts:
                script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script if isinstance(script, Reply) else script(asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        far = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet: two would wait for each other's acknowledgement

            def _answer(self) -> None:
                parts = urlsplit(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = json.loads(raw) if raw else None
                reply = far._reply(Asked(self.command, parts.path, parse_qsl(parts.query), dict(self.headers), body))
                content = (
                    reply.body
                    if isinstance(reply.body, bytes)
                    else b""
                    if reply.body is None
                    else json.dumps(reply.body).encode()
                )
                self.send_response_only(reply.status)
                for name, value in {"Date": self.date_time_string(), **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        return Handler


def listed(root: str, rows: list[dict[str, Any]], *, total: int | None = None, last: bool = True, **beside: Any) -> Reply:
    """A page of a list, with the pagination header."""
    paging = {"total_records": len(rows) if total is None else total, "last_page": last, "out_of_bounds": False}
    return Reply(200, {root: rows, **beside}, {"X-Pagination": json.dumps(paging)})
