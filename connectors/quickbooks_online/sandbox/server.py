"""The sandbox's server: one event loop in a daemon thread, on loopback only. All state belongs to that loop."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from connectors.simulating.http import HttpListener, asked, cut, hang_up
from connectors.simulating.looped import LoopedSandbox

from .answers import Answer, forbidden, unauthorized
from .api import Api, Request
from .books import Books
from .commands import Commands
from .company import Company
from .faults import Fault, Faults, faulty_answer
from .notices import Notices
from .oauth import Authority
from .pages import CONSENT, CONSOLE, Pages
from .people import People
from .seed import seed
from .throttle import Throttle

FLUSH_SECONDS = 0.5
LOGGED = 20_000

BASE = "/v3/company"


class RequestLog:
    """The latest requests, and counts of all; no tokens, no bodies."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.entries: deque[dict[str, Any]] = deque(maxlen=LOGGED)
        self.total = 0
        self.by_status: Counter[int] = Counter()
        self.by_route: Counter[str] = Counter()

    def note(self, request: Request, path: str, status: int, fault: str) -> None:
        query = request.params.get("query", "")
        entry = {"method": request.method, "path": path, "query": query, "status": status, "fault": fault}
        self.entries.append({**entry, "requestid": request.params.get("requestid", "")})
        self.total += 1
        self.by_status[status] += 1
        operation = request.params.get("operation", "")
        route = "/".join("{id}" if part.isdecimal() else part for part in path.split("/"))
        self.by_route[f"{request.method} {route}{f'?operation={operation}' if operation else ''}"] += 1

    def shown(self, limit: int) -> dict[str, Any]:
        counters = {
            "total": self.total,
            "by_status": {str(status): count for status, count in sorted(self.by_status.items())},
            "by_route": dict(sorted(self.by_route.items())),
        }
        return {"log": list(self.entries)[-limit:] if limit else [], "counters": counters}


