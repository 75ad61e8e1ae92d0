"""Orders as the retailers place them: invented buyers, real shapes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from connectors.dsco.sandbox import made_up
from connectors.dsco.sandbox.lines import Wanted, add_lines, as_texts, line_columns, wanted_item
from connectors.dsco.sandbox.orders import listing, retailer_id
from connectors.dsco.sandbox.state import ACCOUNT, SandboxError, State, date_text
from connectors.dsco.sandbox.stock import take_off

FIRST_ORDER_ID = 1_075_104_801
"""Ids count on from one that was seen."""

Range = int | Sequence[int]


def place(
    state: State,
    *,
    count: int = 1,
    retailers: int | Sequence[str] = 1,
    lines: Range = 1,
    quantity: Range = 1,
    skus: int | Sequence[str] | None = None,
    items: Sequence[Mapping[str, Any]] | None = None,
    test: bool = False,
    columns: int | None = None,
    same_po_numbers: bool = False,
    po_numbers: Sequence[str] | None = None,
    placed_at: str | None = None,
    order: Mapping[str, Any] | None = None,
    line: Mapping[str, Any] | None = None,
    service: str | None = None,
    currency: str = "USD",
    full_name_quirk: bool = False,
    seed: int | None = None,
    quiet: bool = False,
) -> Any:
    """Place orders; DSCO's stock of what they ask for goes down. Return them, or just how many when `quiet`."""
    if columns is not None:
        state.set_settings({"columns": columns})
    made = Random(seed)
    partners = _partners(state, retailers)
    moment = _moment(placed_at)
    first_seq = 1 + state.db.execute("select coalesce(max(seq), 0) from orders").fetchone()[0]
    own = as_texts(order)
    given = [own.pop("po_number")] * count if "po_number" in own else po_numbers
    numbers = _po_numbers(made, first_seq, count, partners, same_po_numbers, given)
    choose_lines = _line_chooser(made, lines, quantity, skus, items)
    batch = _Batch(moment, test, _dates(moment) | {"currency_code": currency}, own, as_texts(line), full_name_quirk)
    for index in range(count):
        code = service or made_up.USUAL_SERVICES[index % len(made_up.USUAL_SERVICES)]
        values = _order_columns(made, code)
        batch.add(first_seq + index, numbers[index], partners[index % len(partners)], values, choose_lines())
    batch.keep(state)
    ids = [row[1] for row in batch.orders]
    if quiet:
        return {"count": count, "first": ids[0], "last": ids[-1]} if ids else {"count": 0}
    return list(listing(state, ids))


class _Batch:
    """Orders that are placed together, until they are kept in one transaction."""

    def __init__(
        self,
        moment: datetime,
        test: bool,
        same: dict[str, str],
        own_of_order: dict[str, str],
        own_of_line: dict[str, str],
        full_name_quirk: bool,
    ) -> None:
        self.orders: list[tuple[Any, ...]] = []
        self._moment = date_text(moment)
        self._test = int(test)
        self._same = same
        self._own_of_order = own_of_order
        self._own_of_line = own_of_line
        self._full_name_quirk = full_name_quirk
        self._lines: list[tuple[Any, ...]] = []
        self._line_texts: dict[made_up.Product, str] = {}
        self._taken: Counter[str] = Counter()

    def add(self, seq: int, number: str, partner: tuple[str, str], values: dict[str, str], wanted: Sequence[Wanted]) -> None:
        """Add one order with its lines."""
        if self._full_name_quirk:
            values |= {"ship_first_name": values["ship_name"], "ship_last_name": ";", "ship_name": f"{values['ship_name']} ;"}
        values |= self._same | {"dsco_retailer_id": partner[0], "dsco_retailer_name": partner[1]} | self._own_of_order
        row = (seq, str(FIRST_ORDER_ID + seq), number, partner[0], self._test, self._moment, self._moment, json.dumps(values))
        self.orders.append(row)
        for position, (item, quantity, line_number) in enumerate(wanted, start=1):
            if item not in self._line_texts:
                self._line_texts[item] = json.dumps(line_columns(item) | self._own_of_line)
            self._lines.append((seq, line_number or str(position), item.sku, quantity, self._line_texts[item]))
            self._taken[item.sku] += quantity

    def keep(self, state: State) -> None:
        """Keep all of them and take what they want off the stock."""
        with state.change() as db:
            db.executemany(
                "insert into orders (seq, dsco_order_id, po_number, retailer_id, test, placed_at, updated_at, columns,"
                " lifecycle, status) values (?, ?, ?, ?, ?, ?, ?, ?, 'created', 'created')",
                self.orders,
            )
            add_lines(db, self._lines)
            take_off(state, self._taken)


