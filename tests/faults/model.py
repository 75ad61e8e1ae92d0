"""What must be true once all has settled: both far sides and the hub agree, order by order and piece by piece."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from connectors.contract import RunningSandbox

SKUS = [f"{kind}-00{number}" for kind in ("CAP", "TEE", "MUG") for number in (1, 2, 3)]

HARMLESS = frozenset({"not_shipped_yet"})
"""A warning: DSCO takes an invoice also when it overtakes the file of its shipment."""

Rows = Callable[[str], list[tuple[Any, ...]]]
"""Asks the hub's database, as an outsider who knows its tables."""

OPEN = "('waiting', 'sending', 'unknown', 'held')"
UNSENT = "('ready', 'sending', 'unknown', 'held')"


@dataclass
class Trade:
    """Retailers order at DSCO, a warehouse ships and invoices at QuickBooks Commerce; what they did is what must come out."""

    dsco: RunningSandbox
    commerce: RunningSandbox
    dice: random.Random
    ordered: dict[str, Counter[str]] = field(default_factory=dict)
    """Pieces by SKU of each order, by its purchase order number."""
    called_off: set[str] = field(default_factory=set)
    """Orders that the warehouse voided or the retailer canceled, and that nobody works on any more."""
    harmless: frozenset[str] = HARMLESS
    """How DSCO may refuse rows."""

    def place(self, count: int, *, lines: tuple[int, int] = (1, 3), scattered: bool = False) -> None:
        """Let retailers order, and DSCO hand the orders on in a file."""
        placed = self.dsco.drive(
            "place_orders",
            count=count,
            retailers=3,
            lines=list(lines),
            quantity=[1, 2],
            skus=SKUS,
            seed=self.dice.randrange(10**6),
        )
        for order in placed:
            self.ordered[order["po_number"]] = Counter()
            for line in order["lines"]:
                self.ordered[order["po_number"]][line["sku"]] += line["ordered"]
        self.dsco.drive("export", scattered=scattered)

    def repeat(self) -> None:
        """Let DSCO hand all orders on once more, in another order: nothing of it is new."""
        self.dsco.drive("export", orders="all", scattered=True, shuffle_columns=True, seed=self.dice.randrange(10**6))

    def warehouse_works(self, share: float = 0.6, *, at_most: int | None = None) -> None:
        """Let the warehouse ship and invoice so large a share of what is open, in one box or two."""
        for order in self._untouched()[:at_most]:
            if self.dice.random() < share:
                self.commerce.drive("finalize", order_id=order["id"])
                self.commerce.drive("pack_and_ship", order_id=order["id"], packages=self.dice.choice([None, 2]))
                self.commerce.drive("invoice", order_id=order["id"])

    def warehouse_voids(self, known: Collection[str]) -> None:
        """Let the warehouse void one order of which the hub knows that it is there; the cart is to hear of it."""
        if order := self._first(known):
            self.commerce.drive("void", order_id=order["id"])
            self.called_off.add(order["reference_number"])

    def retailer_cancels(self, known: Collection[str]) -> None:
        """Let a retailer cancel one such order, of which DSCO tells in its next file; the warehouse is to void it."""
        if order := self._first(known):
            number = order["reference_number"]
            ids = [
                one["dsco_order_id"]
                for one in self.dsco.drive("state", only=["orders"])["orders"]
                if one["po_number"] == number
            ]
            self.dsco.drive("cancel_orders", orders=ids)
            self.dsco.drive("export", orders=ids)
            self.called_off.add(number)

    def _untouched(self) -> list[dict[str, Any]]:
        orders = self.commerce.drive("state")["orders"]
        return [one for one in orders if one["status"] == "active" and one["reference_number"] not in self.called_off]

    def _first(self, known: Collection[str]) -> dict[str, Any] | None:
        return next((order for order in self._untouched() if order["reference_number"] in known), None)

    # --- what came out ---------------------------------------------------------------------------------------------------

    def differences(self, rows: Rows) -> list[str]:
        """Return what isn't as it must be, in words; nothing when all is well."""
        at_dsco = self.dsco.drive("state", only=["orders", "problems", "inventory", "invoices"])
        at_commerce = self.commerce.drive("state")
        return [
            *self._orders(rows, at_dsco, at_commerce),
            *self._pieces(at_dsco, at_commerce),
            *_stock(rows, at_dsco, at_commerce),
            *left_open(rows),
            *(f"DSCO refused a row: {one}" for one in at_dsco["problems"] if one["code"] not in self.harmless),
        ]

    def _orders(self, rows: Rows, at_dsco: dict[str, Any], at_commerce: dict[str, Any]) -> Iterator[str]:
        once = dict.fromkeys(self.ordered, 1)
        wanted_there = {number: 1 for number in self.ordered if number not in self.called_off}
        yield from _compared("orders at DSCO", Counter(one["po_number"] for one in at_dsco["orders"]), once)
        in_hub = rows("SELECT cust_po_no, state FROM orders_order")
        yield from _compared("orders in the hub", Counter(number for number, _ in in_hub), once)
        delivered = Counter(one["reference_number"] for one in at_commerce["orders"] if one["status"] != "void")
        yield from _compared("orders at QuickBooks Commerce", delivered, wanted_there)
        unfinished = Counter(
            state for number, state in in_hub if state != ("canceled" if number in self.called_off else "confirmed")
        )
        if unfinished:
            yield f"orders that are neither confirmed nor, where they were called off, canceled: {dict(unfinished)}"

    def _pieces(self, at_dsco: dict[str, Any], at_commerce: dict[str, Any]) -> Iterator[str]:
        all_of_them = {(number, sku): pieces for number, skus in self.ordered.items() for sku, pieces in skus.items()}
        go = {key: pieces for key, pieces in all_of_them.items() if key[0] not in self.called_off}
        for what in ("quantity", "shipped", "invoiced"):
            there = Counter[tuple[str, str]]()
            for order in at_commerce["orders"]:
                for line in order["lines"]:
                    if line["sku"] and order["status"] != "void":
                        there[order["reference_number"], line["sku"]] += int(float(line[what]))
            yield from _compared(f"{what} at QuickBooks Commerce", there, go)
        come_not = {key: pieces for key, pieces in all_of_them.items() if key not in go}
        for what, wanted in (("ordered", all_of_them), ("shipped", go), ("invoiced", go), ("cancelled", come_not)):
            told = Counter[tuple[str, str]]()
            for order in at_dsco["orders"]:
                for line in order["lines"]:
                    told[order["po_number"], line["sku"]] += line[what]
            yield from _compared(f"{what} at DSCO", +told, wanted)
        if len(at_dsco["invoices"]) != len(at_commerce["invoices"]):
            yield f"{len(at_dsco['invoices'])} invoices at DSCO, {len(at_commerce['invoices'])} at QuickBooks Commerce"


