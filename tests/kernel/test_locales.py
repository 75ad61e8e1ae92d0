"""Numbers, days and times in the way of the person at the browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from cartrover import locales
from cartrover.accounts.models import Account, User
from tests.factories import OrderFactory

NOW = datetime(2026, 11, 3, 14, 5, 9, tzinfo=UTC)


def _written(header: str | None) -> tuple[str, ...]:
    said: list[str] = []

    def view(request: object) -> HttpResponse:
        said.append(locales.number(1234567))
        said.append(locales.amount(Decimal("1234.5"), 2))
        said.append(locales.day(NOW.date()))
        said.append(locales.clock(NOW).replace("\u202f", " "))
        return HttpResponse()

    headers = {} if header is None else {"Accept-Language": header}
    answer = locales.LocaleMiddleware(view)(RequestFactory().get("/", headers=headers))
    assert answer["Vary"] == "Accept-Language"
    return tuple(said)


@pytest.mark.parametrize(
    ("header", "written"),
    [
        (None, ("1,234,567", "1,234.50", "3 Nov 2026", "14:05")),
        ("en-US,en;q=0.9", ("1,234,567", "1,234.50", "Nov 3, 2026", "2:05 PM")),
        ("de", ("1.234.567", "1.234,50", "03.11.2026", "14:05")),
        ("xx-nowhere, de-DE;q=0.5", ("1.234.567", "1.234,50", "03.11.2026", "14:05")),
        ("'; drop table", ("1,234,567", "1,234.50", "3 Nov 2026", "14:05")),
    ],
)
def test_numbers_days_and_times_are_written_as_the_browser_asks(header: str | None, written: tuple[str, ...]) -> None:
    assert _written(header) == written


def test_one_request_leaves_nothing_to_the_next() -> None:
    _written("de")
    assert locales.number(1234) == "1,234"


def test_the_order_list_is_written_so(alice: User, acme: Account, browser: Callable) -> None:
    OrderFactory.create(account=acme, grand_total=Decimal("1234.5"), currency="USD", created_at=NOW - timedelta(days=800))
    page = browser(alice).get("/a/acme/orders/", headers={"Accept-Language": "de-DE"}).content.decode()
    assert "1.234,50 USD" in page
    assert "25.08.2024" in page