def _partners(state: State, retailers: int | Sequence[str]) -> list[tuple[str, str]]:
    """Return ids and names of the retailers asked for; a name that isn't known becomes a new trading partner."""
    known = {name: id_ for id_, name in made_up.RETAILERS}
    if isinstance(retailers, int):
        if not 1 <= retailers <= len(known):
            raise SandboxError(f"There are 1 to {len(known)} retailers, not {retailers}; give names for others.")
        names: Sequence[str] = list(known)[:retailers]
    else:
        names = [retailers] if isinstance(retailers, str) else list(retailers)
        if not names:
            raise SandboxError("Name at least one retailer.")
    return [(retailer_id(state, name), name) for name in names]


def _moment(placed_at: str | None) -> datetime:
    if placed_at is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(placed_at)
    except ValueError:
        raise SandboxError(f"placed_at must be an ISO 8601 date-time, not {placed_at!r}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _po_numbers(
    made: Random, first_seq: int, count: int, partners: Sequence[tuple[str, str]], same: bool, given: Sequence[str] | None
) -> list[str]:
    """Return a PO number per order: 22 characters with a dot, like the longest ones seen."""
    share = len(partners) if same else 1
    if given is not None:
        if len(given) * share < count:
            raise SandboxError(f"{count} orders need {-(-count // share)} PO numbers, {len(given)} were given.")
        return [given[index // share] for index in range(count)]
    if same:
        shared = [f"SAME.{made.randrange(10**6):06}{first_seq + index:011}" for index in range(-(-count // share))]
        return [shared[index // share] for index in range(count)]
    marks = ["".join(filter(str.isalpha, name)).upper()[:4].ljust(4, "X") for _, name in partners]
    return [f"{marks[index % len(marks)]}.{made.randrange(10**6):06}{first_seq + index:011}" for index in range(count)]


def _line_chooser(
    made: Random, lines: Range, quantity: Range, skus: int | Sequence[str] | None, items: Sequence[Mapping[str, Any]] | None
) -> Callable[[], list[Wanted]]:
    """Return a function that gives the lines of one more order: product, quantity and number ("" = by position)."""
    if items is not None:
        fixed = [wanted_item(item) for item in items]
        return lambda: fixed
    if skus is None or isinstance(skus, int):
        pool = made_up.products(12 if skus is None else skus)
    else:
        pool = [made_up.product(sku) for sku in skus]
    if not pool:
        raise SandboxError("Give at least one SKU.")
    low, high = _bounds("lines", lines)
    fewest, most = _bounds("quantity", quantity)

    def choose() -> list[Wanted]:
        wanted = made.randint(low, high)
        picked = made.sample(pool, wanted) if wanted <= len(pool) else made.choices(pool, k=wanted)
        return [(item, made.randint(fewest, most), "") for item in picked]

    return choose


def _bounds(name: str, value: Range) -> tuple[int, int]:
    low, high = (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
    if not 1 <= low <= high:
        raise SandboxError(f"{name} must be at least 1, as a number or [least, most].")
    return low, high


def _dates(moment: datetime) -> dict[str, str]:
    def after(**distance: float) -> str:
        return date_text(moment + timedelta(**distance))

    return {
        "consumer_order_date": after(minutes=-41),
        "retailer_create_date": after(minutes=0),
        "dsco_create_date": after(seconds=12),
        "acknowledge_by_date": after(days=1),
        "ship_by_date": after(days=2),
        "expected_delivery_date": after(days=7),
        "invoice_by_date": after(days=14),
        "cancel_after_date": after(days=30),
    }


def _order_columns(made: Random, service: str) -> dict[str, str]:
    carrier, method = made_up.SERVICES.get(service.upper(), ("", ""))
    values = made_up.address(made)
    values |= {
        "ship_carrier": carrier,
        "ship_method": method,
        "shipping_service_level_code": service,
        "retailer_ship_carrier": carrier,
        "retailer_ship_method": method,
        "retailer_shipping_service_level_code": service,
        "dsco_ship_carrier": carrier,
        "dsco_ship_method": method,
        "dsco_shipping_service_level_code": service,
        "signature_required_flag": "0",
        "gift_flag": "0",
        "consumer_order_number": f"C{made.randrange(10**9):09}",
        "channel": "web",
        "order_type": "dropship",
        "packing_slip_message": "Thank you for your order.",
        "dsco_supplier_id": ACCOUNT["id"],
        "dsco_supplier_name": ACCOUNT["name"],
    }
    return values
