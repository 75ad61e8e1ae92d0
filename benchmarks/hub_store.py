"""The hub's side of `store_orders`: one run of order_download on a fresh database; prints counts, seconds and peak memory."""

from __future__ import annotations

import json
import sys
import time

from benchmarks.hubs import live_cart, new_account, peak_mb, watched


def main(login: dict[str, str], profile: str) -> dict[str, object]:
    """Set up an account, run order_download once by name, and return what it counted and took."""
    cart = live_cart(new_account(), login)

    from connectors.models import ServiceName
    from orders.dispatcher import run_named

    resting = peak_mb()
    started, busy = time.perf_counter(), time.process_time()
    with watched(profile):
        finished = next(run_named([cart], [ServiceName.ORDER_DOWNLOAD]))
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - busy,
        "outcome": str(finished.outcome),
        "problem": finished.problem,
        "counts": finished.counts,
        "peak_mb": peak_mb(),
        "resting_mb": resting,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]), sys.argv[2])))
