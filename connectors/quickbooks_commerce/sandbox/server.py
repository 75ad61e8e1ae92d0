"""The sandbox's server: the merchant, who serves the API, and what a connection to it must be set to."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from connectors.simulating.http import HOST, HttpListener, asked, cut, drip, hang_up
from connectors.simulating.looped import LoopedSandbox

from .answers import Answer
from .api import Api, Request, parts_of_path
from .commands import Commands
from .faults import Fault, Faults, faulty_answer
from .journal import Journal
from .oauth import Authority
from .pages import Pages
from .seed import seed
from .store import Store
from .throttle import Throttle
from .warehouse import Warehouse
from .webhooks import Deliveries

FLUSH_SECONDS = 0.5
"""How long a change may wait before it is written: what a crash can lose."""

MANY_CHANGES = 10_000
"""A command that changes more than this writes it at once, so that a stop soon after it stays quick."""

LOGGED_REQUESTS = 20_000

COMMON_HEADERS = {
    "Cache-Control": "no-cache, no-store",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "X-XSS-Protection": "1; mode=block",
}


class RequestLog:
    """The latest requests and counts of all, without tokens or bodies."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.entries: deque[tuple[Any, ...]] = deque(maxlen=LOGGED_REQUESTS)
        self.total = 0
        self.by_status: Counter[int] = Counter()
        self.by_route: Counter[str] = Counter()

    def note(self, at: float, request: Request, status: int, fault: str, seconds: float) -> None:
        query = "(hidden)" if "token" in request.query else request.query
        key = request.headers.get("idempotency-key", "")
        self.entries.append((at, request.method, request.path, query, status, key, fault, seconds))
        self.total += 1
        self.by_status[status] += 1
        parts = ("{id}" if part.isdecimal() else part for part in parts_of_path(request.path))
        self.by_route[f"{request.method} /{'/'.join(parts)}"] += 1

    def shown(self, limit: int) -> dict[str, Any]:
        names = ("at", "method", "path", "query", "status", "idempotency_key", "fault", "milliseconds")
        entries = list(self.entries)[-limit:] if limit > 0 else []
        return {
            "log": [dict(zip(names, (*entry[:-1], round(entry[-1] * 1000, 3)), strict=True)) for entry in entries],
            "counters": {
                "total": self.total,
                "by_status": {str(status): count for status, count in sorted(self.by_status.items())},
                "by_route": dict(sorted(self.by_route.items())),
            },
        }


