"""From DSCO's order files to drafts. Pure.

A column leaves the extras only when a field of the draft holds the whole of it; so the full times behind dates and the parts of
a sum stay readable. Sales tax is the retailer's to collect and no part of what the supplier is owed: it stays among the extras.

Source: DSCO reference 1 (types), 2 (limits), 3 (orders).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import compress, repeat
from operator import attrgetter
from typing import Any, Final

from connectors.contract import Address, Body, LineDraft, OrderDraft, ParsedItem, ParseSummary, Problem, RefusedOrder
from connectors.dsco.fields import COUPONS, DELIVERED_EXTRAS, DELIVERED_LINE_EXTRAS, ID_SEPARATOR, NOTES, ORDER_DATES
from connectors.dsco.grouping import MAX_ID, MAX_PROBLEMS, Columns, Fault, Gathered, Tally, gather, taker
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
    cells = _Cells(columns)
    for item in gather(body, name, layout, columns, tally):
        yield _read(item, cells) if isinstance(item, Gathered) else _unplaced(item)
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


# --- cells -------------------------------------------------------------------------------------------------------------------

_ADDRESS = (
    "company", "first_name", "last_name", "address_1", "address_2", "address_3", "city", "region", "postal", "country", "phone",
    "email",
)  # fmt: skip
_SHIPPING = ("shipping_service_level_code", "ship_carrier", "ship_method")
_RETAILER_SHIPPING = tuple(f"retailer_{name}" for name in _SHIPPING)

_HELD_WHOLE = frozenset({
    "po_number", "dsco_order_id", "dsco_retailer_id", "test_flag", *NOTES, *(f"ship_{part}" for part in _ADDRESS),
    *(f"bill_to_{part}" for part in _ADDRESS), "line_item_quantity", "line_item_expected_cost", "line_item_sku",
    "line_item_title",
})  # fmt: skip
"""Columns that are never extras. Whether others are depends on the value: it may not fit its field."""


class _Cells:
    """What is taken of the cells of an order's rows. Places are looked up once for a file, not for each of its rows."""

    def __init__(self, columns: Columns) -> None:
        def of_order(*names: str) -> Callable[[Sequence[str]], tuple[str, ...]]:
            return taker([columns.places.get(name, -1) for name in names])

        self.ids = of_order(
            "po_number", "dsco_order_id", "dsco_retailer_id", "dsco_trading_partner_id", "dsco_retailer_name",
            "dsco_trading_partner_name",
        )  # fmt: skip
        self.marks = of_order("test_flag", "dsco_order_status", "currency_code", "number_of_line_items", "ship_by_date")
        self.dates = of_order(*ORDER_DATES)
        self.amounts = of_order("shipping_surcharge", *COUPONS)
        self.notes = of_order(*NOTES)
        self.shipping = of_order(*_SHIPPING)
        self.retailer_shipping = of_order(*_RETAILER_SHIPPING)
        self.ship_to = of_order(*(f"ship_{part}" for part in (*_ADDRESS, "name", "attention")))
        self.bill_to = of_order(*(f"bill_to_{part}" for part in (*_ADDRESS, "name", "attention")))
        self.order_extras = _extras(columns.names, columns.order_places)
        line_places = {name: place for place, name in enumerate(columns.line_names)}
        self.line = taker([line_places.get(name, -1) for name in _LINE])
        self.line_extras = _extras(columns.line_names, range(len(columns.line_names)))


def _extras(names: Sequence[str], places: Iterable[int]) -> Callable[[Sequence[str]], dict[str, str]]:
    """Return a function that makes what may be extras of a row's cells: names and values, the empty ones left out."""
    places = [place for place in places if names[place] not in _HELD_WHOLE]
    take, chosen = taker(places), [names[place] for place in places]

    def extras_of(cells: Sequence[str]) -> dict[str, str]:
        # Most of the cells are empty: they are passed over without a step of Python for each.
        values = take(cells)
        extra = dict(zip(compress(chosen, values), map(str.strip, filter(None, values)), strict=True))
        return {name: value for name, value in extra.items() if value} if "" in extra.values() else extra

    return extras_of


