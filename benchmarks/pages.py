"""How long the portal's pages and the API's answers take to make with few and with many orders in the account, side by side.

    python -m benchmarks.pages [--orders 10000 1000000] [--rounds 5] [--database sqlite postgres]

`--orders 10000 10000000 --database postgres` takes 50 GB of disk and up to an hour, and writes to a section of its own.

Goals: under 50 ms at the median with many orders, not more than half as much again as with few, neither at the median nor at
the 95th percentile, and with as many queries. Both databases hold copies of the same orders, which went round through the
sandboxes; the times are those of the whole answer, from the request's middleware to its last byte, without the network. Each
page is opened `--rounds` times with few orders and as often with many, in three turns, so that both meet the same machine.
Where others use the machine too, look at what a page took of the processor, which has SQLite in it. Three old orders are unlike
all others: what is asked for them must be as quick.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.children import asked_hub
from benchmarks.databases import DATABASES, Fresh, fresh_databases
from benchmarks.hubs import set_up
from benchmarks.results import Results, results

ORDERS = [10_000, 1_000_000]
TURNS = 3
GOAL_MS = 50.0
GOAL_GROWTH = 1.5

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
    "orders of a day long ago": "orders/?since=1901-01-01&until=1901-01-31",
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
    "acting on all of a retailer": "orders/bulk/all/?retailer={retailer}",
    "acting on all with a SKU": "orders/bulk/all/?sku={sku}",
    "acting on all of a rare name": "orders/bulk/all/?q=zebedee",
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

API = {
    "API: an order": "/v1/merchant/orders/{ref}",
    "API: where an order stands": "/v1/merchant/orders/status/{ref}",
    "API: new orders": "/v1/merchant/orders/list/new",
    "API: orders at the WMS": "/v1/merchant/orders/list/at_wms",
    "API: shipped orders, the second page": "/v1/merchant/orders/list/shipped?page=2",
    "API: orders of one day": "/v1/merchant/orders/list/any?from_date={day}&to_date={day}",
    "API: all orders": "/v1/merchant/orders/list/any",
    "API: orders of a rare cart": "/v1/merchant/orders/list/any?order_source=Quiet+cart",
    "API: orders of no cart": "/v1/merchant/orders/list/any?order_source=Nobody",
    "API: orders on hold": "/v1/merchant/orders/list/error",
    "API: orders on hold of one day": "/v1/merchant/orders/list/error?from_date={day}&to_date={day}",
    "API: orders on hold of a day long ago": "/v1/merchant/orders/list/error?to_date=1901-01-31",
    "API: confirmed orders of one day": "/v1/merchant/orders/list/confirmed?from_date={day}&to_date={day}",
    "API: shipped orders of one day": "/v1/merchant/orders/list/shipped?from_date={day}&to_date={day}",
    "API: new orders and those at the WMS": "/v1/merchant/orders/list/new_or_at_wms",
    "API: stock": "/v1/merchant/inventory",
}


def answer_lines(orders: int, rounds: int) -> None:
    """Fill a database of its own with so many orders and say how; then open each page that a line names `rounds` times."""
    set_up()
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    sys.stdin.readline()
    with contextlib.redirect_stdout(sys.stderr):  # the answers' own
        account, user, facts, there, filled = _filled(orders)
    print(json.dumps({"orders": there, "filled": filled, "bytes_per_order": _database_bytes() / there}), flush=True)
    client = Client(SERVER_NAME="localhost", raise_request_exception=True)
    client.force_login(user)
    facts["after"] = _second_page(client, f"/a/{account.slug}/orders/")
    keys: dict[str, str] = {}
    for name in map(str.strip, sys.stdin):
        if name in API:
            address = API[name].format(**facts)
            if name not in keys:
                keys[name] = _key_for(account, name)
            headers = {"Authorization": keys[name]}
        else:
            address, headers = f"/a/{account.slug}/{PAGES[name].format(**facts)}", {}
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address, headers=headers)
            number = len(queries)
        if answer.status_code not in (200, 302):  # the only hit leads straight to its order
            raise SystemExit(f"{address} answered {answer.status_code}")
        times, work = [], []
        for _ in range(rounds):
            started, worked = time.perf_counter(), time.process_time()
            client.get(address, headers=headers)
            times.append((time.perf_counter() - started) * 1000)
            work.append((time.process_time() - worked) * 1000)
        print(json.dumps({"times": times, "work": work, "queries": number}), flush=True)


def _filled(orders: int) -> tuple[Any, Any, dict[str, str], int, float]:
    """Fill the database; return the account, its owner, what stands in addresses, how many orders there are, and seconds."""
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    account, user, facts = _lived_in()
    from benchmarks.many_orders import fill

    began = time.perf_counter()
    there = fill(orders)
    facts |= _three_unlike_the_others(account)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as its own housekeeping does after a while
    return account, user, facts, there, time.perf_counter() - began


def _key_for(account: Any, name: str) -> str:
    """Return the header of a key that asks for just this: each key has a bucket of its own, which holds 100 calls."""
    from orders.models import ApiLevel
    from orders.programs.api_keys import key_make

    key, secret = key_make(account=account, name=name, level=ApiLevel.MERCHANT, cart=None, actor="bench")
    return "Basic " + base64.b64encode(f"{key.api_user}:{secret}".encode()).decode()


def _database_bytes() -> int:
    """Return how large the database is, indexes included."""
    from django.db import connection

    asked = "SELECT pg_database_size(current_database())"
    if connection.vendor == "sqlite":
        asked = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return int(cursor.fetchone()[0])


def _three_unlike_the_others(account: Any) -> dict[str, str]:
    """Let three of the oldest orders be of a retailer, a cart and a buyer of their own, each with a SKU that no other has."""
    from cartrover.ids import new_id
    from connectors.models import Connection
    from orders.acts.bulk_work import ORDERS
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
        "ref": sent.cust_ref,
        "retailer": order.retailer_name,
        "sku": line.item,
        "day": str(order.created_at.date()),
        "cart": str(Connection.objects.for_account(account).get(side="cart").public_id),
    }
    return account, User.objects.get(email=made.email), facts


def main() -> int:
    """Print all figures; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, nargs=2, default=ORDERS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=["sqlite"])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one is not None:
        answer_lines(wanted.one, wanted.rounds)
        return 0
    missed = 0
    section = "" if wanted.orders == ORDERS else f"pages with {wanted.orders[1]:,} orders"
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, results(section) as found:
        for database in wanted.database:
            (home := Path(scratch) / database).mkdir()
            with fresh_databases(database, home) as fresh:
                few, many = _measured(wanted.orders, wanted.rounds, fresh)
            missed += not _report(found, database, few, many)
    return 1 if missed else 0


