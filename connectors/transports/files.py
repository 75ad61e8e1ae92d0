"""What SFTP and FTP servers have in common, so that a session needs not know which one it talks to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.errors import BadDocument, FixConnection, TryLater

TIMEOUT = 25.0
"""Seconds that a single step may take: below the 30 that a run's lease is built on, above any pause of a healthy server."""

PIECE = 32 * 1024
"""Bytes that are read and written at once: what every SFTP server accepts in one packet."""

_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file or folder as the server lists it; `modified_at` is UTC, None where the server doesn't say."""

    name: str
    size: int
    modified_at: datetime | None
    is_dir: bool


class NotFound(TryLater):
    """There is no such file or folder."""


class Denied(FixConnection):
    """The login may not do that there. Nothing was done."""


class Refused(TryLater):
    """The server said no without saying that it is a matter of rights. Nothing was done."""


class FileServer(Protocol):
    """A file server behind SFTP, FTPS or FTP. Paths are the server's own, with "/".

    `dial`, `secure` and `login` are the steps of `open`, for tests of a connection that name each step. Every other method asks
    for an open server. A broken connection leaves the object unusable: close it and make a new one.
    """

    seen_host_key: str
    """The host key as "type base64", known after `secure`; "" where the protocol has none."""

    skipped: tuple[str, ...]
    """Names that the last listing left out because they can't be used safely, escaped for people."""

    def dial(self) -> None:
        """Resolve the name and connect. Raise `FixConnection` or `TryLater`."""
        ...

    def secure(self) -> None:
        """Agree on encryption and check who the server is. Raise `FixConnection` for another host key or a bad certificate."""
        ...

    def login(self) -> None:
        """Log in. Raise `FixConnection` when user or password is refused, `TryLater` when the server has no room."""
        ...

    def open(self) -> None:
        """Do those of the three steps that aren't done yet."""
        ...

    def listdir(self, folder: str) -> list[FileEntry]:
        """List a folder, without names that can't be used safely. Raise `NotFound`, `Denied`, `TryLater`."""
        ...

    def stat(self, path: str) -> FileEntry:
        """Ask for one file or folder. Raise `NotFound`, `Denied`, `TryLater`."""
        ...

    def read(self, path: str) -> Iterator[bytes]:
        """Yield a file's bytes in flat memory. Raise `NotFound`, `Denied`; `TryLater` when it breaks off or comes up short."""
        ...

    def write(self, path: str, body: bytes | Iterable[bytes]) -> int:
        """Write a file, over one of that name if need be; return its size, which the server has confirmed.

        Raise `NotFound`, `Denied`, `Refused` or `TryLater` when no file of that name was touched, and `OutcomeUnknown` when one
        may be there now, whole or in part.
        """
        ...

    def rename(self, old: str, new: str) -> None:
        """Rename a file, over `new` where the server can.

        Raise `NotFound`, `Denied`, `Refused` or `TryLater` when that provably did not happen, `OutcomeUnknown` otherwise.
        """
        ...

    def remove(self, path: str) -> None:
        """Delete a file that the hub itself made to try its rights. Raise as `rename` does."""
        ...

    def close(self) -> None:
        """Let go of the connection. Never raises."""
        ...


def is_safe_name(name: str) -> bool:
    """Tell whether a name from outside is one plain part of a path: no separators, no control characters, no way up."""
    return bool(name.strip()) and name not in (".", "..") and not _UNSAFE.search(name)


def join(folder: str, name: str) -> str:
    """Return the path of a file in a folder. Raise `BadDocument` for a name that would lead anywhere else."""
    if not is_safe_name(name):
        raise BadDocument(
            f"The file name {for_people(name)} can't be used: it holds characters that could lead out of its folder."
        )
    return f"{folder.rstrip('/')}/{name}" if folder else name


def for_people(name: str) -> str:
    """Return a name or path that may hold anything, quoted and escaped so that it can be shown."""
    return f'"{name[:200]}"' if name.isprintable() else ascii(name[:200])


def base_name(path: str) -> str:
    """Return the last part of a path."""
    return path.rstrip("/").rpartition("/")[2]


def pieces(body: bytes | Iterable[bytes], size: int = PIECE) -> Iterator[bytes]:
    """Cut a body into pieces of at most `size` bytes, none of them empty."""
    for part in [body] if isinstance(body, bytes) else body:
        for start in range(0, len(part), size):
            yield part[start : start + size]


Progress = Callable[[], None]
"""Called before each call and at each piece; raises when the run may go on no longer."""
