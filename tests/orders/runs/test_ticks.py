"""Ticks of the clock: several clocks and a heap of old ticks do the work of one."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.health import clock
from orders.health.clock import note_tick

pytestmark = pytest.mark.django_db


def test_ticks_that_come_close_together_are_one() -> None:
    with time_machine.travel(timezone.now(), tick=False) as time:
        assert note_tick()
        assert [note_tick() for _ in range(100)] == [False] * 100
        time.shift(timedelta(seconds=6))
        assert note_tick()
        assert not note_tick()


def test_kinds_of_ticks_do_not_stand_in_each_other_s_way() -> None:
    assert note_tick(clock.CLOCK)
    assert note_tick("tell-of-alerts")
    assert note_tick("housekeeping")
    assert not note_tick("housekeeping")


def test_a_database_whose_clock_was_set_back_ticks_at_once() -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        assert note_tick()
    assert note_tick()
