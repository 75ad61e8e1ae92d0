"""The SFTP server: DSCO's folders, its habit of archiving what was downloaded, and every fault on request.

Runs on the sandbox's loop. One `Session` serves one SFTP channel; asyncssh hands it one request after the other.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import os
import stat
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncssh
from asyncssh import SFTPAttrs, SFTPName
from asyncssh.sftp import SFTPConnectionLost, SFTPPermissionDenied

from connectors.dsco.sandbox.activity import Activity
from connectors.dsco.sandbox.faults import Fault, Faults
from connectors.dsco.sandbox.tree import FIXED, OutsideTree, Tree

SERVED_FOR_WRITING = ("/in", "/misc")
"""Where a client may put files and make folders. That the other folders refuse it is the sandbox's own choice."""

NOT_FOR_WRITING = ("/in/processing", "/in/archive")

FLUSH = 0.02
"""Seconds that bytes already answered get to leave before a connection is cut."""

WRITES = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC


@dataclass(slots=True)
class Switches:
    """What the server must know of the settings, kept up to date by the office."""

    username: str
    password: str = field(repr=False)
    archive_after_download: bool = True
    archive_half_read: bool = False
    client_may_rename: bool = True
    client_may_remove: bool = True


@dataclass(slots=True, eq=False)
class Handle:
    """A file that a client has open."""

    far: str
    descriptor: int
    writing: bool
    read: dict[int, int] = field(default_factory=dict)
    bytes_read: int = 0
    bytes_written: int = 0
    read_to_end: bool = False
    archived: bool = False

    def read_whole(self) -> bool:
        """Tell whether every byte that the file has now was read, in whatever order."""
        size = os.fstat(self.descriptor).st_size
        reached = 0
        for offset in sorted(self.read):
            if offset > reached:
                return False
            reached = max(reached, offset + self.read[offset])
        return reached >= size and (size > 0 or self.read_to_end)


@dataclass(slots=True)
class Server:
    """What all connections share."""

    tree: Tree
    faults: Faults
    activity: Activity
    switches: Switches
    changed: Callable[[], None]
    """Called when a client put or named a file, so that the jobs look."""

    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)

    async def listen(self, port: int, key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
        """Listen on loopback, on this port or any free one."""
        return await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=partial(Login, self),
            sftp_factory=partial(Session, self),
            server_host_keys=[key],
            allow_scp=False,
            agent_forwarding=False,
            x11_forwarding=False,
            compression_algs=None,
            gss_host=None,
            login_timeout=30,
            server_version="DscoSandbox",
            config=None,
        )

    def disconnect(self) -> int:
        """Cut all connections and return how many there were."""
        found = list(self.connections)
        for connection in found:
            connection.abort()
        return len(found)


