"""Orders as DSCO keeps them: how retailers change and cancel them, how they stand, how a person looks at them.

Every function runs on the office thread. Orders are told by their dsco_order_id.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.dsco.sandbox import made_up
from connectors.dsco.sandbox.lines import add_lines, as_texts, line_columns, wanted_item
from connectors.dsco.sandbox.state import SandboxError, State, now_text

AT_ONCE = 500
"""How many ids go into one query: far below SQLite's limit of variables."""

PACKAGES = (
    "select packages.*, processes.file from packages left join processes on processes.id = process_id"
    " where order_seq in ({}) order by packages.id"
)


def retailer_id(state: State, name: str) -> str:
    """Return the id of a retailer's account, which is opened when it is new."""
    row = state.db.execute("select id from retailers where name = ?", (name,)).fetchone()
    if row is not None:
        return str(row["id"])
    built_in = {name: id_ for id_, name in made_up.RETAILERS}
    newest = state.db.execute("select max(cast(id as integer)) from retailers where id like '10009%'").fetchone()[0]
    id_ = built_in.get(name) or str((newest or 1_000_900_000) + 1)
    state.db.execute("insert into retailers (id, name) values (?, ?)", (id_, name))
    return id_


# --- changing and cancelling -------------------------------------------------------------------------------------------------


def change(
    state: State,
    *,
    orders: str | Sequence[str],
    order: Mapping[str, Any] | None = None,
    lines: Mapping[str, Mapping[str, Any]] | None = None,
    add_items: Sequence[Mapping[str, Any]] | None = None,
    remove_lines: Sequence[str | int] | None = None,
) -> list[dict[str, Any]]:
    """Change what the retailer ordered, column by column; the next export of these orders shows it. Return the orders."""
    rows = _rows(state, orders)
    with state.change() as db:
        for row in rows:
            values = json.loads(row["columns"]) | as_texts(order)
            po_number = values.pop("po_number", row["po_number"])
            db.execute(
                "update orders set columns = ?, po_number = ?, updated_at = ? where seq = ?",
                (json.dumps(values), po_number, now_text(), row["seq"]),
            )
            for number, columns in (lines or {}).items():
                _change_line(db, row["seq"], str(number), as_texts(columns))
            for gone in remove_lines or ():
                db.execute("delete from lines where order_seq = ? and line_number = ?", (row["seq"], str(gone)))
            highest = db.execute(
                "select coalesce(max(cast(line_number as integer)), 0) from lines where order_seq = ?", (row["seq"],)
            ).fetchone()[0]
            added = [wanted_item(item) for item in add_items or ()]
            add_lines(
                db,
                [
                    (row["seq"], number or str(highest + index), item.sku, quantity, json.dumps(line_columns(item)))
                    for index, (item, quantity, number) in enumerate(added, start=1)
                ],
            )
    return list(listing(state, [row["dsco_order_id"] for row in rows]))


def _change_line(db: sqlite3.Connection, seq: int, number: str, values: dict[str, str]) -> None:
    row = db.execute("select * from lines where order_seq = ? and line_number = ?", (seq, number)).fetchone()
    if row is None:
        raise SandboxError(f"The order has no line {number}.")
    columns = json.loads(row["columns"]) | values
    quantity, sku = row["ordered"], columns.pop("line_item_sku", row["sku"])
    if columns.get("line_item_quantity", "").isascii() and columns.get("line_item_quantity", "").isdigit():
        # Anything else stays as it is, for the file only: rows that no hub should take are wanted too.
        quantity = int(columns.pop("line_item_quantity"))
    db.execute(
        "update lines set columns = ?, ordered = ?, sku = ? where order_seq = ? and line_number = ?",
        (json.dumps(columns), quantity, sku, seq, number),
    )


def cancel(state: State, *, orders: str | Sequence[str], reason: str = "CXRR") -> list[dict[str, Any]]:
    """Let the retailer cancel orders: what hasn't shipped will not come. Return the orders."""
    rows = _rows(state, orders)
    with state.change() as db:
        for row in rows:
            values = json.loads(row["columns"]) | {"cancel_requested": "1", "cancel_requested_code": reason}
            db.execute("update lines set cancelled = ordered - shipped where order_seq = ?", (row["seq"],))
            db.execute("update orders set columns = ? where seq = ?", (json.dumps(values), row["seq"]))
            settle(state, row["seq"])
    return list(listing(state, [row["dsco_order_id"] for row in rows]))


def settle(state: State, seq: int) -> None:
    """Bring an order's lifecycle and old status in line with what was shipped and cancelled of it.

    The old status is shipped as soon as anything ships and cancelled only when all is (Source: DSCO reference 3, states).
    """
    total = state.db.execute(
        "select sum(ordered) ordered, sum(shipped) shipped, sum(cancelled) cancelled from lines where order_seq = ?", (seq,)
    ).fetchone()
    row = state.db.execute("select lifecycle, status from orders where seq = ?", (seq,)).fetchone()
    lifecycle, status = row["lifecycle"], row["status"]
    if total["shipped"] + total["cancelled"] >= total["ordered"]:
        lifecycle = "completed"
    elif total["shipped"] or total["cancelled"]:
        lifecycle = "acknowledged"
    if total["shipped"]:
        status = "shipped"
    elif total["cancelled"] >= total["ordered"]:
        status = "cancelled"
    state.db.execute(
        "update orders set lifecycle = ?, status = ?, updated_at = ? where seq = ?", (lifecycle, status, now_text(), seq)
    )


