"""The floor of `whole_job`: paramiko, csv.reader, INSERT, a POST of each order from threads, an UPDATE of each order's state.

It has no product around it: nothing is committed before a POST, so a crash sends orders twice; no duplicates, no checks, no
stored file, no attempts, no story of the order, no second try, no limits, no lease.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import psycopg
import requests

from benchmarks.bare_store import fetched

ORDERS = "orders (id TEXT PRIMARY KEY, reference TEXT, ship_to TEXT, state TEXT, wms_id TEXT)"
LINES = "lines (order_id TEXT, sku TEXT, quantity INTEGER, price TEXT)"
SHIP_TO = tuple(f"ship_{name}" for name in ("first_name", "last_name", "address_1", "address_2", "city", "region", "postal"))


def main(login: dict[str, str], name: str, database: str, api_url: str, threads: int) -> dict[str, float]:
    """Do it once; return orders, seconds and processor seconds."""
    started, busy = time.perf_counter(), time.process_time()
    store: Any
    if database.startswith("postgres"):
        store, mark = psycopg.connect(database), "%s"
    else:
        store, mark = sqlite3.connect(database), "?"
        store.execute("PRAGMA journal_mode=WAL")
        store.execute("PRAGMA synchronous=NORMAL")
    orders = _stored(store, mark, csv.DictReader(io.TextIOWrapper(fetched(login, name), encoding="utf-8", newline="")))
    stored = time.perf_counter() - started
    _sent(store, mark, orders, api_url, threads)
    store.close()
    return {
        "orders": len(orders),
        "seconds": time.perf_counter() - started,
        "store": stored,
        "cpu": time.process_time() - busy,
    }


def _stored(store: Any, mark: str, rows: csv.DictReader[str]) -> list[dict[str, Any]]:
    orders: dict[str, dict[str, Any]] = {}
    for row in rows:
        order = orders.setdefault(
            row["dsco_order_id"],
            {
                "number": row["dsco_order_id"],
                "reference": row["po_number"],
                "ship_to": {column: row[column] for column in SHIP_TO},
                "lines": [],
            },
        )
        quantity, price = int(row["line_item_quantity"]), row["line_item_expected_cost"]
        order["lines"].append({"sku": row["line_item_sku"], "quantity": quantity, "price": price})
    cursor = store.cursor()
    cursor.execute(f"CREATE TABLE {ORDERS}")
    cursor.execute(f"CREATE TABLE {LINES}")
    cursor.executemany(
        f"INSERT INTO orders VALUES ({mark}, {mark}, {mark}, 'ready', '')",  # noqa: S608 - own names
        [(order["number"], order["reference"], json.dumps(order["ship_to"])) for order in orders.values()],
    )
    cursor.executemany(
        f"INSERT INTO lines VALUES ({mark}, {mark}, {mark}, {mark})",  # noqa: S608 - own names
        [
            (order["number"], line["sku"], line["quantity"], line["price"])
            for order in orders.values()
            for line in order["lines"]
        ],
    )
    store.commit()
    return list(orders.values())


def _sent(store: Any, mark: str, orders: list[dict[str, Any]], api_url: str, threads: int) -> None:
    own = threading.local()

    def send(order: dict[str, Any]) -> tuple[str, str]:
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.trust_env = False
        answer = own.session.post(f"{api_url}/orders", json=order, timeout=30)
        answer.raise_for_status()
        return answer.json()["id"], order["number"]

    with ThreadPoolExecutor(threads) as pool:
        for done in as_completed([pool.submit(send, order) for order in orders]):
            store.execute(f"UPDATE orders SET state = 'sent', wms_id = {mark} WHERE id = {mark}", done.result())  # noqa: S608 - own names
            store.commit()


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))))
