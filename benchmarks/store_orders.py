"""Orders of 2 lines with 223 columns, from the SFTP server to committed rows: the hub beside a bare script, in one run.

    python -m benchmarks.store_orders [--orders 20000] [--rounds 3] [--database sqlite postgres]

The bare script fetches the same file, parses it with csv.reader and inserts its rows in one transaction, by COPY on PostgreSQL.
Goals: at most 4 times its time on SQLite and 2 times on PostgreSQL, in under 300 MB. A second floor keeps thirty columns only;
it is there to be beaten one day. `--profile own` prints where the hub's time goes, with one round and no floor.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.children import Figures, cart_with, child, hub
from benchmarks.databases import DATABASES, Fresh, file_of, fresh_databases
from benchmarks.results import Results, results

GOAL_RATIO = {"sqlite": 4.0, "postgres": 2.0}
GOAL_MB = 300.0

Runs = dict[str, list[Figures]]


def _hub(login: dict[str, str], fresh: Fresh, profile: str) -> Figures:
    with tempfile.TemporaryDirectory(prefix="bench-hub-") as folder:
        return hub("hub_store", json.dumps(login), profile, folder=folder, database=fresh())


def measure(login: dict[str, str], name: str, rounds: int, fresh: Fresh) -> Runs:
    """Run all in turn, so that a machine that gets slower or faster does so for each of them."""
    runs: Runs = {"bare": [], "lean": [], "hub": []}
    for _ in range(rounds):
        runs["bare"].append(child("bare_store", json.dumps(login), name, file_of(fresh())))
        runs["hub"].append(_hub(login, fresh, ""))
        runs["lean"].append(child("bare_store", json.dumps(login), name, file_of(fresh()), "lean"))
    return runs


def main() -> int:
    """Print all figures and the ratios; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--profile", choices=("own", "calls"), default="")
    options = parser.parse_args()
    missed = 0
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as scratch,
        cart_with(options.orders, Path(scratch)) as (login, file),
        results() as found,
    ):
        for database in options.database:
            (home := Path(scratch) / database).mkdir()
            with fresh_databases(database, home) as fresh:
                if options.profile:
                    _hub(login, fresh, options.profile)
                else:
                    missed += not _report(
                        found, database, file, measure(login, file["name"], options.rounds, fresh), options.orders
                    )
    return 1 if missed else 0


def _ratio(runs: Runs, floor: str, figure: str) -> float:
    pairs = zip(runs["hub"], runs[floor], strict=True)
    return statistics.median(ours[figure] / theirs[figure] for ours, theirs in pairs)


def _report(found: Results, database: str, file: dict[str, Any], runs: Runs, orders: int) -> bool:
    if any(one["counts"].get("orders") != orders for one in runs["hub"]):
        raise SystemExit(f"the hub didn't store all orders: {runs['hub']}")
    peak = max(one["peak_mb"] for one in runs["hub"])
    ratio, goal = _ratio(runs, "bare", "seconds"), GOAL_RATIO[database]
    rows = []
    for who, words in (("bare", "bare script"), ("lean", "bare script, 30 columns"), ("hub", "hub")):
        seconds, busy = (statistics.median(one[figure] for one in runs[who]) for figure in ("seconds", "cpu"))
        rows.append([words, f"{seconds:.2f}", f"{orders / seconds:,.0f}", f"{busy / orders * 1000:.3f}"])
    found.add(
        f"{orders:,} orders, {file['rows']:,} rows, {file['columns']} columns, {file['size'] / 1e6:.1f} MB, {database}",
        ["", "seconds", "orders/s", "processor ms an order"],
        rows,
        f"Ratio to the bare script {ratio:.2f} in seconds, {_ratio(runs, 'bare', 'cpu'):.2f} in processor time.",
        f"Ratio to the one with 30 columns {_ratio(runs, 'lean', 'seconds'):.2f} and {_ratio(runs, 'lean', 'cpu'):.2f}.",
        f"Goal of at most {goal:.0f} times the bare script's seconds: {'met' if ratio <= goal else 'missed'}.",
        f"Peak memory of the hub {peak:.0f} MB; goal of under {GOAL_MB:.0f}: {'met' if peak < GOAL_MB else 'missed'}.",
    )
    return ratio <= goal and peak < GOAL_MB


if __name__ == "__main__":
    sys.exit(main())
