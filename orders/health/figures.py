"""A figure and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Judgement(StrEnum):
    """FINE: nothing to do. LOOK: somebody should look today. WRONG: merchants are affected or soon will be."""

    FINE = "fine"
    LOOK = "look"
    WRONG = "wrong"


WORST_FIRST = [Judgement.WRONG, Judgement.LOOK, Judgement.FINE]


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured. `todo` is empty where all is fine."""

    name: str
    value: str
    judgement: Judgement
    todo: str = ""


def worst(figures: Sequence[Figure]) -> Judgement:
    """Return the worst judgement of all."""
    found = {figure.judgement for figure in figures}
    return next((judgement for judgement in WORST_FIRST if judgement in found), Judgement.FINE)


def judged(value: float, *, look: float, wrong: float) -> Judgement:
    """Return how bad a value is that is better the smaller it is."""
    if value >= wrong:
        return Judgement.WRONG
    return Judgement.LOOK if value >= look else Judgement.FINE


def span(seconds: float) -> str:
    """Write a length of time as people say it."""
    whole = max(int(seconds), 0)
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "min")):
        if whole >= 2 * size or (unit == "min" and whole >= size):
            return f"{whole // size} {unit}"
    return f"{whole} s"


def size(count: float) -> str:
    """Write a number of bytes in a fitting unit."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit in ("bytes", "kB") else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
