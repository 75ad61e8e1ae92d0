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
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.databases import DATABASES, Fresh, file_of, fresh_databases
from benchmarks.json_sink import Sink, sink
from connectors import registry
from connectors.contract import RunningSandbox

ROOT = Path(__file__).resolve().parent.parent
THREADS = 32
GOALS = {0: 1000, 50: 300}

Figures = dict[str, Any]


def _child(module: str, *arguments: str, **environment: str) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=1800,
    )
    if done.returncode:
        raise SystemExit(f"{module} failed")
    result: Figures = json.loads(done.stdout.splitlines()[-1])
    return result


def _hub(login: dict[str, str], far: Sink, fresh: Fresh, orders: int, profile: str) -> Figures:
    with tempfile.TemporaryDirectory(prefix="bench-hub-") as folder:
        figures = _child(
            "hub_whole_job",
            json.dumps(login),
            far.url,
            profile,
            CARTROVER_VAR=folder,
            DATABASE_URL=fresh(),
            CELERY_BROKER_URL="",
            OUTBOUND_ALLOWED_NETWORKS="127.0.0.0/8",
        )
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
        bare = _child("bare_whole_job", json.dumps(login), name, file_of(fresh()), far.url, str(THREADS))
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
    start = registry.get("dsco").sandbox
    if start is None:
        raise SystemExit("the dsco connector has no sandbox to measure against")
    missed = 0
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        box = start(f"{folder}/dsco", {})
        try:
            name = _exported(box, options.orders)
            login = {**box.settings, **box.secrets}
            for database in options.database:
                (home := Path(folder) / database).mkdir()
                Path(folder).chmod(0o755)
                with fresh_databases(database, home) as fresh:
                    for delay in options.delay:
                        with sink(delay) as far:
                            rounds = measure(login, name, far, fresh, options)
                        if rounds:
                            missed += not _report(
                                f"{database}, answers after {delay} ms", rounds, options.orders, GOALS.get(delay)
                            )
        finally:
            box.stop()
    return 1 if missed else 0


def _exported(box: RunningSandbox, orders: int) -> str:
    """Put one file with all orders on the SFTP server, where it stays; return its name."""
    box.drive("settings", archive_after_download=False)
    box.drive("place_orders", count=orders, lines=2, retailers=3, skus=500, quiet=True)
    return str(box.drive("export", columns=223)["name"])


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
    print(f"  ratio to the floor {_ratio(rounds, 'seconds'):.2f}, in processor seconds {_ratio(rounds, 'cpu'):.2f}")
    speed = orders / _median(rounds, "hub", "seconds")
    if goal:
        print(f"  goal: {goal} orders/s: {'met' if speed >= goal else 'missed'}")
    return goal is None or speed >= goal


if __name__ == "__main__":
    sys.exit(main())
