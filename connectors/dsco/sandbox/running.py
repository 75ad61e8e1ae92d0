"""The running sandbox: its threads, its ports and its end.

Two threads: the loop's, with the SFTP server and the page, and the office's, with the state. Both are gone after `stop`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets as random_secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from connectors.dsco.sandbox.activity import Activity
from connectors.dsco.sandbox.faults import Faults
from connectors.dsco.sandbox.office import Office, check_arguments
from connectors.dsco.sandbox.sftp import Server, Switches
from connectors.dsco.sandbox.state import ACCOUNT, SandboxError, State
from connectors.dsco.sandbox.tree import Tree
from connectors.dsco.sandbox.web import Web

log = logging.getLogger(__name__)

START_SECONDS = 20.0
"""Longest that a start may take on a busy machine before it counts as failed."""

GOODBYE_SECONDS = 0.5
"""Longest that connections get to notice that they were cut."""

T = TypeVar("T")


class DscoSandbox:
    """A far side like DSCO on loopback. See the package for its commands."""

    def __init__(self, folder: str, ports: Mapping[str, int]) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._stop_lock = threading.Lock()
        self._stopped = False
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._state = State(self._folder / "sandbox.sqlite3")
        try:
            self._prepare()
            self._start(ports)
        except BaseException:
            self._state.close()
            raise

    def _prepare(self) -> None:
        """Make or read what stays the same over restarts: login, token, host key, tree."""
        self.faults, self.activity = Faults(), Activity()
        login = self._state.get("login") or {
            "ftp_username": f"account{ACCOUNT['id']}",
            "ftp_password": random_secrets.token_urlsafe(12),
        }
        self._state.put("login", login)
        self._token = self._state.get("token") or random_secrets.token_urlsafe(24)
        self._state.put("token", self._token)
        self._keep("token", self._token)
        self._host_key = _host_key(self._folder / "host_key")
        self._other_key: asyncssh.SSHKey | None = None
        self._switches = Switches(login["ftp_username"], login["ftp_password"])
        self._tree = Tree(self._folder / "files")
        self._office = Office(self._state, self._tree, self.faults, self.activity, self._switches)

    def _start(self, ports: Mapping[str, int]) -> None:
        """Start both threads and wait until the ports are open."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dsco-sandbox-office")
        self._loop = asyncio.new_event_loop()
        self._bell = asyncio.Event()
        self._server = Server(self._tree, self.faults, self.activity, self._switches, self._bell.set)
        self._office.connections = lambda: len(self._server.connections)
        self._web = Web(self.drive, self._token, self.address, self._overview)
        self._thread = threading.Thread(target=self._run_loop, name="dsco-sandbox", daemon=True)
        self._thread.start()
        try:
            self._on_loop(self._open(ports))
        except BaseException:
            self._stopped = True
            self._on_loop(self._close())
            self._end()
            raise
        self._tell_endpoint()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _open(self, ports: Mapping[str, int]) -> None:
        last = self._state.get("ports", {})
        self._acceptor = await _on_port(
            lambda port: self._server.listen(port, self._host_key), ports.get("sftp", 0), last.get("sftp", 0)
        )
        http_port = await _on_port(self._web.open, ports.get("http", 0), last.get("http", 0))
        self._ports = {"sftp": self._acceptor.get_port(), "http": http_port}
        self._ticker = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        """Let the office do what is due: when a client put a file, and from time to time."""
        while not self._stopped:
            self._bell.clear()
            try:
                delay = await self._loop.run_in_executor(self._pool, self._office.tick)
            except (SandboxError, OSError, sqlite3.Error) as error:
                # A person may take a file away under the office's hands; the next look sees the world as it is then.
                log.warning("The DSCO sandbox couldn't do what was due: %s", error)
                delay = 1.0
            try:
                await asyncio.wait_for(self._bell.wait(), delay)
            except TimeoutError:
                continue

    def _tell_endpoint(self) -> None:
        """Write down where it runs, for other processes."""
        where = {"page": self.page, "sftp_port": self._ports["sftp"], "http_port": self._ports["http"]}
        self._keep("endpoint.json", json.dumps(where | {"ftp_username": self._switches.username}))
        self._keep("login.json", json.dumps({**self.settings, **self.secrets}))
        self._on_office(lambda: self._state.put("ports", self._ports))

    def _keep(self, name: str, text: str) -> None:
        """Write a file beside the tree that only its owner may read."""
        draft = self._folder / f".{name}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(self._folder / name)

    # --- what a connection needs -----------------------------------------------------------------------------------------

    @property
    def settings(self) -> Mapping[str, str]:
        """What a connection to it must be set to."""
        return {
            "ftp_server": "127.0.0.1",
            "port": str(self._ports["sftp"]),
            "ftp_username": self._switches.username,
            "protocol": "sftp",
            "order_folder": "out",
            "upload_folder": "in",
        }

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets of such a connection."""
        return {"ftp_password": self._switches.password}

    @property
    def page(self) -> str:
        """The address of the page on which a person can drive it."""
        return f"http://{self.address()}/"

    @property
    def token(self) -> str:
        """What another process must show to drive it."""
        return self._token

    def address(self) -> str:
        """Return host and port of the page."""
        return f"127.0.0.1:{self._web.port}"

    # --- driving ---------------------------------------------------------------------------------------------------------

    def drive(self, command: str, **arguments: Any) -> Any:
        """Do what a person or DSCO's own staff would do. Raise `SandboxError` when it can't be done."""
        own: dict[str, Callable[..., Any]] = {
            "wait": self._wait,
            "disconnect": self._disconnect,
            "change_password": self._change_password,
        }
        if command in own:
            check_arguments(command, own[command], arguments)
            return own[command](**arguments)
        if command not in self._office.commands:
            known = ", ".join(sorted([*self._office.commands, *own]))
            raise SandboxError(f"There is no command {command!r}. The commands are {known}.")
        result = self._on_office(lambda: self._office.carry_out(command, arguments))
        if command in ("fault", "clear_faults", "reset"):
            self._on_loop(self._show_host_key())
        self._loop.call_soon_threadsafe(self._bell.set)
        return result

    def _overview(self) -> dict[str, Any]:
        """Return what the page shows."""
        data: dict[str, Any] = self._on_office(self._office.overview)
        return data | {"settings": self.settings, "secrets": self.secrets}

    def _wait(self, seconds: float = 5.0) -> list[dict[str, Any]]:
        """Wait until no file of a job is left in /in and /in/processing; return every import so far."""
        end = time.monotonic() + seconds
        while waiting := self._on_office(self._office.imports.waiting):
            if time.monotonic() > end or self._stopped:
                raise SandboxError(f"After {seconds:g} s still not processed: {', '.join(waiting[:5])}.")
            self._loop.call_soon_threadsafe(self._bell.set)
            time.sleep(0.01)
        return self._on_office(self._office.imported)

    def _disconnect(self) -> int:
        """Cut all connections; return how many there were."""

        async def cut() -> int:
            return self._server.disconnect()

        return self._on_loop(cut())

    def _change_password(self, password: str | None = None) -> dict[str, str]:
        """Change the password; connections that are open stay."""
        self._switches.password = password or random_secrets.token_urlsafe(12)
        login = {"ftp_username": self._switches.username, "ftp_password": self._switches.password}
        self._on_office(lambda: self._state.put("login", login))
        self._keep("login.json", json.dumps({**self.settings, **self.secrets}))
        return dict(self.secrets)

    async def _show_host_key(self) -> None:
        """Show new connections the key that the faults ask for."""
        key = self._host_key
        if self.faults.is_on("change_host_key"):
            self._other_key = self._other_key or asyncssh.generate_private_key("ssh-ed25519")
            key = self._other_key
        if self._acceptor is not None:
            self._acceptor.update(server_host_keys=[key])

    def _on_office(self, work: Callable[[], T]) -> T:
        try:
            return self._pool.submit(work).result()
        except RuntimeError as error:
            if self._stopped:
                raise SandboxError("The sandbox is stopped.") from error
            raise

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    # --- the end ---------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Let go of the ports and the threads. Files and state stay. Twice is harmless."""
        with self._stop_lock:
            if self._stopped:
                return
            self._stopped = True
        try:
            self._on_loop(self._close())
        finally:
            self._end()
            self._state.close()

    async def _close(self) -> None:
        self.faults.clear()
        if self._ticker is not None:
            # Rung, not cancelled: a cancellation that meets the bell is lost in `wait_for`.
            self._bell.set()
            await self._ticker
        if self._acceptor is not None:
            self._acceptor.close()
        self._server.disconnect()
        await self._web.close()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if rest:
            _, late = await asyncio.wait(rest, timeout=GOODBYE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()

    def _end(self) -> None:
        """Stop both threads."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._pool.shutdown()


async def _on_port(listen: Callable[[int], Coroutine[Any, Any, T]], wanted: int, last: int) -> T:
    """Listen on the wanted port; when any will do, on that of the last time if it is free, so that connections stay right."""
    if wanted or not last:
        return await listen(wanted)
    try:
        return await listen(last)
    except OSError:
        return await listen(0)


def _host_key(path: Path) -> asyncssh.SSHKey:
    """Return the server's key, made at the first start."""
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        draft = path.with_name(".host_key.draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.export_private_key())
        draft.replace(path)
    return asyncssh.read_private_key(str(path))


def start_sandbox(folder: str, ports: Mapping[str, int]) -> DscoSandbox:
    """Start a sandbox on loopback.

    `folder` keeps its state; `ports` are wanted ones by name, sftp and http (0 or absent = any free one). Raise `SandboxError`
    when another sandbox runs in that folder, OSError when a wanted port is taken.
    """
    return DscoSandbox(folder, ports)
