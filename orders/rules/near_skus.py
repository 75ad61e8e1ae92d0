"""Which of the WMS's SKUs a cart may mean by one that the WMS doesn't have: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

ALIKE = 0.8
"""Likeness from which a SKU is worth a look: one character of five may differ."""

_NOISE = re.compile(r"[^A-Z0-9]")
_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


def folded(sku: str) -> str:
    """Return what stays of a SKU without case, signs, and zeros before numbers: CAP-009 and cap9 are the same."""
    parts = re.split(r"([0-9]+)", sku.upper())
    return "".join(_ZEROS.sub("", part) if part.isdigit() else _NOISE.sub("", part) for part in parts)


def nearest(sku: str, others: Iterable[str]) -> str | None:
    """Return the one that is most like `sku`, one that is the same but for its writing first; None where none is."""
    wanted = folded(sku)
    best, most = None, ALIKE
    for other in sorted(others):
        is_same = folded(other) == wanted
        matcher = SequenceMatcher(a=sku.upper(), b=other.upper(), autojunk=False)
        likeness = 2.0 if is_same else matcher.ratio() if matcher.quick_ratio() > most else 0.0
        if likeness > most or (best is None and likeness == most):
            best, most = other, likeness
    return best
