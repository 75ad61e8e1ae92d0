"""More of a part than there should be: clocks, and whole installations on one database."""

from __future__ import annotations

import pytest

from tests.faults.installation import Installation
from tests.faults.tally import Tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def test_two_clocks_and_two_installations_on_one_database_do_nothing_twice(hub: Installation, tell: Tell) -> None:
    """The second installation has a broker of its own, so that each believes to be alone."""
    elsewhere = hub.broker_url.removesuffix("/0") + "/1"
    hub.clock()
    hub.clock()
    hub.worker()
    hub.clock(CELERY_BROKER_URL=elsewhere)
    hub.worker(CELERY_BROKER_URL=elsewhere, CARTROVER_VAR=str(hub.folder / "elsewhere"))
    hub.ready()
    for _ in range(4):
        hub.trade.place(6)
        hub.flow(2.5)
        hub.some_are_called_off()
        hub.trade.warehouse_works()
    hub.check()
    unknown = hub.number("SELECT count(*) FROM orders_outboundattempt WHERE outcome = ''")
    assert (unknown, hub.counted("adopted"), hub.tracebacks()) == (0, 0, 0), hub.said()
    tell(f"three clocks and two brokers on one database: {hub.outcome()}, 0 differences")