class Secrets:
    """What a sandbox keeps secret, made once per folder and readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        path = folder / "secrets.json"
        if path.exists():
            kept = json.loads(path.read_text())
        else:
            kept = {
                "client_id": secrets.token_hex(16),
                "client_secret": secrets.token_hex(32),
                "access_token": secrets.token_hex(32),
                "drive_token": secrets.token_urlsafe(32),
            }
            _write_private(path, json.dumps(kept))
        self.client_id = str(kept["client_id"])
        self.client_secret = str(kept["client_secret"])
        self.access_token = str(kept["access_token"])
        self.drive_token = str(kept["drive_token"])
        _write_private(folder / "drive-token", self.drive_token)


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    fresh.replace(path)


class Machine:
    """Everything that runs in the loop."""

    def __init__(self, folder: Path, kept: Secrets) -> None:
        self._folder = folder
        self._kept = kept
        self.store = Store()
        self.authority = Authority(self.store)
        self.throttle = Throttle(self.store)
        self.api = Api(self.store, self.authority, self.throttle)
        self.warehouse = Warehouse(self.store)
        self.faults = Faults()
        self.log = RequestLog()
        self.journal = Journal(folder, self.store)
        self.commands = Commands(self)
        self.deliveries: Deliveries | None = None
        self.pages = Pages(self, kept.drive_token)
        self._listener = HttpListener(self._handle)
        self._tasks: list[asyncio.Task[None]] = []
        self._shipping: asyncio.Task[None] | None = None
        self._resets = 0

    @property
    def base(self) -> str:
        return self.api.base

    async def start(self, port: int) -> int:
        """Read what was kept, or make a fresh merchant, and listen. Return the port."""
        if not self.journal.load():
            self._seed()
        bound = await self._listener.open(port)
        self.api.base = f"http://{HOST}:{bound}"
        self.deliveries = Deliveries(self.store, self._kept.client_secret, self.api.base)
        self._tasks = [asyncio.get_running_loop().create_task(self._flush_now_and_then())]
        _write_private(self._folder / "running.json", json.dumps({"url": self.api.base, "pid": os.getpid()}))
        return bound

    def _seed(self) -> None:
        seed(self.store, self._kept.client_id, self._kept.client_secret)
        self.authority.add_privileged(self._kept.access_token)
        self.store.mark_options()

    async def stop(self) -> None:
        """Let go of everything; what changed is written."""
        for task in [*self._tasks, *([self._shipping] if self._shipping else [])]:
            task.cancel()
        await self._listener.close()
        if self.deliveries is not None:
            await self.deliveries.close()
        self.journal.close()
        (self._folder / "running.json").unlink(missing_ok=True)

    async def _flush_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self.journal.flush()

    # --- what the commands need ----------------------------------------------------------------------------------------------

    def request_log(self, limit: int) -> dict[str, Any]:
        return self.log.shown(limit)

    def clear_log(self) -> None:
        self.log.clear()

    def fault_switch(self) -> Faults:
        return self.faults

    def delivery_log(self) -> list[dict[str, Any]]:
        return list(self.deliveries.log) if self.deliveries else []

    def start_auto_ship(self, every: float, invoice: bool) -> None:
        """Let the warehouse work by itself from now on, or stop it (0)."""
        if self._shipping is not None:
            self._shipping.cancel()
            self._shipping = None
        if every:
            self._shipping = asyncio.get_running_loop().create_task(self._auto_ship(every, invoice))

    async def _auto_ship(self, every: float, invoice: bool) -> None:
        while True:
            await asyncio.sleep(every)
            self.warehouse.ship_something(invoice=invoice)
            self._announce()

    def reset(self) -> None:
        """Make the merchant as fresh as on the first day; tokens and webhooks stay."""
        self._resets += 1
        kept = ("tokens", "applications", "webhooks")
        for name, table in self.store.tables.items():
            for record in list(table) if name not in kept else []:
                self.store.remove(table, record)
        fresh = Store()
        seed(fresh, self._kept.client_id, self._kept.client_secret)
        for name, table in fresh.tables.items():
            for record in table if name not in kept else ():
                self.store.tables[name].put(record)
                self.store.dirty[name, record.id] = None
        self.store.options.change(**fresh.options.as_dict())
        self.store.clock.restart()
        self.store.mark_options()
        self.start_auto_ship(0, False)
        self.faults.clear()
        self.log.clear()

    def run_command(self, command: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return self.commands.run(command, arguments)
        finally:
            self._announce()
            if len(self.store.dirty) > MANY_CHANGES:
                self.journal.flush()

    def _announce(self) -> None:
        if self.store.announcements and self.deliveries is not None:
            self.deliveries.send_pending()

    # --- requests ------------------------------------------------------------------------------------------------------------

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        began = time.perf_counter()
        request = Request(*await asked(incoming))
        if request.path.startswith("/_sandbox") or request.path == "/oauth/authorize":
            return _response(self.pages.answer(request))
        fault = self.faults.pick(request.method, _bare(request.path))
        at = self.store.clock.seconds()
        if fault is not None:
            return await self._misbehave(incoming, request, fault, at, began)
        if self.store.options.latency_ms:
            await asyncio.sleep(self.store.options.latency_ms / 1000)
        answer = self._answer(request)
        took = time.perf_counter() - began
        self.log.note(at, request, answer.status, "", took)
        return _api_response(answer, took)

    def _answer(self, request: Request) -> Answer:
        answer = self.api.answer(request)
        self._announce()
        return answer

    async def _misbehave(
        self, incoming: web.BaseRequest, request: Request, fault: Fault, at: float, began: float
    ) -> web.StreamResponse:
        """Answer as the fault has it. The request is in the log before anything of the answer goes out."""
        if fault.name == "stall_before":
            resets = self._resets
            await asyncio.sleep(fault.seconds(60))
            if resets != self._resets:
                # It belongs to a merchant who is gone: nothing of it may show up in the fresh one.
                hang_up(incoming)
                return web.Response(status=503)
        real = self._answer(request) if fault.done else Answer(200)
        answer = faulty_answer(fault, real, self.store.options.unauthorized_type)
        if fault.name == "429":
            reset = int(at + fault.seconds(self.throttle.reset_at() - at))
            answer.headers |= {**self.throttle.headers(1), "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": str(reset)}
        dropped = fault.name in ("drop_before", "drop_after")
        self.log.note(at, request, 0 if dropped else answer.status, fault.name, time.perf_counter() - began)
        if fault.name in ("stall_after", "delay"):
            await asyncio.sleep(fault.seconds(60 if fault.name == "stall_after" else 1))
        response = _api_response(answer, time.perf_counter() - began)
        if dropped:
            hang_up(incoming)
        elif fault.name == "cut":
            return await cut(incoming, response, answer.body)
        elif fault.name == "slow_drip":
            return await drip(incoming, response, answer.body, fault.seconds(5))
        return response


def _bare(path: str) -> str:
    """Return a path as faults name it: without a slash or `.json` at its end."""
    return f"/{path.strip('/').removesuffix('.json')}"


def _response(answer: Answer) -> web.Response:
    headers = {**answer.headers, "Content-Type": answer.content_type} if answer.status != 204 else answer.headers
    return web.Response(status=answer.status, body=answer.body or None, headers=headers)


def _api_response(answer: Answer, took: float) -> web.Response:
    answer.headers |= COMMON_HEADERS
    answer.headers["X-Request-Id"] = secrets.token_hex(16)
    answer.headers["X-Runtime"] = f"{took:.6f}"
    return _response(answer)


class Sandbox(LoopedSandbox):
    """A running sandbox: contract.RunningSandbox."""

    def __init__(self, folder: str, ports: Mapping[str, int]) -> None:
        place = Path(folder)
        super().__init__(
            place, ports.get("http", 0), lambda: Machine(place, Secrets(place)), name="quickbooks-commerce-sandbox"
        )
        kept = Secrets(place)
        self.settings: Mapping[str, str] = {
            "api_url": self.base,
            "authorize_url": f"{self.base}/oauth/authorize",
            "token_url": f"{self.base}/oauth/token",
            "client_id": kept.client_id,
        }
        self.secrets: Mapping[str, str] = {"client_secret": kept.client_secret, "access_token": kept.access_token}
        self.page = f"{self.base}/_sandbox/"

    def __repr__(self) -> str:
        return f"<QuickBooks Commerce sandbox at {self.page}>"
