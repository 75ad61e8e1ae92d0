"""The orders job: files of orders in /out, whole or growing, tidy or odd as asked.

The export itself is the acknowledgement (Source: DSCO reference 3): an order that was exported isn't offered again unless it is
asked for by its id.
"""

from __future__ import annotations

import csv
import gzip as gzip_format
import io
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from connectors.dsco.sandbox.columns import choose, is_line_column
from connectors.dsco.sandbox.orders import AT_ONCE, rows_of
from connectors.dsco.sandbox.state import SandboxError, State, now_text
from connectors.dsco.sandbox.tree import Tree, backdate

DELIMITERS = {"tab": "\t", "psv": "|"}
"""Source: DSCO reference 1, Formats; everything else is comma-separated."""

SETTLED_AGE = 60.0
"""Seconds that a settled file is dated back: older than any wait for a file to stop growing that is worth having."""

ROWS_PER_EXPORT = 100_000
"""Source: DSCO reference 2, Limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a file looks like, apart from its orders."""

    columns: tuple[str, ...]
    extra: Mapping[str, str]
    delimiter: str
    encoding: str
    bom: bool
    gzip: bool
    line_end: str
    quote_all: bool
    padded_header: bool
    scattered: bool
    limit: int
    part_of_lines: str | None
    number_of_line_items: int | None


def export(
    state: State,
    tree: Tree,
    *,
    orders: str | Sequence[str] | None = None,
    columns: int | Sequence[str] | None = None,
    scattered: bool = False,
    name: str | None = None,
    delimiter: str | None = None,
    extension: str | None = None,
    gzip: bool = False,
    bom: bool = False,
    encoding: str = "utf-8",
    line_end: str = "\r\n",
    quote_all: bool = False,
    settled: bool | float = True,
    pieces: int = 1,
    without: Sequence[str] | None = None,
    extra: Mapping[str, Any] | None = None,
    shuffle_columns: bool = False,
    padded_header: bool = False,
    part_of_lines: str | None = None,
    number_of_line_items: int | None = None,
    empty: bool = False,
    limit: int = ROWS_PER_EXPORT,
    seed: int | None = None,
) -> dict[str, Any] | None:
    """Write one file of orders into the job's folder; the orders become acknowledged. None when there are none."""
    if part_of_lines not in (None, "first", "rest"):
        raise SandboxError(f"part_of_lines is first or rest, not {part_of_lines!r}.")
    if pieces < 1:
        raise SandboxError("A file has at least one piece.")
    shape = Shape(
        columns=_columns(state, columns, without or (), shuffle_columns, seed),
        extra={key: str(value) for key, value in (extra or {}).items()},
        delimiter=delimiter or DELIMITERS.get(extension or "", state.job("order")["delimiter"]),
        encoding=encoding,
        bom=bom,
        gzip=gzip,
        line_end=line_end,
        quote_all=quote_all,
        padded_header=padded_header,
        scattered=scattered,
        limit=limit,
        part_of_lines=part_of_lines,
        number_of_line_items=number_of_line_items,
    )
    asked = _asked_for(state, orders)
    if not asked and not empty:
        return None
    name = name or _free_name(state, tree, extension or "csv", gzip)
    target = tree.local(f"/{state.job('order')['folder']}/{name}")
    draft = tree.root.parent / ".export-draft"
    try:
        counted = _write(state, asked, shape, draft)
    except (UnicodeError, LookupError) as error:
        draft.unlink(missing_ok=True)
        raise SandboxError(f"These orders can't be written in {encoding}: {error}.") from None
    age = SETTLED_AGE if settled is True else float(settled)
    size = draft.stat().st_size
    if pieces > 1:
        _hold_back(state, draft, name, pieces, age)
        age = 0.0
    tree.put(draft, target, age)
    _note_export(state, name, asked, counted, size)
    return {
        "name": name,
        "path": tree.far(f"{state.job('order')['folder']}/{name}"),
        "orders": len(asked),
        "rows": counted,
        "columns": len(shape.columns) + len(shape.extra),
        "size": size,
        "pieces_left": pieces - 1,
    }


def _columns(
    state: State, columns: int | Sequence[str] | None, without: Sequence[str], shuffled: bool, seed: int | None
) -> tuple[str, ...]:
    if isinstance(columns, int):
        state.set_settings({"columns": columns})
    names = [name for name in choose(state.settings["columns"] if columns is None else columns) if name not in without]
    if shuffled:
        Random(seed).shuffle(names)
    return tuple(names)


