"""Orders from CSV: one row per order line, with the columns of the exports `orders` and `order_lines`.

A file that `export orders` wrote has one row per order and all lines in the column `items`; it is read as well. The rows of
one order may stand anywhere in the file. An order that the cart has already is known and left alone, whatever the file says;
one of which a row is refused is held back whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

import msgspec

from cartrover.accounts.models import Account
from connectors.contract import Address, LineDraft, OrderDraft
from connectors.models import Connection
from orders.import_export.csv_text import Table
from orders.import_export.exports import ADDRESS, LINE_COLUMNS, ORDER_COLUMNS
from orders.import_export.imports import Carts, Loaded, MissingColumns, unread
from orders.models import Order
from orders.pipeline.persist import load_drafts

CHUNK = 250
"""Orders that are handed on together: as many as the loader takes in one transaction."""

LOADABLE = frozenset({"", "new", "error", "canceled"})
"""Statuses in a file that may be loaded; the others were at the WMS, and would go there a second time."""

LINE_ONLY = ("item", "quantity", "price", "line_no", "line_item_id", "description", "upc")
"""Columns of which each row of an order may say something else."""

_WHOLE = re.compile(r"[1-9][0-9]{0,5}")
_YES = frozenset({"y", "yes", "1", "true"})


class _Refusal(ValueError):
    """Why a row, and with it its order, can't be taken."""


@dataclass(slots=True)
class _Open:
    """An order whose rows aren't all read yet."""

    draft: OrderDraft | None = None
    first: Mapping[str, str] = field(default_factory=dict)
    first_line: int = 0
    refusals: list[tuple[int, str]] = field(default_factory=list)
    rows: int = 0


@dataclass(frozen=True, slots=True)
class _Whole:
    """An order all of whose rows are read, and the status that the file says it has."""

    draft: OrderDraft
    status: str


def load_orders(*, account: Account, table: Table, actor: str, dry_run: bool = False) -> Loaded:
    """Load the orders of a file into their carts; with `dry_run` only say what would become of them.

    Raise `MissingColumns` when the file can't hold orders. `added` and `same` count orders; orders that must stay out (too old,
    test orders of a live cart, canceled) count as added here and stand in the account's skipped orders with their reason.
    """
    _require_columns(table)
    known = (*ORDER_COLUMNS, *LINE_COLUMNS, *LINE_ONLY, "cart")
    loaded = Loaded(unread_columns=unread(table, known))
    waiting: dict[Connection, list[_Whole]] = {}
    for cart, order in _orders(table, Carts(account), loaded):
        waiting.setdefault(cart, []).append(order)
        if len(waiting[cart]) >= CHUNK:
            _load(cart, waiting.pop(cart), loaded, actor=actor, dry_run=dry_run)
    for cart, orders in waiting.items():
        _load(cart, orders, loaded, actor=actor, dry_run=dry_run)
    loaded.refused.sort(key=lambda refused: refused.line)
    return loaded


def _load(cart: Connection, orders: list[_Whole], loaded: Loaded, *, actor: str, dry_run: bool) -> None:
    """Hand on what the cart doesn't have yet and may have."""
    ids = [order.draft.external_id for order in orders]
    rows = Order.objects.for_account(cart.account_id).filter(source=cart, external_id__in=ids)
    known = set(rows.values_list("external_id", flat=True))
    new: list[OrderDraft] = []
    for order in orders:
        if order.draft.external_id in known:
            loaded.same += 1
        elif order.status not in LOADABLE:
            loaded.refuse(
                order.draft.row,
                f"The file says that this order is {order.status} already; loaded, it would go to the WMS again. Empty its "
                "status to load it all the same.",
            )
        else:
            new.append(order.draft)
    loaded.added += len(new)
    if new and not dry_run:
        load_drafts(connection=cart, drafts=new, document=None, actor=actor)


