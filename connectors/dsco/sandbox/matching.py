"""Which order and which line of it a row means, as DSCO looks for them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from connectors.dsco.sandbox.rows import Result, RowProblem
from connectors.dsco.sandbox.state import State

IDENTITIES = (
    ("dsco_item_id", "dsco_item_id"),
    ("line_item_sku", "sku"),
    ("line_item_partner_sku", "line_item_partner_sku"),
    ("line_item_upc", "line_item_upc"),
    ("line_item_ean", "line_item_ean"),
)
"""The first that is there names the item (Source: DSCO reference 3, Item identity); second, where the line keeps it."""


def find_order(state: State, result: Result) -> sqlite3.Row:
    """Return the order of a row. Raise `RowProblem` when it isn't there, or when the PO number alone doesn't tell it."""
    po_number, order_id = result.values.get("po_number", ""), result.values.get("dsco_order_id", "")
    result.facts |= {"po_number": po_number, "dsco_order_id": order_id}
    if not po_number and not order_id:
        raise RowProblem("missing", "po_number is missing.")
    if order_id:
        found = state.db.execute("select * from orders where dsco_order_id = ?", (order_id,)).fetchall()
        if found and po_number and found[0]["po_number"] != po_number:
            raise RowProblem(
                "order_mismatch", f"The order {order_id} has the PO number {found[0]['po_number']}, not {po_number}."
            )
    else:
        found = state.db.execute("select * from orders where po_number = ?", (po_number,)).fetchall()
    if not found:
        raise RowProblem("unknown_order", f"There is no order {order_id or po_number}.")
    if len(found) > 1:
        raise RowProblem("ambiguous_order", f"{len(found)} retailers have an order {po_number}; dsco_order_id is needed.")
    order: sqlite3.Row = found[0]
    result.facts |= {"po_number": order["po_number"], "dsco_order_id": order["dsco_order_id"]}
    return order


def find_line(state: State, order: sqlite3.Row, result: Result, open_column: str) -> sqlite3.Row:
    """Return the order line of a row: by line number, else by the item.

    When an item is on several lines, the first one that has some of `open_column` left is meant. Raise `RowProblem` when there
    is no such line or when number and item disagree.
    """
    number = result.values.get("line_item_line_number", "")
    name, value = _identity(result.values)
    result.facts |= {"line_number": number, "sku": result.values.get("line_item_sku", "")}
    lines = state.db.execute(
        "select * from lines where order_seq = ? order by cast(line_number as integer)", (order["seq"],)
    ).fetchall()
    if number:
        line = next((line for line in lines if line["line_number"] == number), None)
        if line is None:
            raise RowProblem("unknown_line", f"The order {order['po_number']} has no line {number}.")
        if value and _of_line(line, name) != value:
            raise RowProblem("line_mismatch", f"Line {number} of the order {order['po_number']} isn't {value}.")
    else:
        if not value:
            raise RowProblem("missing", "line_item_line_number or line_item_sku is missing.")
        fitting = [line for line in lines if _of_line(line, name) == value]
        if not fitting:
            raise RowProblem("unknown_line", f"The order {order['po_number']} has no line with {value}.")
        line = next((one for one in fitting if left(one, open_column) > 0), fitting[0])
        if len(fitting) > 1:
            result.warn("ambiguous_line", f"{value} is on {len(fitting)} lines; line {line['line_number']} was taken.")
    result.facts |= {"line_number": line["line_number"], "sku": line["sku"]}
    found: sqlite3.Row = line
    return found


def left(line: sqlite3.Row, column: str) -> int:
    """Return how much of a line can still be shipped, cancelled ("shipped") or invoiced ("invoiced")."""
    if column == "invoiced":
        return int(line["ordered"] - line["invoiced"])
    return int(line["ordered"] - line["shipped"] - line["cancelled"])


def _identity(values: Mapping[str, str]) -> tuple[str, str]:
    return next(((kept, values[column]) for column, kept in IDENTITIES if values.get(column)), ("", ""))


def _of_line(line: sqlite3.Row, name: str) -> str:
    return str(line["sku"]) if name == "sku" else str(json.loads(line["columns"]).get(name, ""))


def check_retailer(state: State, order: sqlite3.Row, workflow: str, values: Mapping[str, str]) -> None:
    """Raise `RowProblem` when a column is empty that the order's retailer demands."""
    row = state.db.execute("select * from retailers where id = ?", (order["retailer_id"],)).fetchone()
    for name in json.loads(row["require"]).get(workflow, []) if row else ():
        if not values.get(name):
            raise RowProblem("retailer_requires", f"{row['name']} requires {name}.")
