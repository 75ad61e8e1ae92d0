"""New orders a second through the API, beside a bare view of the same framework under the same web server, in one run.

    python -m benchmarks.api [--orders 2000] [--rounds 3] [--database sqlite postgres]

Both run under gunicorn with two processes of four threads; eight programs push orders over connections that they keep. The
goal: 1,000 new orders a second, or what the bare view reaches, whichever is lower.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.children import ROOT, hub
from benchmarks.databases import DATABASES, fresh_databases

PROGRAMS = 8
GOAL = 1000.0
PATH = "/v1/cart/orders/cartrover"


@contextlib.contextmanager
def web_server(application: str, **environment: str) -> Iterator[int]:
    """Run gunicorn with this application on a free port, and give the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"),
            *("--workers", "2", "--threads", "4", "--keep-alive", "30", "--log-level", "error", "--no-control-socket"),
        ],
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    try:
        _await(port)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _await(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise SystemExit("the web server didn't start")


def push(port: int, orders: int, headers: dict[str, str], name: str) -> float:
    """Push so many orders from all programs together; return orders a second. End the program where one is refused."""
    refused: list[bytes] = []
    start = threading.Barrier(PROGRAMS + 1)

    def program(number: int) -> None:
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        start.wait()
        for turn in range(orders // PROGRAMS):
            wire.request("POST", PATH, _order(f"{name}{number}-{turn}"), headers)
            answer = wire.getresponse().read()
            if b'"success_code":true' not in answer.replace(b" ", b""):
                refused.append(answer)
                return
        wire.close()

    threads = [threading.Thread(target=program, args=(number,)) for number in range(PROGRAMS)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if refused:
        raise SystemExit(f"an order was refused: {refused[0][:300]!r}")
    return orders // PROGRAMS * PROGRAMS / seconds


def _order(number: str) -> bytes:
    lines = [{"item": f"SKU-{line}", "quantity": 2, "price": "9.95"} for line in (1, 2)]
    address = {"ship_company": "Example", "ship_address_1": "1 Main Street", "ship_city": "Springfield", "ship_state": "IL"}
    rest = {"ship_zip": "62701", "ship_country": "US", "ship_is_billing": True, "items": lines}
    return json.dumps({"cust_ref": number, **address, **rest}).encode()


def main() -> int:
    """Print the figures and the ratio; return 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=list(DATABASES))
    options = parser.parse_args()
    plain = {"Content-Type": "application/json"}
    missed = 0
    for database in options.database:
        with (
            tempfile.TemporaryDirectory(prefix="bench-api-") as scratch,
            fresh_databases(database, Path(scratch)) as fresh,
            tempfile.TemporaryDirectory(prefix="bench-hub-") as folder,
        ):
            url = fresh()
            key = hub("hub_api", folder=folder, database=url)
            signed = base64.b64encode(f"{key['user']}:{key['secret']}".encode()).decode()
            keyed = {**plain, "Authorization": f"Basic {signed}"}
            own = {"CARTROVER_VAR": folder, "DATABASE_URL": url, "CELERY_BROKER_URL": "", "ALLOWED_HOSTS": "127.0.0.1"}
            bare, ours = [], []
            with web_server("benchmarks.bare_api") as floor, web_server("cartrover.wsgi", **own) as port:
                for turn in range(options.rounds + 1):
                    pairs = push(floor, options.orders, plain, f"B{turn}-"), push(port, options.orders, keyed, f"H{turn}-")
                    if turn:  # the first one warms both up
                        bare.append(pairs[0])
                        ours.append(pairs[1])
        reached, most = statistics.median(ours), statistics.median(bare)
        missed += reached < min(GOAL, most)
        print(f"{database}: hub {reached:.0f} new orders/s, bare view {most:.0f}/s, ratio {most / reached:.2f}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
