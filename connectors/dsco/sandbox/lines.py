"""Lines of orders as retailers want them, before DSCO has them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.dsco.sandbox import made_up
from connectors.dsco.sandbox.state import SandboxError

Wanted = tuple[made_up.Product, int, str]
"""A product, how many of it, and its line number ("" = by position)."""


def wanted_item(item: Mapping[str, Any]) -> Wanted:
    """Return the line that a person described. Raise `SandboxError` when it can't be one."""
    unknown = item.keys() - {"sku", "quantity", "cost", "upc", "title", "line_number"}
    if unknown or not item.get("sku"):
        raise SandboxError("An item has a sku, and on request quantity, cost, upc, title and line_number.")
    texts = {name: str(item[name]) for name in ("cost", "upc", "title") if name in item}
    quantity = item.get("quantity", 1)
    if not isinstance(quantity, int):
        raise SandboxError(
            f"The quantity of {item['sku']} must be a whole number; use line= for what should be odd in the file."
        )
    return made_up.product(str(item["sku"]), **texts), quantity, str(item.get("line_number", ""))


def as_texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Return columns with their values as text."""
    return {name: str(value) for name, value in (values or {}).items()}


def line_columns(item: made_up.Product) -> dict[str, str]:
    """Return a line's columns by DSCO's names."""
    return {
        "line_item_upc": item.upc,
        "line_item_partner_sku": item.partner_sku,
        "line_item_title": item.title,
        "line_item_color": item.color,
        "line_item_size": item.size,
        "line_item_expected_cost": item.cost,
        "line_item_consumer_price": item.price,
        "line_item_retail_price": item.price,
        "line_item_product_group": item.sku,
        "line_item_gift_flag": "0",
        "dsco_item_id": item.dsco_item_id,
    }


def add_lines(db: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Keep lines: order, number, SKU, quantity, columns. Raise `SandboxError` for a number that is there twice."""
    try:
        db.executemany("insert into lines (order_seq, line_number, sku, ordered, columns) values (?, ?, ?, ?, ?)", rows)
    except sqlite3.IntegrityError:
        raise SandboxError("Two lines of one order can't have the same line_number.") from None
