"""New orders a second through the API, beside a bare view of the same framework under the same web server, in one run.

    python -m benchmarks.api [--orders 2000] [--rounds 3] [--database sqlite postgres]

Both run under gunicorn with two processes of sixteen threads; 32 programs push orders over connections that they keep, and then
one alone. The goal: 1,000 new orders a second, or what the bare view reaches, whichever is lower. Beside each rate stands the
processor time of the web server for an order, without the programs' and PostgreSQL's, which the machine has to find as well.
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
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.children import ROOT, hub
from benchmarks.databases import DATABASES, fresh_databases
from benchmarks.results import Results, results

PROGRAMS = 32
THREADS = 16
GOAL = 1000.0
PATH = "/v1/cart/orders/cartrover"


@dataclass(frozen=True)
class WebServer:
    """A web server that runs: its port, and the process that all others of it come from."""

    port: int
    pid: int

    def busy(self) -> float:
        """Return the seconds of processor that its processes have taken so far."""
        workers = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        ticks = 0
        for pid in (self.pid, *workers):
            user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            ticks += int(user) + int(system)
        return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Pushed:
    """What a round has shown."""

    rate: float
    """Orders a second."""
    busy_ms: float
    """Milliseconds of the web server's processor time for an order."""
    wait_ms: float
    """The median of how long a program waited for an answer."""


@contextlib.contextmanager
def web_server(application: str, **environment: str) -> Iterator[WebServer]:
    """Run gunicorn with this application on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"),
            *("--workers", "2", "--threads", str(THREADS), "--keep-alive", "30", "--log-level", "error", "--no-control-socket"),
        ],
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    try:
        _await(port)
        yield WebServer(port, server.pid)
    finally:
        server.terminate()
        server.wait(30)


def _await(port: int) -> None:
    """Wait until a worker answers: gunicorn listens before it has one."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.suppress(OSError, http.client.HTTPException):
            wire.request("GET", "/v1/")
            wire.getresponse().read()
            return
        time.sleep(0.1)
    raise SystemExit("the web server didn't start")


def push(server: WebServer, orders: int, headers: dict[str, str], name: str, programs: int = PROGRAMS) -> Pushed:
    """Push so many orders from all programs together. End the program where one is refused."""
    refused: list[bytes] = []
    waits: list[float] = []
    start = threading.Barrier(programs + 1)

    def program(number: int) -> None:
        wire = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        start.wait()
        for turn in range(orders // programs):
            asked = time.perf_counter()
            wire.request("POST", PATH, _order(f"{name}{number}-{turn}"), headers)
            answer = wire.getresponse().read()
            waits.append(time.perf_counter() - asked)
            if b'"success_code":true' not in answer.replace(b" ", b""):
                refused.append(answer)
                return
        wire.close()

    threads = [threading.Thread(target=program, args=(number,)) for number in range(programs)]
    for thread in threads:
        thread.start()
    busy = server.busy()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if refused:
        raise SystemExit(f"an order was refused: {refused[0][:300]!r}")
    done = orders // programs * programs
    return Pushed(done / seconds, (server.busy() - busy) / done * 1000, statistics.median(waits) * 1000)


def _look_at_all(database: str) -> None:
    """Let PostgreSQL learn what is in its tables, as it does by itself in the first minute."""
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("ANALYZE")


def _order(number: str) -> bytes:
    lines = [{"item": f"SKU-{line}", "quantity": 2, "price": "9.95"} for line in (1, 2)]
    address = {"ship_company": "Example", "ship_address_1": "1 Main Street", "ship_city": "Springfield", "ship_state": "IL"}
    rest = {"ship_zip": "62701", "ship_country": "US", "ship_is_billing": True, "items": lines}
    return json.dumps({"cust_ref": number, **address, **rest}).encode()


def _report(found: Results, database: str, rounds: dict[str, list[Pushed]]) -> bool:
    """Tell the figures of one database; return whether the goal is met."""

    def middle(side: str, figure: str) -> float:
        return statistics.median(getattr(one, figure) for one in rounds[side])

    def row(words: str, side: str) -> list[str]:
        waits = (middle(side, "wait_ms"), middle(f"{side} alone", "wait_ms"))
        return [words, f"{middle(side, 'rate'):.0f}", f"{middle(side, 'busy_ms'):.2f}", *(f"{wait:.2f}" for wait in waits)]

    reached, most = middle("hub", "rate"), middle("bare", "rate")

    def times(figure: str) -> float:
        pairs = zip(rounds["hub"], rounds["bare"], strict=True)
        return statistics.median(getattr(ours, figure) / getattr(bare, figure) for ours, bare in pairs)

    met = reached >= min(GOAL, most)
    found.add(
        f"New orders, {database}",
        ["", "orders/s", "processor ms an order", f"wait ms among {PROGRAMS} programs", "wait ms alone"],
        [row("bare view", "bare"), row("hub", "hub")],
        f"The hub reaches {times('rate'):.2f} of the bare view's rate, with {times('busy_ms'):.1f} times its processor time.",
        f"Goal of {GOAL:.0f} orders/s, or what the bare view reaches: {'met' if met else 'missed'}.",
    )
    return met


def main() -> int:
    """Print the figures and the ratio; return 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=list(DATABASES))
    options = parser.parse_args()
    plain = {"Content-Type": "application/json"}
    missed = 0
    with results() as found:
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
                rounds: dict[str, list[Pushed]] = {"bare": [], "hub": [], "bare alone": [], "hub alone": []}
                with web_server("benchmarks.bare_api") as floor, web_server("cartrover.wsgi", **own) as ours:
                    sides = {"bare": (floor, plain), "hub": (ours, keyed)}
                    for turn in range(options.rounds + 1):
                        for side, (server, headers) in sides.items():
                            rounds[side].append(push(server, options.orders, headers, f"{side}{turn}-"))
                            alone = push(server, options.orders // 10, headers, f"{side}{turn}a", programs=1)
                            rounds[f"{side} alone"].append(alone)
                        if not turn and database == "postgres":
                            _look_at_all(url)
            missed += not _report(
                found, database, {side: pushed[1:] for side, pushed in rounds.items()}
            )  # the first one warms up
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
