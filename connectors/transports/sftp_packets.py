"""The packets of SFTP version 3 over an SSH channel: requests go out at once, answers are awaited when they are needed.

paramiko's own client won't do: its file object asks for a whole file at once and waits for ever when the file has shrunk, it
loses the refusal of a write that was sent ahead, gives up on a folder with one name that is no UTF-8, and lets a server drip.
Source: draft-ietf-secsh-filexfer-02.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

import paramiko

MAX_PACKET = 1024 * 1024
"""Longest packet that is taken. Servers send at most 256 KB; anything longer isn't SFTP but a login banner or the like."""

RECEIVE = 256 * 1024
"""Bytes that are taken from the channel at once: it moves all that it holds with each call, however little is asked for."""

TOGETHER = 32 * 1024
"""Bytes of requests that are sent in one go: as much as an SSH packet holds."""

READ, WRITE, CREATE, TRUNCATE = 0x01, 0x02, 0x08, 0x10
POSIX_RENAME = "posix-rename@openssh.com"

_TYPE, _FOLDER, _LINK = 0o170000, 0o040000, 0o120000


class Kind(IntEnum):
    """Types of packets."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    STAT = 17
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200


class Code(IntEnum):
    """Codes of a status."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    UNSUPPORTED = 8


class Status(Exception):
    """The server's own answer that it did not do something, as opposed to a lost connection."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = "".join(letter for letter in text[:200] if letter.isprintable()).strip().rstrip(".")


class Garbled(Exception):
    """What came is no answer of an SFTP server."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a server says of a file; None for what it leaves out."""

    size: int | None
    mode: int | None
    modified_at: datetime | None

    @property
    def is_dir(self) -> bool:
        return self.mode is not None and self.mode & _TYPE == _FOLDER

    @property
    def is_link(self) -> bool:
        return self.mode is not None and self.mode & _TYPE == _LINK

    @property
    def is_complete(self) -> bool:
        return None not in (self.size, self.mode, self.modified_at)


