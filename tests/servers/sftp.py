"""An SFTP server in this process (asyncssh), with passwords, any host keys, and faults."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import asyncssh


@lru_cache(maxsize=8)
def host_key(kind: str = "ssh-ed25519", number: int = 0) -> asyncssh.SSHKey:
    """Return a host key; the same (kind, number) is the same key for the whole run of tests."""
    return asyncssh.generate_private_key(kind)


def as_pinned(key: asyncssh.SSHKey) -> str:
    """Return a key as the hub stores it: "type base64"."""
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


@dataclass
class SftpFaults:
    """What the server shall do wrong, changed while it runs. Sizes in bytes; None and False = nothing."""

    cut_after_read: int | None = None
    """Break the connection off once so much was read."""
    cut_after_written: int | None = None
    stall: set[str] = field(default_factory=set)
    """Operations that are never answered: open, read, write, rename, scandir."""
    refuse: set[str] = field(default_factory=set)
    """Operations that are refused with a plain failure: posix_rename, rename, write, close."""
    deny: set[str] = field(default_factory=set)
    """Operations that are refused for lack of rights: open_write, remove, rename, scandir."""
    shortest_answer: int | None = None
    """Answer reads with at most so many bytes."""
    cut_at_rename: bool = False
    """Do the rename, then break off without an answer."""
    shrink_to: int | None = None
    """Say that a file is over after so many bytes, whatever its size."""
    extra_names: list[bytes] = field(default_factory=list)
    """Names that each listing holds besides the real ones."""
    names_only: bool = False
    """List names without size and time."""


@dataclass
class RunningSftp:
    """A server that runs. `folder` is its root; `users` are passwords by name; `logins` counts the successful ones."""

    folder: Path
    port: int = 0
    host: str = "127.0.0.1"
    users: dict[str, str] = field(default_factory=lambda: {"merchant": "correct horse"})
    faults: SftpFaults = field(default_factory=SftpFaults)
    host_keys: list[asyncssh.SSHKey] = field(default_factory=list)
    logins: int = 0
    passwords_seen: list[str] = field(default_factory=list)
    read: int = 0
    written: int = 0
    opened: list[Any] = field(default_factory=list)
    connections: list[Any] = field(default_factory=list)

    @property
    def pinned(self) -> str:
        """The first host key as the hub stores it."""
        return as_pinned(self.host_keys[0])


@contextlib.contextmanager
def sftp_server(
    folder: Path, *, keys: list[asyncssh.SSHKey] | None = None, login: str = "password", port: int = 0
) -> Iterator[RunningSftp]:
    """Run a server below `folder`. `login` is "password" or "keyboard" (keyboard-interactive alone)."""
    running = RunningSftp(folder, host_keys=keys or [host_key()])
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=running.host_keys,
            server_factory=lambda: _Door(running, login),
            sftp_factory=lambda channel: _Files(channel, running),
            gss_host=None,
            x509_trusted_certs=[],
            encoding=None,
        )

    async def stop() -> None:
        acceptor.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for connection in list(running.connections):
            connection.abort()
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for opened in running.opened:
            opened.close()

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    running.port = acceptor.get_port()
    try:
        yield running
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


class _Door(asyncssh.SSHServer):
    def __init__(self, running: RunningSftp, login: str) -> None:
        self._running, self._login = running, login

    def connection_made(self, conn: Any) -> None:
        self._conn = conn
        self._running.connections.append(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._running.connections.remove(self._conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return self._login == "password"

    def validate_password(self, username: str, password: str) -> bool:
        self._running.passwords_seen.append(password)
        return self._accept(self._running.users.get(username) == password)

    def kbdint_auth_supported(self) -> bool:
        return self._login == "keyboard"

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, username: str, responses: Any) -> Any:
        return self._accept(list(responses) == [self._running.users.get(username)])

    def _accept(self, is_right: bool) -> bool:
        self._running.logins += is_right
        return is_right


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: Any, running: RunningSftp) -> None:
        super().__init__(channel, chroot=str(running.folder).encode())
        self._running, self._faults = running, running.faults

    async def _gate(self, operation: str) -> None:
        if operation in self._faults.stall:
            await asyncio.sleep(3600)
        if operation in self._faults.refuse:
            raise asyncssh.SFTPFailure("no room left")
        if operation in self._faults.deny:
            raise asyncssh.SFTPPermissionDenied("not yours")

    def _cut(self) -> None:
        self.connection.abort()

    async def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        await self._gate("open")
        if pflags & asyncssh.FXF_WRITE:
            await self._gate("open_write")
        opened = super().open(path, pflags, attrs)
        self._running.opened.append(opened)
        return opened

    async def close(self, file_obj: Any) -> None:
        await self._gate("close")
        super().close(file_obj)

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        await self._gate("read")
        faults = self._faults
        if faults.cut_after_read is not None and self._running.read >= faults.cut_after_read:
            self._cut()
        if faults.shrink_to is not None:
            size = max(0, min(size, faults.shrink_to - offset))
        data = super().read(file_obj, offset, min(size, faults.shortest_answer or size))
        self._running.read += len(data)
        return data

    async def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        await self._gate("write")
        if self._faults.cut_after_written is not None and self._running.written >= self._faults.cut_after_written:
            self._cut()
        self._running.written += len(data)
        return super().write(file_obj, offset, data)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._gate("rename")
        super().rename(oldpath, newpath)
        if self._faults.cut_at_rename:
            self._cut()

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if "posix_rename" in self._faults.refuse:
            raise asyncssh.SFTPOpUnsupported("unknown extension")
        await self._gate("rename")
        super().posix_rename(oldpath, newpath)
        if self._faults.cut_at_rename:
            self._cut()

    async def remove(self, path: bytes) -> None:
        await self._gate("remove")
        super().remove(path)

    async def scandir(self, path: bytes) -> Any:
        await self._gate("scandir")
        for name in self._faults.extra_names:
            yield asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs(size=1, permissions=0o100644, atime=1, mtime=1))
        async for name in super().scandir(path):
            if self._faults.names_only:
                name.attrs = asyncssh.SFTPAttrs()
            yield name
