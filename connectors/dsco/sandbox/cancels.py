"""Order cancel files: what of an order line will not come."""

from __future__ import annotations

import sqlite3
from typing import Any

from connectors.dsco.sandbox.matching import check_retailer, find_line, find_order, left
from connectors.dsco.sandbox.orders import settle
from connectors.dsco.sandbox.rows import Result, RowProblem, whole_number
from connectors.dsco.sandbox.state import State

NEEDED = (("po_number", "dsco_order_id"), ("line_item_status_quantity",))

CODES = ("CXSS", "CXSD", "CXSN", "CXSB", "CXSI", "CXST", "CXSC", "CXSO")
"""A supplier's reasons (Source: DSCO reference 4, Cancel)."""


def take(state: State, process_id: int, results: list[Result]) -> None:
    """Cancel the quantities that are told."""
    for result in results:
        if result.outcome == "error":
            continue
        try:
            _take_row(state, process_id, result)
        except RowProblem as problem:
            result.fail(problem)


def _take_row(state: State, process_id: int, result: Result) -> None:
    values = result.values
    code = values.get("line_item_cancel_code", "")
    reason = values.get("line_item_cancel_reason", "") or values.get("order_cancel_reason", "")
    result.facts |= {"quantity": values.get("line_item_status_quantity", ""), "reference": code}
    order = find_order(state, result)
    line = find_line(state, order, result, "shipped")
    check_retailer(state, order, "cancel", values)
    if not code and reason.upper() in CODES:
        code = reason
    if code.upper() not in CODES:
        raise RowProblem("bad_reason", f"line_item_cancel_code must be one of {', '.join(CODES)}, not {code!r}.")
    quantity = whole_number(values, "line_item_status_quantity", 1)
    _check_left(state, order, line, quantity)
    state.db.execute(
        "insert into cancels (order_seq, line_number, quantity, code, reason, process_id) values (?, ?, ?, ?, ?, ?)",
        (order["seq"], line["line_number"], quantity, code.upper(), reason, process_id),
    )
    state.db.execute(
        "update lines set cancelled = cancelled + ? where order_seq = ? and line_number = ?",
        (quantity, order["seq"], line["line_number"]),
    )
    settle(state, order["seq"])


def _check_left(state: State, order: sqlite3.Row, line: sqlite3.Row, quantity: int) -> None:
    """Cancelling ends with shipping: of the line, or by the stricter policy of the whole order."""
    rest = left(line, "shipped")
    if state.settings["cancel_policy"] == "order" and order["status"] == "shipped":
        raise RowProblem("already_shipped", f"Part of the order {order['po_number']} was shipped: it can't be cancelled.")
    if rest == 0 and line["shipped"]:
        raise RowProblem("already_shipped", f"Line {line['line_number']} of the order {order['po_number']} was shipped.")
    if quantity > rest:
        words = f"Line {line['line_number']} of the order {order['po_number']} has {rest} left to cancel, not {quantity}."
        raise RowProblem("too_many", words)


def listing(state: State) -> list[dict[str, Any]]:
    """Return every cancellation that was taken, in the order told."""
    query = (
        "select orders.dsco_order_id, orders.po_number, cancels.line_number, lines.sku, cancels.quantity, cancels.code,"
        " cancels.reason, processes.file from cancels join orders on orders.seq = cancels.order_seq"
        " left join lines on lines.order_seq = cancels.order_seq and lines.line_number = cancels.line_number"
        " left join processes on processes.id = cancels.process_id order by cancels.id"
    )
    return [dict(row) for row in state.db.execute(query)]
