"""The floor of `store_orders`: fetch one file over SFTP, csv.reader, insert in one SQLite transaction.

It has no product around it: no stored bytes, no check of a row, no duplicates, no events, no routing, no way back. It keeps
what the hub keeps of an order and a line as columns, and nothing else.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import sys
import time

import paramiko

ORDER = [
    "po_number",
    "dsco_order_id",
    "dsco_retailer_id",
    "dsco_retailer_name",
    "retailer_create_date",
    "ship_by_date",
    "currency_code",
    "ship_first_name",
    "ship_last_name",
    "ship_company",
    "ship_address_1",
    "ship_address_2",
    "ship_city",
    "ship_region",
    "ship_postal",
    "ship_country",
    "ship_phone",
    "ship_email",
    "ship_carrier",
    "ship_method",
    "shipping_service_level_code",
    "test_flag",
    "number_of_line_items",
    "consumer_order_number",
]
LINE = [
    "line_item_line_number",
    "line_item_sku",
    "line_item_upc",
    "line_item_title",
    "line_item_quantity",
    "line_item_expected_cost",
]


def main(login: dict[str, str], name: str, database: str) -> dict[str, float]:
    """Do it once; return rows, orders and seconds."""
    started, busy = time.perf_counter(), time.process_time()
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
    rows = csv.reader(io.TextIOWrapper(body, encoding="utf-8", newline=""))
    at = {column: index for index, column in enumerate(next(rows))}
    order_at, line_at = [at[column] for column in ORDER], [at[column] for column in LINE]
    orders: dict[str, tuple[int, list[str]]] = {}
    lines = []
    for row in rows:
        key = row[at["dsco_order_id"]]
        if key not in orders:
            orders[key] = (len(orders) + 1, [row[index] for index in order_at])
        lines.append([orders[key][0], *(row[index] for index in line_at)])
    store = sqlite3.connect(database)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=NORMAL")
    store.execute(f"CREATE TABLE orders (id INTEGER PRIMARY KEY, {', '.join(ORDER)}, UNIQUE (dsco_order_id))")
    store.execute(f"CREATE TABLE lines (order_id INTEGER REFERENCES orders, {', '.join(LINE)})")
    store.execute("CREATE INDEX line_sku ON lines (line_item_sku)")
    with store:
        store.executemany(
            f"INSERT INTO orders VALUES ({', '.join('?' * (len(ORDER) + 1))})",  # noqa: S608 - own names
            ([number, *values] for number, values in orders.values()),
        )
        store.executemany(f"INSERT INTO lines VALUES ({', '.join('?' * (len(LINE) + 1))})", lines)  # noqa: S608 - own names
    store.close()
    return {
        "orders": len(orders),
        "rows": len(lines),
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - busy,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3])))
