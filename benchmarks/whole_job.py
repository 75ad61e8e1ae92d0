"""10,000 orders of 2 lines, fetched from an SFTP server, stored, sent by one POST each, with durable states: the hub beside a
bare script, in one run.

    python -m benchmarks.whole_job [--orders 10000] [--rounds 3] [--database sqlite postgres] [--delay 0 50]

The bare script (bare_whole_job.py) does the same with as many threads and without whatever keeps an order from being lost or
sent twice. Goals on a quiet machine with 2 cores: 1,000 orders a second to a far side that answers at once, 300 to one that
takes 50 ms. `--profile own` prints where the time of the hub's delivery goes, with one round and no floor.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.children import Figures, cart_with, child, hub
from benchmarks.databases import DATABASES, Fresh, file_of, fresh_databases
from benchmarks.json_sink import Sink, sink

THREADS = 32
GOALS = {0: 1000, 50: 300}


def _hub(login: dict[str, str], far: Sink, fresh: Fresh, orders: int, profile: str) -> Figures:
    with tempfile.TemporaryDirectory(prefix="bench-hub-") as folder:
        figures = hub("hub_whole_job", json.dumps(login), far.url, profile, folder=folder, database=fresh())
    counts = far.counts()
    if counts["orders"] != orders or figures["deliver_counts"].get("sent") != orders:
        raise SystemExit(f"the hub didn't deliver all orders: {figures}, {counts}")
    figures["seconds"] = figures["store"] + figures["deliver"]
    figures["cpu"] = figures["store_cpu"] + figures["deliver_cpu"]
    return {**figures, "requests": counts["requests"] - 1}  # the connection test asked once


def measure(login: dict[str, str], name: str, far: Sink, fresh: Fresh, options: argparse.Namespace) -> list[dict[str, Figures]]:
    """Run both in turn, so that a machine that gets slower or faster does so for each of them."""
    rounds = []
    if options.profile:
        _hub(login, far, fresh, options.orders, options.profile)
    for _ in range(0 if options.profile else options.rounds):
        bare = child("bare_whole_job", json.dumps(login), name, file_of(fresh()), far.url, str(THREADS))
        bare["requests"] = far.counts()["requests"]
        rounds.append({"bare": bare, "hub": _hub(login, far, fresh, options.orders, "")})
    return rounds


def main() -> int:
    """Print all figures and the ratios; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--delay", nargs="+", type=int, default=list(GOALS), help="milliseconds until the far side answers")
    parser.add_argument("--profile", choices=("own", "calls"), default="")
    options = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, cart_with(options.orders, Path(scratch)) as (login, file):
        for database in options.database:
            (home := Path(scratch) / database).mkdir()
            with fresh_databases(database, home) as fresh:
                for delay in options.delay:
                    with sink(delay) as far:
                        rounds = measure(login, file["name"], far, fresh, options)
                    if rounds:
                        what = f"{database}, answers after {delay} ms"
                        missed += not _report(what, rounds, options.orders, GOALS.get(delay))
    return 1 if missed else 0


def _median(rounds: list[dict[str, Figures]], who: str, figure: str) -> float:
    return statistics.median(one[who][figure] for one in rounds)


def _ratio(rounds: list[dict[str, Figures]], figure: str) -> float:
    return statistics.median(one["hub"][figure] / one["bare"][figure] for one in rounds)


def _report(what: str, rounds: list[dict[str, Figures]], orders: int, goal: int | None) -> bool:
    print(f"whole job, {orders} orders, {what}")
    for who, words in (("bare", "bare script"), ("hub", "hub")):
        seconds, busy = _median(rounds, who, "seconds"), _median(rounds, who, "cpu")
        requests = _median(rounds, who, "requests")
        print(
            f"  {words:12} {seconds:7.2f} s (store {_median(rounds, who, 'store'):.2f}) {orders / seconds:7.0f} orders/s "
            f"{busy / orders * 1000:6.2f} ms of processor an order {requests / orders:6.3f} requests an order"
        )
    parts = {
        "storing": _median(rounds, "hub", "store_cpu"),
        "claiming and writing down": _median(rounds, "hub", "deliver_cpu_of_main_thread"),
        "sending": _median(rounds, "hub", "deliver_cpu") - _median(rounds, "hub", "deliver_cpu_of_main_thread"),
    }
    print("  the hub's processor, ms an order: " + ", ".join(f"{name} {of / orders * 1000:.2f}" for name, of in parts.items()))
    print(f"  ratio to the floor {_ratio(rounds, 'seconds'):.2f}, in processor seconds {_ratio(rounds, 'cpu'):.2f}")
    speed = orders / _median(rounds, "hub", "seconds")
    if goal:
        print(f"  goal: {goal} orders/s: {'met' if speed >= goal else 'missed'}")
    return goal is None or speed >= goal


if __name__ == "__main__":
    sys.exit(main())
