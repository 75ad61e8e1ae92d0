"""One request budget for all workers of a remote account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.contract import RateLimit
from connectors.errors import SlowDown
from connectors.models import RequestBudget
from connectors.rate_budget import BudgetLimiter
from connectors.remote_accounts import remote_name

pytestmark = pytest.mark.django_db
LIMITS = RateLimit(requests=60, window_seconds=300)


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 12, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def take_all(limiter: BudgetLimiter, most: int = 1000) -> int:
    for taken in range(most):
        try:
            limiter.take()
        except SlowDown:
            return taken
    return most


def test_a_budget_is_used_up_to_the_last_request_and_not_beyond(clock: Clock):
    limiter = BudgetLimiter("toy:a", LIMITS, now=clock)
    assert take_all(limiter) == 60
    assert limiter.made == 60
    with pytest.raises(SlowDown) as slow:
        limiter.take()
    assert slow.value.after == 240  # windows are aligned to the clock: this one ends at 12:05


def test_workers_share_one_budget_and_give_back_what_they_did_not_spend(clock: Clock):
    first, second = BudgetLimiter("toy:a", LIMITS, now=clock), BudgetLimiter("toy:a", LIMITS, now=clock)
    first.take()
    assert take_all(second) == 57  # 3 at once were drawn by the first
    first.close()
    assert take_all(second) == 2
    assert BudgetLimiter("toy:b", LIMITS, now=clock).take() is None


def test_the_next_window_has_a_new_budget(clock: Clock):
    limiter = BudgetLimiter("toy:a", LIMITS, now=clock)
    take_all(limiter, 58)
    clock.at += timedelta(minutes=4)
    assert take_all(limiter) == 60


def test_what_was_drawn_in_an_old_window_is_not_given_back_to_the_new_one(clock: Clock):
    limiter, other = BudgetLimiter("toy:a", LIMITS, now=clock), BudgetLimiter("toy:a", LIMITS, now=clock)
    limiter.take()
    clock.at += timedelta(minutes=4)
    take_all(other, 1)
    limiter.close()
    assert take_all(other) == 59


def test_most_requests_cost_no_query(clock: Clock, django_assert_max_num_queries):
    limiter = BudgetLimiter("toy:a", RateLimit(requests=300, window_seconds=300), now=clock)
    with django_assert_max_num_queries(45):
        take_all(limiter, 150)


def test_the_far_sides_headers_win_over_our_own_count(clock: Clock):
    limiter = BudgetLimiter("toy:a", LIMITS, now=clock)
    limiter.take()
    ends = clock.at + timedelta(seconds=100)
    limiter.observe(limit=300, remaining=250, reset_at=ends)
    assert take_all(limiter) == 250
    row = RequestBudget.objects.get(remote="toy:a")
    assert (row.limit, row.reset_at) == (300, ends)


def test_requests_of_strangers_to_the_hub_are_taken_off(clock: Clock):
    limiter = BudgetLimiter("toy:a", LIMITS, now=clock)
    limiter.take()
    ends = datetime(2026, 11, 22, 12, 5, tzinfo=UTC)
    limiter.observe(limit=60, remaining=10, reset_at=ends)
    assert take_all(limiter) == 10


def test_ordinary_headers_cost_no_query(clock: Clock, django_assert_num_queries):
    limiter = BudgetLimiter("toy:a", LIMITS, now=clock)
    limiter.take()
    with django_assert_num_queries(0):
        limiter.observe(limit=60, remaining=59, reset_at=datetime(2026, 11, 22, 12, 5, tzinfo=UTC))


def test_a_late_answer_of_a_window_that_is_over_changes_nothing(clock: Clock):
    limiter = BudgetLimiter("toy:a", LIMITS, now=clock)
    limiter.take()
    limiter.observe(limit=60, remaining=0, reset_at=clock.at - timedelta(seconds=1))
    assert take_all(limiter) == 59


def test_after_a_refusal_nobody_asks_before_the_reset(clock: Clock):
    limiter, other = BudgetLimiter("toy:a", None, now=clock), BudgetLimiter("toy:a", None, now=clock)
    assert take_all(limiter, 100) == 100
    limiter.exhausted(reset_at=clock.at + timedelta(seconds=42))
    for one in (limiter, other):
        with pytest.raises(SlowDown) as slow:
            one.take()
        assert slow.value.after == 42
    clock.at += timedelta(seconds=43)
    assert take_all(other, 100) == 100


def test_without_a_known_limit_requests_are_only_counted(clock: Clock):
    limiter = BudgetLimiter("toy:a", None, now=clock)
    assert take_all(limiter, 500) == 500
    assert limiter.made == 500
    assert not RequestBudget.objects.exists()


def test_a_limit_that_a_header_names_holds_although_the_spec_has_none(clock: Clock):
    limiter = BudgetLimiter("toy:a", None, now=clock)
    limiter.take()
    limiter.observe(limit=5, remaining=4, reset_at=clock.at + timedelta(seconds=30))
    assert take_all(limiter) == 4
    clock.at += timedelta(seconds=31)
    assert take_all(limiter) == 5


def test_what_the_far_side_counts_apart_is_counted_apart(clock: Clock):
    limits = RateLimit(requests=60, window_seconds=300, apart={"batch": 3})
    limiter, other = BudgetLimiter("toy:a", limits, now=clock), BudgetLimiter("toy:a", limits, now=clock)
    for one in (limiter, other, limiter):
        one.take("batch")
    with pytest.raises(SlowDown):
        other.take("batch")
    assert take_all(other) == 60
    clock.at += timedelta(minutes=4)
    other.take("batch")
    limiter.exhausted(reset_at=clock.at + timedelta(seconds=30), sort="batch")
    limiter.take()
    with pytest.raises(SlowDown) as slow:
        limiter.take("batch")
    assert slow.value.after == 30


def test_a_long_identity_still_has_a_row_of_its_own():
    names = {remote_name("toy", "x" * 400 + tail) for tail in "ab"}
    assert len(names) == 2
    assert all(len(name) <= 300 for name in names)