class Login(asyncssh.SSHServer):
    """One connection: password login, nothing but SFTP."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if self.server.faults.happens("refuse_connections"):
            self.server.activity.note("connection_refused")
            conn.abort()
            return
        self.connection = conn
        self.server.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.connection is not None:
            self.server.connections.discard(self.connection)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        switches = self.server.switches
        fits = hmac.compare_digest(username.encode(), switches.username.encode())
        fits &= hmac.compare_digest(password.encode(), switches.password.encode())
        if not fits or self.server.faults.happens("refuse_login"):
            self.server.activity.note("login_refused")
            return False
        self.server.activity.note("login")
        return True


class Session(asyncssh.SFTPServer):
    """One SFTP channel. Names from outside never lead out of the tree; links can't be made."""

    def __init__(self, server: Server, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(chan)
        self.server = server
        self.handles: set[Handle] = set()
        self.was_cut = False

    # --- names -----------------------------------------------------------------------------------------------------------

    def far(self, path: bytes) -> str:
        """Return a client's path as a far name; one that isn't UTF-8 can't be there."""
        try:
            return self.server.tree.far(path.decode())
        except UnicodeDecodeError:
            raise OSError(errno.ENOENT, "No such file") from None

    def local(self, far: str) -> Path:
        """Return where a far name lies on disk; a link that leads out of the tree isn't there."""
        try:
            return self.server.tree.local(far)
        except OutsideTree:
            raise OSError(errno.ENOENT, "No such file") from None

    def realpath(self, path: bytes) -> bytes:
        return self.far(path).encode()

    # --- faults ----------------------------------------------------------------------------------------------------------

    async def trouble(self, operation: str, far: str, moved: int = 0) -> None:
        """Be slow, or stay silent, as asked for. Raise when the connection was cut: requests may still lie in the buffer."""
        if self.was_cut:
            raise SFTPConnectionLost("The connection was cut on request")
        faults = self.server.faults
        slow = faults.happens("slow", far, moved=moved)
        if slow is not None and slow.arguments["seconds"]:
            await self.wait(float(slow.arguments["seconds"]))
        stall = faults.happens("stall", far, moved=moved, operation=operation)
        if stall is not None:
            await self.wait(stall.arguments["seconds"], stall)

    async def wait(self, seconds: float | None, fault: Fault | None = None) -> None:
        """Wait so long, or until the fault is cleared, but no longer than the client is there."""
        loop = asyncio.get_running_loop()
        end = None if seconds is None else loop.time() + float(seconds)
        while not self.is_gone():
            left = 0.05 if end is None else min(0.05, end - loop.time())
            if left <= 0 or (fault is not None and fault.cleared.is_set()):
                return
            await asyncio.sleep(left)
        raise SFTPConnectionLost("The connection is gone")

    async def pace(self, far: str, count: int) -> None:
        """Spend the time that so many bytes take at the speed asked for."""
        for speed in self.server.faults.speeds(far):
            await self.wait(count / speed)

    async def cut(self) -> None:
        """Cut the connection; what was answered before still arrives, what was sent after isn't done."""
        self.was_cut = True
        await asyncio.sleep(FLUSH)
        self.connection.abort()
        raise SFTPConnectionLost("The connection was cut on request")

    async def swallow(self, operation: str, far: str) -> None:
        """After it was done: cut the connection or never answer, when asked for."""
        fault = self.server.faults.happens("swallow", far, operation=operation)
        if fault is None:
            return
        if fault.arguments["how"] == "drop":
            await self.cut()
        await self.wait(None, fault)

    async def cut_after(self, during: str, far: str, moved: int) -> None:
        """Cut the connection when so many bytes of this file went over and a fault asks for it."""
        if self.server.faults.happens("drop", far, moved=moved, during=during):
            await self.cut()

    def refuse(self, fault: str, far: str) -> None:
        """Refuse with "permission denied" when a fault asks for it."""
        if self.server.faults.happens(fault, far):
            raise SFTPPermissionDenied("Permission denied")

    # --- files -----------------------------------------------------------------------------------------------------------

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        far = self.far(path)
        await self.trouble("open", far)
        writing = bool(pflags & WRITES)
        self.refuse("refuse_write" if writing else "refuse_read", far)
        if writing:
            self.check_place(far)
        handle = Handle(far, self.open_local(far, pflags, writing), writing)
        self.handles.add(handle)
        await self.swallow("open", far)
        return handle

    def open_local(self, far: str, pflags: int, writing: bool) -> int:
        """Open the file on disk and return its descriptor; while it is open for writing no job takes it."""
        flags = os.O_RDONLY
        if writing:
            flags = os.O_RDWR if pflags & asyncssh.FXF_READ else os.O_WRONLY
            for wish, flag in (
                (asyncssh.FXF_CREAT, os.O_CREAT),
                (asyncssh.FXF_TRUNC, os.O_TRUNC),
                (asyncssh.FXF_EXCL, os.O_EXCL),
                (asyncssh.FXF_APPEND, os.O_APPEND),
            ):
                flags |= flag if pflags & wish else 0
        with self.server.tree.lock:
            local = self.local(far)
            if local.is_dir():
                raise OSError(errno.EISDIR, "It is a folder")
            descriptor = os.open(local, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            if writing:
                self.server.tree.opened_for_writing(far)
        return descriptor

    def check_place(self, far: str) -> None:
        """Refuse what a supplier may not write."""
        inside = any(far.startswith(folder + "/") for folder in SERVED_FOR_WRITING)
        if not inside or any(far.startswith(folder + "/") for folder in NOT_FOR_WRITING) or far in FIXED:
            raise SFTPPermissionDenied("Files are put into /in or /misc")

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        handle = _handle(file_obj)
        if self.server.faults.any_on() or self.was_cut:
            await self.trouble("read", handle.far, handle.bytes_read)
            self.refuse("refuse_read", handle.far)
            await self.pace(handle.far, size)
            await self.cut_after("read", handle.far, handle.bytes_read + size)
        data = os.pread(handle.descriptor, size, offset)
        if data:
            handle.read[offset] = max(len(data), handle.read.get(offset, 0))
            handle.bytes_read += len(data)
        else:
            handle.read_to_end = True
        early = self.server.faults.happens("archive_early", handle.far, moved=handle.bytes_read)
        if early and not handle.writing:
            self.archive(handle)
        return data

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        handle = _handle(file_obj)
        if self.server.faults.any_on() or self.was_cut:
            await self.trouble("write", handle.far, handle.bytes_written)
            self.refuse("refuse_write", handle.far)
            await self.pace(handle.far, len(data))
            if self.server.faults.happens("disk_full", handle.far, moved=handle.bytes_written + len(data)):
                raise OSError(errno.ENOSPC, "No space left on device")
        os.pwrite(handle.descriptor, data, offset)
        handle.bytes_written += len(data)
        if self.server.faults.any_on():
            await self.cut_after("write", handle.far, handle.bytes_written)
            await self.swallow("write", handle.far)
        return len(data)

    async def close(self, file_obj: object) -> None:
        handle = _handle(file_obj)
        try:
            if self.server.faults.any_on() and not self.is_gone():
                await self.trouble("close", handle.far, max(handle.bytes_read, handle.bytes_written))
        finally:
            self.finish(handle)
        if not self.is_gone():
            await self.swallow("close", handle.far)

    def is_gone(self) -> bool:
        """Tell whether the client is gone, so that only tidying up is left."""
        return self.was_cut or self.connection not in self.server.connections

    def finish(self, handle: Handle) -> None:
        """Close the file and do what DSCO does then."""
        if handle not in self.handles:
            return
        self.handles.discard(handle)
        whole = not handle.writing and handle.read_whole()
        os.close(handle.descriptor)
        if handle.writing:
            self.server.tree.touched(handle.far, closed=True)
            self.server.activity.note("upload", handle.far, handle.bytes_written)
            self.server.changed()
        elif handle.bytes_read or handle.read_to_end:
            self.server.activity.note("download" if whole else "half_download", handle.far, handle.bytes_read)
            if whole or self.server.switches.archive_half_read:
                self.archive(handle)

    def archive(self, handle: Handle) -> None:
        """Move a downloaded file from /out to /out/archive; other folders stay as they are."""
        folder, _, name = handle.far.rpartition("/")
        if handle.archived or folder != "/out" or not self.server.switches.archive_after_download:
            return
        handle.archived = True
        if self.server.tree.move(handle.far, f"/out/archive/{name}"):
            self.server.activity.note("archived", f"/out/archive/{name}")

    def exit(self) -> None:
        for handle in list(self.handles):
            self.finish(handle)

    # --- looking ---------------------------------------------------------------------------------------------------------

    async def stat(self, path: bytes) -> SFTPAttrs:
        far = self.far(path)
        await self.trouble("stat", far)
        return _attributes(self.local(far))

    async def lstat(self, path: bytes) -> SFTPAttrs:
        return await self.stat(path)

    async def fstat(self, file_obj: object) -> SFTPAttrs:
        handle = _handle(file_obj)
        await self.trouble("stat", handle.far)
        return SFTPAttrs.from_local(os.fstat(handle.descriptor))

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        far = self.far(path)
        await self.trouble("list", far)
        self.refuse("refuse_list", far)
        with self.server.tree.lock:
            names = sorted(os.listdir(self.local(far)))  # noqa: PTH208 - names are wanted, not paths
        for name in (".", "..", *names):
            try:
                attributes = _attributes(self.local(self.server.tree.far(f"{far}/{name}")))
            except OSError:
                continue  # it was moved away since the folder was read
            yield SFTPName(name.encode(), attrs=attributes)

    # --- changing --------------------------------------------------------------------------------------------------------

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self.do_rename(self.far(oldpath), self.far(newpath), replace=False)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self.do_rename(self.far(oldpath), self.far(newpath), replace=True)

    async def do_rename(self, old: str, new: str, *, replace: bool) -> None:
        """Rename a client's own file. The plain request refuses to replace another, as the protocol has it."""
        await self.trouble("rename", new)
        if not self.server.switches.client_may_rename:
            raise SFTPPermissionDenied("Permission denied")
        self.refuse("refuse_rename", new)
        self.check_place(old)
        self.check_place(new)
        with self.server.tree.lock:
            source, target = self.local(old), self.local(new)
            if target.exists() and not replace:
                raise OSError(errno.EEXIST, "File exists")
            source.replace(target)
            self.server.tree.touched(new)
        self.server.activity.note("rename", new)
        self.server.changed()
        await self.swallow("rename", new)

    async def remove(self, path: bytes) -> None:
        far = self.far(path)
        await self.trouble("remove", far)
        if not self.server.switches.client_may_remove:
            raise SFTPPermissionDenied("Permission denied")
        self.refuse("refuse_remove", far)
        self.local(far).unlink()
        self.server.activity.note("remove", far)
        await self.swallow("remove", far)

    async def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        far = self.far(path)
        self.check_place(far)
        self.local(far).mkdir()
        self.server.activity.note("mkdir", far)

    async def rmdir(self, path: bytes) -> None:
        far = self.far(path)
        self.check_place(far)
        self.local(far).rmdir()
        self.server.activity.note("rmdir", far)

    def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Take size and times, ignore the rest: clients set modes that mean nothing here."""
        far = self.far(path)
        self.check_place(far)
        _set(self.local(far), attrs)

    def lsetstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        self.setstat(path, attrs)

    def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        handle = _handle(file_obj)
        self.check_place(handle.far)
        _set(self.local(handle.far), attrs)

    def readlink(self, path: bytes) -> bytes:
        raise NotImplementedError

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise NotImplementedError

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise NotImplementedError

    def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        raise NotImplementedError

    def fstatvfs(self, file_obj: object) -> asyncssh.SFTPVFSAttrs:
        raise NotImplementedError

    def fsync(self, file_obj: object) -> None:
        os.fsync(_handle(file_obj).descriptor)


def _handle(file_obj: object) -> Handle:
    if not isinstance(file_obj, Handle):
        raise TypeError("not one of this server's handles")
    return file_obj


def _attributes(path: Path) -> SFTPAttrs:
    """Return a file's size, kind and time; owners are nobody's business."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ENOENT, "No such file")
    attributes = SFTPAttrs.from_local(found)
    attributes.uid = attributes.gid = 1000
    return attributes


def _set(path: Path, attrs: SFTPAttrs) -> None:
    if attrs.size is not None:
        os.truncate(path, attrs.size)
    if attrs.mtime is not None:
        os.utime(path, (attrs.atime or attrs.mtime, attrs.mtime))
