"""How a full order number becomes a short one: pure.

The full number is kept in `cust_po_no`; `cust_ref` is what the WMS gets. They are equal where the full number fits and is free.
Otherwise the short one is the end of the full number, which people compare by, and four characters that are computed from the
whole, so that equal ends stay apart. See docs/decisions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALLOWED = {
    "letters_digits_hyphen": re.compile(r"[^A-Za-z0-9-]"),
    "letters_digits": re.compile(r"[^A-Za-z0-9]"),
    "digits": re.compile(r"[^0-9]"),
}
MARK_LENGTH = 4
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that is misread for a digit."""


@dataclass(frozen=True, slots=True)
class OrderIdRule:
    """What a WMS takes as an order number: at most `length` characters out of `characters` (a key of ALLOWED)."""

    length: int = 16
    characters: str = "letters_digits_hyphen"

    @classmethod
    def strictest(cls, settings: Sequence[Mapping[str, Any]]) -> OrderIdRule:
        """Return the rule that satisfies every WMS of an account; CartRover's own 16 characters where there is none yet."""
        if not settings:
            return cls()
        order = list(ALLOWED)
        return cls(
            length=min(int(one.get("cust_ref_length") or 16) for one in settings),
            characters=max((str(one.get("cust_ref_characters") or order[0]) for one in settings), key=order.index),
        )

    def accepts(self, cust_ref: str) -> bool:
        """Say whether a WMS with this rule takes the number."""
        return 0 < len(cust_ref) <= self.length and not ALLOWED[self.characters].search(cust_ref)


def candidates(full_number: str, rule: OrderIdRule, salt: str = "") -> Iterator[str]:
    """Yield short numbers for a full one, best first and without end; `salt` tells orders with one full number apart."""
    if rule.accepts(full_number):
        yield full_number
    kept = ALLOWED[rule.characters].sub("", full_number)
    joint = "-" if rule.characters == "letters_digits_hyphen" else ""
    tail = kept[-(rule.length - MARK_LENGTH - len(joint)) :] if rule.length > MARK_LENGTH + len(joint) else ""
    turn = 0
    while True:
        mark = _mark(f"{full_number}\0{salt}\0{turn}", rule)
        yield f"{tail.strip('-')}{joint}{mark}" if tail.strip("-") else mark
        turn += 1


def _mark(text: str, rule: OrderIdRule) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    alphabet = ALPHABET[:10] if rule.characters == "digits" else ALPHABET
    mark = ""
    for _ in range(MARK_LENGTH):
        number, digit = divmod(number, len(alphabet))
        mark += alphabet[digit]
    return mark
