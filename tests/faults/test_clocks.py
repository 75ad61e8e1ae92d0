"""Machines whose clocks differ, and one whose clock is set in the middle of the work: the database's alone counts."""

from __future__ import annotations

import pytest

from tests.faults.installation import Installation, WrongClock
from tests.faults.tally import Tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

MINUTES = 300.0
HOURS = 7200.0

EARLY = """
SELECT count(*) FROM connectors_servicerun r JOIN connectors_service s ON s.id = r.service_id
 WHERE r.started_at > clock_timestamp() + interval '5 seconds' OR r.finished_at > clock_timestamp() + interval '5 seconds'
"""
"""Runs that say they took place in the future."""

FAR_OFF = """
SELECT (SELECT count(*) FROM orders_outboundmessage m JOIN orders_outboundattempt a ON a.message_id = m.id
         WHERE abs(extract(epoch FROM a.started_at - m.created_at)) > 240)
     + (SELECT count(*) FROM orders_outbounddocument WHERE abs(extract(epoch FROM sent_at - created_at)) > 240)
"""
"""What was sent minutes before it was made, or minutes after: nothing waits for so long here."""


def _trade(hub: Installation, rounds: int = 4) -> None:
    for _ in range(rounds):
        hub.trade.place(6)
        hub.flow(2.5)
        hub.some_are_called_off()
        hub.trade.warehouse_works()


def _check(hub: Installation) -> None:
    hub.check()
    unknown = hub.number("SELECT count(*) FROM orders_outboundattempt WHERE outcome = ''")
    lost = hub.number("SELECT count(*) FROM connectors_servicerun WHERE words LIKE '%has taken over%'")
    found = (unknown, hub.counted("adopted"), lost, hub.number(EARLY), hub.number(FAR_OFF), hub.tracebacks())
    assert found == (0, 0, 0, 0, 0, 0), f"{found}\n{hub.said()}"


def _part(hub: Installation, name: str, ahead: float) -> WrongClock:
    clock = hub.wrong_clock(name, ahead)
    hub.worker(**clock.told)
    return clock


def test_workers_minutes_and_hours_apart_start_nothing_early_late_or_twice(hub: Installation, tell: Tell) -> None:
    """By its own clock the first would think that every lease has run out, the second that nothing is due."""
    hub.clock()
    _part(hub, "ahead", HOURS)
    _part(hub, "behind", -MINUTES)
    hub.ready()
    _trade(hub)
    _check(hub)
    tell(f"one worker two hours ahead, one five minutes behind: {hub.outcome()}, no lease lost, nothing early, 0 differences")


@pytest.mark.parametrize(("clock_is", "worker_is"), [(-MINUTES, 0.0), (0.0, MINUTES)], ids=["clock_behind", "worker_ahead"])
def test_ticks_and_bells_of_a_machine_that_is_behind_are_heard(
    clock_is: float, worker_is: float, hub: Installation, tell: Tell
) -> None:
    """By the worker's own clock every bell and every tick would be older than any counts."""
    hub.clock(**hub.wrong_clock("clock", clock_is).told)
    _part(hub, "worker", worker_is)
    hub.ready()
    _trade(hub, 2)
    _check(hub)
    tell(f"ticks from {clock_is:+.0f} s, a worker at {worker_is:+.0f} s: {hub.outcome()}, 0 differences")


def test_a_clock_that_is_set_in_the_middle_of_the_work_changes_nothing(hub: Installation, tell: Tell) -> None:
    """Ahead and back again, of a worker in the middle of its runs and of the clock that ticks."""
    ticking = hub.wrong_clock("clock", 0.0)
    hub.clock(**ticking.told)
    set_by_hand = _part(hub, "jumping", 0.0)
    hub.worker()
    hub.ready()
    jumps, in_the_middle = 0, 0
    for ahead in (MINUTES, -MINUTES, HOURS, 0.0):
        hub.trade.place(6)
        hub.flow(3.0, until=hub.under_way)
        in_the_middle += bool(hub.under_way())
        for clock in (set_by_hand, ticking):
            clock.set(ahead)
            jumps += 1
        hub.flow(2.0)
        hub.some_are_called_off()
        hub.trade.warehouse_works()
    _check(hub)
    tell(f"{jumps} jumps of two clocks, {in_the_middle} in the middle of runs: {hub.outcome()}, nothing early, 0 differences")
