"""A new version takes the old one's place while orders flow: nobody has to stop anything first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.command_line import CommandLine
from tests.faults.installation import Installation, environment
from tests.faults.tally import Tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

MOST_ORDERS = 60
"""On a busy machine a deployment takes long: it is the test's subject, and not the heap of orders that it leaves."""

NEXT = {"FAULTS_NEXT_VERSION": "yes"}


@contextmanager
def _while_orders_flow(hub: Installation) -> Iterator[None]:
    """Let retailers order and the warehouse work the whole time."""
    is_over = threading.Event()

    def go_on() -> None:
        while not is_over.wait(0.7):
            if len(hub.trade.ordered) < MOST_ORDERS:
                hub.trade.place(2)
            hub.trade.warehouse_works(0.3)
            hub.hurry()

    flowing = threading.Thread(target=go_on, name="orders flow")
    flowing.start()
    try:
        yield
    finally:
        is_over.set()
        flowing.join()


def test_a_rolling_restart_and_a_migration_lose_no_run(hub: Installation, tell: Tell) -> None:
    """Tables first, then one worker after the other, then the clock: every attempt has its outcome, nothing fails."""
    old_clock, old_workers = hub.clock(), [hub.worker(), hub.worker()]
    hub.ready()
    in_the_middle = 0
    with _while_orders_flow(hub):
        hub.flow(4.0, until=hub.under_way)
        told = environment(hub.folder, DATABASE_URL=hub.database_url, CELERY_BROKER_URL="", **NEXT)
        CommandLine(hub.folder, told).run("migrate", "--verbosity", "0")
        for worker in old_workers:
            hub.worker(**NEXT)
            hub.flow(4.0, until=hub.under_way)
            in_the_middle += bool(hub.under_way())
            worker.ask_to_stop()
            hub.wait_for(lambda gone=worker: not gone.runs)  # type: ignore[misc]  # bound at once
        # For a moment there are two clocks.
        hub.clock(**NEXT)
        old_clock.ask_to_stop()
        hub.wait_for(lambda: not old_clock.runs)
    hub.check()
    unknown = hub.number("SELECT count(*) FROM orders_outboundattempt WHERE outcome = ''")
    lost = hub.number("SELECT count(*) FROM connectors_servicerun WHERE outcome NOT IN ('done', 'nothing', 'problems')")
    assert (unknown, hub.counted("adopted"), lost, hub.tracebacks()) == (0, 0, 0, 0), hub.said()
    tell(
        f"migrated, and replaced {len(old_workers)} workers ({in_the_middle} in the middle of runs) and the clock while orders "
        f"flowed: {hub.outcome()}, no attempt in doubt, no run lost"
    )
