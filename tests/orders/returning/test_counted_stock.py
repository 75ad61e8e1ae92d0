"""What is left of a SKU that several warehouses count at times of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.rules.counted_stock import Count, Taken, left_of

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


@pytest.mark.parametrize(
    ("counts", "taken", "left"),
    [
        ([], [], 0),
        ([], [(1, 3)], 0),
        ([(0, 10)], [(1, 3), (2, 4)], 3),
        ([(5, 10)], [(1, 3)], 10),
        ([(5, 10)], [(5, 3)], 7),
        ([(0, 5), (10, 5)], [(1, 3)], 7),
        ([(0, 5), (10, 5)], [(1, 9)], 5),
        ([(0, 5), (10, 5)], [(1, 9), (11, 2)], 3),
        ([(0, 0), (10, 5)], [(1, 9)], 5),
        ([(0, -3), (10, 5)], [(1, 9)], 2),
        ([(0, -3)], [(1, 9)], -3),
    ],
)
def test_orders_come_off_what_was_counted_before_them(
    counts: list[tuple[int, int]], taken: list[tuple[int, int]], left: int
) -> None:
    assert left_of([(at(when), number) for when, number in counts], [(at(when), number) for when, number in taken]) == left


MOMENTS = st.integers(0, 9).map(at)
COUNTS = st.lists(st.tuples(MOMENTS, st.integers(0, 20)), max_size=4)
TAKEN = st.lists(st.tuples(MOMENTS, st.integers(1, 9)), max_size=6)
CALMLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@CALMLY
@given(counts=COUNTS, taken=TAKEN)
def test_it_is_the_least_that_any_division_among_the_warehouses_leaves(counts: list[Count], taken: list[Taken]) -> None:
    had, left = sum(number for _, number in counts), left_of(counts, taken)
    since_first = sum(number for when, number in taken if counts and when >= min(counts)[0])
    since_last = sum(number for when, number in taken if counts and when >= max(counts)[0])
    assert max(0, had - since_first) <= left <= max(0, had - since_last)
    assert left == left_of(counts[::-1], taken[::-1]), "the order in which they are named doesn't matter"


@CALMLY
@given(numbers=st.lists(st.integers(-5, 20), min_size=1, max_size=4), taken=TAKEN)
def test_counted_all_at_once_it_is_the_sum_less_what_came_since(numbers: list[int], taken: list[Taken]) -> None:
    had, since = sum(numbers), sum(number for when, number in taken if when >= at(4))
    assert max(0, left_of([(at(4), number) for number in numbers], taken)) == max(0, had - since)