def _require_columns(table: Table) -> None:
    has = set(table.columns)
    wanted = [
        ("cart", {"cart", "order_source"}),
        ("cust_po_no", {"cust_po_no", "cust_ref"}),
        ("item", {"item", "items"}),
        ("quantity", {"quantity", "items"}),
    ]
    missing = [name for name, either in wanted if not has & either]
    if missing:
        names = ", ".join(name for name in table.columns if name)
        raise MissingColumns(f"{table.path.name} has no column {', '.join(missing)}. Its columns are: {names}.")


# --- rows to orders ----------------------------------------------------------------------------------------------------------


def _orders(table: Table, carts: Carts, loaded: Loaded) -> Iterator[tuple[Connection, _Whole]]:
    """Yield each order once its last row is read; the file is read twice, so that only unfinished ones are kept."""
    last_line = {_name(row): line for line, row in table.rows()}
    open_orders: dict[tuple[str, str], _Open] = {}
    for line, row in table.rows():
        loaded.rows += 1
        name = _name(row)
        order = open_orders.setdefault(name, _Open(first=row, first_line=line))
        order.rows += 1
        try:
            _take(order, row, line)
        except _Refusal as refusal:
            order.refusals.append((line, str(refusal)))
        if last_line[name] == line:
            del open_orders[name]
            finished = _finish(order, carts, loaded)
            if finished is not None:
                yield finished


def _name(row: Mapping[str, str]) -> tuple[str, str]:
    """Which order a row belongs to: the cart's name and the source's own id, else the full number, else the short one."""
    cart = row.get("cart") or row.get("order_source") or ""
    return cart.casefold(), row.get("record_no") or row.get("cust_po_no") or row.get("cust_ref") or ""


def _finish(order: _Open, carts: Carts, loaded: Loaded) -> tuple[Connection, _Whole] | None:
    if not order.refusals and order.draft is not None:
        try:
            cart = carts.named(order.first.get("cart") or order.first.get("order_source") or "")
        except ValueError as unknown:
            order.refusals.append((order.first_line, str(unknown)))
        else:
            order.draft.content_hash = _content_hash(order.draft)
            return cart, _Whole(order.draft, order.first.get("status", "").lower())
    for line, reason in order.refusals:
        loaded.refuse(line, reason)
    if order.rows > len(order.refusals) and order.refusals:
        number = _name(order.first)[1]
        loaded.refuse(order.first_line, f"Order {number} is held back whole: line {order.refusals[0][0]} of it was refused.")
    return None


def _take(order: _Open, row: Mapping[str, str], line: int) -> None:
    if row.get(""):
        raise _Refusal("The row has more cells than the header has columns.")
    if not _name(row)[1]:
        raise _Refusal("cust_po_no is empty: without its number an order can't be told from others.")
    if not (row.get("cart") or row.get("order_source")):
        raise _Refusal("cart is empty. Name the cart that the order belongs to.")
    if order.draft is None:
        order.draft = _header(row, line)
    else:
        _require_same_order(order, row)
    lines = _lines_of_row(row, line, len(order.draft.lines))
    order.draft.lines.extend(lines)


def _require_same_order(order: _Open, row: Mapping[str, str]) -> None:
    for column, text in row.items():
        if column not in LINE_ONLY and column in ORDER_COLUMNS and text and text != order.first.get(column, ""):
            raise _Refusal(f"{column} is “{text[:60]}”, but line {order.first_line} of the same order says otherwise.")