def _stock(rows: Rows, at_dsco: dict[str, Any], at_commerce: dict[str, Any]) -> Iterator[str]:
    items = [item for (item,) in rows("SELECT DISTINCT item FROM orders_orderline")]
    told = {sku: one["told_quantity"] for sku, one in at_dsco["inventory"].items() if sku in items}
    there = {
        sku: sum(int(float(place["available"])) for place in places.values())
        for sku, places in at_commerce["stock"].items()
        if sku in items
    }
    yield from _compared("stock told to DSCO", told, there)


def left_open(rows: Rows) -> list[str]:
    """Return what must not be left: undone work, alerts whose cause is gone, leases that nobody will ever give back."""
    found: list[str] = []
    for table, condition, columns in (
        ("orders_outboundmessage", f"state IN {OPEN}", "purpose || ' ' || state || ': ' || words"),
        ("orders_outbounddocument", f"state IN {UNSENT}", "name || ' ' || state || ': ' || words"),
        ("orders_alert", "state = 'open'", "cause || ' ' || subject || ': ' || words"),
        ("connectors_connection", "state <> 'ok'", "name || ' ' || state || ': ' || broken_words"),
    ):
        for (words,) in rows(f"SELECT {columns} FROM {table} WHERE {condition} LIMIT 5"):  # noqa: S608 - all from above
            found.append(f"{table}: {words}")
    leased = "SELECT table_name FROM information_schema.columns WHERE column_name = 'lease_until'"
    for (table,) in rows(leased):
        # A lease lasts 90 seconds at most, by whatever clock.
        held = rows(f"SELECT count(*) FROM {table} WHERE lease_until > clock_timestamp() + interval '95 seconds'")  # noqa: S608
        if held[0][0]:
            found.append(f"{table}: {held[0][0]} rows are leased for longer than a lease lasts")
    return found


def _compared(what: str, found: Any, wanted: Any) -> Iterator[str]:
    if dict(found) == dict(wanted):
        return
    missing = {key: wanted[key] for key in wanted if found.get(key, 0) != wanted[key]}
    strange = {key: found[key] for key in found if key not in wanted}
    shown = [f"{key}: {found.get(key, 0)} instead of {number}" for key, number in list(missing.items())[:3]]
    yield f"{what}: {len(missing)} differ, {len(strange)} are strange; {'; '.join(shown)} {dict(list(strange.items())[:3])}"
