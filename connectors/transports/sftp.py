"""SFTP with a pinned host key, a deadline on every step, and transfers at full speed in flat memory."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import socket
from collections import deque
from collections.abc import Iterable, Iterator

import paramiko

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
from connectors.transports.sftp_packets import (
    CREATE,
    POSIX_RENAME,
    READ,
    TRUNCATE,
    WRITE,
    Attributes,
    Code,
    Garbled,
    Kind,
    Packets,
    Status,
)
from connectors.transports.sockets import at_once

UNDER_WAY = 64
"""Requests that wait for an answer at once, as in OpenSSH: 2 MB, enough for any distance, and no server stalls on it."""

_LOST = (EOFError, OSError, paramiko.SSHException, Garbled)


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
        self._client: Packets | None = None

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
        at_once(self._socket)

    def secure(self) -> None:
        self._progress()
        if self._socket is None:
            raise RuntimeError("dial() comes first")
        transport = paramiko.Transport(self._socket)
        self._transport = transport
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = self._timeout
        transport.channel_timeout = transport.clear_to_send_timeout = self._timeout
        self._prefer_pinned_type(transport)
        failure: ConnectorError | None
        try:
            transport.start_client(timeout=self._timeout)
            key = transport.get_remote_server_key()
        except (paramiko.SSHException, EOFError, OSError) as error:
            failure = self._handshake_failure(transport, error)
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
        failure = self._authenticate(self._transport) or self._start_sftp()
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
            f"{_describe(self._pinned)}. Nothing was sent, no password either. Ask the server's owner whether the key was "
            "changed, and accept the new one on the connection's page only if it was.",
            needs_person=True,
        )

    def _handshake_failure(self, transport: paramiko.Transport, error: Exception) -> ConnectorError:
        if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
            return FixConnection(
                f"{self._host} and this hub know no encryption in common: the server offers outdated ones only."
            )
        if not transport.remote_version.startswith("SSH-"):
            return TryLater(f"{self._host}:{self._port} answered, but not as an SFTP server. Check the port if this goes on.")
        return TryLater(f"{self._host} broke off before an encrypted connection was made.")

    def _authenticate(self, transport: paramiko.Transport) -> ConnectorError | None:
        try:
            further = transport.auth_password(self._username, self._password, fallback=False)
            if "keyboard-interactive" in further:
                further = transport.auth_interactive(self._username, self._answer_prompts)
        except paramiko.BadAuthenticationType as error:
            if "keyboard-interactive" in error.allowed_types:
                return self._authenticate_by_prompts()
            return FixConnection(f"{self._host} takes no passwords for {self._username}, only: {_listed(error.allowed_types)}.")
        except (paramiko.SSHException, EOFError, OSError):
            return self._login_failure(transport)
        return self._unless_complete(transport, further)

    def _authenticate_by_prompts(self) -> ConnectorError | None:
        """Log in by keyboard-interactive on a new connection: paramiko asks for the service anew with each try, and some
        servers hang up at that."""
        self._pinned = self._pinned or self.seen_host_key
        self.close()
        self.dial()
        self.secure()
        transport = self._transport
        if transport is None:
            raise RuntimeError("secure() left no transport")
        try:
            further = transport.auth_interactive(self._username, self._answer_prompts)
        except (paramiko.SSHException, EOFError, OSError):
            return self._login_failure(transport)
        return self._unless_complete(transport, further)

    def _unless_complete(self, transport: paramiko.Transport, further: list[str]) -> ConnectorError | None:
        if transport.is_authenticated():
            return None
        return FixConnection(
            f"{self._host} asks for more than a password: {_listed(further)}. Ask its owner for a plain login."
        )

    def _answer_prompts(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """Answer what is asked without echo, the password; a question with echo asks for something that we don't have."""
        return ["" if echo else self._password for _, echo in prompts]

    def _login_failure(self, transport: paramiko.Transport) -> ConnectorError:
        """Tell a refusal from a lost connection.

        Many servers hang up right after a refusal, and paramiko then reports only that; but when a refusal has come, it has
        taken the user's name away from its handler.
        """
        handler = transport.auth_handler
        if handler is None or handler.username is not None:
            return TryLater(f"{self._host} did not answer the login.")
        return FixConnection(
            f"{self._host} refused user {self._username} or the password. Check both and save the connection anew."
        )

    def _start_sftp(self) -> ConnectorError | None:
        transport = self._transport
        if transport is None:
            raise RuntimeError("secure() comes first")
        try:
            channel = transport.open_session(timeout=self._timeout)
            channel.settimeout(self._timeout)
            channel.invoke_subsystem("sftp")
            self._client = Packets(channel, self._timeout)
        except (TimeoutError, EOFError):
            return TryLater(f"{self._host} took the login, but its SFTP service didn't answer.")
        except (paramiko.SSHException, Garbled, OSError):
            if not transport.is_active():
                return TryLater(f"{self._host} broke off after the login.")
            return FixConnection(
                f"{self._host} took the login, but gives {self._username} no SFTP. Ask its owner for SFTP access."
            )
        return None

    # --- reading ---

    def listdir(self, folder: str) -> list[FileEntry]:
        packets = self._packets()
        found: list[tuple[str, Attributes]] = []
        what = f"list {for_people(folder)}"
        with self._asking(what):
            handle = packets.open_folder(folder or ".")
        with self._closing(handle):
            while True:
                with self._asking(what):
                    names = packets.names(handle)
                if names is None:
                    break
                found += names
        self.skipped = tuple(for_people(name) for name, _ in found if name not in (".", "..") and not is_safe_name(name))
        entries = (self._listed(folder, name, attributes) for name, attributes in found if is_safe_name(name))
        return [entry for entry in entries if entry is not None]

    def _listed(self, folder: str, name: str, attributes: Attributes) -> FileEntry | None:
        """Ask again for links, whose own size and time say nothing, and where the server lists names alone."""
        if attributes.is_complete and not attributes.is_link:
            return _entry(name, attributes)
        try:
            return self.stat(f"{folder.rstrip('/')}/{name}" if folder else name)
        except (NotFound, Denied, Refused):
            return None  # gone since it was listed, or a link that leads nowhere

    def stat(self, path: str) -> FileEntry:
        packets = self._packets()
        with self._asking(f"look at {for_people(path)}"):
            return _entry(base_name(path), packets.attributes(Kind.STAT, path))

    def read(self, path: str) -> Iterator[bytes]:
        packets = self._packets()
        what = f"read {for_people(path)}"
        with self._asking(what):
            handle = packets.open(path, READ)
        done = 0
        with self._closing(handle):
            with self._asking(what):
                size = packets.attributes(Kind.FSTAT, handle).size
            for piece in self._pieces_of(packets, handle, size, what):
                done += len(piece)
                yield piece
        if size is not None and done != size:
            raise TryLater(f"{for_people(path)} ended after {done:,} of {size:,} bytes. It is read again later.")

    def _pieces_of(self, packets: Packets, handle: bytes, size: int | None, what: str) -> Iterator[bytes]:
        """Keep requests under way and yield the answers in order. A short one is completed before the next is given out."""
        under_way: deque[tuple[int, int, int]] = deque()
        asked = 0
        try:
            while True:
                with self._asking(what):
                    if len(under_way) <= UNDER_WAY // 2:  # many in one go cost less than one at a time
                        asked = self._ask_ahead(packets, handle, size, asked, under_way)
                    if not under_way:
                        return
                    number, offset, length = under_way.popleft()
                    data = packets.data(number)
                while data:
                    yield data
                    offset, length = offset + len(data), length - len(data)
                    if not length:
                        break
                    with self._asking(what):
                        data = packets.data(packets.ask_read(handle, offset, length))
                if not data:
                    return
        finally:
            packets.forget(*(number for number, _, _ in under_way))

    def _ask_ahead(
        self, packets: Packets, handle: bytes, size: int | None, asked: int, under_way: deque[tuple[int, int, int]]
    ) -> int:
        """Fill up what is under way with requests (number, offset, length); return up to where the file is asked for."""
        while len(under_way) < UNDER_WAY and (size is None or asked < size):
            length = PIECE if size is None else min(PIECE, size - asked)
            under_way.append((packets.ask_read(handle, asked, length), asked, length))
            asked += length
        return asked

    # --- writing ---

    def write(self, path: str, body: bytes | Iterable[bytes]) -> int:
        packets = self._packets()
        what = f"write {for_people(path)}"
        with self._asking(what, is_write=True):
            handle = packets.open(path, WRITE | CREATE | TRUNCATE)
        is_closed = False
        try:
            with self._asking(what, is_write=True, is_begun=True):
                done = self._send_all(packets, handle, body)
                lies_there = packets.attributes(Kind.FSTAT, handle).size
                # Servers with quotas or slow storage refuse here what they took before.
                is_closed = True
                packets.do(Kind.CLOSE, handle)
        finally:
            if not is_closed:
                self._let_go(handle)
        if lies_there is not None and lies_there != done:
            raise OutcomeUnknown(f"{for_people(path)} has {lies_there:,} bytes on the server instead of {done:,}.")
        return done

    def _send_all(self, packets: Packets, handle: bytes, body: bytes | Iterable[bytes]) -> int:
        under_way: deque[int] = deque()
        done = 0
        for piece in pieces(body):
            self._progress()
            under_way.append(packets.ask_write(handle, done, piece))
            done += len(piece)
            if len(under_way) >= UNDER_WAY:
                packets.done(under_way.popleft())
        while under_way:
            packets.done(under_way.popleft())
        return done

    def rename(self, old: str, new: str) -> None:
        packets = self._packets()
        with self._asking(f"rename {for_people(old)} to {for_people(new)}", is_write=True):
            if POSIX_RENAME in packets.extensions:
                try:
                    packets.do(Kind.EXTENDED, POSIX_RENAME, old, new)
                    return
                except Status as status:
                    if status.code != Code.UNSUPPORTED:
                        raise
            packets.do(Kind.RENAME, old, new)

    def remove(self, path: str) -> None:
        packets = self._packets()
        with self._asking(f"delete {for_people(path)}", is_write=True):
            packets.do(Kind.REMOVE, path)

    @contextlib.contextmanager
    def _closing(self, handle: bytes) -> Iterator[None]:
        """Close a handle whatever happens, without waiting for the answer: what was read stays read."""
        try:
            yield
        finally:
            self._let_go(handle)

    def _let_go(self, handle: bytes) -> None:
        if self._client is not None:
            with contextlib.suppress(*_LOST):
                self._client.let_go(handle)

    # --- errors ---

    def _packets(self) -> Packets:
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
        except Status as status:
            failure = self._status_failure(what, status, is_begun=is_begun)
        except TimeoutError:
            failure = self._lost(what, f"did not answer within {self._timeout:.0f} seconds", is_write)
        except _LOST:
            failure = self._lost(what, "broke the connection off", is_write)
        else:
            return
        raise failure

    def _status_failure(self, what: str, status: Status, *, is_begun: bool) -> ConnectorError:
        said = f" It said: {status.text}." if status.text else ""
        if is_begun:
            return OutcomeUnknown(f"{self._host} could not {what} to its end.{said} A part of it may lie there.")
        if status.code == Code.NO_SUCH_FILE:
            return NotFound(f"{self._host} could not {what}: there is no such file or folder.")
        if status.code == Code.PERMISSION_DENIED:
            return Denied(
                f"{self._host} does not let {self._username} {what}. Ask its owner for the right, or change the folder."
            )
        return Refused(f"{self._host} could not {what}.{said}")

    def _lost(self, what: str, how: str, is_write: bool) -> ConnectorError:
        if is_write:
            return OutcomeUnknown(f"{self._host} {how} while it was to {what}, so it isn't certain what lies there now.")
        return TryLater(f"{self._host} {how} while it was to {what}. It is tried again later.")


def _listed(methods: list[str]) -> str:
    return ", ".join(methods) or "nothing that it names"


def _describe(host_key: str) -> str:
    return f"{fingerprint(host_key)} ({host_key.partition(' ')[0]})"


def _entry(name: str, attributes: Attributes) -> FileEntry:
    return FileEntry(name, attributes.size or 0, attributes.modified_at, attributes.is_dir)