def _asked_for(state: State, orders: str | Sequence[str] | None) -> list[int]:
    if orders is None:
        return [row["seq"] for row in state.db.execute("select seq from orders where lifecycle = 'created' order by seq")]
    if orders == "all":
        return [row["seq"] for row in state.db.execute("select seq from orders order by seq")]
    wanted = [orders] if isinstance(orders, str) else [str(id_) for id_ in orders]
    found = [row["seq"] for row in rows_of(state, wanted)]
    if len(found) < len(set(wanted)):
        raise SandboxError("Not all of these orders are there; give their dsco_order_ids.")
    return found


def _free_name(state: State, tree: Tree, extension: str, gzip: bool) -> str:
    """Return the job's pattern with a time that no file has yet, the next second if need be."""
    pattern = state.job("order")["pattern"]
    folder = state.job("order")["folder"]
    taken = {*tree.names(f"/{folder}"), *tree.names("/out/archive")}
    moment = datetime.now(UTC)
    while True:
        name = str(pattern).replace("{$ymdt}", moment.strftime("%Y%m%d%H%M%S"))
        name = name.removesuffix(".csv") + f".{extension}" + (".gz" if gzip else "")
        if name not in taken or "{$ymdt}" not in pattern:
            return name
        moment += timedelta(seconds=1)


# --- rows --------------------------------------------------------------------------------------------------------------------


def _write(state: State, asked: Sequence[int], shape: Shape, draft: Path) -> int:
    """Write the file and return its number of rows, without the header."""
    encoding = "utf-8-sig" if shape.bom and shape.encoding == "utf-8" else shape.encoding
    with draft.open("wb") as raw:
        if shape.gzip:
            with gzip_format.GzipFile(fileobj=raw, mode="wb", filename="", compresslevel=3) as packed:
                return _write_rows(state, asked, shape, io.TextIOWrapper(packed, encoding=encoding, newline=""))
        return _write_rows(state, asked, shape, io.TextIOWrapper(raw, encoding=encoding, newline=""))


def _write_rows(state: State, asked: Sequence[int], shape: Shape, out: io.TextIOWrapper) -> int:
    writer = csv.writer(
        out,
        delimiter=shape.delimiter,
        lineterminator=shape.line_end,
        quoting=csv.QUOTE_ALL if shape.quote_all else csv.QUOTE_MINIMAL,
    )
    header = [*shape.columns, *shape.extra]
    writer.writerow([f"{name} " for name in header] if shape.padded_header else header)
    rows = _rows(state, asked, shape)
    if shape.scattered:
        rows = iter(_scatter(list(rows)))
    counted = 0
    for row in rows:
        if counted == shape.limit:
            break
        writer.writerow(row)
        counted += 1
    out.flush()
    out.detach()
    return counted


def _rows(state: State, asked: Sequence[int], shape: Shape) -> Iterator[list[str]]:
    """Yield a row per order line: the order's values repeat, the line's differ."""
    place = {name: index for index, name in enumerate(shape.columns)}
    of_order = {name: index for name, index in place.items() if not is_line_column(name)}
    of_line = {name: index for name, index in place.items() if is_line_column(name)}
    extra = list(shape.extra.values())
    for order, lines in _orders(state, asked):
        template = [""] * len(place)
        for name, value in _order_values(order, len(lines), lines, shape).items():
            if name in of_order:
                template[of_order[name]] = value
        shown = {None: lines, "first": lines[:1], "rest": lines[1:]}[shape.part_of_lines]
        for line in shown:
            row = template.copy()
            for name, value in _line_values(line).items():
                if name in of_line:
                    row[of_line[name]] = value
            yield row + extra if extra else row


def _orders(state: State, asked: Sequence[int]) -> Iterator[tuple[sqlite3.Row, list[sqlite3.Row]]]:
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        marks = ",".join("?" * len(part))
        lines: dict[int, list[sqlite3.Row]] = {}
        # Nothing but question marks is put in.
        query = f"select * from lines where order_seq in ({marks}) order by order_seq, cast(line_number as integer)"  # noqa: S608
        for line in state.db.execute(query, part):
            lines.setdefault(line["order_seq"], []).append(line)
        # Nothing but question marks is put in.
        for order in state.db.execute(f"select * from orders where seq in ({marks}) order by seq", part):  # noqa: S608
            yield order, lines.get(order["seq"], [])


