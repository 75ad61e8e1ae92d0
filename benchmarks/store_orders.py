"""20,000 orders of 2 lines with 223 columns, from the SFTP server to committed rows: the hub beside a bare script, in one run.

    python -m benchmarks.store_orders [--orders 20000] [--rounds 3]

The bare script fetches the same file, parses it with csv.reader and inserts its rows in one SQLite transaction. Goal: at most 4
times its time, in under 300 MB. A second floor keeps thirty columns only; it is there to be beaten one day.
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

from connectors import registry
from connectors.contract import RunningSandbox

ROOT = Path(__file__).resolve().parent.parent
GOAL_RATIO = 4.0
GOAL_MB = 300.0

Runs = dict[str, list[dict[str, Any]]]


def _child(module: str, *arguments: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _hub(login: dict[str, str], folder: str) -> dict[str, Any]:
    return _child(
        "hub_store",
        json.dumps(login),
        CARTROVER_VAR=folder,
        DATABASE_URL="",
        CELERY_BROKER_URL="",
        OUTBOUND_ALLOWED_NETWORKS="127.0.0.0/8",
    )


def measure(box: RunningSandbox, name: str, rounds: int, scratch: Path) -> Runs:
    """Run all in turn, so that a machine that gets slower or faster does so for each of them."""
    login = {**box.settings, **box.secrets}
    runs: Runs = {"bare": [], "lean": [], "hub": []}
    for number in range(rounds):
        runs["bare"].append(_child("bare_store", json.dumps(login), name, str(scratch / f"bare-{number}.sqlite3")))
        (scratch / f"hub-{number}").mkdir()
        runs["hub"].append(_hub(login, str(scratch / f"hub-{number}")))
        runs["lean"].append(_child("bare_store", json.dumps(login), name, str(scratch / f"lean-{number}.sqlite3"), "lean"))
    return runs


def main() -> int:
    """Print all figures and the ratios; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    start = registry.get("dsco").sandbox
    if start is None:
        raise SystemExit("the dsco connector has no sandbox to measure against")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        box = start(f"{folder}/dsco", {})
        try:
            box.drive("settings", archive_after_download=False)
            box.drive("place_orders", count=options.orders, lines=2, retailers=3, skus=500, quiet=True)
            exported = box.drive("export", columns=223)
            runs = measure(box, exported["name"], options.rounds, Path(folder))
        finally:
            box.stop()
    return _report(exported, runs, options.orders)


def _ratio(runs: Runs, floor: str, figure: str) -> float:
    pairs = zip(runs["hub"], runs[floor], strict=True)
    return statistics.median(ours[figure] / theirs[figure] for ours, theirs in pairs)


def _report(exported: dict[str, Any], runs: Runs, orders: int) -> int:
    if any(one["counts"].get("orders") != orders for one in runs["hub"]):
        raise SystemExit(f"the hub didn't store all orders: {runs['hub']}")
    seconds = {who: statistics.median(one["seconds"] for one in many) for who, many in runs.items()}
    peak = max(one["peak_mb"] for one in runs["hub"])
    ratio = _ratio(runs, "bare", "seconds")
    print(f"store {orders} orders, {exported['rows']} rows, {exported['columns']} columns, {exported['size'] / 1e6:.1f} MB")
    for who, words in (("bare", "bare script"), ("lean", "bare script, 30 columns"), ("hub", "hub")):
        print(f"  {words:24} {seconds[who]:7.2f} s {orders / seconds[who]:8.0f} orders/s")
    for floor, words in (("bare", "bare script"), ("lean", "30 columns only")):
        wall, busy = _ratio(runs, floor, "seconds"), _ratio(runs, floor, "cpu")
        print(f"  ratio to the {words:15} {wall:5.2f}, in processor seconds {busy:5.2f}")
    print(f"  goal: at most {GOAL_RATIO:.0f} times the bare script")
    print(f"  peak memory of the hub {peak:.0f} MB (goal under {GOAL_MB:.0f})")
    return 0 if ratio <= GOAL_RATIO and peak < GOAL_MB else 1


if __name__ == "__main__":
    sys.exit(main())
