"""What the sandbox knows survives a restart: an append-only file of what changed, rewritten when it has grown.

Each line is a commit, in JSON: a list of `["table", [values]]` with the values in the order of the latest
`["columns", "table", [names]]`, of `["table", id]` for deleted rows, and of `["options", {...}]`. A last line that was cut off
is ignored, so a crash never leaves half a change. Cost is in proportion to what changed, not to what there is: a hundred
thousand orders neither stall the server nor its stop.
"""

from __future__ import annotations

import gc
import json
import os
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, Union, get_args, get_origin, get_type_hints

from .records import Record
from .store import Store
from .wire import to_json

NAME = "state.jsonl"

SPARE_ROWS = 5_000
"""A journal is rewritten at a start when it has this many changes more than twice its rows."""

Entry = tuple[Any, ...]

ROWS_PER_LINE = 1_000
"""Of a file that is written anew: lines of a handy size."""


class Journal:
    """The file `state.jsonl` in a sandbox's folder."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._path = folder / NAME
        self._store = store
        self._file: IO[bytes] | None = None
        self._columns = {name: tuple(column.name for column in fields(table.kind)) for name, table in store.tables.items()}
        self._values = {name: attrgetter(*columns) for name, columns in self._columns.items()}

    def load(self) -> bool:
        """Read what was kept. Return whether there was anything; then the journal is open for more."""
        changes = 0
        if self._path.exists():
            kept = _Kept()
            with _collector_resting():
                kept.read(self._path)
                self._restore(kept)
            changes = kept.changes
            if self._path.stat().st_size > kept.size:
                os.truncate(self._path, kept.size)
            if changes > 2 * len(kept.rows) + SPARE_ROWS:
                self._rewrite()
        self._file = self._path.open("ab")
        self._file.write(_line(self._column_entries()))
        return changes > 0

    def _restore(self, kept: _Kept) -> None:
        if kept.options:
            self._store.options.change(**kept.options)
        readers: dict[tuple[str, tuple[str, ...]], _Reader] = {}
        for (name, record_id), row in sorted(kept.rows.items(), key=lambda item: item[0][1]):
            table = self._store.tables.get(name)
            if table is None:
                continue
            table.next_id = max(table.next_id, record_id + 1)
            if row is None:
                continue
            columns, values = row
            reader = readers.get((name, columns))
            if reader is None:
                reader = readers[name, columns] = _Reader(table.kind, columns)
            table.put(reader.read(values))
        self._store.dirty.clear()

    def flush(self) -> None:
        """Append what changed since the last time."""
        dirty = self._store.dirty
        if not dirty or self._file is None:
            return
        line = _line([self._entry(name, record_id) for name, record_id in dirty])
        dirty.clear()
        self._file.write(line)
        self._file.flush()

    def close(self) -> None:
        """Append the rest and let go of the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _column_entries(self) -> list[Entry]:
        return [("columns", name, columns) for name, columns in self._columns.items()]

    def _entry(self, name: str, record_id: int) -> Entry:
        if name == "options":
            return "options", self._store.options.as_dict()
        record = self._store.tables[name].rows.get(record_id)
        return name, record_id if record is None else self._values[name](record)

    def _rewrite(self) -> None:
        """Replace the file by one with each row once; the old one stays until the new one is whole."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as out:
            out.write(_line([*self._column_entries(), self._entry("options", 0)]))
            for name, table in self._store.tables.items():
                ids = list(table.rows)
                if table.next_id > 1 and table.next_id - 1 not in table.rows:
                    ids.append(table.next_id - 1)
                for start in range(0, len(ids), ROWS_PER_LINE):
                    out.write(_line([self._entry(name, record_id) for record_id in ids[start : start + ROWS_PER_LINE]]))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._path)


def _line(entries: list[Entry]) -> bytes:
    return to_json(entries) + b"\n"


@contextmanager
def _collector_resting() -> Iterator[None]:
    """Keep the garbage collector from walking over millions of new objects again and again: nothing of them is garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Kept:
    """What a journal's file says: the last state of each row (None = deleted), and how much of the file is whole."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], tuple[tuple[str, ...], list[Any]] | None] = {}
        self.options: dict[str, Any] = {}
        self.changes = 0
        self.size = 0
        self._columns: dict[str, tuple[str, ...]] = {}

    def read(self, path: Path) -> None:
        with path.open("rb") as source:
            for line in source:
                if not line.endswith(b"\n"):
                    return
                for entry in json.loads(line):
                    self._take(*entry)
                self.size += len(line)

    def _take(self, name: str, content: Any, columns: list[str] | None = None) -> None:
        if columns is not None:
            self._columns[content] = tuple(columns)
        elif name == "options":
            self.options = content
        elif isinstance(content, int):
            self.rows[name, content] = None
            self.changes += 1
        else:
            self.rows[name, content[0]] = (self._columns[name], content)
            self.changes += 1


class _Reader:
    """Makes records of one kind from values in the order of some columns; those that are missing take their default, those
    that are gone are left out."""

    def __init__(self, kind: type[Record], columns: tuple[str, ...]) -> None:
        hints = get_type_hints(kind)
        self._kind = kind
        self._columns = columns
        self._gone = tuple(name for name in columns if name not in hints)
        self._decimals = tuple(at for at, name in enumerate(columns) if _holds(hints.get(name), Decimal))
        self._tuples = tuple(at for at, name in enumerate(columns) if get_origin(hints.get(name)) is tuple)

    def read(self, values: list[Any]) -> Record:
        for at in self._decimals:
            if values[at] is not None:
                values[at] = Decimal(values[at])
        for at in self._tuples:
            values[at] = tuple(tuple(item) if isinstance(item, list) else item for item in values[at]) if values[at] else ()
        named = dict(zip(self._columns, values, strict=True))
        for name in self._gone:
            del named[name]
        return self._kind(**named)


def _holds(hint: Any, kind: type) -> bool:
    return hint is kind or (get_origin(hint) in (Union, types.UnionType) and kind in get_args(hint))
