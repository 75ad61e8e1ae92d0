"""The folders that a client of the SFTP server sees, kept on disk, and the border around them.

Two threads use a `Tree`: the server's loop serves clients, the office moves and writes files. `lock` covers each
look-then-rename of either, so that a file is never taken away between a client's look and its open.
"""

from __future__ import annotations

import os
import posixpath
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.dsco.sandbox.state import SandboxError

FOLDERS = ("in", "in/processing", "in/archive", "out", "out/archive", "misc")
"""Source: DSCO reference 2, SFTP side."""

FIXED = frozenset("/" + folder for folder in FOLDERS) | {"/"}


class OutsideTree(Exception):
    """A name that would lead out of the tree."""


class Tree:
    """Folders on disk by their far names ("/in/archive/a.csv"); nothing outside `root` is ever reached."""

    def __init__(self, root: Path) -> None:
        self.lock = threading.RLock()
        self.root = root
        self._writing: Counter[str] = Counter()
        self._touched: dict[str, float] = {}
        self.make_folders()
        self.root = root.resolve()

    def make_folders(self) -> None:
        """Make the folders that DSCO has."""
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def far(self, path: str) -> str:
        """Return a path from outside as a far name: absolute, without dots, never above the root."""
        return posixpath.normpath(posixpath.join("/", path)).replace("//", "/")

    def local(self, path: str) -> Path:
        """Return where a far path lies on disk. Raise `OutsideTree` when a link leads out of the tree."""
        if "\x00" in path:
            raise OutsideTree(path)
        local = self.root / self.far(path).lstrip("/")
        if local == self.root:
            return local
        if not local.parent.resolve().is_relative_to(self.root) or local.is_symlink():
            raise OutsideTree(path)
        return local

    def write_whole(self, path: str, body: bytes, age: float | None = None) -> Path:
        """Put a file there at once: it is never seen half. `age` dates it so many seconds back."""
        target = self.local(path)
        draft = self.root.parent / f".draft-{threading.get_ident()}"
        draft.write_bytes(body)
        return self.put(draft, target, age)

    def put(self, draft: Path, target: Path, age: float | None = None) -> Path:
        """Move a finished file of ours into the tree."""
        if age is not None:
            backdate(draft, age)
        with self.lock:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(target)
        return target

    def opened_for_writing(self, far: str) -> None:
        """Remember that a client writes this file: no job takes it."""
        with self.lock:
            self._writing[far] += 1

    def touched(self, far: str, *, closed: bool = False) -> None:
        """Remember when a client last closed or named this file."""
        with self.lock:
            self._touched[far] = time.monotonic()
            if closed:
                self._writing[far] -= 1
                self._writing += Counter()  # drops those at zero

    def being_written(self, far: str) -> bool:
        """Tell whether a client has this file open for writing."""
        return far in self._writing

    def rests_for(self, far: str) -> float:
        """Return for how many seconds nobody touched this file; files that were there before count as long rested."""
        return time.monotonic() - self.last_touched(far)

    def last_touched(self, far: str) -> float:
        """Return when somebody touched this file last, by the steady clock: before all others what was there at the start."""
        return self._touched.get(far, float("-inf"))

    def move(self, source: str, target: str) -> bool:
        """Move a file that nobody writes; a file of that name there is replaced. False when it is gone or being written."""
        with self.lock:
            if self.being_written(source):
                return False
            try:
                self.local(source).replace(self.local(target))
            except FileNotFoundError:
                return False
            self._touched.pop(source, None)
            return True

    def names(self, folder: str) -> list[str]:
        """Return the names of the files that lie in a folder; none when it isn't there."""
        try:
            with os.scandir(self.local(folder)) as entries:
                return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        except FileNotFoundError:
            return []

    def files(self) -> dict[str, list[dict[str, Any]]]:
        """Return what lies in every folder, by far name."""
        listing: dict[str, list[dict[str, Any]]] = {}
        for folder, folders, names in os.walk(self.root):
            folders.sort()
            far = "/" + Path(folder).relative_to(self.root).as_posix().removeprefix(".")
            listing[far] = [entry for name in sorted(names) if (entry := _entry(Path(folder) / name))]
        return listing

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raise `SandboxError` when it isn't there."""
        try:
            return self.local(path).read_bytes()
        except (OSError, OutsideTree):
            raise SandboxError(f"There is no file {self.far(path)}.") from None

    def empty(self) -> None:
        """Remove every file and every folder that a client made."""
        with self.lock:
            for folder, folders, names in os.walk(self.root, topdown=False):
                for name in names:
                    (Path(folder) / name).unlink(missing_ok=True)
                for name in folders:
                    (Path(folder) / name).rmdir()
            self._touched.clear()
            self.make_folders()


def backdate(path: Path, age: float) -> None:
    """Date a file so many seconds back."""
    moment = time.time() - age
    os.utime(path, (moment, moment))


def _entry(path: Path) -> dict[str, Any] | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    modified = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds")
    return {"name": path.name, "size": found.st_size, "modified_at": modified}
