"""Stage: the WMS's stock is read whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cartrover.clock import hub_now
from cartrover.ids import new_id
from connectors.contract import Side, StockItem, StockSource
from connectors.errors import TryLater
from connectors.models import Connection, ConnectionState
from connectors.opening import open_session
from orders.models import Order, Product, StockLevel, StockReading
from orders.pipeline.loader import insert_rows, update_rows
from orders.run import Run
from orders.waking import wake_stock_uploads

CHUNK = 2000
"""Rows written in one transaction."""

ASKED_AT_ONCE = 200


@dataclass(slots=True)
class _Reading:
    """A reading of all products as it grows."""

    started_at: datetime
    began_at: datetime | None = None
    total: int | None = None
    rows: int = 0
    items: dict[str, StockItem] = field(default_factory=dict)

    def add(self, item: StockItem) -> None:
        """Keep a product; of two with one SKU the one of which there is less: nobody knows which of them an order means."""
        known = self.items.get(item.sku)
        if item.sku and (known is None or _available(item) < _available(known)):
            self.items[item.sku] = item


def _available(item: StockItem) -> float:
    """A product whose stock isn't tracked can't run out."""
    return inf if item.levels is None else sum(item.levels.values())


def pick_up(run: Run) -> None:
    """Read all products with their stock; a reading with a bad or missing page is thrown away.

    One that only finishes the orders that it has isn't read: its figures would stand beside those of the WMS that follows it.
    """
    if is_left(run.connection):
        run.note(f"No cart's orders go to {run.connection.name} any more, so its stock isn't read.")
        return
    with open_session(run.connection, progress=run.progress) as session:
        if not isinstance(session, StockSource):
            raise TypeError(f"{run.connection.kind} declares stock and has none")
        reading = _read(run, session)
        absent = _absent(run, reading)
        for start in range(0, len(absent), ASKED_AT_ONCE):
            run.progress()
            # Not on any page is no proof: pages shift while they are read. The SKU itself is asked for.
            for item in session.ask_stock(absent[start : start + ASKED_AT_ONCE]):
                reading.add(item)
    gone = [sku for sku in absent if sku not in reading.items]
    run.move_cursor(writing=True)
    _write_products(run, reading, gone)
    _write_levels(run, reading, gone)
    with transaction.atomic():
        run.move_cursor(writing=False)
        StockReading.objects.create(
            account_id=run.account_id,
            connection=run.connection,
            began_at=reading.began_at or reading.started_at,
            started_at=reading.started_at,
            rows=reading.rows,
        )
    run.count("skus", len(reading.items))
    run.count("gone", len(gone))
    wake_stock_uploads(run.account_id)


def is_left(wms: Connection) -> bool:
    """True of a WMS that has had orders while all carts have theirs sent to another one now."""
    carts = Connection.objects.for_account(wms.account_id).filter(side=Side.CART).exclude(state=ConnectionState.DISCONNECTED)
    goes_to = set(carts.values_list("destination", flat=True))
    if not goes_to or goes_to & {None, wms.pk}:
        return False
    return Order.objects.for_account(wms.account_id).filter(wms=wms).exists()


def _read(run: Run, session: StockSource) -> _Reading:
    reading = _Reading(started_at=hub_now())
    for page in session.list_stock():
        run.progress()
        reading.began_at = reading.began_at or page.far_now
        reading.total = page.total
        reading.rows += len(page.items)
        for item in page.items:
            reading.add(item)
    if reading.total is not None and reading.rows != reading.total:
        raise TryLater(
            f"{run.connection.name} showed {reading.rows} of {reading.total} products, so the reading was thrown away. "
            "It is read again."
        )
    return reading


def _absent(run: Run, reading: _Reading) -> list[str]:
    known = Product.objects.for_account(run.account_id).filter(connection=run.connection, gone=False)
    return [sku for sku in known.values_list("sku", flat=True) if sku not in reading.items]


def _in_chunks(run: Run, rows: Sequence[Any], write: Callable[[Sequence[Any]], None]) -> None:
    for start in range(0, len(rows), CHUNK):
        run.progress()
        with transaction.atomic():
            run.lease_required()
            write(rows[start : start + CHUNK])


def _write_products(run: Run, reading: _Reading, gone: Iterable[str]) -> None:
    known = {
        row[1]: row
        for row in Product.objects.for_account(run.account_id).values_list(
            "pk", "sku", "name", "upc", "external_id", "tracked", "gone", "connection_id"
        )
    }
    now = hub_now()
    new: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    for sku, item in reading.items.items():
        tracked = item.levels is not None
        facts = (item.name, item.upc[:40], item.external_id[:100], tracked, False, run.connection.pk)
        if sku not in known:
            new.append((run.account_id, new_id(), sku[:200], *facts, now))
        elif known[sku][2:] != facts:
            changed.append((known[sku][0], *facts, now))
    names = ("name", "upc", "external_id", "tracked", "gone", "connection_id", "updated_at")
    _in_chunks(
        run,
        new,
        lambda rows: insert_rows(Product, ("account_id", "public_id", "sku", *names), rows, conflict=("account", "sku")),
    )
    _in_chunks(run, changed, lambda rows: update_rows(Product, names, rows))
    vanished = [(known[sku][0], True, now) for sku in gone]
    _in_chunks(run, vanished, lambda rows: update_rows(Product, ("gone", "updated_at"), rows))


def _write_levels(run: Run, reading: _Reading, gone: Iterable[str]) -> None:
    levels = StockLevel.objects.for_account(run.account_id).filter(connection=run.connection)
    known = {
        (sku, warehouse): (pk, available, was_gone)
        for pk, sku, warehouse, available, was_gone in levels.values_list("pk", "sku", "warehouse", "available", "gone")
    }
    as_of = reading.began_at or reading.started_at
    new: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    seen: set[tuple[str, str]] = set()
    for sku, item in reading.items.items():
        for warehouse, available in (item.levels or {}).items():
            key = (sku[:200], warehouse[:100])
            seen.add(key)
            row = known.get(key)
            if row is None:
                new.append((run.account_id, new_id(), run.connection.pk, *key, available, False, as_of))
            elif row[1:] != (available, False):
                changed.append((row[0], available, False, as_of))
    vanished = set(gone)
    stale = [row[0] for key, row in known.items() if key not in seen and key[0] not in vanished]
    lost = [(row[0], 0, True, as_of) for key, row in known.items() if key[0] in vanished and not row[2]]
    names = ("account_id", "public_id", "connection_id", "sku", "warehouse", "available", "gone", "as_of")
    conflict = ("connection", "sku", "warehouse")
    _in_chunks(run, new, lambda rows: insert_rows(StockLevel, names, rows, conflict=conflict))
    _in_chunks(run, changed + lost, lambda rows: update_rows(StockLevel, ("available", "gone", "as_of"), rows))
    _in_chunks(run, stale, lambda pks: _delete(levels, pks))


def _delete(levels: QuerySet[StockLevel], pks: Sequence[int]) -> None:
    levels.filter(pk__in=list(pks)).delete()
