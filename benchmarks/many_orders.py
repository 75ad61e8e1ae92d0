"""Fills an account with as many orders as wanted, straight in the database: a few real ones, which went round through both
sandboxes, are copied with what hangs on them: their story in one copy of ten, all else in each.

Ids grow by a stride for each copy, so that a copy's rows point at each other as the rows of the original do. Later copies are
younger, as later orders are; the originals are the youngest of all.

On PostgreSQL indexes are left as they are meanwhile and made anew, and keys that point elsewhere aren't looked at: the copies
are right by how they are made, and millions of orders come in minutes. The hub must be the server's superuser for that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, models, transaction

from orders.models import (
    Invoice,
    InvoiceLine,
    Order,
    OrderEvent,
    OrderLine,
    OutboundMessage,
    Shipment,
    ShipmentLine,
    SkippedOrder,
)

COPIED: Sequence[type[models.Model]] = (
    Order,
    OrderLine,
    OrderEvent,
    OutboundMessage,
    Shipment,
    ShipmentLine,
    Invoice,
    InvoiceLine,
    SkippedOrder,
)
STORIES = 10
"""One copy in so many has the story of its orders: stories are the most rows by far, and a page reads those of one order."""

NUMBERS = {
    "external_id",
    "alternate_id",
    "cust_po_no",
    "cust_ref",
    "wms_order_id",
    "wms_number",
    "external_order_id",
    "told_id",
}
"""Texts that are numbers of things: a copy has its own."""

MINUTES_APART = 7
COPIES_AT_ONCE = 2_000


def fill(orders: int) -> int:
    """Copy the orders that are there until there are about so many; return how many there are.

    Statistics stay as they are: SQLite's planner goes by what migrations told it, as in an installation.
    """
    there = Order.objects.across_accounts("a benchmark has one account").count()
    copies = max(0, round(orders / there) - 1)
    strides = {model: _newest(model) + 1 for model in COPIED}
    with _originals() as originals, _in_bulk():
        for first in range(1, copies + 1, COPIES_AT_ONCE):
            last = min(first + COPIES_AT_ONCE - 1, copies)
            with transaction.atomic(), connection.cursor() as cursor:
                for model in COPIED:
                    cursor.execute(_copy(model, originals[model], strides, first, last, copies))
    return there * (copies + 1)


@contextlib.contextmanager
def _originals() -> Iterator[dict[type[models.Model], str]]:
    """Set the rows aside that there are, so that no index is needed to find them; give the tables that have them."""
    tables = {model: connection.ops.quote_name(f"original_{model._meta.db_table}") for model in COPIED}
    with connection.cursor() as cursor:
        for model, table in tables.items():
            rows = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM {rows}")  # noqa: S608 - our own names
        yield tables
        for table in tables.values():
            cursor.execute(f"DROP TABLE {table}")


@contextlib.contextmanager
def _in_bulk() -> Iterator[None]:
    """Let PostgreSQL take rows without looking at keys and without keeping indexes, which are made anew afterwards.

    Amid a transaction, as tests are, it takes them as any others: no table may change whose keys are still to be checked.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    tables = [model._meta.db_table for model in COPIED]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_index SET indisready = false WHERE indrelid::regclass::text = ANY(%s)", [tables])
        cursor.execute("SET session_replication_role = replica")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET session_replication_role")
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for table in tables:
            cursor.execute(f"REINDEX TABLE {connection.ops.quote_name(table)}")


def _newest(model: type[models.Model]) -> int:
    newest = model._base_manager.aggregate(newest=models.Max("pk"))["newest"]
    return int(newest or 0)


def _copy(
    model: type[models.Model], originals: str, strides: dict[type[models.Model], int], first: int, last: int, copies: int
) -> str:
    columns = [field.column for field in _fields(model)]
    values = [_value(field, strides, copies) for field in _fields(model)]
    table = connection.ops.quote_name(model._meta.db_table)
    return (
        f"WITH RECURSIVE copies(k) AS (SELECT {first} UNION ALL SELECT k + 1 FROM copies WHERE k < {last}) "  # noqa: S608 - our own names
        f"INSERT INTO {table} ({', '.join(map(connection.ops.quote_name, columns))}) "
        f"SELECT {', '.join(values)} FROM {originals} AS one CROSS JOIN copies"
        + (f" WHERE k % {STORIES} = 0" if model is OrderEvent else "")
    )


def _fields(model: type[models.Model]) -> Iterator[Any]:
    yield from (field for field in model._meta.concrete_fields if not field.generated)


def _value(field: Any, strides: dict[type[models.Model], int], copies: int) -> str:
    column = f"one.{connection.ops.quote_name(field.column)}"
    if field.primary_key:
        return f"{column} + k * {strides[field.model]}"
    if field.related_model in strides:
        return f"{column} + k * {strides[field.related_model]}"
    if isinstance(field, models.UUIDField):
        return _id_of_copy(column)
    if field.name in NUMBERS:
        return f"CASE WHEN {column} = '' THEN '' ELSE {column} || '-' || k END"
    if isinstance(field, models.DateTimeField):
        return _earlier(column, copies)
    return column


def _id_of_copy(column: str) -> str:
    """An id that grows with time, as the hub's do: the copy's number in place of the moment, and the rest of the original's."""
    if connection.vendor == "sqlite":
        return f"printf('%012x', k) || substr({column}, 13)"
    return f"(lpad(to_hex(k), 12, '0') || right(replace({column}::text, '-', ''), 20))::uuid"


def _earlier(column: str, copies: int) -> str:
    minutes = f"({copies + 1} - k) * {MINUTES_APART}"
    if connection.vendor == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-' || ({minutes}) || ' minutes')"
    return f"{column} - {minutes} * interval '1 minute'"
