"""Public ids: version 7 UUIDs, which grow with time, so that an index takes a new one at its end and not in its middle.

A file of 20,000 orders makes 100,000 of them. Source: RFC 9562, section 5.7.
"""

from __future__ import annotations

import os
import time
import uuid


def new_id() -> uuid.UUID:
    """Return an id that nobody can guess, 74 random bits behind a millisecond."""
    milliseconds = time.time_ns() // 1_000_000
    chance = int.from_bytes(os.urandom(10), "big")
    high, low = chance >> 68, chance & 0x3FFFFFFFFFFFFFFF
    return uuid.UUID(int=(milliseconds & 0xFFFFFFFFFFFF) << 80 | 0x7000 << 64 | high << 64 | 0x8 << 60 | low)


_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def new_ids(count: int) -> list[str]:
    """Return many such ids as hexadecimal text, as bulk inserts take them: one draw of chance, and no object for each."""
    head = f"{time.time_ns() // 1_000_000:012x}7"
    chance = os.urandom(10 * count).hex()
    return [
        f"{head}{chance[at : at + 3]}{_VARIANT[chance[at + 3]]}{chance[at + 4 : at + 19]}" for at in range(0, 20 * count, 20)
    ]
