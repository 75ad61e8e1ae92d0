"""The far side, simulated on loopback: what the contract suite, the demo and merchants try things on.

Build it from the far side's documentation, its quirks included: it is what proves that the connector is right. State is kept in
the folder, so that a restart changes nothing for the connections.
"""

from __future__ import annotations

import csv
import io
import json
import random
import secrets as randomness
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .parse import COLUMNS

SHOP = "1001"
SKUS = ("MUG-1", "MUG-2", "TEA-7")


class Sandbox:
    """A running shop. `drive` knows place_orders, export, wait, fault, clear_faults, state and reset."""

    def __init__(self, folder: str, ports: Mapping[str, int]) -> None:
        self._file = Path(folder) / "shop.json"
        self._lock = threading.RLock()
        self._faults: list[int] = []
        self._state: dict[str, Any] = json.loads(self._file.read_text()) if self._file.is_file() else _new_state()
        self._server = ThreadingHTTPServer(("127.0.0.1", ports.get("http", 0)), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="example shop", daemon=True)
        self._thread.start()
        self._stopped = False
        self._keep()
        self.page = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self.settings: Mapping[str, str] = {"api_url": self.page.rstrip("/"), "shop": SHOP}
        self.secrets: Mapping[str, str] = {"api_key": self._state["key"]}

    def stop(self) -> None:
        """Let go of the port; stopping twice is harmless."""
        if not self._stopped:
            self._stopped = True
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(timeout=5)

    def drive(self, command: str, **arguments: Any) -> Any:
        """Do what the shop's customers and staff would do. Raise `ValueError` for a command that it doesn't know."""
        commands: dict[str, Callable[..., Any]] = {
            "place_orders": self._place_orders,
            "export": self._export,
            "wait": self._take_uploads,
            "fault": self._faults.append,
            "clear_faults": self._faults.clear,
            "state": lambda: json.loads(json.dumps(self._state)),
            "reset": self._reset,
        }
        if command not in commands:
            raise ValueError(f"The shop knows no command {command}. It knows: {', '.join(commands)}.")
        with self._lock:
            result = commands[command](**arguments)
            self._keep()
            return result

    # --- what customers and staff do ---

    def _place_orders(
        self,
        count: int = 1,
        retailers: int = 1,
        lines: Sequence[int] = (1, 2),
        quantity: Sequence[int] = (1, 3),
        skus: Sequence[str] = SKUS,
        test: bool = False,
    ) -> list[dict[str, Any]]:
        placed = []
        for _ in range(count):
            self._state["orders"] += 1
            order_id = str(self._state["orders"])
            placed.append(
                {
                    "order_id": order_id,
                    "number": f"EX-{order_id:0>6}",
                    "test": "1" if test else "0",
                    "placed_on": datetime.now(UTC).date().isoformat(),
                    "lines": [
                        {
                            "line_no": str(number),
                            "sku": random.choice(list(skus)),
                            "quantity": str(random.randint(*quantity)),
                            "price": "9.50",
                        }
                        for number in range(1, random.randint(*lines) + 1)
                    ],
                }
            )
        self._state["waiting"].extend(placed)
        return placed

    def _export(self, scattered: bool = False) -> str:
        """Write the orders that wait into one export; `scattered` mixes the rows of all orders."""
        rows = [_row(order, line) for order in self._state["waiting"] for line in order["lines"]]
        if scattered:
            random.shuffle(rows)
        if not rows:
            return ""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        self._state["waiting"] = []
        name = f"orders-{len(self._state['exports']) + 1:06}.csv"
        self._state["exports"][name] = {"text": text.getvalue(), "modified_at": _now(), "taken": False}
        return name

    def _take_uploads(self) -> list[str]:
        for upload in self._state["uploads"].values():
            upload["taken"] = True
        return list(self._state["uploads"])

    def _reset(self) -> None:
        self._state.update(_new_state(), key=self._state["key"])
        self._faults.clear()

    # --- what the API does ---

    def answer(self, method: str, path: str, key: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body of one request; a fault that was set is used up by it."""
        with self._lock:
            if self._faults:
                return self._faults.pop(0), b"{}"
            if not randomness.compare_digest(key, self._state["key"]):
                return 401, b'{"error": "unknown key"}'
            prefix, _, rest = path.removeprefix("/shops/").partition("/")
            if not path.startswith("/shops/") or prefix != SHOP:
                return 404, b"{}"
            status, told = self._route(method, rest, body)
            self._keep()
            return status, told if isinstance(told, bytes) else json.dumps(told).encode()

    def _route(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        exports, uploads = self._state["exports"], self._state["uploads"]
        match method, path.split("/"):
            case "GET", [""]:
                return 200, {"name": "Example Shop"}
            case "GET", ["exports"]:
                return 200, {"now": _now(), "files": [_file(name, file) for name, file in exports.items()]}
            case "GET", ["exports", name] if unquote(name) in exports:
                exports[unquote(name)]["taken"] = True
                return 200, exports[unquote(name)]["text"].encode()
            case "GET", ["uploads"]:
                return 200, {"files": [_file(name, file) for name, file in uploads.items()]}
            case "POST", ["uploads"]:
                sent = json.loads(body)
                uploads[sent["name"]] = {"text": sent["text"], "modified_at": _now(), "taken": False}
                return 201, {"size": len(sent["text"].encode())}
        return 404, {}

    def _keep(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._state))


def _handler_of(sandbox: Sandbox) -> type[BaseHTTPRequestHandler]:
    class Desk(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/":
                page = "An example shop. Drive it with: manage.py sandbox"
                return self._send(200, page.encode(), "text/plain; charset=utf-8")
            return self._ask("GET")

        def do_POST(self) -> None:
            self._ask("POST")

        def log_message(self, format: str, *args: Any) -> None:
            """The hub's own log says what was asked."""

        def _ask(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, told = sandbox.answer(method, self.path.rstrip("/"), self.headers.get("X-Api-Key", ""), body)
            self._send(status, told, "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Desk


def _new_state() -> dict[str, Any]:
    return {"key": randomness.token_urlsafe(24), "orders": 0, "waiting": [], "exports": {}, "uploads": {}}


def _row(order: Mapping[str, Any], line: Mapping[str, str]) -> dict[str, str]:
    address = {"name": "Sam Sample", "street": "1 Example Street", "city": "Springfield", "state": "IL", "zip": "62701"}
    head = {name: order[name] for name in ("order_id", "number", "test", "placed_on")}
    return {**head, **address, "country": "US", "shipping": "standard", **line}


def _file(name: str, file: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "size": len(file["text"].encode()),
        "modified_at": file["modified_at"],
        "taken": file["taken"],
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()
