"""Indexes that keep lists fast with a hundred thousand records: by sorted key with ranks, and by equal value."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from typing import Any

Key = tuple[str, int]

BLOCK = 512
"""Keys per block: small enough that inserting into one is quick, large enough that there are few blocks to count."""


class SortedIndex:
    """Keys (stamp, id) in order, in blocks. New keys are mostly the largest, so adding is an append."""

    def __init__(self) -> None:
        self._blocks: list[list[Key]] = []
        self._last: list[Key] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, key: Key) -> None:
        self._size += 1
        if not self._blocks:
            self._blocks.append([key])
            self._last.append(key)
        elif key > self._last[-1]:
            if len(self._blocks[-1]) < BLOCK:
                self._blocks[-1].append(key)
                self._last[-1] = key
            else:
                self._blocks.append([key])
                self._last.append(key)
        else:
            self._insert(key)

    def _insert(self, key: Key) -> None:
        at = bisect_left(self._last, key)
        block = self._blocks[at]
        block.insert(bisect_left(block, key), key)
        if len(block) > 2 * BLOCK:
            self._blocks[at : at + 1] = [block[:BLOCK], block[BLOCK:]]
            self._last[at : at + 1] = [block[BLOCK - 1], block[-1]]

    def remove(self, key: Key) -> None:
        at = bisect_left(self._last, key)
        block = self._blocks[at]
        del block[bisect_left(block, key)]
        self._size -= 1
        if block:
            self._last[at] = block[-1]
        else:
            del self._blocks[at]
            del self._last[at]

    def rank(self, key: Key) -> int:
        """Return how many keys are smaller."""
        at = bisect_left(self._last, key)
        before = sum(map(len, self._blocks[:at]))
        return before if at == len(self._blocks) else before + bisect_left(self._blocks[at], key)

    def ids(self, start: int, stop: int) -> list[int]:
        """Return the ids at these ranks, in order."""
        found: list[int] = []
        for block in self._blocks:
            if start < len(block) and stop > 0:
                found.extend(key[1] for key in block[max(start, 0) : stop])
            start -= len(block)
            stop -= len(block)
            if stop <= 0:
                break
        return found


class EqualityIndex:
    """The ids of the records that have a value. A value of one record costs no set."""

    def __init__(self) -> None:
        self._ids: dict[Any, int | set[int]] = {}

    def add(self, value: Any, record_id: int) -> None:
        known = self._ids.get(value)
        if known is None:
            self._ids[value] = record_id
        elif isinstance(known, set):
            known.add(record_id)
        else:
            self._ids[value] = {known, record_id}

    def remove(self, value: Any, record_id: int) -> None:
        known = self._ids.get(value)
        if isinstance(known, set):
            known.discard(record_id)
            if not known:
                del self._ids[value]
        elif known == record_id:
            del self._ids[value]

    def get(self, value: Any) -> Collection[int]:
        known = self._ids.get(value, ())
        return (known,) if isinstance(known, int) else known

    def values(self) -> Iterator[Any]:
        return iter(self._ids)