def _header(row: Mapping[str, str], line: int) -> OrderDraft:
    number = row.get("cust_po_no") or row.get("cust_ref") or ""
    return OrderDraft(
        external_id=_short(row.get("record_no") or number, "record_no", 200),
        cust_po_no=_short(number, "cust_po_no", 200),
        retailer_id=_short(row.get("retailer_id", ""), "retailer_id", 100),
        retailer_name=_short(row.get("retailer", ""), "retailer", 200),
        customer_code=_short(row.get("customer_id", ""), "customer_id", 120),
        order_date=_date(row, "order_date"),
        ship_by=_date(row, "requested_ship_date"),
        is_test=row.get("test_order", "").lower() in _YES,
        is_canceled=row.get("status", "").lower() == "canceled",
        currency=_currency(row),
        ship_to=_address(row, "ship"),
        bill_to=_address(row, "cust"),
        ship_code=_short(row.get("ship_code", ""), "ship_code", 100),
        ship_carrier=_short(row.get("carrier", ""), "carrier", 100),
        ship_method=_short(row.get("ship_code_description", ""), "ship_code_description", 100),
        notes=row.get("shipping_instructions", ""),
        shipping_charge=_money(row, "shipping_handling") or Decimal(0),
        discount=_money(row, "order_discount") or Decimal(0),
        tax=_money(row, "sales_tax") or Decimal(0),
        extra=_extra(row.get("extra_fields", "")),
        row=line,
    )


def _lines_of_row(row: Mapping[str, str], line: int, known: int) -> list[LineDraft]:
    if row.get("item") or not row.get("items"):
        return [_line(row, line, known + 1)]
    try:
        items = json.loads(row["items"])
    except ValueError:
        items = None
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise _Refusal("items is no list of lines. Export the orders again, or name each line in a row of its own.")
    texts = [{name: "" if value is None else value for name, value in item.items()} for item in items]
    return [_line(item, line, number) for number, item in enumerate(texts, start=known + 1)]


def _line(row: Mapping[str, Any], line: int, number: int) -> LineDraft:
    item = str(row.get("item", ""))
    if not item:
        raise _Refusal("item is empty.")
    quantity = str(row.get("quantity", ""))
    if not _WHOLE.fullmatch(quantity):
        raise _Refusal(f"quantity is “{quantity[:20]}”; it must be a whole number from 1 to 999999 in plain digits.")
    line_id = row.get("line_item_id") or row.get("line_no") or number
    extra = row.get("extra_fields") if isinstance(row.get("extra_fields"), dict) else {}
    return LineDraft(
        line_id=_short(str(line_id), "line_no", 100),
        item=_short(item, "item", 200),
        quantity=int(quantity),
        price=_money(row, "price"),
        upc=_short(str(row.get("upc", "")), "upc", 40),
        title=str(row.get("description", "")),
        extra={str(name): str(value) for name, value in (extra or {}).items()},
        row=line,
    )


# --- cells -------------------------------------------------------------------------------------------------------------------


def _short(text: str, column: str, longest: int) -> str:
    if len(text) > longest:
        raise _Refusal(f"{column} is longer than {longest} characters.")
    return text


def _date(row: Mapping[str, str], column: str) -> date | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise _Refusal(f"{column} is “{text[:20]}”; it must be a date like 2026-11-30.") from None


def _money(row: Mapping[str, Any], column: str) -> Decimal | None:
    text = str(row.get(column, ""))
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) >= 10**10:
        raise _Refusal(f"{column} is “{text[:20]}”; it must be an amount like 12.50, with a point and without a currency sign.")
    return amount


def _currency(row: Mapping[str, str]) -> str:
    text = row.get("currency_code", "").upper()
    if text and not re.fullmatch(r"[A-Z]{3}", text):
        raise _Refusal(f"currency_code is “{text[:10]}”; it must be three letters like USD.")
    return text


def _address(row: Mapping[str, str], prefix: str) -> Address:
    return Address(**{part: row.get(f"{prefix}_{part}", "") for part in ADDRESS})


def _extra(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _Refusal('extra_fields must be empty or a JSON object like {"gift": "yes"}.')
    return {str(name): str(value) for name, value in found.items()}


def _content_hash(draft: OrderDraft) -> str:
    """The hash of what an order says, wherever it stood in the file."""
    said = msgspec.to_builtins(draft)
    lines = [{**line, "row": 0} for line in said.pop("lines")]
    said = {**said, "row": 0, "content_hash": "", "lines": lines}
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