# --- reading -----------------------------------------------------------------------------------------------------------------


def _rows(state: State, orders: str | Sequence[str]) -> list[sqlite3.Row]:
    """Return the orders of these ids in the order asked for. Raise `SandboxError` for one that isn't there."""
    wanted = [orders] if isinstance(orders, str) else [str(id_) for id_ in orders]
    found = {row["dsco_order_id"]: row for row in rows_of(state, wanted)}
    missing = [id_ for id_ in wanted if id_ not in found]
    if missing:
        raise SandboxError(f"There is no order with the dsco_order_id {', '.join(missing[:5])}.")
    return [found[id_] for id_ in wanted]


def rows_of(state: State, ids: Sequence[str] | None = None) -> Iterator[sqlite3.Row]:
    """Yield the rows of these orders, or of all, oldest first."""
    if ids is None:
        yield from state.db.execute("select * from orders order by seq")
        return
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        marks = ",".join("?" * len(part))
        # Nothing but question marks is put in.
        yield from state.db.execute(f"select * from orders where dsco_order_id in ({marks}) order by seq", part)  # noqa: S608


def listing(state: State, ids: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield orders as a person would look at them, with their lines, packages and invoices."""
    rows = list(rows_of(state, ids))
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        seqs = [row["seq"] for row in part]
        lines = _by_order(state, "select * from lines where order_seq in ({}) order by cast(line_number as integer)", seqs)
        packages = _by_order(state, PACKAGES, seqs)
        invoices = _by_order(state, "select order_seq, invoice_id from invoices where order_seq in ({})", seqs)
        for row in part:
            yield _order(row, lines.get(row["seq"], []), packages.get(row["seq"], []), invoices.get(row["seq"], []))


def newest(state: State, count: int) -> list[dict[str, Any]]:
    """Return the newest orders, newest first."""
    ids = [row[0] for row in state.db.execute("select dsco_order_id from orders order by seq desc limit ?", (count,))]
    return list(listing(state, ids))[::-1]


def counts(state: State) -> dict[str, int]:
    """Return how many orders there are by lifecycle."""
    return {row[0]: row[1] for row in state.db.execute("select lifecycle, count(*) from orders group by lifecycle")}


def _by_order(state: State, query: str, seqs: Sequence[int]) -> dict[int, list[sqlite3.Row]]:
    found: dict[int, list[sqlite3.Row]] = {}
    for row in state.db.execute(query.format(",".join("?" * len(seqs))), seqs):
        found.setdefault(row["order_seq"], []).append(row)
    return found


def _order(
    row: sqlite3.Row, lines: Sequence[sqlite3.Row], packages: Sequence[sqlite3.Row], invoices: Sequence[sqlite3.Row]
) -> dict[str, Any]:
    columns = json.loads(row["columns"])
    skus = {line["line_number"]: line["sku"] for line in lines}
    return {
        "dsco_order_id": row["dsco_order_id"],
        "po_number": row["po_number"],
        "retailer_id": row["retailer_id"],
        "retailer_name": columns.get("dsco_retailer_name", ""),
        "lifecycle": row["lifecycle"],
        "status": row["status"],
        "test": bool(row["test"]),
        "placed_at": row["placed_at"],
        "exported_at": row["exported_at"],
        "exports": row["exports"],
        "currency": columns.get("currency_code", ""),
        "service": columns.get("shipping_service_level_code", ""),
        "lines": [_line(line) for line in lines],
        "packages": [_package(package, skus) for package in packages],
        "invoices": [invoice["invoice_id"] for invoice in invoices],
    }


def _line(line: sqlite3.Row) -> dict[str, Any]:
    columns = json.loads(line["columns"])
    return {
        "line_number": line["line_number"],
        "sku": line["sku"],
        "upc": columns.get("line_item_upc", ""),
        "title": columns.get("line_item_title", ""),
        "cost": columns.get("line_item_expected_cost", ""),
        **{name: line[name] for name in ("ordered", "shipped", "cancelled", "invoiced")},
    }


def _package(package: sqlite3.Row, skus: Mapping[str, str]) -> dict[str, Any]:
    told = {name: package[name] for name in ("tracking_number", "line_number", "quantity", "carrier", "method", "service")}
    return told | {
        "sku": skus.get(package["line_number"], ""),
        "ship_date": package["ship_date"],
        "file": package["file"] or "",
    }


def whole(state: State, order: str) -> dict[str, Any]:
    """Return one order with all its order-level columns. Raise `SandboxError` when it isn't there."""
    row = _rows(state, [order])[0]
    return next(iter(listing(state, [order]))) | {"columns": json.loads(row["columns"])}
