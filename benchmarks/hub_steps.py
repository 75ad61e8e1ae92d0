"""A hub that does one step at a time, each in a process of its own on the same database: `connect`, `every
SERVICE SCHEDULE`, or services by name.

Prints what each service counted, the seconds and the processor seconds that it took, and the peak memory of the process.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from benchmarks.hubs import account_there, live, new_account, peak_mb


def connect(sides: dict[str, dict[str, dict[str, str]]]) -> dict[str, Any]:
    """Make an account and connect it to these kinds of far sides, each with its settings and secrets."""
    account = new_account()
    for kind, login in sides.items():
        live(account, kind, login["settings"], login["secrets"])
    return {}


def every(name: str, schedule: str) -> dict[str, Any]:
    """Have a service run on another schedule."""
    account = account_there()

    from connectors.models import Service

    return {"changed": Service.objects.for_account(account).filter(name=name).update(every=schedule)}


def run(names: list[str]) -> dict[str, Any]:
    """Run the services of these names once, one after the other."""
    account = account_there()

    from connectors.models import Connection, ServiceName
    from orders.dispatcher import run_named

    connections = list(Connection.objects.for_account(account).order_by("pk"))
    figures: dict[str, Any] = {}
    for name in names:
        started, busy = time.perf_counter(), time.process_time()
        finished = next(run_named(connections, [ServiceName(name)]))
        if finished.problem:
            raise SystemExit(f"{name}: {finished.problem}")
        figures[name] = {
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - busy,
            "counts": finished.counts,
        }
    return {**figures, "peak_mb": peak_mb()}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["connect", sides]:
            print(json.dumps(connect(json.loads(sides))))
        case ["every", service, schedule]:
            print(json.dumps(every(service, schedule)))
        case services:
            print(json.dumps(run(services)))
