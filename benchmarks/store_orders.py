"""20,000 orders of 2 lines with 223 columns, from the SFTP server to committed rows: the hub beside a bare script, in one run.

    python -m benchmarks.store_orders [--orders 20000] [--rounds 3]

Goal: at most 4 times the bare script's time, in under 300 MB.
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


def _child(module: str, *arguments: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _hub(login: dict[str, str], folder: str) -> dict[str, Any]:
    return _child(
        "hub_store", json.dumps(login), CARTROVER_VAR=folder, DATABASE_URL="", CELERY_BROKER_URL="",
        OUTBOUND_ALLOWED_NETWORKS="127.0.0.0/8",
    )  # fmt: skip


def measure(box: RunningSandbox, name: str, rounds: int, scratch: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run the two in turn, so that a machine that gets slower or faster does so for both."""
    login = {**box.settings, **box.secrets}
    bare, hub = [], []
    for number in range(rounds):
        bare.append(_child("bare_store", json.dumps(login), name, str(scratch / f"bare-{number}.sqlite3")))
        (scratch / f"hub-{number}").mkdir()
        hub.append(_hub(login, str(scratch / f"hub-{number}")))
    return bare, hub


def main() -> int:
    """Print both figures and the ratio; return 1 when a goal is missed."""
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
            bare, hub = measure(box, exported["name"], options.rounds, Path(folder))
        finally:
            box.stop()
    return _report(exported, bare, hub, options.orders)


def _report(exported: dict[str, Any], bare: list[dict[str, Any]], hub: list[dict[str, Any]], orders: int) -> int:
    if any(one["counts"].get("orders") != orders for one in hub):
        raise SystemExit(f"the hub didn't store all orders: {hub}")
    floor = statistics.median(one["seconds"] for one in bare)
    seconds = statistics.median(one["seconds"] for one in hub)
    ratio = statistics.median(ours["seconds"] / theirs["seconds"] for ours, theirs in zip(hub, bare, strict=True))
    cpu = statistics.median(ours["cpu"] / theirs["cpu"] for ours, theirs in zip(hub, bare, strict=True))
    peak = max(one["peak_mb"] for one in hub)
    print(f"store {orders} orders, {exported['rows']} rows, {exported['columns']} columns, {exported['size'] / 1e6:.1f} MB")
    print(f"  bare script  {floor:6.2f} s   {orders / floor:8.0f} orders/s")
    print(f"  hub          {seconds:6.2f} s   {orders / seconds:8.0f} orders/s   peak {peak:.0f} MB")
    print(f"  ratio        {ratio:6.2f}     goal {GOAL_RATIO:.0f}        memory goal {GOAL_MB:.0f} MB")
    print(f"  ratio of processor seconds alone {cpu:.2f}, which other work on the machine moves less")
    return 0 if ratio <= GOAL_RATIO and peak < GOAL_MB else 1


if __name__ == "__main__":
    sys.exit(main())
