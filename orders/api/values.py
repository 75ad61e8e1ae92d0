"""Single values, in as programs send them and out as they expect them: pure. Source: CartRover reference 1.6.

In: numbers or texts, days written loosely, `Y`, `true` or 1. Out: money as text with a fixed number of decimals, times in UTC
to the second, `Y` or `N`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from orders.api.envelope import invalid

LARGEST_AMOUNT = Decimal(10) ** 10
LARGEST_QUANTITY = 999_999_999
"""Nine digits: as wide as CartRover's own files have it (CartRover reference 1.7)."""

_YES = frozenset({"y", "yes", "true", "1", "t"})
_NO = frozenset({"n", "no", "false", "0", "f", ""})
_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?")
_NUMBER = re.compile(r"[+-]?\d{1,30}(?:\.\d{0,30})?(?:[eE][+-]?\d{1,2})?|[+-]?\.\d{1,30}")

Given = Mapping[str, Any]


# --- in ----------------------------------------------------------------------------------------------------------------------


def text_in(given: Given, name: str, longest: int = 200, *, where: str = "") -> str:
    """Return a text, "" for none; numbers are taken as they are written. Raise `Fault` for anything else."""
    value = given.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | float):
        raise invalid(f"{where}{name} must be a text.")
    text = str(value).strip()
    if len(text) > longest:
        raise invalid(f"{where}{name} is longer than {longest} characters.")
    return text


def spellings(name: str) -> tuple[str, ...]:
    """Return what a name in an address may mean, the likeliest first: PHP's `urlencode` makes a plus of a space there too."""
    return (name, name.replace("+", " ")) if "+" in name else (name,)


def number_in(given: Given, name: str, *, where: str = "") -> Decimal | None:
    """Return a number, from a number or from a text that is one; None for none. Raise `Fault` for anything else."""
    value = given.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise InvalidOperation
        text = str(value).strip().replace(",", "") if isinstance(value, str) else str(value)
        if isinstance(value, str) and not _NUMBER.fullmatch(text):
            raise InvalidOperation
        number = Decimal(text)
        if not number.is_finite() or abs(number) >= LARGEST_AMOUNT:
            raise InvalidOperation
    except InvalidOperation:
        raise invalid(f"{where}{name} must be a number below 10,000,000,000.") from None
    return number


def quantity_in(given: Given, name: str, *, where: str = "", least: int = 1) -> int | None:
    """Return a whole number of pieces, None for none. Raise `Fault` for fractions, and for what is out of bounds."""
    number = number_in(given, name, where=where)
    if number is None:
        return None
    if number != int(number) or not least <= number <= LARGEST_QUANTITY:
        raise invalid(f"{where}{name} must be a whole number from {least} to {LARGEST_QUANTITY}.")
    return int(number)


def flag_in(given: Given, name: str, *, where: str = "") -> bool:
    """Return whether a flag is set, however it is written. Raise `Fault` for what is no flag."""
    value = given.get(name)
    if isinstance(value, bool):
        return value
    word = "" if value is None else str(value).strip().lower()
    if word not in _YES | _NO:
        raise invalid(f"{where}{name} must be Y or N.")
    return word in _YES


def day_in(text: str, name: str) -> date | None:
    """Return the day of a date or a moment, with months and days of one digit or two. Raise `Fault` for what is none."""
    if not text:
        return None
    match = _DAY.match(text)
    try:
        return date(*(int(part) for part in match.groups())) if match else _refuse_day(text, name)
    except ValueError:
        return _refuse_day(text, name)


def _refuse_day(text: str, name: str) -> date:
    raise invalid(f"{name} is “{text[:30]}”; it must be a date like 2026-11-30.")


def moment_in(text: str, name: str, *, is_end: bool = False) -> datetime | None:
    """Return an aware moment; one without a zone is in UTC. A bare day is its first moment, or with `is_end` its last."""
    if not text:
        return None
    day = day_in(text, name)
    if day is None:
        return None
    # A plus that wasn't escaped in an address arrives as a space.
    rest = text[_DAY.match(text).end() :].strip().lstrip("Tt").strip()  # type: ignore[union-attr]  # day_in has matched it
    if not rest:
        return datetime.combine(day, time.max if is_end else time.min, tzinfo=UTC)
    match = _TIME.match(rest)
    if match is None:
        raise invalid(f"{name} is “{text[:30]}”; it must be a moment like 2026-11-30T08:15:00Z.")
    zone = rest[match.end() :].strip().upper()
    offset = "+00:00" if zone in ("", "Z", "UTC") else zone
    if re.fullmatch(r"\d{2}:?\d{2}", offset):
        offset = f"+{offset}"
    hour, minute, second = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day.isoformat()}T{int(hour):02}:{minute}:{second or '00'}{offset}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(f"{name} is “{text[:30]}”; it must be a moment like 2026-11-30T08:15:00Z.") from None


# --- out ---------------------------------------------------------------------------------------------------------------------


def moment_out(value: datetime | None) -> str | None:
    """Return a moment in UTC to the second, as `2018-08-27T02:24:58+00:00`."""
    return None if value is None else value.astimezone(UTC).replace(microsecond=0).isoformat()


def moment_without_zone(value: datetime | None) -> str | None:
    """Return a moment in UTC that doesn't say so, as products have it: `2018-01-02 16:26:25`."""
    return None if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def amount_out(value: Decimal | None, places: int = 2) -> str | None:
    """Return an amount as text with so many decimals."""
    return None if value is None else f"{value:.{places}f}"


def kept_amount(text: Any, places: int) -> str | None:
    """Return an amount that was kept as text, None for none."""
    try:
        return None if text in (None, "") else amount_out(Decimal(str(text)), places)
    except InvalidOperation:
        return None


def flag_out(value: bool) -> str:
    """Return `Y` or `N`."""
    return "Y" if value else "N"


def map_out(values: Mapping[str, Any]) -> Any:
    """Return a map; an empty one is an empty list, as programs know it from PHP."""
    return dict(values) or []