class Packets:
    """One SFTP conversation. Every answer must come whole within `timeout` seconds of the moment in which it is waited for."""

    def __init__(self, channel: paramiko.Channel, timeout: float) -> None:
        """Agree on the version. Raise `Garbled`, `EOFError`, `TimeoutError`."""
        self._channel, self._timeout = channel, timeout
        self._last_number = 0
        self._arrived: dict[int, tuple[int, _Fields]] = {}
        self._unwanted: set[int] = set()
        self._received, self._at = b"", 0
        self._unsent: list[bytes] = []
        self._unsent_size = 0
        self._put(struct.pack(">BI", Kind.INIT, 3))
        kind, fields = self._receive()
        if kind != Kind.VERSION:
            raise Garbled("no version")
        fields.number()
        self.extensions = frozenset(_pairs(fields))

    # --- what a file server is asked for ---

    def attributes(self, kind: Kind, subject: str | bytes) -> Attributes:
        """Ask for a path (STAT) or an open file (FSTAT)."""
        return self._wait(self.ask(kind, _text(subject)), Kind.ATTRS).attributes()

    def open(self, path: str, flags: int) -> bytes:
        """Open a file and return its handle."""
        return self._wait(self.ask(Kind.OPEN, _text(path), struct.pack(">II", flags, 0)), Kind.HANDLE).text()

    def open_folder(self, path: str) -> bytes:
        """Open a folder and return its handle."""
        return self._wait(self.ask(Kind.OPENDIR, _text(path)), Kind.HANDLE).text()

    def names(self, handle: bytes) -> list[tuple[str, Attributes]] | None:
        """Return the next names of an open folder, None at its end. Bytes that are no UTF-8 come as lone surrogates."""
        try:
            fields = self._wait(self.ask(Kind.READDIR, _text(handle)), Kind.NAME)
        except Status as status:
            if status.code == Code.EOF:
                return None
            raise
        found = []
        for _ in range(fields.number()):
            name = fields.text().decode("utf-8", "surrogateescape")
            fields.text()  # the same as a line for people
            found.append((name, fields.attributes()))
        return found

    def do(self, kind: Kind, *texts: str | bytes) -> None:
        """Do something that is answered with a status. Raise `Status` when that isn't OK."""
        self.done(self.ask(kind, *(_text(text) for text in texts)))

    # --- ahead of the answers ---

    def ask_read(self, handle: bytes, offset: int, length: int) -> int:
        return self.ask(Kind.READ, _text(handle), struct.pack(">QI", offset, length))

    def ask_write(self, handle: bytes, offset: int, data: bytes) -> int:
        return self.ask(Kind.WRITE, _text(handle), struct.pack(">Q", offset), _text(data))

    def ask(self, kind: Kind, *fields: bytes) -> int:
        """Send a request, at the latest when an answer is waited for, and return its number."""
        self._last_number = (self._last_number + 1) & 0xFFFFFFFF
        self._put(struct.pack(">BI", kind, self._last_number), *fields)
        return self._last_number

    def data(self, number: int) -> bytes:
        """Wait for the answer of a read; empty at the end of the file."""
        try:
            return self._wait(number, Kind.DATA).text()
        except Status as status:
            if status.code == Code.EOF:
                return b""
            raise

    def done(self, number: int) -> None:
        """Wait for the status of a request. Raise `Status` when it isn't OK."""
        self._wait(number, Kind.STATUS)

    def forget(self, *numbers: int) -> None:
        """Throw the answers of these requests away when they come."""
        for number in numbers:
            if self._arrived.pop(number, None) is None:
                self._unwanted.add(number)

    def let_go(self, handle: bytes) -> None:
        """Close a handle without waiting for the answer."""
        self.forget(self.ask(Kind.CLOSE, _text(handle)))
        self._flush()

    # --- packets ---

    def _wait(self, number: int, expected: Kind) -> _Fields:
        while number not in self._arrived:
            kind, fields = self._receive()
            arrived = fields.number()
            if arrived in self._unwanted:
                self._unwanted.remove(arrived)
            else:
                self._arrived[arrived] = (kind, fields)
        kind, fields = self._arrived.pop(number)
        if kind == Kind.STATUS:
            fields.raise_status()
        if kind != expected:
            raise Garbled(f"packet {kind} where {expected} belongs")
        return fields

    def _put(self, *parts: bytes) -> None:
        self._unsent += [struct.pack(">I", sum(map(len, parts))), *parts]
        self._unsent_size += sum(map(len, parts))
        if self._unsent_size >= TOGETHER:
            self._flush()

    def _flush(self) -> None:
        """Send what is due in as few pieces as possible: each one is encrypted and signed by itself."""
        if self._unsent:
            data = b"".join(self._unsent)
            self._unsent, self._unsent_size = [], 0
            self._channel.settimeout(self._timeout)
            self._channel.sendall(data)

    def _receive(self) -> tuple[int, _Fields]:
        self._flush()
        ends = time.monotonic() + self._timeout
        (length,) = struct.unpack(">I", self._exactly(4, ends))
        if not 5 <= length <= MAX_PACKET:
            raise Garbled(f"a packet of {length} bytes")
        packet = self._exactly(length, ends)
        return packet[0], _Fields(packet, 1)

    def _exactly(self, count: int, ends: float) -> bytes:
        while len(self._received) - self._at < count:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._channel.settimeout(left)
            more = self._channel.recv(RECEIVE)
            if not more:
                raise EOFError
            self._received, self._at = self._received[self._at :] + more, 0
        start, self._at = self._at, self._at + count
        return self._received[start : self._at]


class _Fields:
    """The fields of a packet, read one after the other."""

    def __init__(self, packet: bytes, start: int) -> None:
        self._packet, self._at = packet, start

    def left(self) -> bool:
        return self._at < len(self._packet)

    def number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def text(self) -> bytes:
        return self._take(self.number())

    def attributes(self) -> Attributes:
        flags = self.number()
        size = int.from_bytes(self._take(8), "big") if flags & 0x01 else None
        if flags & 0x02:
            self._take(8)  # user and group
        mode = self.number() if flags & 0x04 else None
        modified = None
        if flags & 0x08:
            self._take(4)  # last read
            modified = datetime.fromtimestamp(self.number(), UTC)
        if flags & 0x80000000:
            for _ in range(2 * self.number()):
                self.text()
        return Attributes(size, mode, modified)

    def raise_status(self) -> None:
        code = self.number()
        if code != Code.OK:
            raise Status(code, self.text().decode("utf-8", "replace") if self.left() else "")

    def _take(self, count: int) -> bytes:
        part = self._packet[self._at : self._at + count]
        if len(part) < count:
            raise Garbled("a packet that ends too soon")
        self._at += count
        return part


def _text(value: str | bytes) -> bytes:
    raw = value.encode("utf-8") if isinstance(value, str) else value
    return struct.pack(">I", len(raw)) + raw


def _pairs(fields: _Fields) -> list[str]:
    """Return the names of the extensions that the server offers."""
    names = []
    while fields.left():
        names.append(fields.text().decode("ascii", "replace"))
        fields.text()
    return names
