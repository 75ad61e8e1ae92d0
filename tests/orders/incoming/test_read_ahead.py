from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from orders.pipeline.read_ahead import read_ahead


def test_every_item_comes_once_and_in_order_however_many_are_ahead() -> None:
    assert [list(read_ahead(iter(range(10)), ahead)) for ahead in (1, 3, 10, 20)] == [list(range(10))] * 4
    assert list(read_ahead(iter(()), 5)) == []


def test_what_goes_wrong_ahead_is_raised_where_the_items_are_taken() -> None:
    def broken() -> Iterator[int]:
        yield from range(4)
        raise ValueError("the rest is damaged")

    items = read_ahead(broken(), 2)
    assert [next(items) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="damaged"):
        next(items)


def test_who_stops_early_leaves_no_thread_behind_and_no_more_is_taken_than_may_be_ahead() -> None:
    taken = count()
    before = set(threading.enumerate())
    items = read_ahead((next(taken) for _ in range(1_000)), 10)
    assert next(items) == 0
    items.close()
    assert set(threading.enumerate()) <= before
    assert next(taken) <= 11
