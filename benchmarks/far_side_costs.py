"""What the hub asks of a far side: requests per order, per page of shipments and per 1,000 stock levels, and what a large
catalogue costs the hub itself, changed and unchanged.

    python -m benchmarks.far_side_costs [--orders 1000] [--skus 100000] [--database sqlite postgres]

Both far sides are the sandboxes, which count. Goals: at most 1.1 requests an order once items and customers are known, one page
of 250 packages at a time, and no file for the cart where no stock has changed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.children import Figures, hub, sandbox
from benchmarks.databases import DATABASES, fresh_databases
from benchmarks.results import Results, results
from connectors.contract import RunningSandbox

SKUS = ["CAP-001", "CAP-002", "TEE-001", "MUG-001"]
PAGE = 250
"""Rows of the largest page that QuickBooks Commerce gives."""

AT_ONCE = 2_000
CHANGED = 1_000


def main() -> int:
    """Print all figures; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1_000)
    parser.add_argument("--skus", type=int, default=100_000)
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=["postgres"])
    options = parser.parse_args()
    missed = 0
    with results() as found:
        for database in options.database:
            missed += not _measure(found, database, options.orders, options.skus)
    return 1 if missed else 0


def _measure(found: Results, database: str, orders: int, skus: int) -> bool:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as scratch,
        sandbox("dsco", f"{scratch}/dsco") as cart,
        sandbox("quickbooks_commerce", f"{scratch}/wms") as wms,
    ):
        (home := Path(scratch) / database).mkdir()
        with fresh_databases(database, home) as fresh:
            installation = {"folder": scratch, "database": fresh()}
            sides = {
                "quickbooks_commerce": {"settings": dict(wms.settings), "secrets": dict(wms.secrets)},
                "dsco": {"settings": {**cart.settings, "tell_all_products": "yes"}, "secrets": dict(cart.secrets)},
            }
            wms.drive("set", rate_limit=1_000_000)  # requests are counted, not waited for
            hub("hub_steps", "connect", json.dumps(sides), **installation)
            asked = _orders(found, database, cart, wms, orders, installation)
            return _stock(found, database, wms, skus, installation) and asked


def _asked(wms: RunningSandbox) -> dict[str, Any]:
    """Return how many requests came since the last time, by route."""
    counters: dict[str, Any] = wms.drive("requests")["counters"]
    wms.drive("clear_requests")
    return counters


def _orders(
    found: Results, database: str, cart: RunningSandbox, wms: RunningSandbox, orders: int, installation: dict[str, str]
) -> bool:
    for sku in SKUS:
        wms.drive("set_stock", sku=sku, quantity=10_000_000)
    cart.drive("place_orders", count=3, retailers=3, skus=SKUS)
    cart.drive("export")
    hub("hub_steps", "order_download", "order_delivery", **installation)
    cart.drive("place_orders", count=orders, retailers=3, lines=2, skus=SKUS, quiet=True)
    cart.drive("export")
    _asked(wms)
    hub("hub_steps", "order_download", "order_delivery", **installation)
    asked = _asked(wms)["total"]
    wms.drive("pack_and_ship", all=True)
    _asked(wms)
    figures = hub("hub_steps", "shipment_pickup", **installation)
    counters = _asked(wms)
    hub("hub_steps", "shipment_pickup", **installation)
    by_route = ", ".join(f"{route} {count}" for route, count in counters["by_route"].items())
    packages = f"{orders + 3} packages, {math.ceil((orders + 3) / PAGE)} pages of {PAGE}"
    found.add(
        f"Requests, {database}",
        ["", "requests"],
        [
            [f"{orders} orders", f"{asked}, {asked / orders:.3f} an order"],
            [packages, f"{counters['total']}: {by_route}"],
            ["no packages since", str(_asked(wms)["total"])],
        ],
        f"Packages: {_words(figures, 'shipment_pickup')}.",
        f"Goal of at most 1.1 requests an order: {'met' if asked <= 1.1 * orders else 'missed'}.",
    )
    return asked <= 1.1 * orders


def _stock(found: Results, database: str, wms: RunningSandbox, skus: int, installation: dict[str, str]) -> bool:
    for first in range(0, skus, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, skus))
        wms.drive(
            "add_products", products=[{"sku": f"BENCH-{at:06}", "name": f"Part {at}", "stock": {"Main": 5}} for at in numbers]
        )
    rows, unneeded = [], 0
    for what, changes in (("all new", 0), ("none changed", 0), (f"{CHANGED:,} changed", CHANGED)):
        for at in range(changes):
            wms.drive("set_stock", sku=f"BENCH-{at:06}", quantity=7)
        _asked(wms)
        figures = hub("hub_steps", "inventory_pickup", "inventory_upload", **installation)
        asked, told = _asked(wms)["total"], figures["inventory_upload"]["counts"].get("skus", 0)
        took = [f"{figures[name][of]:.1f}" for name in ("inventory_pickup", "inventory_upload") for of in ("seconds", "cpu")]
        rows.append([what, f"{asked}", f"{asked / skus * 1000:.2f}", f"{told:,}", *took, f"{figures['peak_mb']:.0f}"])
        unneeded += told if what == "none changed" else 0
    found.add(
        f"{skus:,} SKUs, {database}",
        ["", "requests", "per 1,000", "rows told", "reading s", "processor s", "telling s", "processor s", "peak MB"],
        rows,
        f"Goal of no file where nothing has changed: {'missed' if unneeded else 'met'}.",
    )
    return not unneeded


def _words(figures: Figures, *names: str) -> str:
    return ", ".join(f"{name} {figures[name]['seconds']:.1f} s ({figures[name]['cpu']:.1f} s of processor)" for name in names)


if __name__ == "__main__":
    sys.exit(main())
