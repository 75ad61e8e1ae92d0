"""The hub's clock is PostgreSQL's, whatever the machine's own says and does."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import OperationalError, connection, transaction

from cartrover import clock
from cartrover.clock import database_now, hub_now

MINUTES = timedelta(minutes=5)
NEAR = timedelta(seconds=3)
"""For a busy machine."""

ASKED, ASK_EVERY = clock._asked, clock.ASK_EVERY

pytestmark = pytest.mark.django_db


@pytest.fixture
def own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL have a clock of its own again, which conftest takes from it."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's clock is the machine's: make test-services runs this on PostgreSQL")
    monkeypatch.setattr(clock, "_asked", ASKED)
    monkeypatch.setattr(clock, "ASK_EVERY", ASK_EVERY)
    monkeypatch.setattr(clock, "_known", None)


def _true_now() -> datetime:
    """Return the time that PostgreSQL says."""
    return ASKED()


@pytest.mark.usefixtures("own_clock")
@pytest.mark.parametrize("ahead", [MINUTES, -MINUTES])
def test_a_machine_that_is_minutes_off_agrees_with_the_others(ahead: timedelta) -> None:
    with time_machine.travel(_true_now() + ahead, tick=True):
        assert abs(hub_now() - _true_now()) < NEAR
        assert abs(database_now() - _true_now()) < NEAR


@pytest.mark.usefixtures("own_clock")
@pytest.mark.parametrize("ahead", [MINUTES, -MINUTES])
def test_a_machine_whose_clock_jumps_does_not_notice(ahead: timedelta) -> None:
    before = hub_now()
    with time_machine.travel(_true_now() + ahead, tick=True):
        assert timedelta(0) <= hub_now() - before < NEAR
    assert timedelta(0) <= hub_now() - before < NEAR


@pytest.mark.usefixtures("own_clock")
def test_the_database_is_asked_now_and_then_and_not_each_time(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's fixture has no type
        for _ in range(100):
            hub_now()
    monkeypatch.setattr(clock, "ASK_EVERY", 0.0)
    with django_assert_num_queries(2):  # type: ignore[operator]  # as above
        hub_now()
        hub_now()


@pytest.mark.usefixtures("own_clock")
def test_a_clock_that_was_counted_on_wrongly_is_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual machine that stood still for ten minutes: its steady clock stood still as well."""
    monkeypatch.setattr(clock, "_known", (hub_now() - 2 * MINUTES, time.monotonic() - ASK_EVERY - 1))
    assert abs(hub_now() - _true_now()) < NEAR


@pytest.mark.usefixtures("own_clock")
def test_a_database_that_is_away_leaves_the_clock_going(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> datetime:
        raise OperationalError("the server closed the connection unexpectedly")

    before = hub_now()
    monkeypatch.setattr(clock, "_asked", away)
    monkeypatch.setattr(clock, "ASK_EVERY", 0.0)
    assert timedelta(0) <= hub_now() - before < NEAR
    with pytest.raises(OperationalError):
        database_now()


@pytest.mark.usefixtures("own_clock")
def test_a_failed_transaction_can_still_say_when_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = hub_now()
    monkeypatch.setattr(clock, "ASK_EVERY", 0.0)
    with transaction.atomic():
        transaction.set_rollback(True)
        assert timedelta(0) <= hub_now() - before < NEAR


@pytest.mark.usefixtures("own_clock")
def test_a_thread_without_a_connection_opens_none(monkeypatch: pytest.MonkeyPatch) -> None:
    before = hub_now()
    monkeypatch.setattr(clock, "ASK_EVERY", 0.0)
    found: list[object] = []

    def ask() -> None:
        found.extend([hub_now(), connection.connection])

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    said, opened = found
    assert isinstance(said, datetime)
    assert timedelta(0) <= said - before < NEAR
    assert opened is None
