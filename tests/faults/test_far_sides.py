"""Far sides and the network before them with their bad days."""

from __future__ import annotations

import pytest

from tests.faults.conftest import SEED, Network
from tests.faults.installation import Installation
from tests.faults.tally import Tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

RATES = {"500_after": 0.06, "drop_after": 0.06, "drop_before": 0.04, "503": 0.04, "cut": 0.03, "html": 0.02, "delay": 0.05}


def test_far_sides_that_drop_fail_after_doing_it_and_repeat_get_everything_once(hub: Installation, tell: Tell) -> None:
    dsco, commerce = hub.trade.dsco, hub.trade.commerce
    hub.clock()
    hub.worker()
    hub.ready()
    commerce.drive("clear_requests")
    for number in range(4):
        commerce.drive("chaos", seed=SEED + number, rates=RATES, seconds=0.5)
        dsco.drive("fault", name="drop", times=1, during="read", after_bytes=500)
        dsco.drive("fault", name="drop", times=1, during="write", after_bytes=100)
        dsco.drive("fault", name="swallow", times=1, operation="rename", how="drop")
        hub.trade.place(6, scattered=bool(number % 2))
        hub.flow(2.0)
        hub.trade.repeat()
        hub.some_are_called_off()
        hub.trade.warehouse_works()
        hub.flow(2.0)
    dsco.drive("clear_faults")
    commerce.drive("clear_faults")
    hub.check()
    requests = commerce.drive("requests", limit=1)["counters"]["total"]
    tell(f"30 of 100 of {requests} requests went wrong, 12 faults at DSCO, 4 exports repeated: {hub.outcome()}, 0 differences")


def test_a_network_that_is_cut_refuses_or_is_late_costs_only_time(hub: Installation, network: Network, tell: Tell) -> None:
    hub.clock()
    hub.worker()
    hub.ready()
    before = [(proxy.cuts, proxy.refused) for proxy in network.both]
    for proxy in network.both:
        hub.trade.place(6)
        hub.flow(3.0, until=hub.under_way)
        proxy.cut()
        hub.flow(1.0)
        proxy.hold()
        hub.flow(3.0)
        proxy.well()
        hub.trade.warehouse_works()
        proxy.refuse()
        hub.flow(3.0)
        proxy.well()
        proxy.break_off(SEED, share=0.4, within=20_000)
        hub.trade.place(6)
        hub.flow(4.0)
        proxy.well()
    hub.check()
    cuts = sum(proxy.cuts - before[number][0] for number, proxy in enumerate(network.both))
    refused = sum(proxy.refused - before[number][1] for number, proxy in enumerate(network.both))
    tell(f"cut {cuts} connections, refused {refused}, held both lines back: {hub.outcome()}, 0 differences")
