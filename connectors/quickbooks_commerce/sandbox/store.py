"""The sandbox's database: tables in memory with indexes, one clock, and a list of what has changed for the journal.

Everything in here is touched by the server's event loop only.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .index import EqualityIndex, SortedIndex
from .options import Options
from .records import (
    Address,
    Company,
    Fulfillment,
    FulfillmentLine,
    FulfillmentReturn,
    FulfillmentReturnLine,
    Invoice,
    InvoiceLine,
    Level,
    Order,
    OrderLine,
    Payment,
    Plain,
    Product,
    Record,
    StockAdjustment,
    StockAdjustmentLine,
    Token,
    UsedKey,
    Variant,
    Webhook,
)
from .wire import stamp_of

R = TypeVar("R", bound=Record)

FIRST_IDS = {
    "orders": 100_001,
    "fulfillments": 200_001,
    "invoices": 300_001,
    "addresses": 400_001,
    "order_line_items": 500_001,
    "companies": 7_001,
    "products": 20_001,
    "variants": 60_001,
    "fulfillment_line_items": 800_001,
    "invoice_line_items": 900_001,
}
"""Ids of different tables start far apart, so that a client that mixes them up is found out."""

PLAIN_TABLES = (
    "accounts",
    "users",
    "applications",
    "contacts",
    "currencies",
    "locations",
    "notes",
    "payment_methods",
    "payment_terms",
    "price_lists",
    "tax_types",
    "tax_components",
)


class Clock:
    """Real time, ahead by as much as somebody moved it. Stamps never go back, so that changes are ordered by them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._last = 0
        self._text = ""

    def seconds(self) -> float:
        return time.time() + self._options.clock_ahead

    def stamp(self) -> str:
        """Return now as it stands on the wire."""
        now = int(self.seconds() * 1000)
        if now > self._last:
            self._last = now
            self._text = stamp_of(now)
        return self._text

    def restart(self) -> None:
        """Go back to real time, once nothing is left that has a stamp."""
        self._last, self._text = 0, ""

    def today(self) -> str:
        return self.stamp()[:10]


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event for webhooks: what happened to which object, found at `path`."""

    event: str
    path: str
    object_id: int
    extra: dict[str, int]


class Table(Generic[R]):
    """The records of one kind by id (ascending), in order of both times, and by the values of the indexed attributes."""

    def __init__(self, name: str, kind: type[R], indexed: tuple[str, ...] = ()) -> None:
        self.name = name
        self.kind = kind
        self.rows: dict[int, R] = {}
        self.next_id = FIRST_IDS.get(name, 1)
        self.by_created = SortedIndex()
        self.by_updated = SortedIndex()
        self.by_value = {attribute: EqualityIndex() for attribute in indexed}

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[R]:
        return iter(self.rows.values())

    def get(self, record_id: int | None) -> R | None:
        return None if record_id is None else self.rows.get(record_id)

    def many(self, ids: Iterable[int]) -> list[R]:
        rows = self.rows
        return [rows[record_id] for record_id in ids if record_id in rows]

    def having(self, attribute: str, value: Any) -> list[R]:
        """Return the records with this value of an indexed attribute, oldest first."""
        return self.many(sorted(self.by_value[attribute].get(value)))

    def put(self, record: R) -> None:
        self.rows[record.id] = record
        self.next_id = max(self.next_id, record.id + 1)
        self.by_created.add((record.created_at, record.id))
        self.by_updated.add((record.updated_at, record.id))
        for attribute, index in self.by_value.items():
            index.add(getattr(record, attribute), record.id)

    def pop(self, record: R) -> None:
        del self.rows[record.id]
        self.by_created.remove((record.created_at, record.id))
        self.by_updated.remove((record.updated_at, record.id))
        for attribute, index in self.by_value.items():
            index.remove(getattr(record, attribute), record.id)

    def restamp(self, record: R, stamp: str) -> None:
        if record.updated_at != stamp:
            self.by_updated.remove((record.updated_at, record.id))
            record.updated_at = stamp
            self.by_updated.add((stamp, record.id))


class Store:
    """All tables. Writers call `insert`, `change`, `touch`, `mark` and `remove`, never a table's own methods."""

    def __init__(self) -> None:
        self.options = Options()
        self.clock = Clock(self.options)
        self.tables: dict[str, Table[Any]] = {}
        self.dirty: dict[tuple[str, int], None] = {}
        self.announcements: list[Announcement] = []
        self.companies = self._table("companies", Company, "company_code", "email", "name")
        self.addresses = self._table("addresses", Address, "company_id", "label")
        self.products = self._table("products", Product)
        self.variants = self._table("variants", Variant, "sku", "product_id")
        self.levels = self._table("levels", Level, "variant_id")
        self.orders = self._table("orders", Order, "order_number", "reference_number", "company_id", "status")
        self.order_lines = self._table("order_line_items", OrderLine, "order_id", "variant_id")
        self.fulfillments = self._table("fulfillments", Fulfillment, "order_id", "status")
        self.fulfillment_lines = self._table("fulfillment_line_items", FulfillmentLine, "fulfillment_id")
        self.returns = self._table("fulfillment_returns", FulfillmentReturn, "order_id")
        self.return_lines = self._table("fulfillment_return_line_items", FulfillmentReturnLine, "fulfillment_return_id")
        self.invoices = self._table("invoices", Invoice, "order_id", "invoice_number")
        self.invoice_lines = self._table("invoice_line_items", InvoiceLine, "invoice_id")
        self.payments = self._table("payments", Payment, "invoice_id", "order_id")
        self.adjustments = self._table("stock_adjustments", StockAdjustment)
        self.adjustment_lines = self._table("stock_adjustment_line_items", StockAdjustmentLine, "stock_adjustment_id")
        self.webhooks = self._table("webhooks", Webhook, "event")
        self.tokens = self._table("tokens", Token, "digest", "refresh_digest")
        self.used_keys = self._table("used_keys", UsedKey, "key")
        for name in PLAIN_TABLES:
            self._table(name, Plain)
        self._accounts = self.plain("accounts")

    def _table(self, name: str, kind: type[R], *indexed: str) -> Table[R]:
        table = Table(name, kind, indexed)
        self.tables[name] = table
        return table

    def plain(self, name: str) -> Table[Plain]:
        """Return a table without rules of its own."""
        return self.tables[name]

    def insert(self, table: Table[R], **values: Any) -> R:
        """Add a record that was made now."""
        stamp = self.clock.stamp()
        record = table.kind(id=table.next_id, created_at=stamp, updated_at=stamp, **values)
        table.put(record)
        self.dirty[table.name, record.id] = None
        return record

    def change(self, table: Table[R], record: R, **values: Any) -> bool:
        """Set attributes; whatever really changed is indexed, stamped and kept. Return whether anything did."""
        changed = False
        for name, value in values.items():
            old = getattr(record, name)
            if old == value:
                continue
            changed = True
            index = table.by_value.get(name)
            if index is not None:
                index.remove(old, record.id)
                index.add(value, record.id)
            setattr(record, name, value)
        if changed:
            self.touch(table, record)
        return changed

    def touch(self, table: Table[R], record: R) -> None:
        """Stamp a record as changed now."""
        table.restamp(record, self.clock.stamp())
        self.dirty[table.name, record.id] = None

    def mark(self, table: Table[R], record: R) -> None:
        """Keep a change of attributes that aren't indexed and don't count as a change to the outside."""
        self.dirty[table.name, record.id] = None

    def remove(self, table: Table[R], record: R) -> None:
        """Delete a record for good."""
        table.pop(record)
        self.dirty[table.name, record.id] = None

    def announce(self, event: str, path: str, object_id: int, **extra: int) -> None:
        """Tell the webhooks, if there are any, that something happened."""
        if self.webhooks.rows:
            self.announcements.append(Announcement(event, path, object_id, extra))

    def mark_options(self) -> None:
        self.dirty["options", 0] = None

    def account(self) -> Plain:
        return self._accounts.rows[1]

    def account_setting(self, name: str) -> Any:
        return self.account().data[name]

    def levels_of(self, variant_id: int) -> dict[int, Level]:
        """Return the stock of a variant by location id."""
        return {level.location_id: level for level in self.levels.having("variant_id", variant_id)}