class _Row:
    """What a row's values are read with: what is in `extra` stays there unless a field holds the whole of it.

    What can't be read as what it should be becomes a problem of the order.
    """

    __slots__ = ("extra", "number", "problems")

    def __init__(self, number: int, extra: dict[str, str], problems: list[Problem]) -> None:
        self.number = number
        self.extra = extra
        self.problems = problems

    def fitting(self, name: str, value: str, longest: int) -> str:
        """Return a value cut to what its field holds; the whole of a longer one stays among the extras."""
        if len(value) <= longest:
            self.extra.pop(name, None)
            return value
        return value[:longest]

    def money(self, name: str, value: str) -> Decimal | None:
        """Return an amount."""
        amount = read_money(value)
        if amount is None and value:
            self.refuse(name, f"{name} is {_shown(value)}: it must be a plain decimal number such as 1234.50.")
        return amount

    def identifier(self, name: str, value: str, longest: int) -> str:
        """Return what names something and must be right to the last character."""
        if not value:
            self.refuse(name, f"{name} is empty.")
        elif _SCIENTIFIC.fullmatch(value):
            self.refuse(name, f"{name} is {_shown(value)}: a spreadsheet has cut off its last digits. Get it from DSCO anew.")
        elif len(value) > longest or _CONTROL.search(value):
            self.refuse(name, f"{name} is {_shown(value)}: it is too long or has characters that no {name} has.")
        return value

    def refuse(self, name: str, words: str) -> None:
        self.problems.append(Problem(row=self.number, field=name, words=words))


def _read(rows: Gathered, cells: _Cells) -> OrderDraft | RefusedOrder:
    """Map all rows of one order. What is wrong with any of them holds the order back whole."""
    problems = rows.problems
    draft = _order(rows, cells)
    draft.lines = [_line(_Row(number, cells.line_extras(line), problems), cells.line(line)) for number, line in rows.lines]
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


def _order(rows: Gathered, cells: _Cells) -> OrderDraft:
    head = rows.head
    row = _Row(rows.row, cells.order_extras(head), rows.problems)
    po_number, order_id, retailer_id, partner_id, retailer_name, partner_name = map(str.strip, cells.ids(head))
    test_flag, status, currency, count, ship_by = map(str.strip, cells.marks(head))
    row.identifier("po_number", po_number, 120)
    if order_id:
        row.identifier("dsco_order_id", order_id, 120)
    retailer_id = retailer_id or partner_id
    if len(retailer_id) > MAX_RETAILER_ID:
        row.refuse("dsco_retailer_id", f"dsco_retailer_id is {_shown(retailer_id)}: it is too long for an id.")
    retailer_name = row.fitting("dsco_retailer_name", retailer_name, 200) or partner_name[:200]
    code, carrier, method = _shipping(row, cells.shipping(head), cells.retailer_shipping(head))
    shipping_charge, discount = _amounts(row, cells.amounts(head))
    return OrderDraft(
        external_id=rows.key,
        cust_po_no=po_number,
        alternate_id=f"{retailer_id}{ID_SEPARATOR}{po_number}",
        retailer_id=retailer_id,
        retailer_name=retailer_name or f"{CUSTOMER_PREFIX} {retailer_id}".strip(),
        customer_code=f"{CUSTOMER_PREFIX}-{retailer_id}".rstrip("-"),
        order_date=next(filter(None, map(read_date, map(str.strip, cells.dates(head)))), None),
        ship_by=read_date(ship_by),
        is_test=test_flag.casefold() in _TRUE,
        is_canceled=status.casefold() in _CANCELED,
        currency=_currency(row, currency),
        ship_to=_address(cells.ship_to(head)),
        bill_to=_address(cells.bill_to(head)),
        ship_code=code,
        ship_carrier=carrier,
        ship_method=method,
        notes="\n".join(dict.fromkeys(filter(None, map(str.strip, cells.notes(head))))),
        shipping_charge=shipping_charge,
        discount=discount,
        expected_lines=_expected_lines(row, count),
        extra=row.extra,
        row=rows.row,
    )


def _shipping(row: _Row, own: Sequence[str], asked_for: Sequence[str]) -> tuple[str, str, str]:
    """Return service code, carrier and method: those that count, else those that the retailer asked for.

    Source: DSCO reference 3, Shipping.
    """
    for names, cells in ((_SHIPPING, own), (_RETAILER_SHIPPING, asked_for)):
        code, carrier, method = (row.fitting(name, cell.strip(), 100) for name, cell in zip(names, cells, strict=True))
        if code or carrier or method:
            return code or f"{carrier} {method}".strip()[:100], carrier, method
    return "", "", ""


