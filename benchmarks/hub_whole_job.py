"""The hub's side of `whole_job`: an order file is fetched, stored and delivered, on a fresh database; prints what it took.

With more than one process all of them deliver at once, in disjoint batches, as worker processes do.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from benchmarks.hubs import account_there, live, live_cart, new_account, peak_mb, watched

READY = "ready"


def main(login: dict[str, str], api_url: str, processes: int, profile: str) -> dict[str, Any]:
    """Connect both sides, run order_download and order_delivery once by name, and return what they counted and took."""
    account = new_account()
    both = [live(account, "json_api", {"api_url": api_url}, {}), live_cart(account, login)]
    stored = _run(both, "order_download", "")
    others = [_other() for _ in range(processes - 1)]
    started = time.perf_counter()
    for other in others:
        _give_word(other)
    shares = [_run(both, "order_delivery", profile), *map(_share_of, others)]
    return {
        "store": stored["seconds"],
        "store_cpu": stored["cpu"],
        "deliver": time.perf_counter() - started,
        "deliver_cpu": sum(share["cpu"] for share in shares),
        "deliver_cpu_of_main_thread": sum(share["cpu_of_main_thread"] for share in shares),
        "sent": sum(share["counts"].get("sent", 0) for share in shares),
        "peak_mb": peak_mb(),
    }


def deliver() -> dict[str, Any]:
    """Wait for the word, then deliver beside the process that gave it."""
    account = account_there()
    from connectors.models import Connection

    connections = list(Connection.objects.for_account(account).order_by("pk"))
    print(READY, flush=True)
    sys.stdin.readline()
    return _run(connections, "order_delivery", "")


def _run(connections: list[Any], name: str, profile: str) -> dict[str, Any]:
    from connectors.models import ServiceName
    from orders.dispatcher import run_named

    started, busy, alone = time.perf_counter(), time.process_time(), time.thread_time()
    with watched(profile):
        finished = next(run_named(connections, [ServiceName(name)]))
    if finished.problem:
        raise SystemExit(finished.problem)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - busy,
        "cpu_of_main_thread": time.thread_time() - alone,
        "counts": finished.counts,
    }


def _other() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.hub_whole_job", "deliver"]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if other.stdout is None or other.stdout.readline().strip() != READY:
        raise SystemExit("a delivering process didn't start")
    return other


def _give_word(other: subprocess.Popen[str]) -> None:
    if other.stdin is None:
        raise SystemExit("a delivering process has no input")
    other.stdin.write("go\n")
    other.stdin.flush()


def _share_of(other: subprocess.Popen[str]) -> dict[str, Any]:
    told, _ = other.communicate()
    if other.returncode:
        raise SystemExit("a delivering process failed")
    share: dict[str, Any] = json.loads(told.splitlines()[-1])
    return share


if __name__ == "__main__":
    if sys.argv[1:] == ["deliver"]:
        print(json.dumps(deliver()))
    else:
        print(json.dumps(main(json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])))
