"""From the bytes of an export to orders. Pure: it opens nothing, and asks no clock and no table."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from connectors.contract import Address, Body, LineDraft, OrderDraft, ParsedItem, ParseSummary, Problem, RefusedOrder
from connectors.errors import BadDocument

COLUMNS = (
    "order_id", "number", "test", "placed_on", "name", "street", "city", "state", "zip", "country", "shipping", "line_no",
    "sku", "quantity", "price",
)  # fmt: skip
LARGEST_QUANTITY = 999_999


def parse_orders(body: Body, name: str, settings: Mapping[str, Any]) -> Iterator[ParsedItem]:
    """Yield each order once and whole, wherever its rows stand, then the summary.

    The document is read twice: for the last row of each order first, then for the orders, so that only unfinished ones are
    kept.
    """
    last_row = {row["order_id"]: number for number, row in _rows(body, name)}
    waiting: dict[str, list[tuple[int, dict[str, str]]]] = {}
    rows = 0
    for number, row in _rows(body, name):
        rows += 1
        waiting.setdefault(row["order_id"], []).append((number, row))
        if last_row[row["order_id"]] == number:
            yield _order(waiting.pop(row["order_id"]))
    yield ParseSummary(rows=rows)


def _rows(body: Body, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line of the file (the header is line 1) and the cells of each row."""
    try:
        reader = csv.reader(_lines(body()), strict=True)
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise BadDocument(f"{name} doesn't have the columns of an export. Was the export's format changed in the shop?")
        for cells in reader:
            if len(cells) != len(COLUMNS):
                raise BadDocument(f"Line {reader.line_num} of {name} has {len(cells)} cells instead of {len(COLUMNS)}.")
            yield reader.line_num, dict(zip(COLUMNS, cells, strict=True))
    except (csv.Error, UnicodeDecodeError) as broken:
        raise BadDocument(f"{name} is no CSV in UTF-8: {broken}.") from broken


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder, rest = codecs.getincrementaldecoder("utf-8-sig")(), ""
    for chunk in chunks:
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        yield from (f"{line}\n" for line in lines)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _order(rows: list[tuple[int, dict[str, str]]]) -> OrderDraft | RefusedOrder:
    number, first = rows[0]
    problems = [problem for line, row in rows for problem in _problems(line, row)]
    if problems:
        return RefusedOrder(
            external_id=first["order_id"], cust_po_no=first["number"], retailer_name="", problems=tuple(problems)
        )
    return OrderDraft(
        external_id=first["order_id"],
        cust_po_no=first["number"],
        order_date=date.fromisoformat(first["placed_on"]),
        is_test=first["test"] == "1",
        ship_to=Address(
            last_name=first["name"],
            address_1=first["street"],
            city=first["city"],
            state=first["state"],
            zip=first["zip"],
            country=first["country"],
        ),
        ship_code=first["shipping"],
        lines=[
            LineDraft(
                line_id=row["line_no"], item=row["sku"], quantity=int(row["quantity"]), price=Decimal(row["price"]), row=line
            )
            for line, row in rows
        ],
        # Changes when anything in the order does, and not when it stands elsewhere in another file.
        content_hash=sha256(repr([sorted(row.items()) for _, row in rows]).encode()).hexdigest(),
        row=number,
    )


def _problems(line: int, row: Mapping[str, str]) -> Iterator[Problem]:
    for column in ("order_id", "number", "sku"):
        if not row[column]:
            yield Problem(row=line, field=column, words=f"{column} is empty.")
    quantity = row["quantity"]
    if not (quantity.isascii() and quantity.isdigit() and 0 < int(quantity) <= LARGEST_QUANTITY):
        yield Problem(
            row=line, field="quantity", words=f"quantity is “{quantity}”, which is no whole number from 1 to 999,999."
        )
    try:
        date.fromisoformat(row["placed_on"])
    except ValueError:
        yield Problem(row=line, field="placed_on", words=f"placed_on is “{row['placed_on']}”, which is no date.")
    try:
        is_amount = Decimal(row["price"]).is_finite()
    except InvalidOperation:
        is_amount = False
    if not is_amount:
        yield Problem(row=line, field="price", words=f"price is “{row['price']}”, which is no amount.")
