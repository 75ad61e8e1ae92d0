"""What a month costs in requests, counted once and begun anew with the next month."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.contract import RateLimit
from connectors.models import RequestBudget
from connectors.month_budget import spent_this_month
from connectors.rate_budget import BudgetLimiter

pytestmark = pytest.mark.django_db

NOVEMBER, DECEMBER = datetime(2026, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 1, 1, tzinfo=UTC)
LIMITS = RateLimit(requests=500, window_seconds=60, monthly=500_000)


def made(count: int, now: datetime, limits: RateLimit = LIMITS) -> None:
    limiter = BudgetLimiter("far", limits, now=lambda: now)
    for _ in range(count):
        limiter.take()
    limiter.close()
    limiter.close()


def test_requests_of_all_sessions_add_up_until_the_month_ends() -> None:
    made(3, NOVEMBER)
    made(4, NOVEMBER)
    assert spent_this_month("far", now=NOVEMBER) == 7
    assert spent_this_month("far", now=DECEMBER) == 0
    made(2, DECEMBER)
    assert spent_this_month("far", now=DECEMBER) == 2


def test_where_nobody_counts_months_nothing_is_written() -> None:
    made(3, NOVEMBER, RateLimit(requests=500, window_seconds=60))
    assert RequestBudget.objects.get().spent == 0
