"""The floor of `store_orders`: fetch one file over SFTP, csv.reader, insert its rows in one transaction: COPY on PostgreSQL.

It has no product around it: no stored bytes, no check of a row, no orders made of rows, no duplicates, no events, no routing,
no way back. `lean` keeps only the thirty columns that the hub has columns for, as an order table and a line table.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import paramiko
import psycopg

ORDER = (
    "po_number dsco_order_id dsco_retailer_id dsco_retailer_name retailer_create_date ship_by_date currency_code "
    "ship_first_name ship_last_name ship_company ship_address_1 ship_address_2 ship_city ship_region ship_postal ship_country "
    "ship_phone ship_email ship_carrier ship_method shipping_service_level_code test_flag number_of_line_items "
    "consumer_order_number"
)
LINE = "line_item_line_number line_item_sku line_item_upc line_item_title line_item_quantity line_item_expected_cost"

Rows = Iterable[Sequence[Any]]


def main(login: dict[str, str], name: str, database: str, *, lean: bool) -> dict[str, float]:
    """Do it once; return rows, seconds and processor seconds."""
    started, busy = time.perf_counter(), time.process_time()
    rows = csv.reader(io.TextIOWrapper(fetched(login, name), encoding="utf-8", newline=""))
    columns = next(rows)
    store: Any
    if database.startswith("postgres"):
        store = psycopg.connect(database)
    else:
        store = sqlite3.connect(database)
        store.execute("PRAGMA journal_mode=WAL")
        store.execute("PRAGMA synchronous=NORMAL")
    number = _insert_lean(store, columns, rows) if lean else _insert(store, "rows", columns, rows)
    store.commit()
    store.close()
    return {"rows": number, "seconds": time.perf_counter() - started, "cpu": time.process_time() - busy}


def fetched(login: dict[str, str], name: str) -> io.BytesIO:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # noqa: S507 - a floor, on loopback
    client.connect(
        login["ftp_server"],
        int(login["port"]),
        login["ftp_username"],
        login["ftp_password"],
        allow_agent=False,
        look_for_keys=False,
    )
    body = io.BytesIO()
    client.open_sftp().getfo(f"out/{name}", body)
    client.close()
    body.seek(0)
    return body


def _insert(store: Any, table: str, columns: Sequence[str], rows: Rows, constraint: str = "") -> int:
    """Make a table of texts and put the rows into it; return how many there are."""
    cursor = store.cursor()
    cursor.execute(f"CREATE TABLE {table} ({', '.join(f'{name} text' for name in columns)}{constraint})")
    if isinstance(store, sqlite3.Connection):
        marks = ", ".join("?" * len(columns))
        return int(cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows).rowcount)  # noqa: S608 - own names
    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    return int(cursor.rowcount)


def _insert_lean(store: Any, columns: list[str], rows: Rows) -> int:
    at = {column: index for index, column in enumerate(columns)}
    order_at, line_at = [at[column] for column in ORDER.split()], [at[column] for column in LINE.split()]
    orders: dict[str, list[str]] = {}
    lines = []
    for row in rows:
        key = row[at["dsco_order_id"]]
        if key not in orders:
            orders[key] = [row[index] for index in order_at]
        lines.append([key, *(row[index] for index in line_at)])
    _insert(store, "orders", ORDER.split(), orders.values(), ", UNIQUE (dsco_order_id)")
    number = _insert(store, "lines", ["order_id", *LINE.split()], lines)
    store.cursor().execute("CREATE INDEX line_sku ON lines (line_item_sku)")
    return number


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], lean=sys.argv[4:] == ["lean"])))