def _measured(orders: Sequence[int], rounds: int, fresh: Fresh) -> list[dict[str, Any]]:
    """Fill a database for each number of orders, then open each page with few and with many in turn."""
    with contextlib.ExitStack() as stack:
        asks = []
        for number in orders:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-hub-"))
            options = ("--one", str(number), "--rounds", str(rounds))
            asks.append(stack.enter_context(asked_hub("pages", *options, folder=folder, database=fresh())))
        found = [ask("fill") | {"pages": {}} for ask in asks]
        for name in PAGES | API:
            turns = [[ask(name) for ask in asks] for _ in range(TURNS + 1)][1:]  # the first finds nothing in memory
            for one, answers in zip(found, zip(*turns, strict=True), strict=True):
                one["pages"][name] = _figures(answers)
        return found


def _figures(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    times = sorted(time for answer in answers for time in answer["times"])
    work = [time for answer in answers for time in answer["work"]]
    p95 = times[int(len(times) * 0.95)]
    return {"p50": statistics.median(times), "p95": p95, "work": statistics.median(work), "queries": answers[-1]["queries"]}


def _report(found: Results, database: str, few: dict[str, Any], many: dict[str, Any]) -> bool:
    rows, slow, grown = [], [], []
    for name, one in few["pages"].items():
        other = many["pages"][name]
        queries = str(one["queries"]) if one["queries"] == other["queries"] else f"{one['queries']} and {other['queries']}!"
        growth = {figure: other[figure] / one[figure] for figure in ("p50", "p95")}
        times = [f"{of['p50']:.1f} ({of['p95']:.1f}; {of['work']:.1f})" for of in (one, other)]
        rows.append([name, *times, f"{growth['p50']:.2f} ({growth['p95']:.2f})", queries])
        slow += [name] if other["p50"] > GOAL_MS else []
        grown += [name] if max(growth.values()) > GOAL_GROWTH else []
    few_orders, many_orders = (f"{one['orders']:,} orders" for one in (few, many))
    found.add(
        f"Milliseconds at the median (95th percentile; processor), {database}",
        ["page", few_orders, many_orders, "times", "queries"],
        rows,
        f"Goal of under {GOAL_MS:.0f} ms; over it: {', '.join(slow) or 'none'}.",
        f"Goal of at most {GOAL_GROWTH} times as long; longer: {', '.join(grown) or 'none'}.",
        f"Filled in {few['filled']:.0f} and {many['filled']:.0f} s; {many['bytes_per_order']:,.0f} bytes of database an order.",
    )
    return not slow and not grown


if __name__ == "__main__":
    sys.exit(main())
