"""How values look on the wire: decimals as text, times in UTC with milliseconds, lenient dates on the way in.

Source: QuickBooks Commerce reference 2.2.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

ZERO = Decimal(0)

LARGEST = Decimal(10) ** 12
"""Numbers beyond this don't fit the far side's columns; they are refused rather than kept."""

DATE_FORMATS = ("%d-%m-%Y", "%d %b %Y", "%b %d %Y", "%b %d, %Y", "%Y/%m/%d", "%m/%d/%Y", "%d %B %Y", "%B %d, %Y", "%Y%m%d")

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False, default=str).encode

_decode = json.JSONDecoder(parse_float=Decimal).decode


def to_json(value: Any) -> bytes:
    """Return compact UTF-8 JSON; lone surrogates, which JSON texts may hold, become question marks."""
    return _encode(value).encode("utf-8", "replace")


def from_json(body: bytes) -> Any:
    """Return what the JSON says, decimals exact. Raise ValueError when it is none."""
    return _decode(body.decode("utf-8-sig"))


@lru_cache(maxsize=4096)
def decimal_text(value: Decimal) -> str:
    """Return the number as Ruby's BigDecimal prints it: "10.0", "166.75", "-0.5"."""
    text = format(value, "f")
    if "." not in text:
        return f"{text}.0"
    text = text.rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def decimal_or_none(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)


def stock_text(value: Decimal) -> str:
    """Return a stock figure: whole ones without decimals ("10"), others as they are ("32.5")."""
    return str(int(value)) if value == value.to_integral_value() else decimal_text(value)


def stock_or_zero(value: Decimal) -> str | int:
    """Return a figure of a location: a nought is the number 0 there."""
    return stock_text(value) if value else 0


def total_text(value: Decimal) -> str | int:
    """Return a document's total: a nought is the number 0."""
    return decimal_text(value) if value else 0


def read_decimal(value: Any) -> Decimal | None:
    """Return the number that a request says as number or text, or None when it says none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < LARGEST else None


def read_integer(value: Any) -> int | None:
    """Return an id or count, which may come as a text."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = int(str(value).strip())
    except ValueError:
        return None
    return number if abs(number) < 2**63 else None


def read_text(value: Any) -> str | None:
    """Return a text as a database column would keep it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    return None


def read_flag(value: Any) -> bool:
    """Return whether a request says yes, in any of the ways that Rails takes."""
    return value not in (None, False, 0, "", "0", "f", "F", "false", "FALSE", "off")


def stamp_of(milliseconds: int) -> str:
    """Return an instant, given in milliseconds since 1970, as "2026-01-31T10:20:30.456Z"."""
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def read_instant(value: Any) -> datetime | None:
    """Return the instant that a lenient text means (no zone = UTC, a bare date = its first moment), or None."""
    text = (read_text(value) or "").strip()
    if not text:
        return None
    if len(text) > 6 and text[-6] == " " and text[-3] == ":":
        # A plus sign of an offset that came through a query string undone.
        text = f"{text[:-6]}+{text[-5:]}"
    for read in (datetime.fromisoformat, _read_date, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, TypeError, IndexError):
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _read_date(text: str) -> datetime:
    for pattern in DATE_FORMATS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(text)


def read_stamp(value: Any) -> str | None:
    """Return an instant of a request in the wire's form, or None."""
    moment = read_instant(value)
    return None if moment is None else stamp_of(int(moment.timestamp() * 1000))


def read_date(value: Any) -> str | None:
    """Return the date part, as written, of a lenient date or instant ("2026-01-31"), or None."""
    text = (read_text(value) or "").strip()
    if len(text) >= 10:
        try:
            return date.fromisoformat(text[:10]).isoformat()
        except ValueError:
            pass
    moment = read_instant(text)
    return None if moment is None else moment.date().isoformat()