def _order_values(order: sqlite3.Row, count: int, lines: Sequence[sqlite3.Row], shape: Shape) -> dict[str, str]:
    lifecycle, status = order["lifecycle"], order["status"]
    if lifecycle == "created":
        lifecycle, status = "acknowledged", "shipment_pending"
    values: dict[str, str] = {
        "po_number": order["po_number"],
        "dsco_order_id": order["dsco_order_id"],
        "number_of_line_items": str(count if shape.number_of_line_items is None else shape.number_of_line_items),
        "test_flag": str(order["test"]),
        "dsco_order_status": status,
        "dsco_lifecycle": lifecycle,
        "dsco_last_update_date": order["updated_at"],
    }
    values |= json.loads(order["columns"])
    return values


def _line_values(line: sqlite3.Row) -> dict[str, str]:
    values = {"line_item_line_number": line["line_number"], "line_item_sku": line["sku"]}
    values["line_item_quantity"] = str(line["ordered"])
    values |= json.loads(line["columns"])
    return values


def _scatter(rows: list[list[str]]) -> list[list[str]]:
    """Return the rows so that those of one order lie as far apart as can be: every other one first, then the rest."""
    return rows[::2] + rows[1::2] if len(rows) > 2 else rows


def _note_export(state: State, name: str, asked: Sequence[int], counted: int, size: int) -> None:
    """Keep the job's history and acknowledge the orders."""
    moment = now_text()
    with state.change() as db:
        db.execute(
            "insert into processes (workflow, job, file, size, status, queued_at, started_at, finished_at, words, ok)"
            " values ('order', ?, ?, ?, 'Finished', ?, ?, ?, ?, ?)",
            (state.job("order")["name"], name, size, moment, moment, moment, f"{len(asked)} orders exported.", counted),
        )
        db.executemany(
            "update orders set exports = exports + 1, exported_at = ?,"
            " status = case lifecycle when 'created' then 'shipment_pending' else status end,"
            " lifecycle = case lifecycle when 'created' then 'acknowledged' else lifecycle end where seq = ?",
            [(moment, seq) for seq in asked],
        )


# --- files that grow ---------------------------------------------------------------------------------------------------------


def _hold_back(state: State, draft: Path, name: str, pieces: int, age: float) -> None:
    """Leave only the first piece in the draft and keep the rest for `grow`."""
    body = draft.read_bytes()
    first = -(-len(body) // pieces)
    draft.write_bytes(body[:first])
    state.db.execute("insert or replace into growing values (?, ?, ?, ?)", (name, body[first:], pieces - 1, age))


def grow(state: State, tree: Tree, name: str | None = None) -> dict[str, Any]:
    """Write the next piece of a growing file. Raise `SandboxError` when no such file grows."""
    if name is None:
        row = state.db.execute("select * from growing order by rowid limit 1").fetchone()
    else:
        row = state.db.execute("select * from growing where name = ?", (name,)).fetchone()
    if row is None:
        raise SandboxError("No file is growing." if name is None else f"The file {name} isn't growing.")
    rest, left = bytes(row["rest"]), row["pieces_left"]
    piece = rest[: -(-len(rest) // left)]
    path = _where_it_lies(state, tree, row["name"])
    with path.open("ab") as file:
        file.write(piece)
    if left == 1:
        state.db.execute("delete from growing where name = ?", (row["name"],))
        backdate(path, row["age"])
    else:
        state.db.execute(
            "update growing set rest = ?, pieces_left = ? where name = ?", (rest[len(piece) :], left - 1, row["name"])
        )
    return {"name": row["name"], "size": path.stat().st_size, "pieces_left": left - 1}


def _where_it_lies(state: State, tree: Tree, name: str) -> Path:
    """Return where the growing file is: an eager client may have had it archived already."""
    for folder in (state.job("order")["folder"], "out/archive"):
        path = tree.local(f"/{folder}/{name}")
        if path.exists():
            return path
    state.db.execute("delete from growing where name = ?", (name,))
    raise SandboxError(f"The file {name} is gone from /out and /out/archive.")
