"""Inventory files: only the SKUs and columns that are in the file change."""

from __future__ import annotations

import json
from typing import Any

from connectors.dsco.sandbox.rows import Result, RowProblem, amount, check_codes, check_sku, moment, text, whole_number
from connectors.dsco.sandbox.state import State, now_text
from connectors.dsco.sandbox.stock import STATUSES, find, status_for

NEEDED = (("sku",),)
WAREHOUSES = (1, 2, 3)
KEPT = (
    "upc",
    "ean",
    "mpn",
    "gtin",
    "isbn",
    "partner_sku",
    "title",
    "brand",
    "quantity_on_order",
    "estimated_availability_date",
    "cost",
)


def take(state: State, process_id: int, results: list[Result]) -> None:
    """Take what is told of each SKU; one that isn't known is made, unless the settings forbid it."""
    seen: set[str] = set()
    for result in results:
        if result.outcome == "error":
            continue
        try:
            _take_row(state, result, seen)
        except RowProblem as problem:
            result.fail(problem)


def _take_row(state: State, result: Result, seen: set[str]) -> None:
    values = result.values
    result.facts |= {"sku": values.get("sku", ""), "quantity": values.get("quantity_available", "")}
    sku = text(values, "sku")
    check_sku(sku)
    check_codes(values)
    quantity = _quantity(values)
    said = values.get("status", "").lower()
    if said and said not in STATUSES:
        raise RowProblem("bad_status", f"status must be one of {', '.join(STATUSES)}, not {said!r}.")
    moment(values, "estimated_availability_date")
    amount(values, "cost")
    row = find(state, sku)
    if row is None:
        if not state.settings["create_unknown_skus"]:
            raise RowProblem("bad_sku", f"The SKU {sku} isn't in the catalogue.")
        result.remark("created", f"The SKU {sku} was new.")
    if sku in seen:
        result.warn("sku_twice", f"The SKU {sku} is more than once in this file; the last row counts.")
    seen.add(sku)
    level = quantity if quantity is not None else (row["quantity"] if row else 0)
    status = status_for(level, said or (row["status"] if row else "in-stock"))
    if said and status != said:
        result.remark("status_corrected", f"{level} available makes {status} of {said}.")
    columns = (json.loads(row["columns"]) if row else {}) | _kept(values)
    told = (quantity, said or None, now_text())
    state.db.execute(
        "insert into stock (sku, quantity, status, told_quantity, told_status, told_at, columns) values (?, ?, ?, ?, ?, ?, ?)"
        " on conflict (sku) do update set quantity = excluded.quantity, status = excluded.status, columns = excluded.columns,"
        " told_quantity = coalesce(excluded.told_quantity, told_quantity),"
        " told_status = coalesce(excluded.told_status, told_status), told_at = excluded.told_at",
        (sku, level, status, *told, json.dumps(columns)),
    )


def _quantity(values: dict[str, str]) -> int | None:
    """Return the quantity that is told: the total, else the sum of the warehouses, else None.

    Whether a file may give both isn't known (Source: DSCO reference 4, Inventory); here the total wins.
    """
    warehouses = [f"warehouse_quantity_{number}" for number in WAREHOUSES if values.get(f"warehouse_quantity_{number}")]
    parts = [whole_number(values, name, 0) for name in warehouses]
    if values.get("quantity_available"):
        return whole_number(values, "quantity_available", 0)
    return sum(parts) if parts else None


def _kept(values: dict[str, str]) -> dict[str, Any]:
    names = [*KEPT, *(f"warehouse_{kind}_{number}" for number in WAREHOUSES for kind in ("code", "quantity"))]
    return {name: values[name] for name in names if values.get(name)}