class Machine:
    """Everything that runs in the loop."""

    def __init__(self, folder: Path, kept: Mapping[str, str]) -> None:
        self._folder = folder
        self.realm = kept["realm"]
        self.company = Company(folder / "company.json")
        self.books = Books(self.company)
        self.people = People(self.company, self.books)
        self.authority = Authority(
            self.company, client_id=kept["client_id"], client_secret=kept["client_secret"], lasting=kept["access_token"]
        )
        self.faults = Faults()
        self.notices = Notices(self.company, self.realm, kept["verifier_token"])
        self._throttle = Throttle(self.company)
        self._api = Api(self.company, self.books, self.realm)
        self._commands = Commands(self)
        self._pages = Pages(self.company, self.authority, self.realm, kept["page_token"], self.run_command)
        self._log = RequestLog()
        self._tasks: list[asyncio.Task[None]] = []
        self._shipping: asyncio.Task[None] | None = None
        self._listener = HttpListener(self._handle)
        self._resets = 0

    async def start(self, port: int) -> int:
        """Read what was kept, or make a fresh company, and listen. Return the port."""
        if not self.company.load():
            self._fresh()
        bound = await self._listener.open(port)
        self._tasks = [asyncio.get_running_loop().create_task(self._flush_now_and_then())]
        return bound

    def _fresh(self) -> None:
        self.company.begin()
        seed(self.company)

    async def stop(self) -> None:
        """Let go of everything; what changed is written."""
        for task in [*self._tasks, *([self._shipping] if self._shipping else [])]:
            task.cancel()
        await self._listener.close()
        await self.notices.close()
        self.company.flush(now=True)

    async def _flush_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self.company.flush()

    # --- what the commands need ----------------------------------------------------------------------------------------------

    def run_command(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Do a command; what it returns is no part of the company's own rows."""
        try:
            return json.loads(json.dumps(self._commands.run(command, arguments)))
        finally:
            self.company.is_dirty = True
            self.notices.wake()

    def requests(self, limit: int) -> dict[str, Any]:
        shown = self._log.shown(limit)
        shown["most_at_once"] = self._throttle.most_at_once
        return shown

    def clear_requests(self) -> None:
        self._log.clear()

    def reset(self) -> None:
        """Make the company as fresh as on the first day; grants stay."""
        self._resets += 1
        grants = self.company.data.get("grants", {})
        self._fresh()
        self.company.data["grants"] = grants
        self.start_shipping(0)
        self.faults.clear()
        self._throttle.clear()
        self._log.clear()
        self.notices.log.clear()

    def start_shipping(self, every: float) -> None:
        if self._shipping is not None:
            self._shipping.cancel()
            self._shipping = None
        if every > 0:
            self._shipping = asyncio.get_running_loop().create_task(self._ship(every))

    async def _ship(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            self.people.ship_something()
            self.notices.wake()

    # --- requests ------------------------------------------------------------------------------------------------------------

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        request = Request(*await asked(incoming))
        if request.path.startswith((CONSOLE, CONSENT)):
            return _response(self._pages.answer(request))
        path = self._path_of(request)
        if path == request.path:  # tokens, and what is nowhere: no matter of the company's limits
            return await self._behave(incoming, request, path, has_room=True)
        with self._throttle.under_way() as has_room:
            return await self._behave(incoming, request, path, has_room=has_room)

    async def _behave(self, incoming: web.BaseRequest, request: Request, path: str, *, has_room: bool) -> web.StreamResponse:
        fault = self.faults.pick(request.method, path)
        if fault is not None:
            return await self._misbehave(incoming, request, path, fault)
        if self.company.options["latency_ms"]:
            await asyncio.sleep(self.company.options["latency_ms"] / 1000)
        answer = self._answer(request, path, has_room=has_room)
        self._log.note(request, path, answer.status, "")
        return _response(answer)

    def _path_of(self, request: Request) -> str:
        """Return the path behind the company's id; that of OAuth as it is."""
        prefix = f"{BASE}/{self.realm}"
        return request.path.removeprefix(prefix) if request.path.startswith(f"{prefix}/") else request.path

    def _answer(self, request: Request, path: str, *, has_room: bool = True) -> Answer:
        if request.method == "POST" and path == "/oauth2/v1/tokens/bearer":
            return self.authority.exchange(request.headers, request.body)
        if request.method == "POST" and path == "/v2/oauth2/tokens/revoke":
            return self.authority.revoke(request.headers, request.body)
        now = int(self.company.now().timestamp() * 1000)
        problem = self.authority.problem_with(request.headers.get("authorization", ""))
        if problem:
            return unauthorized(problem, now)
        if path == request.path:
            return (
                forbidden(now)
                if request.path.startswith(BASE)
                else Answer(404, b"no Route matched with those values", "text/plain")
            )
        too_many = self._throttle.refusal(is_batch=path == "/batch", has_room=has_room)
        if too_many is not None:
            return too_many
        answer = self._api.answer(request, path.strip("/").split("/"))
        self.notices.wake()
        return answer

    async def _misbehave(self, incoming: web.BaseRequest, request: Request, path: str, fault: Fault) -> web.StreamResponse:
        """Answer as the fault has it. The request is in the log before anything of the answer goes out."""
        if fault.name == "stall_before":
            resets = self._resets
            await asyncio.sleep(fault.seconds(60))
            if resets != self._resets:
                # It belongs to a company that is gone: nothing of it may show up in the fresh one.
                hang_up(incoming)
                return web.Response(status=503)
        real = self._answer(request, path) if fault.done else Answer(200)
        answer = faulty_answer(fault, real, self.company)
        if fault.name == "429" and "seconds" in fault.more:
            answer.headers["Retry-After"] = str(int(fault.seconds(60)))
        is_dropped = fault.name in ("drop_before", "drop_after")
        self._log.note(request, path, 0 if is_dropped else answer.status, fault.name)
        if fault.name in ("stall_after", "delay"):
            await asyncio.sleep(fault.seconds(60 if fault.name == "stall_after" else 1))
        if is_dropped:
            hang_up(incoming)
        elif fault.name == "cut":
            return await cut(incoming, _response(answer), answer.body)
        return _response(answer)


def _response(answer: Answer) -> web.Response:
    headers = {**answer.headers, "Content-Type": answer.content_type, "intuit_tid": f"1-{secrets.token_hex(12)}"}
    return web.Response(status=answer.status, body=answer.body or None, headers=headers)


class Sandbox(LoopedSandbox):
    """A running sandbox: contract.RunningSandbox."""

    def __init__(self, folder: str, ports: Mapping[str, int]) -> None:
        place = Path(folder)
        super().__init__(
            place,
            ports.get("http", 0),
            lambda: Machine(place, _kept_secrets(place / "secrets.json")),
            name="quickbooks-online-sandbox",
        )
        kept = _kept_secrets(place / "secrets.json")
        self.settings: Mapping[str, str] = {
            "environment": "other",
            "api_url": self.base,
            "authorize_url": f"{self.base}{CONSENT}",
            "token_url": f"{self.base}/oauth2/v1/tokens/bearer",
            "revoke_url": f"{self.base}/v2/oauth2/tokens/revoke",
            "client_id": kept["client_id"],
            "realm_id": kept["realm"],
        }
        self.secrets: Mapping[str, str] = {
            "client_secret": kept["client_secret"],
            "access_token": kept["access_token"],
            "verifier_token": kept["verifier_token"],
        }
        self.page = f"{self.base}{CONSOLE}/"

    def __repr__(self) -> str:
        return f"<QuickBooks Online sandbox at {self.page}>"


def _kept_secrets(path: Path) -> dict[str, str]:
    """Return what a sandbox keeps secret: made once per folder, readable by its owner only."""
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text())
        return kept
    kept = {
        "realm": str(9_341_450_000_000_000 + secrets.randbelow(10**9)),
        "client_id": f"AB{secrets.token_hex(20)}",
        "client_secret": secrets.token_hex(20),
        "access_token": secrets.token_urlsafe(48),
        "verifier_token": secrets.token_hex(18),
        "page_token": secrets.token_hex(16),
    }
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        json.dump(kept, out)
    return kept
