"""One company's books: its lists and transactions as the API shows them, kept in a file.

Everything is plain JSON: an object is a dictionary as the API answers it. Ids are given per family: names (customers, vendors
and employees) share one row of numbers, transactions another.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

Row = dict[str, Any]

NAMES = ("Customer", "Vendor", "Employee")
SALES = ("Invoice", "SalesReceipt", "Estimate")
TRANSACTIONS = (*SALES, "Payment")
LISTS = ("Item", "Account", "PaymentMethod", "Term", "TaxCode", "Class", "Department")
ENTITIES = (*NAMES, *LISTS, *TRANSACTIONS, "CompanyInfo", "Preferences")

HOME = timezone(timedelta(hours=-8))
"""Where the merchant is: the API writes times with that offset."""

OPTIONS: Row = {
    "rate_limit": 500,
    "batch_limit": 40,
    "at_once": 10,
    "latency_ms": 0,
    "clock_ahead": 0.0,
    "allow_duplicate_numbers": False,
    "keep_numbers": True,
    "keep_po_numbers": True,
    "closed_until": "",
    "new_line_ids": False,
    "token_seconds": 3600,
    "refresh_seconds": 8_726_400,
    "hard_seconds": 157_680_000,
    "rotate_refresh": True,
    "notify_url": "",
    "notify_form": "events",
}
"""What may be set: `keep_numbers` False is a company that numbers by itself, `new_line_ids` gives all lines of a changed
transaction new ids, `notify_form` is `events` or `cloud`."""


class Company:
    """All rows of one company."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.data: Row = {}
        self.is_dirty = False
        self._pause = 0.0
        self._written_at = 0.0
        self.changed: Callable[[str, str, str], None] = lambda entity, key, operation: None

    # --- keeping -------------------------------------------------------------------------------------------------------------

    def load(self) -> bool:
        """Read what was kept; return whether there was anything."""
        if not self._file.is_file():
            return False
        self.data = json.loads(self._file.read_text())
        return True

    def begin(self) -> None:
        """Forget everything."""
        self.data = {
            "tables": {entity: {} for entity in ENTITIES},
            "next": {},
            "gone": [],
            "answered": {},
            "about": {},
            "options": dict(OPTIONS),
        }
        self.is_dirty = True

    def flush(self, *, now: bool = False) -> None:
        """Write what changed; the larger the file, the more seldom."""
        if not self.is_dirty or (not now and time.monotonic() < self._written_at + self._pause):
            return
        began = time.monotonic()
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self.data))
        fresh.replace(self._file)
        self.is_dirty = False
        self._written_at = time.monotonic()
        self._pause = 20 * (self._written_at - began)

    # --- time ----------------------------------------------------------------------------------------------------------------

    @property
    def options(self) -> Row:
        found: Row = self.data["options"]
        return found

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.options["clock_ahead"])

    def stamp(self) -> str:
        return self.now().astimezone(HOME).isoformat(timespec="seconds")

    def today(self) -> str:
        return self.now().astimezone(HOME).date().isoformat()

    # --- rows ----------------------------------------------------------------------------------------------------------------

    def table(self, entity: str) -> dict[str, Row]:
        found: dict[str, Row] = self.data["tables"][entity]
        return found

    def get(self, entity: str, key: str) -> Row | None:
        return self.table(entity).get(key)

    def sales(self) -> Iterator[tuple[str, Row]]:
        """Give every invoice, sales receipt and estimate with its kind, in the order in which they were made."""
        rows = [(entity, row) for entity in SALES for row in self.table(entity).values()]
        yield from sorted(rows, key=lambda pair: int(pair[1]["Id"]))

    def about(self, key: str) -> Row:
        """Return what the sandbox knows of a transaction beyond what the API shows."""
        found: Row = self.data["about"].setdefault(key, {})
        return found

    def insert(self, entity: str, row: Row, *, said: bool = True) -> Row:
        """Add a row that was made now."""
        family = "name" if entity in NAMES else "txn" if entity in TRANSACTIONS else entity
        key = self.data["next"].get(family, 1)
        self.data["next"][family] = key + 1
        stamp = self.stamp()
        made = {
            "domain": "QBO",
            "sparse": False,
            "Id": str(key),
            "SyncToken": "0",
            "MetaData": {"CreateTime": stamp, "LastUpdatedTime": stamp},
            **row,
        }
        self.table(entity)[str(key)] = made
        self.is_dirty = True
        if said:
            self.changed(entity, str(key), "Create")
        return made

    def touch(self, entity: str, row: Row, *, operation: str = "Update") -> None:
        """Note that a row was changed now."""
        row["SyncToken"] = str(int(row["SyncToken"]) + 1)
        row["MetaData"] = {**row["MetaData"], "LastUpdatedTime": self.stamp()}
        self.is_dirty = True
        self.changed(entity, row["Id"], operation)

    def remove(self, entity: str, row: Row) -> None:
        """Delete a transaction for good; change data capture still tells of it."""
        del self.table(entity)[row["Id"]]
        self.data["gone"].append({"entity": entity, "Id": row["Id"], "at": self.stamp(), "DocNumber": row.get("DocNumber", "")})
        self.is_dirty = True
        self.changed(entity, row["Id"], "Delete")

    def item_by_sku(self, sku: str) -> Row:
        """Return the item with this SKU. Raise ValueError where there is none."""
        for row in self.table("Item").values():
            if row.get("Sku") == sku:
                return row
        raise ValueError(f"No item has the SKU {sku}.")
