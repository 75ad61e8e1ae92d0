"""Bulk reads and writes: one way in for both databases, several times faster than building model instances.

Measured on 20,000 orders: executemany on SQLite is 8 times bulk_create, COPY on PostgreSQL 7 times.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Combinable
from django.db.models.lookups import Lookup

from cartrover.compiled_queries import Texts
from orders.pipeline.row_parts import COPY_TEXT, VALUES, Part, RowParts

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


@dataclass(frozen=True, slots=True)
class _Target:
    """Where rows go, in SQL: `ignore` is the clause that leaves rows alone which exist already."""

    name: str
    stage: str
    columns: str
    ignore: str


@lru_cache(maxsize=64)
def _target(model: type[models.Model], names: tuple[str, ...], conflict: tuple[str, ...]) -> _Target:
    quote, table = connection.ops.quote_name, model._meta.db_table
    columns = ", ".join(_column(field) for field in _columns(model, names))
    by_name = {field.name: field for field in model._meta.concrete_fields}
    keys = ", ".join(_column(by_name[name]) for name in conflict)
    return _Target(quote(table), quote(f"stage_{table}"), columns, f" ON CONFLICT ({keys}) DO NOTHING" if keys else "")


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
    table = _target(model, tuple(names), tuple(conflict))
    if connection.vendor == "postgresql":
        _copy(table, rows)
        return
    marks = ", ".join(["%s"] * len(names))
    statement = f"INSERT INTO {table.name} ({table.columns}) VALUES ({marks}){table.ignore}"  # noqa: S608 - own names
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(rows))


def _converted(row: Sequence[Any], converters: Sequence[tuple[int, Convert]]) -> list[Any]:
    values = list(row)
    for at, convert in converters:
        values[at] = convert(values[at])
    return values


def _copy(into: _Target, rows: Iterable[Sequence[Any]]) -> None:
    """COPY straight into the table; where rows may be there already by way of a temporary table of the same columns."""
    table, stage, columns = into.name, into.stage, into.columns
    with connection.cursor() as cursor:
        if into.ignore:
            cursor.execute(
                f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS SELECT {columns} FROM {table} LIMIT 0"  # noqa: S608 - own names
            )
        with cursor.cursor.copy(f"COPY {stage if into.ignore else table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        if into.ignore:
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage}{into.ignore}")  # noqa: S608 - own names
            cursor.execute(f"TRUNCATE {stage}")


def parts_of_rows() -> RowParts:
    """Return how the parts are made that `insert_parts` takes: of no use to another database."""
    return COPY_TEXT if connection.vendor == "postgresql" else VALUES


def insert_parts(model: type[models.Model], names: Sequence[str], rows: list[Part]) -> None:
    """Do the same with rows whose parts are put together, in the order of `names`."""
    table = _target(model, tuple(names), ())
    if connection.vendor != "postgresql":
        insert_prepared(model, names, rows)
    elif rows:
        with connection.cursor() as cursor, cursor.cursor.copy(f"COPY {table.name} ({table.columns}) FROM STDIN") as copy:
            copy.write("\n".join(rows))


def take_ids(model: type[models.Model], count: int) -> list[int]:
    """Return so many new ids, ascending, for rows that are inserted with them: what hangs on these rows need not ask for them.

    Runs in the caller's transaction, which on SQLite is the only one that writes.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval((SELECT pg_get_serial_sequence(%s, 'id')::regclass)) FROM generate_series(1, %s)",
                [table, count],
            )
            return sorted(taken for (taken,) in cursor.fetchall())
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
        last = (found[0] if found else 0) + count
        if found:
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [last, table])
        else:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])
    return list(range(last - count + 1, last + 1))


# --- updates -----------------------------------------------------------------------------------------------------------------


