"""Bulk reads and writes: one way in for both databases, several times faster than building model instances.

Measured on 20,000 orders: executemany on SQLite is 8 times bulk_create, COPY on PostgreSQL 7 times.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Combinable
from django.db.models.lookups import Lookup

Convert = Callable[[Any], Any]


# --- values as they are written ----------------------------------------------------------------------------------------------


def instant_value(value: datetime) -> datetime | str:
    """Return an instant. SQLite has texts for them, which are compared and have to look as Django writes them."""
    return value if connection.vendor != "sqlite" else _sqlite_datetime(value) or ""


def amount_text(value: Decimal, places: int = 2) -> str:
    """Return an amount with so many decimals."""
    return f"{value:.{places}f}"


def json_text(value: Any) -> str:
    """Return a value of a JSON column. Most of those that are written in bulk are empty."""
    return "{}" if value == {} else msgspec.json.encode(value).decode()


@lru_cache(maxsize=64)
def _sqlite_datetime(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


def _sqlite_decimal(places: int) -> Convert:
    return lambda value: None if value is None else amount_text(value, places)


def _json_text(value: Any) -> str | None:
    return None if value is None else json_text(value)


def _hex(value: uuid.UUID) -> str:
    return value.hex


def _iso(value: Any) -> str | None:
    return None if value is None else value.isoformat()


def _converter(field: models.Field[Any, Any]) -> Convert | None:
    """Return how this column's values are written; None where the driver takes them as they are."""
    sqlite = connection.vendor == "sqlite"
    if isinstance(field, models.JSONField):
        return _json_text
    if not sqlite:
        return None
    if isinstance(field, models.DateTimeField):
        return _sqlite_datetime
    if isinstance(field, models.DateField):
        return _iso
    if isinstance(field, models.DecimalField):
        return _sqlite_decimal(field.decimal_places)
    return _hex if isinstance(field, models.UUIDField) else None


# --- inserts -----------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _columns(model: type[models.Model], names: tuple[str, ...]) -> list[models.Field[Any, Any]]:
    fields = {field.attname: field for field in model._meta.concrete_fields if not field.generated}
    missing = {name for name, field in fields.items() if name not in names and not field.primary_key and not field.null}
    if missing:
        raise ValueError(f"{model.__name__}: no values for {', '.join(sorted(missing))}")
    return [fields[name] for name in names]


def _column(field: models.Field[Any, Any]) -> str:
    if field.column is None:
        raise ValueError(f"{field.name} has no column")
    return connection.ops.quote_name(field.column)


def _on_conflict(model: type[models.Model], names: Sequence[str]) -> str:
    if not names:
        return ""
    by_name = {field.name: field for field in model._meta.concrete_fields}
    return f" ON CONFLICT ({', '.join(_column(by_name[name]) for name in names)}) DO NOTHING"


def insert_rows(
    model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]], *, conflict: Sequence[str] = ()
) -> None:
    """Insert rows given as sequences of Python values in the order of `names` (attribute names of the columns).

    With `conflict` (attribute names of one unique constraint) rows that exist already are left alone. Runs in the caller's
    transaction. Every column that may not be null must be named: the database has no defaults.
    """
    fields = _columns(model, tuple(names))
    converters = [(at, convert) for at, field in enumerate(fields) if (convert := _converter(field))]
    insert_prepared(model, names, (_converted(row, converters) for row in rows), conflict=conflict)


def insert_prepared(
    model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]], *, conflict: Sequence[str] = ()
) -> None:
    """Do the same with values that need no conversion: texts, whole numbers, truth values, None and `instant_value`s.

    Ids are hexadecimal texts, days ISO texts, amounts `amount_text`s and JSON values `json_text`s: both databases take them.
    """
    fields = _columns(model, tuple(names))
    if connection.vendor == "postgresql":
        _copy(model, fields, rows, conflict)
        return
    columns = ", ".join(_column(field) for field in fields)
    ignore = _on_conflict(model, conflict)
    marks = ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({columns}) VALUES ({marks}){ignore}"  # noqa: S608 - own names
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(rows))


def _converted(row: Sequence[Any], converters: Sequence[tuple[int, Convert]]) -> list[Any]:
    values = list(row)
    for at, convert in converters:
        values[at] = convert(values[at])
    return values


def _copy(
    model: type[models.Model],
    fields: Sequence[models.Field[Any, Any]],
    rows: Iterable[Sequence[Any]],
    conflict: Sequence[str],
) -> None:
    """COPY into a temporary table of the same columns, then INSERT ... SELECT from it."""
    quote = connection.ops.quote_name
    table, stage = quote(model._meta.db_table), quote(f"stage_{model._meta.db_table}")
    columns = ", ".join(_column(field) for field in fields)
    ignore = _on_conflict(model, conflict)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS SELECT {columns} FROM {table} LIMIT 0"  # noqa: S608 - own names
        )
        with cursor.cursor.copy(f"COPY {stage} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage}{ignore}")  # noqa: S608 - own names
        cursor.execute(f"TRUNCATE {stage}")


# --- updates -----------------------------------------------------------------------------------------------------------------


def update_rows(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]], *, where: str = "") -> None:
    """Update many rows with values of their own: each row is (primary key, value of names[0], ...).

    `where` is a further condition in SQL on the model's own columns. Runs in the caller's transaction.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields}
    chosen = [fields[name] for name in names]
    converters = [(at, convert) for at, field in enumerate(chosen) if (convert := _converter(field))]
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{_column(field)} = %s" for field in chosen)
    key = _column(next(field for field in fields.values() if field.primary_key))
    condition = f" AND ({where})" if where else ""
    statement = f"UPDATE {quote(model._meta.db_table)} SET {assignments} WHERE {key} = %s{condition}"  # noqa: S608 - own names
    with connection.cursor() as cursor:
        cursor.executemany(statement, [[*_converted(row[1:], converters), row[0]] for row in rows])


def money(value: Decimal | None) -> Decimal:
    """Return an amount for a column with two decimals."""
    return Decimal(0) if value is None else value.quantize(Decimal("0.01"))


# --- reads -------------------------------------------------------------------------------------------------------------------


class OneOf(Lookup):
    """The condition that an expression is one of many texts, which the database gets as one parameter.

    Django looks at each member of a list by itself, which takes longer than the query. PostgreSQL gets an array and no
    subquery: in a table that it has no statistics of yet it would otherwise go through all rows for each text.
    """

    prepare_rhs = False

    def __init__(self, expression: Combinable, texts: Collection[str]) -> None:
        super().__init__(expression, list(texts))

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, list[Any]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} IN (SELECT value FROM json_each(%s))", [*parameters, json.dumps(self.rhs)]  # noqa: S608 - the column is quoted

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, list[Any]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s::text[])", [*parameters, self.rhs]
