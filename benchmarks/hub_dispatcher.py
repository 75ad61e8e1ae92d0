"""The hub's side of `dispatcher`: `fill` makes accounts whose far sides have nothing new, `idle` does what an idle minute does,
`due SECONDS` spreads the next order download of all accounts over the minute that begins so many seconds after a tick.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from typing import Any

from benchmarks.hubs import live, peak_mb, set_up

TICKS_A_MINUTE = 4
KINDS = ("quiet", "quiet_wms")


def fill(accounts: int) -> dict[str, Any]:
    """Make so many accounts, each with a cart and a WMS that are live."""
    set_up()
    from django.core.management import call_command

    from cartrover.accounts.actions import account_create
    from connectors.models import Service

    call_command("migrate", verbosity=0)
    for number in range(accounts):
        account, _ = account_create(slug=f"bench-{number}", name=f"Bench {number}", owner_email=f"bench{number}@example.com")
        for kind in KINDS:
            live(account, kind, {}, {})
    services = Service.objects.across_accounts("a benchmark fills all accounts")
    return {"services": services.exclude(every="off").count()}


def idle() -> dict[str, Any]:
    """Do what the clock has workers do in a minute in which nothing is due; return what it took."""
    set_up()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from connectors.models import Service
    from orders.acts import jobs
    from orders.dispatcher import notify_due, ring_due
    from orders.health import clock

    services = Service.objects.across_accounts("a benchmark makes all accounts idle")
    services.filter(due_at__isnull=False).update(due_at=timezone.now() + timedelta(hours=1))
    ring_due()  # what only the first tick pays for
    with CaptureQueriesContext(connection) as queries:
        started, busy = time.perf_counter(), time.process_time()
        for _ in range(TICKS_A_MINUTE):
            clock.note_tick()
            ring_due()
            jobs.ring_open_jobs()
            notify_due()
        took = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - busy}
    return {**took, "queries": len(queries), "peak_mb": peak_mb()}


def due(seconds: float) -> dict[str, Any]:
    """Wait for a tick, then spread the order downloads over a minute; return when each is due, by service id."""
    set_up()
    from django.utils import timezone

    from connectors.models import Service, ServiceName
    from orders.health import clock

    began = timezone.now()
    while (tick := clock.last_tick()) is None or tick.at < began:
        time.sleep(0.2)
    begins = timezone.now() + timedelta(seconds=seconds)
    rows = Service.objects.across_accounts("a benchmark times all accounts").filter(name=ServiceName.ORDER_DOWNLOAD)
    pks = list(rows.values_list("pk", flat=True))
    dates = {pk: begins + timedelta(seconds=60 * at / len(pks)) for at, pk in enumerate(pks)}
    for pk, date in dates.items():
        rows.filter(pk=pk).update(due_at=date, last_run_at=None)
    return {str(pk): date.timestamp() for pk, date in dates.items()}


if __name__ == "__main__":
    steps = {"fill": lambda: fill(int(sys.argv[2])), "idle": idle, "due": lambda: due(float(sys.argv[2]))}
    print(json.dumps(steps[sys.argv[1]]()))
