"""How long the portal's pages take to make with 10,000 and with 1,000,000 orders in the account, side by side.

    python -m benchmarks.pages [--orders 10000 1000000] [--rounds 15]

Goal: under 50 ms at the median with a million orders, with as many queries as with few. Both databases hold copies of the same
orders, which went round through the sandboxes; the times are those of the whole answer, from the request's middleware to its
last byte, without the network.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

GOAL_MS = 50.0
ROOT = Path(__file__).resolve().parent.parent

PAGES = {
    "home": "",
    "orders": "orders/",
    "orders, the second page": "orders/?after={after}",
    "orders at the WMS": "orders/?status=at_wms",
    "orders on hold": "orders/?status=error",
    "orders of a retailer": "orders/?retailer={retailer}",
    "orders found by number": "orders/?q={number}",
    "orders found by SKU": "orders/?q={sku}",
    "orders of one day": "orders/?since={day}&until={day}",
    "an order": "orders/{order}/",
    "skipped": "skipped/",
    "shipments": "shipments/",
    "invoices": "invoices/",
    "inventory": "inventory/",
    "products": "products/",
    "aliases": "aliases/",
    "shipping codes": "ship-methods/",
    "alerts": "alerts/",
    "connections": "connections/",
    "a connection": "connections/{cart}/",
    "its files": "connections/{cart}/files/",
    "its runs": "connections/{cart}/runs/",
    "audit log": "settings/audit/",
}


def measure(orders: int, rounds: int) -> dict[str, Any]:
    """Fill a database of its own with so many orders and open every page `rounds` times."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cartrover.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    call_command("migrate", verbosity=0)
    account, user, facts = _lived_in()
    from benchmarks.many_orders import fill

    began = time.perf_counter()
    there = fill(orders)
    filled = time.perf_counter() - began
    client = Client(SERVER_NAME="localhost", raise_request_exception=True)
    client.force_login(user)
    facts["after"] = _second_page(client, f"/a/{account.slug}/orders/")
    figures: dict[str, Any] = {}
    for name, path in PAGES.items():
        address = f"/a/{account.slug}/{path.format(**facts)}"
        answer = client.get(address)
        if answer.status_code not in (200, 302):  # the only hit leads straight to its order
            raise SystemExit(f"{address} answered {answer.status_code}")
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
            number = len(queries)
        times = []
        for _ in range(rounds):
            started = time.perf_counter()
            client.get(address)
            times.append((time.perf_counter() - started) * 1000)
        times.sort()
        figures[name] = {"p50": statistics.median(times), "p95": times[int(len(times) * 0.95)], "queries": number}
    return {"orders": there, "filled": filled, "pages": figures}


def _second_page(client: Any, path: str) -> str:
    """Return what leads from the list's first page to its second."""
    found = re.search(r"[?&;]after=([^\"&]+)", client.get(path).content.decode())
    if found is None:
        raise SystemExit(f"{path} has no second page")
    return found[1]


def _lived_in() -> tuple[Any, Any, dict[str, str]]:
    """Let the demo's orders go round on sandboxes of its own; return the account, its owner and ids for addresses."""
    from django.conf import settings

    from cartrover.accounts.models import Account, User
    from connectors.models import Connection
    from connectors.sandbox_flow import Flow
    from connectors.sandboxes import Sandboxes
    from orders import demo
    from orders.models import Order, OrderLine

    boxes = Sandboxes(settings.VAR / "sandbox")
    Flow(boxes)
    boxes.start()
    try:
        made = demo.set_up()
        boxes.do("quickbooks_commerce", "pack_and_ship", {"all": True})
        demo.run_round()
    finally:
        boxes.stop()
    account = Account.objects.get(slug="demo")
    order = Order.objects.for_account(account).exclude(hold="").first() or Order.objects.for_account(account).get()
    sent = Order.objects.for_account(account).filter(hold="").first()
    line = OrderLine.objects.for_account(account).first()
    if sent is None or line is None:
        raise SystemExit("the demo's orders were not sent")
    facts = {
        "order": str(sent.public_id),
        "number": sent.cust_po_no,
        "retailer": order.retailer_name,
        "sku": line.item,
        "day": str(order.created_at.date()),
        "cart": str(Connection.objects.for_account(account).get(side="cart").public_id),
    }
    return account, User.objects.get(email=made.email), facts


def _child(orders: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="cartrover-bench-") as folder:
        environment = {
            "CARTROVER_VAR": folder,
            "CELERY_BROKER_URL": "",
            "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.pages", "--one", str(orders), "--rounds", str(rounds)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=3600,
        )
        if done.returncode:
            raise SystemExit(f"pages with {orders} orders failed")
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, nargs=2, default=[10_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one is not None:
        print(json.dumps(measure(wanted.one, wanted.rounds)))
        return
    few, many = (_child(number, wanted.rounds) for number in wanted.orders)
    print(f"pages, milliseconds at the median (95th percentile) with {few['orders']:,} and {many['orders']:,} orders")
    slow = []
    for name, one in few["pages"].items():
        other = many["pages"][name]
        queries = str(one["queries"]) if one["queries"] == other["queries"] else f"{one['queries']} and {other['queries']}!"
        print(
            f"  {name:26} {one['p50']:7.1f} ({one['p95']:6.1f}) {other['p50']:7.1f} ({other['p95']:6.1f})"
            f"  {other['p50'] / one['p50']:5.2f} times  {queries} queries"
        )
        if other["p50"] > GOAL_MS:
            slow.append(name)
    print(f"  goal: under {GOAL_MS:.0f} ms; over it: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
