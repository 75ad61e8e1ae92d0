"""10,000 orders of 2 lines, fetched from an SFTP server, stored, sent by one POST each, with durable states: the hub beside a
bare script, in one run.

    python -m benchmarks.whole_job [--orders 10000] [--rounds 3] [--database sqlite postgres] [--delay 0 50]
        [--processes 1 2]

The bare script (bare_whole_job.py) does the same with as many threads and without whatever keeps an order from being lost or
sent twice. With two processes one stores and both deliver, as workers do. Goals on a quiet machine with 2 cores: 1,000 orders a
second to a far side that answers at once, 300 to one that takes 50 ms. `--profile own` prints where the time of the hub's
delivery goes, with one round and no floor.
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
from benchmarks.results import Results, results

THREADS = 32
GOALS = {0: 1000, 50: 300}
WORDS = {"bare": "bare script"}


def _hub(login: dict[str, str], far: Sink, fresh: Fresh, orders: int, processes: int, profile: str) -> Figures:
    with tempfile.TemporaryDirectory(prefix="bench-hub-") as folder:
        figures = hub("hub_whole_job", json.dumps(login), far.url, str(processes), profile, folder=folder, database=fresh())
    counts = far.counts()
    if counts["orders"] != orders or figures["sent"] != orders:
        raise SystemExit(f"the hub didn't deliver all orders: {figures}, {counts}")
    figures["seconds"] = figures["store"] + figures["deliver"]
    figures["cpu"] = figures["store_cpu"] + figures["deliver_cpu"]
    return {**figures, "requests": counts["requests"] - 1}  # the connection test asked once


def measure(login: dict[str, str], name: str, far: Sink, fresh: Fresh, options: argparse.Namespace) -> list[dict[str, Figures]]:
    """Run both in turn, so that a machine that gets slower or faster does so for each of them."""
    rounds = []
    if options.profile:
        _hub(login, far, fresh, options.orders, 1, options.profile)
    for _ in range(0 if options.profile else options.rounds):
        bare = child("bare_whole_job", json.dumps(login), name, file_of(fresh()), far.url, str(THREADS))
        bare["requests"] = far.counts()["requests"]
        ours = {
            f"hub, {number} delivering": _hub(login, far, fresh, options.orders, number, "") for number in options.processes
        }
        rounds.append({"bare": bare, **ours})
    return rounds


def main() -> int:
    """Print all figures and the ratios; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--delay", nargs="+", type=int, default=list(GOALS), help="milliseconds until the far side answers")
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2], help="how many deliver at once")
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
                for delay in options.delay:
                    with sink(delay) as far:
                        rounds = measure(login, file["name"], far, fresh, options)
                    if rounds:
                        what = f"{database}, answers after {delay} ms"
                        missed += not _report(found, what, rounds, options.orders, GOALS.get(delay))
    return 1 if missed else 0


def _median(rounds: list[dict[str, Figures]], who: str, figure: str) -> float:
    return statistics.median(one[who][figure] for one in rounds)


def _ratio(rounds: list[dict[str, Figures]], who: str, figure: str) -> float:
    return statistics.median(one[who][figure] / one["bare"][figure] for one in rounds)


def _report(found: Results, what: str, rounds: list[dict[str, Figures]], orders: int, goal: int | None) -> bool:
    rows, remarks, fastest = [], [], 0.0
    for who in rounds[0]:
        seconds, busy = _median(rounds, who, "seconds"), _median(rounds, who, "cpu")
        name, requests, speed = WORDS.get(who, who), _median(rounds, who, "requests"), orders / seconds
        rows.append([
            name, f"{seconds:.2f}", f"{_median(rounds, who, 'store'):.2f}", f"{speed:,.0f}",
            f"{busy / orders * 1000:.2f}", f"{requests / orders:.3f}", f"{_ratio(rounds, who, 'seconds'):.2f}",
            f"{_ratio(rounds, who, 'cpu'):.2f}",
        ])  # fmt: skip
        if who != "bare":
            fastest = max(fastest, speed)
            remarks.append(f"{name}: processor ms an order for {_parts(rounds, who, orders)}.")
    if goal:
        remarks.append(f"Goal of {goal:,} orders/s: {'met' if fastest >= goal else 'missed'}.")
    columns = [
        "",
        "seconds",
        "of which storing",
        "orders/s",
        "processor ms an order",
        "requests an order",
        "ratio",
        "processor ratio",
    ]
    found.add(f"{orders:,} orders, {what}", columns, rows, *remarks)
    return goal is None or fastest >= goal


def _parts(rounds: list[dict[str, Figures]], who: str, orders: int) -> str:
    alone = _median(rounds, who, "deliver_cpu_of_main_thread")
    parts = {
        "storing": _median(rounds, who, "store_cpu"),
        "claiming and writing down": alone,
        "sending": _median(rounds, who, "deliver_cpu") - alone,
    }
    return ", ".join(f"{name} {of / orders * 1000:.2f}" for name, of in parts.items())


if __name__ == "__main__":
    sys.exit(main())
