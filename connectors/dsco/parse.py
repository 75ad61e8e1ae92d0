"""From DSCO's order files to drafts. Pure.

A column leaves the extras only when a field of the draft holds the whole of it; so the full times behind dates and the parts of
a sum stay readable. Sales tax is the retailer's to collect and no part of what the supplier is owed: it stays among the extras.

Source: DSCO reference 1 (types), 2 (limits), 3 (orders).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import compress, repeat
from typing import Any, Final

from connectors.contract import Address, Body, LineDraft, OrderDraft, ParsedItem, ParseSummary, Problem, RefusedOrder
from connectors.dsco.fields import COUPONS, DELIVERED_EXTRAS, DELIVERED_LINE_EXTRAS, ID_SEPARATOR, NOTES, ORDER_DATES
from connectors.dsco.grouping import MAX_ID, MAX_PROBLEMS, Columns, Fault, Gathered, Tally, gather
from connectors.dsco.wire import read_layout

MAX_EXPORT_ROWS: Final = 100_000
"""DSCO cuts exports at so many records. Source: DSCO reference 2, Limits."""

CUSTOMER_PREFIX: Final = "DSCO"

MAX_RETAILER_ID: Final = 60
"""Characters; with the PO number's 120 an id made of both stays below what is stored."""

_QUANTITY = re.compile(r"0*([1-9][0-9]{0,5})")
_MONEY = re.compile(r"-?([0-9]{1,10}(\.[0-9]{0,20})?|\.[0-9]{1,20})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SCIENTIFIC = re.compile(r"[0-9]+(\.[0-9]+)?[eE]\+[0-9]+|[0-9]+\.[0-9]+[eE][0-9]+")
"""What a spreadsheet makes of a long number: its last digits are lost."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TRUE = frozenset({"1", "true", "yes", "y", "t"})
_CANCELED = frozenset({"cancelled", "canceled"})


def parse_orders(body: Body, name: str, settings: Mapping[str, Any]) -> Iterator[ParsedItem]:
    """Yield drafts and refused orders, then one summary, as `contract.ParseOrders` says. The settings change nothing."""
    layout = read_layout(body, name)
    columns = Columns(layout.names)
    if not columns.has_identity:
        layout.notes.append(
            "The file has neither dsco_order_id nor dsco_retailer_id: its orders are told apart by PO number alone. Add these "
            "columns to the order export job in DSCO."
        )
    tally = Tally()
    for item in gather(body, name, layout, columns, tally):
        yield _read(item, columns) if isinstance(item, Gathered) else _unplaced(item)
    yield ParseSummary(rows=tally.rows, maybe_truncated=tally.rows >= MAX_EXPORT_ROWS, notes=tuple(layout.notes))


def _unplaced(faults: Sequence[Fault]) -> RefusedOrder:
    """Make a refused order of rows of which no other row of the file is known to be."""
    ids = faults[0].ids
    return RefusedOrder(
        external_id=ids.order_id or (ids.without_order_id if ids.po_number and ids.retailer_id else ""),
        cust_po_no=ids.po_number,
        retailer_name="",
        problems=tuple(fault.problem for fault in faults),
    )


class _Values:
    """The values of one row by column name, the empty ones left out. What is taken belongs to a field, what is left is extra.

    What can't be read as what it should be becomes a problem of the order.
    """

    __slots__ = ("get", "left", "problems", "row", "take")

    def __init__(self, names: Sequence[str], cells: Sequence[str], row: int, problems: list[Problem]) -> None:
        # Most of the cells are empty: they are passed over without a step of Python for each.
        self.left = dict(zip(compress(names, cells), map(str.strip, filter(None, cells)), strict=True))
        if "" in self.left.values():
            self.left = {name: value for name, value in self.left.items() if value}
        self.get = self.left.get
        self.take = self.left.pop
        self.row = row
        self.problems = problems

    def fitting(self, name: str, longest: int) -> str:
        """Take a value, cut to what its field holds; the whole of a longer one stays among the extras."""
        value = self.get(name, "")
        if len(value) <= longest:
            self.left.pop(name, "")
        return value[:longest]

    def money(self, name: str) -> Decimal | None:
        """Read an amount and leave it where it is."""
        value = self.get(name, "")
        amount = read_money(value)
        if value and amount is None:
            self.refuse(name, f"{name} is {_shown(value)}: it must be a plain decimal number such as 1234.50.")
        return amount

    def identifier(self, name: str, longest: int) -> str:
        """Take what names something and must be right to the last character."""
        value = self.take(name, "")
        if not value:
            self.refuse(name, f"{name} is empty.")
        elif _SCIENTIFIC.fullmatch(value):
            self.refuse(name, f"{name} is {_shown(value)}: a spreadsheet has cut off its last digits. Get it from DSCO anew.")
        elif len(value) > longest or _CONTROL.search(value):
            self.refuse(name, f"{name} is {_shown(value)}: it is too long or has characters that no {name} has.")
        return value

    def refuse(self, name: str, words: str) -> None:
        self.problems.append(Problem(row=self.row, field=name, words=words))


def _read(rows: Gathered, columns: Columns) -> OrderDraft | RefusedOrder:
    """Map all rows of one order. What is wrong with any of them holds the order back whole."""
    problems = rows.problems
    values = _Values(columns.order_names, columns.take_order(rows.head), rows.row, problems)
    draft = _order(values, rows.key)
    draft.lines = [_line(_Values(columns.line_names, cells, row, problems)) for row, cells in rows.lines]
    if not problems:
        draft.lines = settle_repeats(draft.lines, draft.expected_lines, problems)
    if problems:
        return RefusedOrder(
            external_id=draft.external_id[:MAX_ID],
            cust_po_no=draft.cust_po_no[:MAX_ID],
            retailer_name=draft.retailer_name,
            problems=tuple(sorted(problems, key=lambda problem: problem.row)[:MAX_PROBLEMS]),
        )
    _complete(draft)
    return draft


# --- the order ---------------------------------------------------------------------------------------------------------------


def _order(values: _Values, key: str) -> OrderDraft:
    po_number = values.identifier("po_number", 120)
    if values.get("dsco_order_id"):
        values.identifier("dsco_order_id", 120)
    retailer_id = values.take("dsco_retailer_id", "") or values.get("dsco_trading_partner_id", "")
    if len(retailer_id) > MAX_RETAILER_ID:
        values.refuse("dsco_retailer_id", f"dsco_retailer_id is {_shown(retailer_id)}: it is too long for an id.")
    retailer_name = values.fitting("dsco_retailer_name", 200) or values.get("dsco_trading_partner_name", "")[:200]
    code, carrier, method = _shipping(values)
    return OrderDraft(
        external_id=key,
        cust_po_no=po_number,
        alternate_id=f"{retailer_id}{ID_SEPARATOR}{po_number}",
        retailer_id=retailer_id,
        retailer_name=retailer_name or f"{CUSTOMER_PREFIX} {retailer_id}".strip(),
        customer_code=f"{CUSTOMER_PREFIX}-{retailer_id}".rstrip("-"),
        order_date=next(filter(None, (read_date(values.get(name, "")) for name in ORDER_DATES)), None),
        ship_by=read_date(values.get("ship_by_date", "")),
        is_test=values.take("test_flag", "").casefold() in _TRUE,
        is_canceled=values.get("dsco_order_status", "").casefold() in _CANCELED,
        currency=_currency(values),
        ship_to=_address(values, "ship_"),
        bill_to=_address(values, "bill_to_"),
        ship_code=code,
        ship_carrier=carrier,
        ship_method=method,
        notes="\n".join(dict.fromkeys(note for name in NOTES if (note := values.take(name, "")))),
        shipping_charge=values.money("shipping_surcharge") or Decimal(0),
        discount=sum((abs(values.money(name) or Decimal(0)) for name in COUPONS), Decimal(0)),
        expected_lines=_expected_lines(values),
        extra=values.left,
        row=values.row,
    )


def _shipping(values: _Values) -> tuple[str, str, str]:
    """Return service code, carrier and method: those that count, else those that the retailer asked for.

    Source: DSCO reference 3, Shipping.
    """
    for prefix in ("", "retailer_"):
        code = values.fitting(f"{prefix}shipping_service_level_code", 100)
        carrier = values.fitting(f"{prefix}ship_carrier", 100)
        method = values.fitting(f"{prefix}ship_method", 100)
        if code or carrier or method:
            return code or f"{carrier} {method}".strip()[:100], carrier, method
    return "", "", ""


def _address(values: _Values, prefix: str) -> Address:
    take = values.take
    first, last = person(
        take(f"{prefix}first_name", ""),
        take(f"{prefix}last_name", ""),
        values.get(f"{prefix}name", ""),
        values.get(f"{prefix}attention", ""),
    )
    country = take(f"{prefix}country", "")
    return Address(
        company=take(f"{prefix}company", ""),
        first_name=first,
        last_name=last,
        address_1=take(f"{prefix}address_1", ""),
        address_2=take(f"{prefix}address_2", ""),
        address_3=take(f"{prefix}address_3", ""),
        city=take(f"{prefix}city", ""),
        state=take(f"{prefix}region", ""),
        zip=take(f"{prefix}postal", ""),
        country=country.upper() if len(country) == 2 else country,
        phone=take(f"{prefix}phone", ""),
        e_mail=take(f"{prefix}email", ""),
    )


def person(first: str, last: str, whole: str, attention: str) -> tuple[str, str]:
    """Return first and last name without the semicolons that retailers leave where they had only a whole name.

    A whole name stays whole, as the first name. Source: DSCO reference 3, Names.
    """
    first, last, whole, attention = (name.strip(" ;") for name in (first, last, whole, attention))
    return (first, last) if first or last else (whole or attention, "")


def _currency(values: _Values) -> str:
    code = values.get("currency_code", "").upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        return ""
    values.take("currency_code")
    return code


def _expected_lines(values: _Values) -> int | None:
    number = read_quantity(values.get("number_of_line_items", ""))
    if number is not None:
        values.take("number_of_line_items")
    return number


def _complete(draft: OrderDraft) -> None:
    """Add what is known once the lines are."""
    surcharges = (read_money(line.extra.get("line_item_shipping_surcharge", "")) or Decimal(0) for line in draft.lines)
    draft.shipping_charge = sum(surcharges, draft.shipping_charge)
    if draft.ship_by is None:
        dates = (read_date(line.extra.get("line_item_ship_by_date", "")) for line in draft.lines)
        draft.ship_by = min(filter(None, dates), default=None)
    draft.content_hash = content_hash(draft)


# --- lines -------------------------------------------------------------------------------------------------------------------


def _line(values: _Values) -> LineDraft:
    ordered = values.take("line_item_quantity", "")
    quantity = read_quantity(ordered)
    if quantity is None:
        words = f"line_item_quantity is {_shown(ordered)}: it must be a whole number from 1 to 999999, in digits only."
        values.refuse("line_item_quantity", words)
    price = values.money("line_item_expected_cost")
    values.take("line_item_expected_cost", "")
    values.money("line_item_shipping_surcharge")
    is_upc = not _SCIENTIFIC.fullmatch(values.get("line_item_upc", ""))
    return LineDraft(
        line_id=values.fitting("line_item_line_number", 100),
        item=values.identifier("line_item_sku", MAX_ID),
        quantity=quantity or 0,
        price=price,
        upc=values.fitting("line_item_upc", 40) if is_upc else "",
        title=values.take("line_item_title", ""),
        extra=values.left,
        row=values.row,
    )


def settle_repeats(lines: list[LineDraft], expected: int | None, problems: list[Problem]) -> list[LineDraft]:
    """Return each line once. A line is its number and SKU; where there are no numbers, the order's own count has to decide."""
    kept: dict[tuple[str, ...], LineDraft] = {}
    for line in lines:
        known = kept.setdefault((line.line_id, line.item) if line.line_id else (line.item, *_essence(line)), line)
        if known is line:
            continue
        if _essence(known) != _essence(line):
            words = f"Line number {line.line_id} with SKU {_shown(line.item)} is there twice and differs (see row {known.row})."
            problems.append(Problem(row=line.row, field="line_item_line_number", words=words))
        elif not line.line_id and expected == len(lines):
            kept[line.item, str(line.row)] = line
        elif not line.line_id and expected is None:
            words = f"SKU {_shown(line.item)} is there twice (see row {known.row}) without line numbers: one line or two?"
            problems.append(Problem(row=line.row, field="line_item_line_number", words=words))
    return list(kept.values())


# --- values ------------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def read_money(value: str) -> Decimal | None:
    """Return a plain decimal number; None for anything else, exponents and separators included."""
    return Decimal(value) if _MONEY.fullmatch(value) else None


@lru_cache(maxsize=4096)
def read_date(value: str) -> date | None:
    """Return the date part as written, whatever the offset; None where there is none."""
    if not _DATE.match(value):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def read_quantity(value: str) -> int | None:
    """Return a whole number from 1 to 999,999 in plain digits; None for anything else."""
    found = _QUANTITY.fullmatch(value)
    return int(found[1]) if found else None


def _shown(value: str) -> str:
    """Return a value as it can be shown to people, cut and escaped."""
    return f'"{ascii(value[:40])[1:-1]}{"..." if len(value) > 40 else ""}"' if value else "empty"


# --- what makes an order another one -----------------------------------------------------------------------------------------


def content_hash(draft: OrderDraft) -> str:
    """Return a digest of all that matters to delivery: equal whatever the order of rows and columns, and blind to the time and
    the state of an export."""
    head = (
        draft.external_id, draft.cust_po_no, draft.retailer_id, str(draft.order_date), str(draft.ship_by), str(draft.is_test),
        str(draft.is_canceled), draft.currency, *_lines_of(draft.ship_to), *_lines_of(draft.bill_to), draft.ship_code,
        draft.ship_carrier, draft.ship_method, draft.notes, _plain(draft.shipping_charge), _plain(draft.discount),
        str(draft.expected_lines), *map(draft.extra.get, DELIVERED_EXTRAS, repeat("")),
    )  # fmt: skip
    lines = sorted("\0".join((line.line_id, line.item, *_essence(line))) for line in draft.lines)
    return hashlib.sha256("\0\0".join(("\0".join(head), *lines)).encode("utf-8", "backslashreplace")).hexdigest()


def _essence(line: LineDraft) -> tuple[str, ...]:
    """What two rows of one line must have in common to be the same."""
    return (str(line.quantity), _plain(line.price), line.upc, *map(line.extra.get, DELIVERED_LINE_EXTRAS, repeat("")))


@lru_cache(maxsize=4096)
def _plain(amount: Decimal | None) -> str:
    """Return an amount as a text that is the same for 13.3 and 13.30."""
    return "" if amount is None else str(amount.normalize())


def _lines_of(address: Address) -> tuple[str, ...]:
    return (
        address.company, address.first_name, address.last_name, address.address_1, address.address_2, address.address_3,
        address.city, address.state, address.zip, address.country, address.phone, address.e_mail,
    )  # fmt: skip
