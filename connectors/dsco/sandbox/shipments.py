"""Shipment files: a row per package and order line."""

from __future__ import annotations

import sqlite3

from connectors.dsco.sandbox.made_up import SERVICES
from connectors.dsco.sandbox.matching import check_retailer, find_line, find_order, left
from connectors.dsco.sandbox.orders import settle
from connectors.dsco.sandbox.rows import Result, RowProblem, moment, text, whole_number
from connectors.dsco.sandbox.state import State

NEEDED = (("po_number", "dsco_order_id"), ("package_tracking_number",), ("line_item_quantity",))

CARRIERS = {carrier.lower(): carrier for carrier, _ in SERVICES.values()} | {"usps": "USPS", "dhl": "DHL", "ontrac": "OnTrac"}


def take(state: State, process_id: int, results: list[Result]) -> None:
    """Take the packages that are told; parts of an order may ship now and the rest later."""
    for result in results:
        if result.outcome == "error":
            continue
        try:
            _take_row(state, process_id, result)
        except RowProblem as problem:
            result.fail(problem)


def _take_row(state: State, process_id: int, result: Result) -> None:
    values = result.values
    tracking = result.facts["reference"] = values.get("package_tracking_number", "")
    result.facts["quantity"] = values.get("line_item_quantity", "")
    order = find_order(state, result)
    line = find_line(state, order, result, "shipped")
    check_retailer(state, order, "shipment", values)
    text(values, "package_tracking_number")
    quantity = whole_number(values, "line_item_quantity", 1)
    ship_date = moment(values, "package_ship_date")
    _check_repeat(state, order, line, tracking)
    _check_left(order, line, quantity)
    carrier, method, service = _normalised(result)
    _look_for_strangers(state, order, tracking, result)
    state.db.execute(
        "insert into packages"
        " (order_seq, line_number, tracking_number, quantity, carrier, method, service, ship_date, process_id)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (order["seq"], line["line_number"], tracking, quantity, carrier, method, service, ship_date, process_id),
    )
    state.db.execute(
        "update lines set shipped = shipped + ? where order_seq = ? and line_number = ?",
        (quantity, order["seq"], line["line_number"]),
    )
    settle(state, order["seq"])


def _check_repeat(state: State, order: sqlite3.Row, line: sqlite3.Row, tracking: str) -> None:
    told = state.db.execute(
        "select 1 from packages where order_seq = ? and line_number = ? and tracking_number = ?",
        (order["seq"], line["line_number"], tracking),
    ).fetchone()
    if told:
        words = f"Line {line['line_number']} of the order {order['po_number']} was already told with tracking {tracking}."
        raise RowProblem("repeated", words)


def _check_left(order: sqlite3.Row, line: sqlite3.Row, quantity: int) -> None:
    if order["status"] == "cancelled":
        raise RowProblem("order_cancelled", f"The order {order['po_number']} is cancelled.")
    rest = left(line, "shipped")
    if quantity > rest:
        words = f"Line {line['line_number']} of the order {order['po_number']} has {rest} left to ship, not {quantity}."
        raise RowProblem("too_many", words)


def _normalised(result: Result) -> tuple[str, str, str]:
    """Return carrier, method and service code; what DSCO knows in its own writing, the rest as it came.

    Case doesn't matter; unmatched values are kept unnormalised (Source: DSCO reference 4, Carrier/method/code).
    """
    carrier, method = result.values.get("package_ship_carrier", ""), result.values.get("package_ship_method", "")
    service = result.values.get("shipping_service_level_code", "")
    known = SERVICES.get(service.upper())
    if known:
        return known[0], known[1], service.upper()
    if service:
        result.remark("unknown_service_code", f"The service code {service} isn't a standard one; it is kept as it is.")
    elif not carrier:
        result.warn("carrier_missing", "Neither a carrier nor a service code was given.")
    return CARRIERS.get(carrier.lower(), carrier), method, service


def _look_for_strangers(state: State, order: sqlite3.Row, tracking: str, result: Result) -> None:
    other = state.db.execute(
        "select po_number from packages join orders on orders.seq = order_seq"
        " where tracking_number = ? and order_seq <> ? limit 1",
        (tracking, order["seq"]),
    ).fetchone()
    if other:
        result.warn(
            "tracking_on_other_order", f"The tracking number {tracking} was also told of the order {other['po_number']}."
        )