def _amounts(row: _Row, cells: Sequence[str]) -> tuple[Decimal, Decimal]:
    """Return shipping charge and discount, which is the sum of the coupons whatever their signs."""
    if not any(cells):
        return Decimal(0), Decimal(0)
    charge, *coupons = map(str.strip, cells)
    return row.money("shipping_surcharge", charge) or Decimal(0), sum(
        (abs(row.money(name, coupon) or Decimal(0)) for name, coupon in zip(COUPONS, coupons, strict=True)), Decimal(0)
    )


def _address(cells: Sequence[str]) -> Address:
    if not any(cells):
        return Address()
    (
        company, first_name, last_name, address_1, address_2, address_3, city, region, postal, country, phone, email,
        whole_name, attention,
    ) = map(str.strip, cells)  # fmt: skip
    first_name, last_name = person(first_name, last_name, whole_name, attention)
    return Address(
        company=company,
        first_name=first_name,
        last_name=last_name,
        address_1=address_1,
        address_2=address_2,
        address_3=address_3,
        city=city,
        state=region,
        zip=postal,
        country=country.upper() if len(country) == 2 else country,
        phone=phone,
        e_mail=email,
    )


def person(first: str, last: str, whole: str, attention: str) -> tuple[str, str]:
    """Return first and last name without the semicolons that retailers leave where they had only a whole name.

    A whole name stays whole, as the first name. Source: DSCO reference 3, Names.
    """
    first, last = first.strip(" ;"), last.strip(" ;")
    return (first, last) if first or last else (whole.strip(" ;") or attention.strip(" ;"), "")


def _currency(row: _Row, value: str) -> str:
    code = value.upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        return ""
    row.extra.pop("currency_code")
    return code


def _expected_lines(row: _Row, value: str) -> int | None:
    number = read_quantity(value)
    if number is not None:
        row.extra.pop("number_of_line_items")
    return number


def _complete(draft: OrderDraft) -> None:
    """Add what is known once the lines are."""
    for line in draft.lines:
        if surcharge := line.extra.get("line_item_shipping_surcharge"):
            draft.shipping_charge += read_money(surcharge) or Decimal(0)
    if draft.ship_by is None:
        dates = (read_date(line.extra.get("line_item_ship_by_date", "")) for line in draft.lines)
        draft.ship_by = min(filter(None, dates), default=None)
    draft.content_hash = content_hash(draft)


# --- lines -------------------------------------------------------------------------------------------------------------------


_LINE = (
    "line_item_line_number", "line_item_sku", "line_item_quantity", "line_item_expected_cost", "line_item_shipping_surcharge",
    "line_item_upc", "line_item_title",
)  # fmt: skip


def _line(row: _Row, cells: Sequence[str]) -> LineDraft:
    line_id, sku, ordered, cost, surcharge, upc, title = map(str.strip, cells)
    quantity = read_quantity(ordered)
    if quantity is None:
        words = f"line_item_quantity is {_shown(ordered)}: it must be a whole number from 1 to 999999, in digits only."
        row.refuse("line_item_quantity", words)
    price = row.money("line_item_expected_cost", cost)
    row.money("line_item_shipping_surcharge", surcharge)
    return LineDraft(
        line_id=row.fitting("line_item_line_number", line_id, 100),
        item=row.identifier("line_item_sku", sku, MAX_ID),
        quantity=quantity or 0,
        price=price,
        upc="" if _SCIENTIFIC.fullmatch(upc) else row.fitting("line_item_upc", upc, 40),
        title=title,
        extra=row.extra,
        row=row.number,
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


def read_date(value: str) -> date | None:
    """Return the date part as written, whatever the offset; None where there is none."""
    return _date(value[:10])


@lru_cache(maxsize=4096)
def _date(value: str) -> date | None:
    if not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
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
        str(draft.is_canceled), draft.currency, *_parts_of(draft.ship_to), *_parts_of(draft.bill_to), draft.ship_code,
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


_parts_of: Final[Callable[[Address], tuple[str, ...]]] = attrgetter(*Address.__slots__)
