"""Workers and clocks that are killed in the middle of whatever they do, or stopped as a deployment stops them."""

from __future__ import annotations

import random

import pytest

from tests.faults.installation import Installation
from tests.faults.tally import Tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

SEED = 7


def test_work_of_a_killed_worker_is_taken_over(hub: Installation, tell: Tell) -> None:
    hub.clock()
    worker = hub.worker()
    hub.ready()
    hub.trade.place(6)
    hub.flow(10, until=hub.under_way)
    hub.kill(worker)
    worker.start()
    hub.check()
    tell(f"killed the only worker, {hub.interrupted} times in the middle of runs: {hub.outcome()}, 0 differences")


def test_nothing_is_lost_when_workers_and_the_clock_are_killed(hub: Installation, tell: Tell) -> None:
    dice = random.Random(SEED)
    clock = hub.clock()
    workers = [hub.worker(), hub.worker()]
    hub.ready()
    for number in range(6):
        hub.trade.place(6, scattered=bool(number % 2))
        # In the middle of something, where there is something.
        hub.flow(2.0, until=hub.under_way)
        hub.flow(dice.uniform(0, 0.4))
        victim = dice.choice(workers)
        hub.kill(victim, dice if dice.random() < 0.5 else None)
        if not victim.runs:
            victim.start()
        if number == 2:
            hub.kill(clock)
            clock.start()
        hub.some_are_called_off()
        hub.trade.warehouse_works()
    hub.check()
    tell(f"killed {hub.kills} processes, {hub.interrupted} times in the middle of runs: {hub.outcome()}, 0 differences")
