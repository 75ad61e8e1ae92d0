"""Fills an account with as many orders as wanted, straight in the database: a few real ones, which went round through both
sandboxes, are copied with everything that hangs on them.

Ids grow by a stride for each copy, so that a copy's rows point at each other as the rows of the original do. Later copies are
younger, as later orders are; the originals are the youngest of all.

On PostgreSQL indexes are laid aside meanwhile and made anew, and keys that point elsewhere aren't looked at: the copies are
right by how they are made, and millions of orders come in minutes.
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
    with _in_bulk():
        for first in range(1, copies + 1, COPIES_AT_ONCE):
            last = min(first + COPIES_AT_ONCE - 1, copies)
            with transaction.atomic(), connection.cursor() as cursor:
                for model in COPIED:
                    cursor.execute(_copy(model, strides, first, last, copies))
    return there * (copies + 1)


@contextlib.contextmanager
def _in_bulk() -> Iterator[None]:
    """Let PostgreSQL take rows without looking at keys or keeping indexes, but for those that other tables' keys stand on.

    Amid a transaction, as tests are, it takes them as any others: it changes no table whose keys are still to be checked.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    tables = [model._meta.db_table for model in COPIED]
    with connection.cursor() as cursor:
        cursor.execute(_LAID_ASIDE, [tables])
        found = cursor.fetchall()
        for lay_aside, _ in found:
            cursor.execute(lay_aside)
        cursor.execute("SET session_replication_role = replica")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET session_replication_role")
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for _, make_anew in found:
            cursor.execute(make_anew)


_LAID_ASIDE = """
SELECT CASE WHEN one.conname IS NULL THEN format('DROP INDEX %%s', index.indexrelid::regclass)
            ELSE format('ALTER TABLE %%s DROP CONSTRAINT %%I', index.indrelid::regclass, one.conname) END,
       CASE WHEN one.conname IS NULL THEN pg_get_indexdef(index.indexrelid)
            ELSE format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s',
                        index.indrelid::regclass, one.conname, pg_get_constraintdef(one.oid)) END
FROM pg_index AS index
LEFT JOIN pg_constraint AS one ON one.conindid = index.indexrelid AND one.contype IN ('p', 'u')
WHERE index.indrelid::regclass::text = ANY(%s) AND NOT index.indisprimary
  AND NOT EXISTS (SELECT 1 FROM pg_constraint AS other WHERE other.contype = 'f' AND other.conindid = index.indexrelid)
"""
"""For each index that may go for a while: what drops it, and what makes it again."""


def _newest(model: type[models.Model]) -> int:
    newest = model._base_manager.aggregate(newest=models.Max("pk"))["newest"]
    return int(newest or 0)


def _copy(model: type[models.Model], strides: dict[type[models.Model], int], first: int, last: int, copies: int) -> str:
    columns = [field.column for field in _fields(model)]
    values = [_value(field, strides, copies) for field in _fields(model)]
    table = connection.ops.quote_name(model._meta.db_table)
    return (
        f"WITH RECURSIVE copies(k) AS (SELECT {first} UNION ALL SELECT k + 1 FROM copies WHERE k < {last}) "  # noqa: S608 - our own names
        f"INSERT INTO {table} ({', '.join(map(connection.ops.quote_name, columns))}) "
        f"SELECT {', '.join(values)} FROM {table} AS one CROSS JOIN copies WHERE one.id < {strides[model]}"
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
        return "lower(hex(randomblob(16)))" if connection.vendor == "sqlite" else "gen_random_uuid()"
    if field.name in NUMBERS:
        return f"CASE WHEN {column} = '' THEN '' ELSE {column} || '-' || k END"
    if isinstance(field, models.DateTimeField):
        return _earlier(column, copies)
    return column


def _earlier(column: str, copies: int) -> str:
    minutes = f"({copies + 1} - k) * {MINUTES_APART}"
    if connection.vendor == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-' || ({minutes}) || ' minutes')"
    return f"{column} - {minutes} * interval '1 minute'"
