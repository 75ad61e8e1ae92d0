"""Invoice files: a row per invoice line, the invoice's own values repeated on each."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from decimal import Decimal
from typing import Any

from connectors.dsco.sandbox.matching import check_retailer, find_line, find_order, left
from connectors.dsco.sandbox.rows import MONEY, Result, RowProblem, amount, moment, text, whole_number
from connectors.dsco.sandbox.state import State

NEEDED = (("invoice_id",), ("po_number", "dsco_order_id"), ("invoice_total_amount",))
"""Source: DSCO reference 4, Invoice."""

HEADER = ("po_number", "dsco_order_id", "invoice_total_amount", "invoice_date", "invoice_currency_code")
CHARGES = (
    *("invoice_handling_amount", "invoice_freight_amount", "invoice_sales_tax_amount"),
    *("invoice_charge_amount_1", "invoice_charge_amount_2", "invoice_charge_amount_3"),
)


def take(state: State, process_id: int, results: list[Result]) -> None:
    """Take whole invoices: an invoice can't be edited later, so one with a bad row isn't taken at all."""
    by_invoice: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        result.facts["reference"] = result.values.get("invoice_id", "")
        if result.values.get("invoice_id"):
            by_invoice[result.values["invoice_id"]].append(result)
        elif result.outcome != "error":
            result.fail(RowProblem("missing", "invoice_id is missing."))
    for invoice_id, rows in by_invoice.items():
        state.db.execute("savepoint invoice")
        _take_invoice(state, process_id, invoice_id, rows)
        if any(row.outcome == "error" for row in rows):
            state.db.execute("rollback to invoice")
            refusal = RowProblem("invoice_refused", f"Another row of the invoice {invoice_id} was refused.")
            for row in rows:
                if row.outcome != "error":
                    row.fail(refusal)
        state.db.execute("release invoice")


def _take_invoice(state: State, process_id: int, invoice_id: str, rows: list[Result]) -> None:
    used = state.db.execute("select 1 from invoices where invoice_id = ?", (invoice_id,)).fetchone()
    billed = Decimal(0)
    for row in rows:
        if row.outcome == "error":
            continue
        try:
            if used:
                find_order(state, row)
                raise RowProblem("invoice_id_used", f"The invoice id {invoice_id} was used before and can't be used again.")
            if any(row.values.get(name) != rows[0].values.get(name) for name in HEADER):
                raise RowProblem("header_differs", f"Rows of the invoice {invoice_id} differ in what must be equal.")
            billed += _take_row(state, invoice_id, row)
        except RowProblem as problem:
            row.fail(problem)
    first = next((row for row in rows if row.outcome != "error"), None)
    if first is not None:
        _keep(state, process_id, invoice_id, first, billed)


def _take_row(state: State, invoice_id: str, row: Result) -> Decimal:
    """Keep one invoice line and return what it bills."""
    values = row.values
    row.facts["quantity"] = values.get("line_item_quantity", "")
    order = find_order(state, row)
    check_retailer(state, order, "invoice", values)
    amount(values, "invoice_total_amount", needed=True)
    moment(values, "invoice_date")
    moment(values, "line_item_ship_date")
    if not any(values.get(name) for name in ("line_item_line_number", "line_item_sku", "line_item_quantity")):
        return Decimal(0)
    line = find_line(state, order, row, "invoiced")
    quantity = whole_number(values, "line_item_quantity", 1)
    price = amount(values, "line_item_unit_price") or Decimal(0)
    _check_left(order, line, quantity)
    _compare(line, quantity, price, values, row)
    state.db.execute(
        "insert into invoice_lines (invoice_id, line_number, quantity, unit_price) values (?, ?, ?, ?)",
        (invoice_id, line["line_number"], quantity, str(price)),
    )
    state.db.execute(
        "update lines set invoiced = invoiced + ? where order_seq = ? and line_number = ?",
        (quantity, order["seq"], line["line_number"]),
    )
    return price * quantity


def _check_left(order: sqlite3.Row, line: sqlite3.Row, quantity: int) -> None:
    rest = left(line, "invoiced")
    if quantity > rest:
        words = f"Line {line['line_number']} of the order {order['po_number']} has {rest} left to invoice, not {quantity}."
        raise RowProblem("too_many", words)


def _compare(line: sqlite3.Row, quantity: int, price: Decimal, values: dict[str, str], row: Result) -> None:
    """Say where the line differs from what the retailer expects."""
    expected = json.loads(line["columns"]).get("line_item_expected_cost", "")
    if values.get("line_item_unit_price") and MONEY.fullmatch(expected) and Decimal(expected) != price:
        row.warn("price_differs", f"The retailer expects {expected} for line {line['line_number']}, not {price}.")
    if line["invoiced"] + quantity > line["shipped"]:
        row.warn("not_shipped_yet", f"Of line {line['line_number']} {line['shipped']} were shipped so far.")


def _keep(state: State, process_id: int, invoice_id: str, first: Result, billed: Decimal) -> None:
    order = find_order(state, first)
    try:
        total = Decimal(text(first.values, "invoice_total_amount"))
        charges = sum((amount(first.values, name) or Decimal(0) for name in CHARGES), Decimal(0))
    except RowProblem as problem:
        first.fail(problem)
        return
    if billed and total != billed + charges:
        first.warn("total_differs", f"The invoice's total is {total}, its lines and charges come to {billed + charges}.")
    state.db.execute(
        "insert into invoices (invoice_id, order_seq, total, date, process_id) values (?, ?, ?, ?, ?)",
        (invoice_id, order["seq"], str(total), first.values.get("invoice_date", ""), process_id),
    )


def listing(state: State) -> dict[str, dict[str, Any]]:
    """Return every invoice that was taken, by its id."""
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in state.db.execute("select * from invoice_lines order by id"):
        lines[row["invoice_id"]].append({name: row[name] for name in ("line_number", "quantity", "unit_price")})
    query = (
        "select invoices.*, orders.po_number, orders.dsco_order_id, processes.file from invoices"
        " join orders on orders.seq = order_seq left join processes on processes.id = process_id"
        " order by process_id, invoice_id"
    )
    names = ("dsco_order_id", "po_number", "total", "date", "file")
    return {
        row["invoice_id"]: {name: row[name] for name in names} | {"lines": lines[row["invoice_id"]]}
        for row in state.db.execute(query)
    }