def update_rows(
    model: type[models.Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    key: Sequence[str] = ("id",),
    where: str = "",
) -> None:
    """Update many rows with values of their own: each row is (value of key[0], ..., value of names[0], ...).

    `key` are attribute names that name at most one row, which is there once at most; `where` is a further condition in SQL on
    the model's own columns. Runs in the caller's transaction.
    """
    given = list(rows)
    if not given:
        return
    fields = {field.attname: field for field in model._meta.concrete_fields}
    keys, chosen = [fields[name] for name in key], [fields[name] for name in names]
    if connection.vendor == "postgresql":
        _update_at_once(model, keys, chosen, given, where)
        return
    converters = [(at, convert) for at, field in enumerate(chosen) if (convert := _converter(field))]
    assignments = ", ".join(f"{_column(field)} = %s" for field in chosen)
    conditions = [f"{_column(field)} = %s" for field in keys] + ([f"({where})"] if where else [])
    table = connection.ops.quote_name(model._meta.db_table)
    statement = f"UPDATE {table} SET {assignments} WHERE {' AND '.join(conditions)}"  # noqa: S608 - own names
    width = len(keys)
    with connection.cursor() as cursor:
        cursor.executemany(statement, [[*_converted(row[width:], converters), *row[:width]] for row in given])


def _update_at_once(
    model: type[models.Model],
    keys: Sequence[models.Field[Any, Any]],
    chosen: Sequence[models.Field[Any, Any]],
    rows: Sequence[Sequence[Any]],
    where: str,
) -> None:
    """One statement for all rows, which come as one JSON value: the driver takes far longer over as many parameters."""
    fields = [*keys, *chosen]
    names = [f"v{at}" for at in range(len(fields))]
    kinds = ", ".join(f"{name} {field.rel_db_type(connection)}" for name, field in zip(names, fields, strict=True))
    value_of = dict(zip(fields, names, strict=True))
    table = connection.ops.quote_name(model._meta.db_table)
    assignments = ", ".join(f"{_column(field)} = given.{value_of[field]}" for field in chosen)
    conditions = [f"{table}.{_column(field)} = given.{value_of[field]}" for field in keys] + ([f"({where})"] if where else [])
    statement = (
        f"UPDATE {table} SET {assignments} FROM json_to_recordset(%s::json) AS given({kinds}) WHERE {' AND '.join(conditions)}"  # noqa: S608 - own names
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [msgspec.json.encode([dict(zip(names, row, strict=True)) for row in rows]).decode()])


def money(value: Decimal | None) -> Decimal:
    """Return an amount for a column with two decimals."""
    return Decimal(0) if value is None else value.quantize(Decimal("0.01"))


# --- reads -------------------------------------------------------------------------------------------------------------------


class OneOf(Lookup):
    """The condition that an expression is one of many texts or whole numbers, which the database gets as one parameter.

    Django looks at each member of a list by itself, which takes longer than the query. PostgreSQL gets an array and no
    subquery: in a table that it has no statistics of yet it would otherwise go through all rows for each member.
    """

    prepare_rhs = False

    def __init__(self, expression: Combinable, members: Collection[str] | Collection[int] | Texts) -> None:
        super().__init__(expression, members if isinstance(members, Texts) else list(members))

    def _left(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Sequence[Any]]:
        if not self.rhs:
            raise EmptyResultSet  # nothing is one of none: Django then asks no database
        return self.process_lhs(compiler, connection)

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, list[Any]]:
        left, parameters = self._left(compiler, connection)
        members = self.rhs if isinstance(self.rhs, Texts) else json.dumps(self.rhs)
        return f"{left} IN (SELECT value FROM json_each(%s))", [*parameters, members]  # noqa: S608 - the column is quoted

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, list[Any]]:
        left, parameters = self._left(compiler, connection)
        kind = "text" if isinstance(self.rhs, Texts) or isinstance(self.rhs[0], str) else "bigint"
        return f"{left} = ANY(%s::{kind}[])", [*parameters, self.rhs]
