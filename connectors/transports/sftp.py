"""SFTP with a pinned host key, a deadline on every step, and transfers at full speed in flat memory.

paramiko gives the SSH transport and the packets. Files are read and written here rather than by paramiko's own file object: that
one asks for a whole file at once, waits for ever when the file has shrunk meanwhile, and falls back to one request at a time
after a short answer.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import socket
import stat as modes
import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import paramiko
from paramiko.message import Message
from paramiko.sftp import (
    CMD_ATTRS,
    CMD_CLOSE,
    CMD_DATA,
    CMD_EXTENDED,
    CMD_FSTAT,
    CMD_HANDLE,
    CMD_INIT,
    CMD_NAME,
    CMD_OPEN,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_REMOVE,
    CMD_RENAME,
    CMD_STAT,
    CMD_STATUS,
    CMD_VERSION,
    CMD_WRITE,
    SFTP_EOF,
    SFTP_FLAG_CREATE,
    SFTP_FLAG_READ,
    SFTP_FLAG_TRUNC,
    SFTP_FLAG_WRITE,
    SFTP_NO_SUCH_FILE,
    SFTP_OK,
    SFTP_OP_UNSUPPORTED,
    SFTP_PERMISSION_DENIED,
    SFTPError,
    int64,
)
from paramiko.sftp_attr import SFTPAttributes

from connectors.contract import Network
from connectors.errors import ConnectorError, FixConnection, OutcomeUnknown, TryLater
from connectors.transports.files import (
    PIECE,
    TIMEOUT,
    Denied,
    FileEntry,
    NotFound,
    Progress,
    Refused,
    base_name,
    for_people,
    is_safe_name,
    pieces,
)

UNDER_WAY = 64
"""Requests that wait for an answer at once, as in OpenSSH: 2 MB, enough for any distance, and no server stalls on it."""

POSIX_RENAME = "posix-rename@openssh.com"


def fingerprint(seen_host_key: str) -> str:
    """Return the fingerprint of a host key given as "type base64", spelled as OpenSSH shows it: "SHA256:..."."""
    try:
        raw = base64.b64decode(seen_host_key.split()[1], validate=True)
    except (IndexError, binascii.Error):
        return "unreadable"
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


class SftpServer:
    """A `FileServer` behind SFTP. `pinned_host_key` is "type base64"; "" takes the key that the server shows."""

    def __init__(
        self,
        *,
        network: Network,
        progress: Progress,
        host: str,
        port: int = 22,
        username: str,
        password: str,
        pinned_host_key: str = "",
        timeout: float = TIMEOUT,
    ) -> None:
        self.seen_host_key = ""
        self.skipped: tuple[str, ...] = ()
        self._network, self._progress, self._timeout = network, progress, timeout
        self._host, self._port = host, port
        self._username, self._password = username, password
        self._pinned = pinned_host_key.strip()
        self._socket: socket.socket | None = None
        self._transport: paramiko.Transport | None = None
        self._client: _Client | None = None

    def __repr__(self) -> str:
        return f"SftpServer({self._username}@{self._host}:{self._port})"

    # --- opening ---

    def open(self) -> None:
        if self._socket is None:
            self.dial()
        if self._transport is None:
            self.secure()
        if self._client is None:
            self.login()

    def dial(self) -> None:
        self._progress()
        self._socket = self._network.connect(self._host, self._port, self._timeout)

    def secure(self) -> None:
        self._progress()
        if self._socket is None:
            raise RuntimeError("dial() comes first")
        transport = paramiko.Transport(self._socket)
        self._transport = transport
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = self._timeout
        transport.channel_timeout = transport.clear_to_send_timeout = self._timeout
        self._prefer_pinned_type(transport)
        try:
            transport.start_client(timeout=self._timeout)
            key = transport.get_remote_server_key()
        except (paramiko.SSHException, EOFError, OSError) as error:
            failure = self._handshake_failure(error)
        else:
            self.seen_host_key = f"{key.get_name()} {key.get_base64()}"
            failure = self._key_failure()
        if failure is not None:
            self.close()
            raise failure

    def login(self) -> None:
        self._progress()
        if self._transport is None:
            raise RuntimeError("secure() comes first")
        failure = self._authenticate(self._transport)
        if failure is None:
            failure = self._start_sftp(self._transport)
        if failure is not None:
            self.close()
            raise failure

    def close(self) -> None:
        self._client = None
        for part in (self._transport, self._socket):
            if part is not None:
                with contextlib.suppress(Exception):
                    part.close()
        self._transport = self._socket = None

    def _prefer_pinned_type(self, transport: paramiko.Transport) -> None:
        """Ask for the type of key that is pinned before all others: a server that gained a second key hasn't changed."""
        pinned_type = self._pinned.partition(" ")[0]
        wanted = ("rsa-sha2-512", "rsa-sha2-256") if pinned_type == "ssh-rsa" else (pinned_type,)
        options = transport.get_security_options()
        known = tuple(options.key_types)
        first = tuple(name for name in wanted if name in known)
        options.key_types = first + tuple(name for name in known if name not in first)

    def _key_failure(self) -> FixConnection | None:
        if not self._pinned or self._pinned.split()[:2] == self.seen_host_key.split():
            return None
        return FixConnection(
            f"{self._host} showed another host key than before: {_describe(self.seen_host_key)} instead of "
            f"{_describe(self._pinned)}. Nothing was sent, no password either. Ask the server's owner whether the key was changed, "
            "and accept the new one on the connection's page only if it agrees.",
            needs_person=True,
        )

    def _handshake_failure(self, error: Exception) -> ConnectorError:
        if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
            return FixConnection(
                f"{self._host} and this hub know no encryption in common: the server offers outdated ones only."
            )
        if "banner" in str(error).lower():
            return TryLater(f"{self._host}:{self._port} answered, but not as an SFTP server. Check the port if this goes on.")
        return TryLater(f"{self._host} broke off before an encrypted connection was made.")

    def _authenticate(self, transport: paramiko.Transport) -> ConnectorError | None:
        try:
            try:
                further = transport.auth_password(self._username, self._password, fallback=False)
            except paramiko.BadAuthenticationType as error:
                further = error.allowed_types
                if "keyboard-interactive" not in further:
                    return FixConnection(f"{self._host} takes no passwords for {self._username}, only: {', '.join(further)}.")
            if not transport.is_authenticated() and "keyboard-interactive" in further:
                further = transport.auth_interactive(self._username, self._answer_prompts)
        except paramiko.AuthenticationException as error:
            return self._login_failure(transport, error)
        except (paramiko.SSHException, EOFError, OSError):
            return TryLater(f"{self._host} broke off during the login.")
        if not transport.is_authenticated():
            return FixConnection(
                f"{self._host} asks for more than a password: {', '.join(further)}. Ask its owner for a plain login."
            )
        return None

    def _answer_prompts(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """Answer what is asked without echo, the password; a question with echo asks for something that we don't have."""
        return ["" if echo else self._password for _, echo in prompts]

    def _login_failure(self, transport: paramiko.Transport, error: Exception) -> ConnectorError:
        words = str(error).lower()
        if "timeout" in words or "eof" in words:
            return TryLater(f"{self._host} did not answer the login.")
        return FixConnection(
            f"{self._host} refused user {self._username} or the password. Check both and save the connection anew."
        )

    def _start_sftp(self, transport: paramiko.Transport) -> ConnectorError | None:
        try:
            channel = transport.open_session(timeout=self._timeout)
            channel.settimeout(self._timeout)
            channel.invoke_subsystem("sftp")
            self._client = _Client(channel, self._timeout)
        except (TimeoutError, EOFError):
            return TryLater(f"{self._host} took the login, but its SFTP service didn't answer.")
        except (paramiko.SSHException, SFTPError, OSError):
            if not transport.is_active():
                return TryLater(f"{self._host} broke off after the login.")
            return FixConnection(
                f"{self._host} took the login, but gives {self._username} no SFTP. Ask its owner for SFTP access."
            )
        return None

    # --- reading ---

    def listdir(self, folder: str) -> list[FileEntry]:
        client = self._open_client()
        with self._asking(f"list {for_people(folder)}"):
            found = client.list_names(folder or ".", self._progress)
        safe = {name: attributes for name, attributes in found if is_safe_name(name)}
        self.skipped = tuple(for_people(name) for name, _ in found if name not in safe and name not in (".", ".."))
        entries = []
        for name, attributes in safe.items():
            if _needs_stat(attributes):
                try:
                    entries.append(self.stat(f"{folder.rstrip('/')}/{name}" if folder else name))
                except (NotFound, Denied, Refused):
                    continue  # gone since it was listed, or a link that leads nowhere
            else:
                entries.append(_entry(name, attributes))
        return entries

    def stat(self, path: str) -> FileEntry:
        client = self._open_client()
        with self._asking(f"look at {for_people(path)}"):
            return _entry(base_name(path), client.attributes(CMD_STAT, path))

    def read(self, path: str) -> Iterator[bytes]:
        client = self._open_client()
        what = f"read {for_people(path)}"
        with self._asking(what):
            handle = client.open_handle(path, SFTP_FLAG_READ)
        done = 0
        try:
            with self._asking(what):
                size = client.attributes(CMD_FSTAT, handle).st_size
            for piece in self._pieces_of(client, handle, size, what):
                done += len(piece)
                yield piece
        finally:
            client.let_go(handle)
        if size is not None and done != size:
            raise TryLater(f"{for_people(path)} ended after {done:,} of {size:,} bytes. It is read again later.")

    def _pieces_of(self, client: _Client, handle: bytes, size: int | None, what: str) -> Iterator[bytes]:
        """Keep requests under way and yield their answers in order; a short answer is completed before the next is given out."""
        pipe = _Pipe(client)
        under_way: deque[tuple[int, int, int]] = deque()
        asked = 0
        is_over = False
        while not is_over:
            with self._asking(what):
                while len(under_way) < UNDER_WAY and (size is None or asked < size):
                    length = PIECE if size is None else min(PIECE, size - asked)
                    under_way.append((pipe.ask(CMD_READ, handle, int64(asked), length), asked, length))
                    asked += length
                if not under_way:
                    return
                number, offset, length = under_way.popleft()
                data = pipe.data(number)
            if data is None:
                return
            yield data
            while len(data) < length:
                offset, length = offset + len(data), length - len(data)
                with self._asking(what):
                    data = pipe.data(pipe.ask(CMD_READ, handle, int64(offset), length))
                if data is None:
                    is_over = True
                    break
                yield data

    # --- writing ---

    def write(self, path: str, body: bytes | Iterable[bytes]) -> int:
        client = self._open_client()
        what = f"write {for_people(path)}"
        with self._asking(what, is_write=True):
            handle = client.open_handle(path, SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_TRUNC)
        try:
            with self._asking(what, is_write=True, is_begun=True):
                done = self._send_all(client, handle, body)
                lies_there = client.attributes(CMD_FSTAT, handle).st_size
                client.status(CMD_CLOSE, handle)
                handle = b""
        finally:
            if handle:
                client.let_go(handle)
        if lies_there is not None and lies_there != done:
            raise OutcomeUnknown(f"{for_people(path)} has {lies_there:,} bytes on the server instead of {done:,}.")
        return done

    def _send_all(self, client: _Client, handle: bytes, body: bytes | Iterable[bytes]) -> int:
        pipe = _Pipe(client)
        under_way: deque[int] = deque()
        done = 0
        for piece in pieces(body):
            self._progress()
            under_way.append(pipe.ask(CMD_WRITE, handle, int64(done), piece))
            done += len(piece)
            if len(under_way) >= UNDER_WAY:
                pipe.status(under_way.popleft())
        while under_way:
            pipe.status(under_way.popleft())
        return done

    def rename(self, old: str, new: str) -> None:
        client = self._open_client()
        with self._asking(f"rename {for_people(old)} to {for_people(new)}", is_write=True):
            if POSIX_RENAME in client.extensions:
                try:
                    client.status(CMD_EXTENDED, POSIX_RENAME, old, new)
                    return
                except _Status as status:
                    if status.code != SFTP_OP_UNSUPPORTED:
                        raise
            client.status(CMD_RENAME, old, new)

    def remove(self, path: str) -> None:
        client = self._open_client()
        with self._asking(f"delete {for_people(path)}", is_write=True):
            client.status(CMD_REMOVE, path)

    # --- errors ---

    def _open_client(self) -> _Client:
        if self._client is None:
            raise RuntimeError("open() comes first")
        if self._transport is None or not self._transport.is_active():
            raise TryLater(f"The connection to {self._host} is lost.")
        return self._client

    @contextlib.contextmanager
    def _asking(self, what: str, *, is_write: bool = False, is_begun: bool = False) -> Iterator[None]:
        """Turn what goes wrong inside into words. `is_begun`: even a plain no leaves something behind."""
        self._progress()
        try:
            yield
        except _Status as status:
            failure = self._status_failure(what, status, is_begun=is_begun)
        except TimeoutError:
            failure = self._lost(what, f"did not answer within {self._timeout:.0f} seconds", is_write)
        except (EOFError, OSError, paramiko.SSHException, SFTPError):
            failure = self._lost(what, "broke the connection off", is_write)
        else:
            return
        raise failure

    def _status_failure(self, what: str, status: _Status, *, is_begun: bool) -> ConnectorError:
        said = f" It said: {status.text}." if status.text else ""
        if is_begun:
            return OutcomeUnknown(f"{self._host} could not {what} to its end.{said} A part of it may lie there.")
        if status.code == SFTP_NO_SUCH_FILE:
            return NotFound(f"{self._host} could not {what}: there is no such file or folder.")
        if status.code == SFTP_PERMISSION_DENIED:
            return Denied(
                f"{self._host} does not let {self._username} {what}. Ask its owner for the right, or change the folder."
            )
        return Refused(f"{self._host} could not {what}.{said}")

    def _lost(self, what: str, how: str, is_write: bool) -> ConnectorError:
        if is_write:
            return OutcomeUnknown(f"{self._host} {how} while it was to {what}, so it isn't certain what lies there now.")
        return TryLater(f"{self._host} {how} while it was to {what}. It is tried again later.")


class _Status(OSError):
    """The server's own answer that it did not do something, as opposed to a lost connection."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text[:200].strip().rstrip(".")


class _Client(paramiko.SFTPClient):
    """The packets of SFTP version 3. Builds on paramiko's private methods, which its own file object builds on too."""

    def __init__(self, channel: paramiko.Channel, timeout: float) -> None:
        self._patience = timeout
        self.extensions: dict[str, str] = {}
        super().__init__(channel)

    def _send_version(self) -> int:
        """Agree on the version, and remember the extensions, which paramiko throws away."""
        opening = Message()
        opening.add_int(3)
        self._send_packet(CMD_INIT, opening)
        kind, data = self._read_packet()
        if kind != CMD_VERSION or len(data) < 4:
            raise SFTPError("no SFTP version")
        rest = Message(data[4:])
        while rest.get_remainder():
            self.extensions[rest.get_string().decode("ascii", "replace")] = rest.get_string().decode("ascii", "replace")
        return int(struct.unpack(">I", data[:4])[0])

    def _read_all(self, n: int) -> bytes:
        """Read just so many bytes, all of them within the patience: a server that drips is as good as one that hangs."""
        ends = time.monotonic() + self._patience
        parts = []
        while n > 0:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.sock.settimeout(left)
            part = self.sock.recv(n)
            if not part:
                raise EOFError
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def _convert_status(self, msg: Message) -> None:
        code = msg.get_int()
        if code != SFTP_OK:
            raise _Status(code, msg.get_string().decode("utf-8", "replace"))

    def status(self, command: int, *args: Any) -> None:
        """Do something that is answered with a status."""
        self._request(command, *args)

    def open_handle(self, path: str, flags: int) -> bytes:
        return self._handle(CMD_OPEN, path, flags, SFTPAttributes())

    def attributes(self, command: int, subject: str | bytes) -> SFTPAttributes:
        kind, message = self._request(command, subject)
        if kind != CMD_ATTRS:
            raise SFTPError("expected attributes")
        return SFTPAttributes._from_msg(message)

    def list_names(self, folder: str, progress: Progress) -> list[tuple[str, SFTPAttributes]]:
        """Return names as they are, bytes that are no UTF-8 as lone surrogates."""
        handle = self._handle(CMD_OPENDIR, folder)
        found: list[tuple[str, SFTPAttributes]] = []
        try:
            while True:
                progress()
                kind, message = self._request(CMD_READDIR, handle)
                if kind != CMD_NAME:
                    raise SFTPError("expected names")
                for _ in range(message.get_int()):
                    name, long_name = (message.get_string().decode("utf-8", "surrogateescape") for _ in range(2))
                    found.append((name, SFTPAttributes._from_msg(message, name, long_name)))
        except _Status as status:
            if status.code != SFTP_EOF:
                raise
        finally:
            self.let_go(handle)
        return found

    def let_go(self, handle: bytes) -> None:
        """Close a handle without waiting for the answer."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._async_request(type(None), CMD_CLOSE, handle)

    def _handle(self, command: int, *args: Any) -> bytes:
        kind, message = self._request(command, *args)
        if kind != CMD_HANDLE:
            raise SFTPError("expected a handle")
        return bytes(message.get_string())


class _Pipe:
    """Requests under way at once, whose answers may come in any order."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._arrived: dict[int, tuple[int, Message]] = {}

    def ask(self, command: int, *args: Any) -> int:
        return int(self._client._async_request(self, command, *args))

    def data(self, number: int) -> bytes | None:
        """Return the answer of a read, None at the end of the file."""
        kind, message = self._answer(number)
        if kind == CMD_DATA:
            return bytes(message.get_string()) or None
        try:
            self._client._convert_status(message)
        except _Status as status:
            if status.code == SFTP_EOF:
                return None
            raise
        raise SFTPError("expected data")

    def status(self, number: int) -> None:
        kind, message = self._answer(number)
        if kind != CMD_STATUS:
            raise SFTPError("expected a status")
        self._client._convert_status(message)

    def _answer(self, number: int) -> tuple[int, Message]:
        while number not in self._arrived:
            self._client._read_response()
        return self._arrived.pop(number)

    def _async_response(self, kind: int, message: Message, number: int) -> None:
        """Called by paramiko for each answer to `ask`."""
        self._arrived[number] = (kind, message)


def _describe(host_key: str) -> str:
    return f"{fingerprint(host_key)} ({host_key.partition(' ')[0]})"


def _needs_stat(attributes: SFTPAttributes) -> bool:
    """True for links, whose own size and time say nothing, and where the server lists names alone."""
    mode = attributes.st_mode
    return mode is None or attributes.st_mtime is None or attributes.st_size is None or modes.S_ISLNK(mode)


def _entry(name: str, attributes: SFTPAttributes) -> FileEntry:
    modified = None if attributes.st_mtime is None else datetime.fromtimestamp(attributes.st_mtime, UTC)
    is_dir = attributes.st_mode is not None and modes.S_ISDIR(attributes.st_mode)
    return FileEntry(name, attributes.st_size or 0, modified, is_dir)
