from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orders.retrying import GIVE_UP_AFTER, next_try

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_first_tries_come_after_1_5_15_and_60_minutes() -> None:
    waits = [next_try(failures=n, first_failed_at=NOW, now=NOW) for n in (1, 2, 3, 4)]
    assert waits == [NOW + timedelta(minutes=m) for m in (1, 5, 15, 60)]


def test_later_tries_come_about_hourly_and_not_all_together() -> None:
    waits = {next_try(failures=9, first_failed_at=NOW, now=NOW) for _ in range(20)}
    assert len(waits) > 10
    assert all(NOW + timedelta(minutes=45) < wait < NOW + timedelta(minutes=75) for wait in waits if wait)


def test_after_15_days_it_gives_up() -> None:
    assert next_try(failures=300, first_failed_at=NOW - GIVE_UP_AFTER, now=NOW) is None


def test_a_wish_of_the_far_side_is_never_undercut() -> None:
    assert next_try(failures=1, first_failed_at=NOW, now=NOW, after=600) == NOW + timedelta(minutes=10)
