"""What the sandbox knows survives a restart: an append-only file of changed rows, one batch a commit, rewritten when it grew.

Each line is JSON: `["table", {row}]`, `["table", id, null]` for a deleted row, `["options", {...}]`, and `["commit"]`. Lines
after the last commit are of a batch that was cut off; they are ignored, so a crash never leaves half a change. Cost is in
proportion to what changed, not to what there is, so a hundred thousand orders neither stall the server nor its stop.
"""

from __future__ import annotations

import json
import os
import types
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Union, get_args, get_origin, get_type_hints

from .records import Record
from .store import Store
from .wire import to_json

NAME = "state.jsonl"

SPARE_LINES = 5_000
"""A journal is rewritten at a start when it has this many lines more than twice its rows."""

COMMIT = b'["commit"]\n'


class Journal:
    """The file `state.jsonl` in a sandbox's folder."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._path = folder / NAME
        self._store = store
        self._file: IO[bytes] | None = None

    def load(self) -> bool:
        """Read what was kept. Return whether there was anything; then the journal is open for more."""
        lines = 0
        if self._path.exists():
            rows, lines, size = _read(self._path)
            self._restore(rows)
            if self._path.stat().st_size > size:
                os.truncate(self._path, size)
            if lines > 2 * len(rows) + SPARE_LINES:
                self._rewrite()
        self._file = self._path.open("ab")
        return lines > 0

    def _restore(self, rows: dict[tuple[str, int], Any]) -> None:
        options = rows.pop(("options", 0), None)
        if options is not None:
            self._store.options.change(**options)
        readers = {name: _reader(table.kind) for name, table in self._store.tables.items()}
        for (name, record_id), row in rows.items():
            table = self._store.tables.get(name)
            if table is None:
                continue
            table.next_id = max(table.next_id, record_id + 1)
            if row is not None:
                table.put(readers[name](row))
        self._store.dirty.clear()

    def flush(self) -> None:
        """Append what changed since the last time."""
        dirty = self._store.dirty
        if not dirty or self._file is None:
            return
        lines = [self._line(name, record_id) for name, record_id in dirty]
        dirty.clear()
        self._file.write(b"".join([*lines, COMMIT]))
        self._file.flush()

    def close(self) -> None:
        """Append the rest and let go of the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self, name: str, record_id: int) -> bytes:
        if name == "options":
            return to_json(["options", self._store.options.as_dict()]) + b"\n"
        record = self._store.tables[name].rows.get(record_id)
        if record is None:
            return to_json([name, record_id, None]) + b"\n"
        return to_json([name, {column: getattr(record, column) for column in _columns(type(record))}]) + b"\n"

    def _rewrite(self) -> None:
        """Replace the file by one with each row once; the old one stays until the new one is whole."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as out:
            out.write(self._line("options", 0))
            for name, table in self._store.tables.items():
                if table.next_id - 1 not in table.rows and table.next_id > 1:
                    out.write(to_json([name, table.next_id - 1, None]) + b"\n")
                for record_id in table.rows:
                    out.write(self._line(name, record_id))
            out.write(COMMIT)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._path)


def _read(path: Path) -> tuple[dict[tuple[str, int], Any], int, int]:
    """Return the last state of each row, the number of lines, and the size up to the last commit."""
    rows: dict[tuple[str, int], Any] = {}
    batch: list[Any] = []
    lines = size = position = 0
    with path.open("rb") as source:
        for line in source:
            position += len(line)
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if entry[0] != "commit":
                batch.append(entry)
                continue
            for name, *rest in batch:
                rows[name, _id_of(name, rest[0])] = None if len(rest) > 1 else rest[0]
            lines += len(batch)
            size = position
            batch.clear()
    return dict(sorted(rows.items(), key=lambda item: item[0][1])), lines, size


def _id_of(name: str, first: Any) -> int:
    if name == "options":
        return 0
    return int(first if isinstance(first, int) else first["id"])


_known_columns: dict[type[Record], tuple[str, ...]] = {}


def _columns(kind: type[Record]) -> tuple[str, ...]:
    columns = _known_columns.get(kind)
    if columns is None:
        columns = _known_columns[kind] = tuple(column.name for column in fields(kind))
    return columns


class _reader:
    """Makes records of one kind from journal rows; columns that a newer version added take their default."""

    def __init__(self, kind: type[Record]) -> None:
        hints = get_type_hints(kind)
        self._kind = kind
        self._columns = frozenset(hints)
        self._decimals = tuple(name for name, hint in hints.items() if _holds(hint, Decimal))
        self._tuples = tuple(name for name, hint in hints.items() if get_origin(hint) is tuple)

    def __call__(self, row: dict[str, Any]) -> Record:
        values = {name: value for name, value in row.items() if name in self._columns}
        for name in self._decimals:
            if values.get(name) is not None:
                values[name] = Decimal(values[name])
        for name in self._tuples:
            values[name] = tuple(tuple(item) if isinstance(item, list) else item for item in values.get(name, ()))
        return self._kind(**values)


def _holds(hint: Any, kind: type) -> bool:
    return hint is kind or (get_origin(hint) in (Union, types.UnionType) and kind in get_args(hint))
