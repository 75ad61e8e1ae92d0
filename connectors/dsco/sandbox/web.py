"""The HTTP side of the sandbox: pages for a person, `POST /drive` for other programs.

No web page elsewhere can drive it: the Host must be this machine's (so that no foreign name can be pointed at it), an Origin
must be its own, `/drive` wants the token from the sandbox's folder, and the page's forms a token that only the page has.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from connectors.dsco.sandbox import page
from connectors.dsco.sandbox.state import SandboxError

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]

SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

LARGEST_BODY = 64 * 1024 * 1024
"""Bytes of one request: files may be put in by another program."""

FORM_FIELDS: dict[str, dict[str, Callable[[str], Any]]] = {
    "place_orders": {"count": int, "retailers": int, "lines": int, "test": bool},
    "export": {"columns": int, "scattered": bool},
    "process": {},
    "settings": {"pick_up": str},
    "fault": {"name": str, "times": int},
    "clear_faults": {},
    "cancel_orders": {"orders": str},
}
"""What the page's forms may do, and of what kind each field is."""


class Web:
    """Serves the pages. Commands run in a thread, so that the loop goes on serving SFTP."""

    def __init__(self, drive: Callable[..., Any], token: str, address: Callable[[], str], overview: Callable[[], Any]) -> None:
        self.port = 0
        self._drive = drive
        self._token = token
        self._address = address
        self._overview = overview
        self._form_token = secrets.token_urlsafe(24)
        self._said = ""
        self._runner: web.AppRunner | None = None

    async def open(self, port: int) -> int:
        """Listen on loopback and return the port."""
        app = web.Application(middlewares=[self._guard], client_max_size=LARGEST_BODY)
        app.router.add_get("/", self._show_overview)
        app.router.add_get("/style.css", self._show_style)
        app.router.add_get("/orders/{order}", self._show_order)
        app.router.add_get("/processes/{process}", self._show_process)
        app.router.add_get("/files/{path:.+}", self._show_file)
        app.router.add_post("/act", self._act)
        app.router.add_post("/drive", self._drive_for_program)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        return self.port

    async def close(self) -> None:
        """Let go of the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Respond) -> web.StreamResponse:
        """Refuse what doesn't come from this machine's own pages or programs; words instead of tracebacks."""
        hosts = {self._address(), f"localhost:{self.port}"}
        origin = request.headers.get("Origin")
        if request.host not in hosts or (origin is not None and origin.removeprefix("http://") not in hosts):
            return self._finish(web.Response(status=403, text="This address doesn't serve that host or origin."))
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = _html(page.sorry_page(f"{error.status} {error.reason}"), error.status)
        except SandboxError as error:
            response = _html(page.sorry_page(str(error)), 404)
        return self._finish(response)

    def _finish(self, response: web.StreamResponse) -> web.StreamResponse:
        response.headers.update(SAFE_HEADERS)
        return response

    async def _do(self, command: str, **arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, partial(self._drive, command, **arguments))

    # --- pages -----------------------------------------------------------------------------------------------------------

    async def _show_overview(self, request: web.Request) -> web.Response:
        data = await asyncio.get_running_loop().run_in_executor(None, self._overview)
        said, self._said = self._said, ""
        return _html(page.overview(data, self._form_token, said))

    async def _show_style(self, request: web.Request) -> web.Response:
        return web.Response(text=STYLE, content_type="text/css")

    async def _show_order(self, request: web.Request) -> web.Response:
        order = await self._do("order", order=request.match_info["order"])
        return _html(page.order_page(order, self._form_token))

    async def _show_process(self, request: web.Request) -> web.Response:
        return _html(page.process_page(await self._do("process_of", id=request.match_info["process"])))

    async def _show_file(self, request: web.Request) -> web.Response:
        return web.Response(text=await self._do("read_file", path="/" + request.match_info["path"]), content_type="text/plain")

    async def _act(self, request: web.Request) -> web.Response:
        """Do what a form of the page asks for, then show the page again."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        if not hmac.compare_digest(form.get("form_token", "").encode(), self._form_token.encode()):
            raise web.HTTPForbidden
        command = form.get("command", "")
        fields = FORM_FIELDS.get(command)
        if fields is None:
            raise web.HTTPBadRequest
        try:
            arguments = {name: kind(form[name]) for name, kind in fields.items() if form.get(name)}
            await self._do(command, **arguments)
            self._said = f"Done: {command.replace('_', ' ')}."
        except ValueError as error:
            self._said = f"That didn't work: {error}"
        return web.Response(status=303, headers={"Location": "/"})

    # --- programs --------------------------------------------------------------------------------------------------------

    async def _drive_for_program(self, request: web.Request) -> web.Response:
        """Carry out a command of another program that has the token."""
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), self._token.encode()):
            return web.json_response({"error": "The token of the sandbox's folder is needed."}, status=403)
        try:
            asked = json.loads(await request.read())
            command, arguments = asked["command"], asked.get("arguments", {})
            text = await asyncio.get_running_loop().run_in_executor(None, partial(self._answer, command, arguments))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            words = str(error) if isinstance(error, SandboxError) else 'Send {"command": "...", "arguments": {...}} as JSON.'
            return web.json_response({"error": words}, status=400)
        return web.Response(text=text, content_type="application/json")

    def _answer(self, command: str, arguments: dict[str, Any]) -> str:
        """Carry out a command and return its result as JSON: big ones would hold up the loop."""
        return json.dumps({"result": self._drive(command, **arguments)})


STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")
