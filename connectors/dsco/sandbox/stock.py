"""DSCO's own stock list: what orders took off, what files told, and the status that follows from the quantity."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from connectors.dsco.sandbox.state import SandboxError, State

STATUSES = ("in-stock", "out-of-stock", "discontinued", "hidden")


def status_for(quantity: int, status: str) -> str:
    """Return the status that DSCO makes of a quantity and what was said (Source: DSCO reference 4, Inventory)."""
    if quantity == 0 and status == "in-stock":
        return "out-of-stock"
    if quantity > 0 and status in ("out-of-stock", "discontinued"):
        return "in-stock"
    return status


def take_off(state: State, taken: Mapping[str, int]) -> None:
    """Lower the stock by what was ordered, never below 0. A SKU that is new comes with the opening stock."""
    opening = state.settings["opening_stock"]
    rows = [(sku, opening, status_for(opening, "in-stock")) for sku in taken]
    state.db.executemany("insert into stock (sku, quantity, status) values (?, ?, ?) on conflict do nothing", rows)
    for sku, count in taken.items():
        row = state.db.execute("select quantity, status from stock where sku = ?", (sku,)).fetchone()
        left = max(0, row["quantity"] - count)
        state.db.execute(
            "update stock set quantity = ?, status = ? where sku = ?", (left, status_for(left, row["status"]), sku)
        )


def set_levels(state: State, levels: Mapping[str, int]) -> dict[str, Any]:
    """Set DSCO's quantities by hand; SKUs that are new are made. Return the list."""
    with state.change() as db:
        for sku, quantity in levels.items():
            if not isinstance(quantity, int) or quantity < 0:
                raise SandboxError(f"The quantity of {sku} must be a whole number from 0 up.")
            row = db.execute("select status from stock where sku = ?", (sku,)).fetchone()
            status = status_for(quantity, row["status"] if row else "in-stock")
            db.execute(
                "insert into stock (sku, quantity, status) values (?, ?, ?)"
                " on conflict (sku) do update set quantity = excluded.quantity, status = excluded.status",
                (sku, quantity, status),
            )
    return listing(state)


def find(state: State, sku: str) -> sqlite3.Row | None:
    """Return the row of a SKU, or None."""
    row: sqlite3.Row | None = state.db.execute("select * from stock where sku = ?", (sku,)).fetchone()
    return row


def listing(state: State) -> dict[str, Any]:
    """Return the whole list by SKU."""
    names = ("quantity", "status", "told_quantity", "told_status", "told_at")
    return {
        row["sku"]: {name: row[name] for name in names} | json.loads(row["columns"])
        for row in state.db.execute("select * from stock order by sku")
    }
