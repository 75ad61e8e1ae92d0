"""Many accounts on few workers: a big merchant's backlog doesn't delay a small one."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.far_sides import start_box
from tests.faults.conftest import SEED, Servers, connect_both
from tests.faults.installation import Installation
from tests.faults.model import SKUS, Trade
from tests.faults.tally import Tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

BACKLOG = 2000
FEW = 10
ANSWER_SECONDS = 0.5
"""How long the big merchant's WMS takes for each order: with eight sends at once, its backlog lasts for minutes."""


@pytest.fixture
def globex(hub: Installation, servers: Servers, tmp_path: Path) -> Iterator[Trade]:
    """A second merchant with far sides of its own."""
    dsco, commerce = (start_box(kind, str(tmp_path / kind)) for kind in ("dsco", "quickbooks_commerce"))
    commerce.drive("set", rate_limit=1_000_000)
    connect_both("globex", dsco, commerce, folder=servers.folder, database_url=hub.database_url)
    yield Trade(dsco, commerce, random.Random(SEED))
    dsco.stop()
    commerce.stop()


def test_a_small_merchant_does_not_wait_for_the_backlog_of_a_big_one(hub: Installation, globex: Trade, tell: Tell) -> None:
    """Every process that there is works on the big merchant's orders when the small one's come."""
    big, small = hub.trade, globex
    big.commerce.drive("fault", name="delay", method="POST", path="/orders", times=0, seconds=ANSWER_SECONDS)
    hub.clock()
    for _ in range(2):
        hub.worker(processes=1)
    big.dsco.drive("place_orders", count=BACKLOG, skus=SKUS, seed=SEED, quiet=True)
    big.dsco.drive("export")
    hub.wait_for(lambda: _delivered(big) > FEW)

    small.dsco.drive("place_orders", count=FEW, skus=SKUS, seed=SEED, quiet=True)
    small.dsco.drive("export")
    hub.hurry()
    # From here on all keeps its own pace: due dates are moved no more.
    before, began = _delivered(big), time.monotonic()
    while _delivered(small) < FEW and _delivered(big) < BACKLOG / 2:
        time.sleep(0.05)
    took, meanwhile = time.monotonic() - began, _delivered(big) - before

    assert _delivered(small) == FEW, hub.said()
    left = BACKLOG - before - meanwhile
    assert left > BACKLOG / 2, f"after {took:.1f} s {left} of the big merchant's orders are left\n{hub.said()}"
    tell(
        f"{FEW} orders of a small merchant were out {took:.1f} s after their file; {meanwhile} of a big one's {BACKLOG:,} went "
        f"out in that time, {left:,} still waited"
    )


def _delivered(trade: Trade) -> int:
    orders: int = trade.commerce.drive("counts")["orders"]
    return orders
