"""The hub's side of `whole_job`: an order file is fetched, stored and delivered, on a fresh database; prints what it took."""

from __future__ import annotations

import json
import sys
import time

from benchmarks.hubs import live, live_cart, new_account, peak_mb, watched


def main(login: dict[str, str], api_url: str, profile: str) -> dict[str, object]:
    """Connect both sides, run order_download and order_delivery once by name, and return what they counted and took."""
    account = new_account()
    both = [live(account, "json_api", {"api_url": api_url}, {}), live_cart(account, login)]

    from connectors.models import ServiceName
    from orders.dispatcher import run_named

    figures: dict[str, object] = {}
    for what, name in (("store", ServiceName.ORDER_DOWNLOAD), ("deliver", ServiceName.ORDER_DELIVERY)):
        started, busy, alone = time.perf_counter(), time.process_time(), time.thread_time()
        with watched(profile if what == "deliver" else ""):
            finished = next(run_named(both, [name]))
        figures[what] = time.perf_counter() - started
        figures[f"{what}_cpu"] = time.process_time() - busy
        figures[f"{what}_cpu_of_main_thread"] = time.thread_time() - alone
        figures[f"{what}_counts"] = finished.counts
        if finished.problem:
            raise SystemExit(finished.problem)
    return {**figures, "peak_mb": peak_mb()}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3])))
