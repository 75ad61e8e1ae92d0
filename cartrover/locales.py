"""Numbers, days and times as the person at the browser writes them. The words around them stay English.

Which way that is says the browser's Accept-Language; without one, and for languages that nobody here has heard of, it is the
British way: 23 Nov 2026, 14:30, 1,234.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_decimal
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

DEFAULT = Locale("en", "GB")
_current: ContextVar[Locale] = ContextVar("locale", default=DEFAULT)


class LocaleMiddleware:
    """Lets the pages of a request be written in the way of its browser."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        before = _current.set(accepted(request.headers.get("Accept-Language", "")))
        try:
            response = self.get_response(request)
        finally:
            _current.reset(before)
        patch_vary_headers(response, ["Accept-Language"])
        return response


@lru_cache(maxsize=256)
def accepted(header: str) -> Locale:
    """Return the first way of writing that a browser names and that is known here; the British one without any."""
    for tag, _ in parse_accept_lang_header(header[:200]):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return DEFAULT


def number(value: int) -> str:
    """Write a whole number with separators."""
    locale = _current.get()
    return f"{value:,}" if locale.language == "en" else str(format_decimal(value, format="#,##0", locale=locale))


def amount(value: Decimal, decimals: int) -> str:
    """Write an amount with separators and so many decimals."""
    locale = _current.get()
    if locale.language == "en":
        return f"{value:,.{decimals}f}"
    return str(format_decimal(value, format=f"#,##0.{'0' * decimals}", locale=locale, decimal_quantization=True))


def day(value: date) -> str:
    """Write a day with its year: 23 Nov 2026."""
    return _day(value.year, value.month, value.day, _current.get())


def day_of_year(value: date) -> str:
    """Write a day of a year that goes without saying: 23 Nov."""
    return _by_skeleton("MMMd", value.year, value.month, value.day, _current.get())


def clock(value: datetime, *, seconds: bool = False) -> str:
    """Write the time of day of a moment, in the zone that it is in: 14:30."""
    return _clock(value.hour, value.minute, value.second if seconds else None, _current.get())


def moment(value: datetime) -> str:
    """Write a moment in full, in the zone that it is in: Mon, 23 Nov 2026, 14:30:05."""
    day_with_weekday = _by_skeleton("yMMMEd", value.year, value.month, value.day, _current.get())
    return f"{day_with_weekday}, {clock(value, seconds=True)}"


# A page shows a few days many times, and the moments of what ran together.


@lru_cache(maxsize=4096)
def _day(year: int, month: int, day_of_month: int, locale: Locale) -> str:
    return str(format_date(date(year, month, day_of_month), "medium", locale=locale))


@lru_cache(maxsize=4096)
def _clock(hour: int, minute: int, second: int | None, locale: Locale) -> str:
    """Write a time of day, with seconds where there are any."""
    return str(format_time(time(hour, minute, second or 0), "short" if second is None else "medium", locale=locale))


@lru_cache(maxsize=4096)
def _by_skeleton(skeleton: str, year: int, month: int, day_of_month: int, locale: Locale) -> str:
    return str(format_skeleton(skeleton, datetime(year, month, day_of_month, tzinfo=UTC), locale=locale))
