"""Rows in parts, as the database takes them: text of COPY for PostgreSQL, values for SQLite. Pure.

A row of an order begins with an id that is known in the transaction only; what follows can be made before it, in another
thread. The parts of a row are put together with +.

Source: PostgreSQL documentation, COPY, "Text Format".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Part = Any
"""A text or a tuple, by the kind of rows; the two are never mixed."""

NULL = "\\N"


class RowParts(NamedTuple):
    """How the parts of rows are made. `first` takes the id that a row begins with.

    `part` takes texts and then values that hold no character with a meaning of its own: numbers, amounts, days, instants,
    truth values and None.
    """

    first: Callable[[int], Part]
    part: Callable[[Sequence[str], Sequence[Any]], Part]


def _copy_part(texts: Sequence[str], rest: Sequence[Any]) -> str:
    joined = "\t".join(texts)
    if "\\" in joined or "\n" in joined or "\r" in joined or joined.count("\t") >= len(texts):
        joined = "\t".join(map(_escaped, texts))
    if not rest:
        return f"\t{joined}"
    others = "\t".join([NULL if value is None else str(value) for value in rest])
    return f"\t{joined}\t{others}" if texts else f"\t{others}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _value_part(texts: Sequence[str], rest: Sequence[Any]) -> tuple[Any, ...]:
    return (*texts, *rest)


def _value_first(number: int) -> tuple[int]:
    return (number,)


COPY_TEXT = RowParts(str, _copy_part)
VALUES = RowParts(_value_first, _value_part)
