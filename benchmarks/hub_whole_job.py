"""The hub's side of `whole_job`: an order file is fetched, stored and delivered, on a fresh database; prints what it took."""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import resource
import sys
import time
from pathlib import Path
from typing import Any


def main(login: dict[str, str], api_url: str, profile: str) -> dict[str, object]:
    """Connect both sides, run order_download and order_delivery once by name, and return what they counted and took.

    With `profile` ("calls" or "own") the slowest functions of the delivery are printed, to the error output.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cartrover.settings")
    import django
    from django.core.management import call_command

    import connectors

    connectors.__path__.append(str(Path(__file__).parent / "kinds"))
    django.setup()
    call_command("migrate", verbosity=0)

    from cartrover.accounts.actions import account_create
    from connectors.models import ServiceName
    from orders.dispatcher import run_named

    account, _ = account_create(slug="bench", name="Bench", owner_email="bench@example.com")
    secrets = {"ftp_password": login.pop("ftp_password")}
    both = [_live(account, "json_api", {"api_url": api_url}, {}), _live(account, "dsco", login, secrets)]
    figures: dict[str, object] = {}
    for what, name in (("store", ServiceName.ORDER_DOWNLOAD), ("deliver", ServiceName.ORDER_DELIVERY)):
        watch = cProfile.Profile() if profile and what == "deliver" else None
        started, busy = time.perf_counter(), time.process_time()
        if watch:
            watch.enable()
        finished = next(run_named(both, [name]))
        if watch:
            watch.disable()
            pstats.Stats(watch, stream=sys.stderr).sort_stats("cumtime" if profile == "calls" else "tottime").print_stats(45)
        figures[what] = time.perf_counter() - started
        figures[f"{what}_cpu"] = time.process_time() - busy
        figures[f"{what}_counts"] = finished.counts
        if finished.problem:
            raise SystemExit(finished.problem)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def _live(account: Any, kind: str, settings: dict[str, str], secrets: dict[str, str]) -> Any:
    """Connect the account to a far side as its owner does."""
    from connectors import actions, probing

    saved = actions.connection_save(account=account, kind=kind, name=kind, settings=settings, secrets=secrets, actor="bench")
    steps = probing.connection_test(saved)
    if not all(step.ok for step in steps):
        raise SystemExit(f"{kind} doesn't work: {[step.words for step in steps if not step.ok]}")
    actions.connection_activate(connection=saved, actor="bench")
    saved.refresh_from_db()
    return saved


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3] if sys.argv[3:] else "")))
