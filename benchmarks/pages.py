"""How long the portal's pages take to make with 10,000 and with 1,000,000 orders in the account, side by side.

    python -m benchmarks.pages [--orders 10000 1000000] [--rounds 15] [--database URL]

On SQLite, or with a URL (else DATABASE_URL) on that PostgreSQL server, in databases of its own that are gone at the end; on a
server that is there for this run alone:

    python -m tests.servers.services run python -m benchmarks.pages

Goal: under 50 ms at the median with a million orders, with as many queries as with few. Both databases hold copies of the same
orders, which went round through the sandboxes; the times are those of the whole answer, from the request's middleware to its
last byte, without the network. Three old orders of all are unlike the others: what is asked for them must be as quick.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
    "orders of a day long ago": "orders/?since=2001-01-01&until=2001-01-31",
    "orders of no day": "orders/?since=2999-01-01",
    "orders of a rare retailer": "orders/?retailer=quiet+corner",
    "orders of no retailer": "orders/?retailer=nobody",
    "retailer and status": "orders/?retailer={retailer}&status=canceled",
    "rare retailer and day": "orders/?retailer=quiet&since={day}",
    "orders of a rare cart": "orders/?cart={quiet_cart}",
    "orders with a rare SKU": "orders/?sku=RARE-1",
    "orders with no SKU": "orders/?sku=NOT-THERE",
    "SKU and status": "orders/?sku={sku}&status=canceled",
    "a rare name": "orders/?q=zebedee",
    "no name": "orders/?q=nobody-of-this-name",
    "a status that is rare": "orders/?status=partial",
    "a status that none has": "orders/?status=canceled",
    "a rare hold": "orders/?hold=refused",
    "a hold that none has": "orders/?hold=incomplete",
    "a saved view": "orders/?view={view}&status=error",
    "acting on all on hold": "orders/bulk/all/?status=error",
    "an order": "orders/{order}/",
    "editing an order": "orders/{held}/edit/",
    "work on many": "work/{job}/",
    "skipped": "skipped/",
    "shipments": "shipments/",
    "shipments not told": "shipments/?show=untold",
    "shipments, no tracking": "shipments/?show=no_tracking",
    "invoices": "invoices/",
    "invoices not told": "invoices/?show=untold",
    "inventory": "inventory/",
    "products": "products/",
    "aliases": "aliases/",
    "shipping codes": "ship-methods/",
    "alerts": "alerts/",
    "connections": "connections/",
    "a new connection": "connections/new/",
    "a connection": "connections/{cart}/",
    "its settings": "connections/{cart}/settings/",
    "its set-up guide": "connections/{cart}/setup/",
    "its jobs": "connections/{cart}/setup/jobs/",
    "going live": "connections/{cart}/go-live/",
    "going live, before it": "connections/{quiet_cart}/go-live/",
    "reading files again": "connections/{cart}/backfill/",
    "help with it": "connections/{cart}/help/",
    "its files": "connections/{cart}/files/",
    "its runs": "connections/{cart}/runs/",
    "help": "help/",
    "account": "settings/",
    "members": "settings/members/",
    "notifications": "settings/notifications/",
    "API keys": "settings/keys/",
    "export": "settings/export/",
    "audit log": "settings/audit/",
    "audit log of a person": "settings/audit/?actor=nobody",
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
    facts |= _three_unlike_the_others(account)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as its own housekeeping does after a while
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


def _three_unlike_the_others(account: Any) -> dict[str, str]:
    """Let three of the oldest orders be of a retailer, a cart and a buyer of their own, each with a SKU that no other has."""
    from cartrover.ids import new_id
    from connectors.models import Connection
    from orders.bulk_work import ORDERS
    from orders.models import Job, Order, OrderLine, SavedView

    cart = Connection.objects.for_account(account).get(side="cart")
    cart.pk, cart.public_id, cart.name, cart.live = None, new_id(), "Quiet cart", False
    cart.remote_identity = ""
    cart.save(force_insert=True)
    oldest = list(Order.objects.for_account(account).order_by("created_at", "pk")[:3])
    rows = Order.objects.for_account(account).filter(pk__in=[order.pk for order in oldest])
    rows.update(source=cart, retailer_name="Quiet Corner", ship_name="Zebedee Quill", state="sent", shipped_quantity=1, hold="")
    rows.filter(pk=oldest[0].pk).update(hold="refused", hold_words="The WMS refused it.")
    OrderLine.objects.for_account(account).filter(order__in=rows).update(item="RARE-1")
    asked = {"act": "hold", "query": {"status": "error"}}
    job = Job.objects.for_account(account).create(kind=ORDERS, asked=asked, actor="bench@example.com")
    view = SavedView.objects.for_account(account).create(name="Held", query={"status": "error"})
    return {"quiet_cart": str(cart.public_id), "job": str(job.public_id), "view": str(view.public_id)}


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
        "held": str(order.public_id),
        "number": sent.cust_po_no,
        "retailer": order.retailer_name,
        "sku": line.item,
        "day": str(order.created_at.date()),
        "cart": str(Connection.objects.for_account(account).get(side="cart").public_id),
    }
    return account, User.objects.get(email=made.email), facts


@contextlib.contextmanager
def _database(server: str) -> Iterator[str]:
    """Give the URL of a database that is there for as long as it is used; none on SQLite, which has its file."""
    if not server:
        yield ""
        return
    import psycopg

    name = f"cartrover_bench_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]  # a name can't be a parameter; it is ours
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]  # as above


def _child(orders: int, rounds: int, server: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="cartrover-bench-") as folder, _database(server) as database:
        environment = {
            "CARTROVER_VAR": folder,
            "CELERY_BROKER_URL": "",
            "DATABASE_URL": database,
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
    parser.add_argument("--database", default=os.environ.get("DATABASE_URL", ""), help="a PostgreSQL server; else SQLite")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one is not None:
        print(json.dumps(measure(wanted.one, wanted.rounds)))
        return
    few, many = (_child(number, wanted.rounds, wanted.database) for number in wanted.orders)
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
