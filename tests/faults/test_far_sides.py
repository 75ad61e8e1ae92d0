"""Far sides and the network before them with their bad days."""

from __future__ import annotations

import pytest

from tests.faults.conftest import SEED, Network
from tests.faults.installation import Installation
from tests.faults.tally import Tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


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
    hub.check(seconds=120)
    cuts = sum(proxy.cuts - before[number][0] for number, proxy in enumerate(network.both))
    refused = sum(proxy.refused - before[number][1] for number, proxy in enumerate(network.both))
    tell(f"cut {cuts} connections, refused {refused}, held both lines back: {hub.outcome()}, 0 differences")
