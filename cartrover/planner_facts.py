"""What the database's query planner must know before it has found out by itself: that an account has many rows.

Without statistics SQLite takes each equality for ten rows, prefers `account_id = ?` to any list of keys, and reads a whole
account's orders to find a hundred of them. The facts below are what a busy installation would measure; ANALYZE replaces them.
Source: SQLite documentation, "The ANALYZE command", manually made statistics.

PostgreSQL keeps statistics by itself, but looks once a minute. Of a table that it knows nothing of it takes each value for one
in two hundred, so that it reads all orders to find five hundred of them. It is made to look once the first rows of a large load
are there. Source: PostgreSQL documentation, "Row Estimation Examples" and "The Autovacuum Daemon".
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

ROWS = 1_000_000
ROWS_PER_VALUE = {
    "account_id": 200_000, "connection_id": 100_000, "source_id": 100_000, "wms_id": 100_000, "cart_id": 100_000,
    "kind": 50_000, "purpose": 50_000, "side": 50_000, "state": 20_000, "standing": 20_000, "hold": 20_000,
    "retailer_name": 10_000, "cause": 20_000, "feed": 100_000, "due_at": 100, "item": 500, "warehouse": 1, "service_id": 10_000,
}  # fmt: skip
OTHERWISE = 4
"""Rows for one value of a column that names something: an order has a few lines, a few events, a few messages."""


def stat_of(columns: Sequence[str | None], *, unique: bool) -> str:
    """Return the text of sqlite_stat1 for an index: rows in all, then rows for each prefix of its columns. Pure."""
    prefixes: list[int] = []
    for column in columns:
        rows = ROWS_PER_VALUE.get(column or "", OTHERWISE)
        prefixes.append(min(rows, prefixes[-1] if prefixes else ROWS))
    if unique:
        prefixes[-1] = 1
    return " ".join(map(str, [ROWS, *prefixes]))


def write(connection: BaseDatabaseWrapper) -> None:
    """Tell SQLite's planner about every index of a table with accounts; does nothing on other databases."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        tables = [table for table in connection.introspection.table_names(cursor) if _has_accounts(connection, table)]
        for table in tables:
            cursor.execute("DELETE FROM sqlite_stat1 WHERE tbl = %s", [table])
            cursor.execute(f"PRAGMA index_list({connection.ops.quote_name(table)})")
            for _, index, unique, *_ in cursor.fetchall():
                cursor.execute(f"PRAGMA index_info({connection.ops.quote_name(index)})")
                columns = [name for _, _, name in cursor.fetchall()]
                cursor.execute("INSERT INTO sqlite_stat1 VALUES (%s, %s, %s)", [table, index, stat_of(columns, unique=unique)])
        cursor.execute("ANALYZE sqlite_master")


def learn(*models: type[Model]) -> None:
    """Make PostgreSQL look at those tables of which it knows nothing yet; does nothing on other databases.

    Tables that it knows are remembered by the process, so that the question isn't asked again.
    """
    unknown = [model._meta.db_table for model in models if model._meta.db_table not in _known]
    if connection.vendor != "postgresql" or not unknown:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = current_schema() AND tablename = ANY(%s)", [unknown]
        )
        known = {table for (table,) in cursor.fetchall()}
        _known.update(known)
        for table in unknown:
            if table not in known:
                cursor.execute(f"ANALYZE {connection.ops.quote_name(table)}")


_known: set[str] = set()


def _has_accounts(connection: BaseDatabaseWrapper, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_info({connection.ops.quote_name(table)})")
        return any(name == "account_id" for _, name, *_ in cursor.fetchall())
