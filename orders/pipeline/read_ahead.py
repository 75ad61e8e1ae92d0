"""Work of two kinds side by side: what comes next is worked out while the database is busy with what came before."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterator[T], ahead: int) -> Generator[T]:
    """Yield the items, always up to so many of them ahead in a thread of its own, which must not touch the database.

    What `items` raises is raised here. Closing the iterator waits until the thread has ended.
    """

    def take() -> list[T]:
        return list(islice(items, 1))

    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
        coming = deque(thread.submit(take) for _ in range(ahead))
        try:
            while taken := coming.popleft().result():
                coming.append(thread.submit(take))
                yield from taken
        finally:
            for not_wanted in coming:
                not_wanted.cancel()
