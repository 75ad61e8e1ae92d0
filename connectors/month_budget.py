"""What a calendar month costs in requests, where the far side counts months: counted, and kept for orders when it gets short.

Months are those of UTC: no far side says which zone it counts in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import F, Q

from connectors import registry
from connectors.models import Connection, RequestBudget, ServiceName
from connectors.readers import SettingsUnfit, settings_of
from connectors.remote_accounts import month_of

READS = frozenset({ServiceName.SHIPMENT_PICKUP, ServiceName.INVENTORY_PICKUP})
"""What can wait a while when requests get short; orders can't."""

SHORT, SPENT = 80, 100
"""Per cent of a month's requests from which they are short, and spent."""

APART = {SHORT: timedelta(hours=1), SPENT: timedelta(hours=6)}
"""How far apart reads are kept from then on."""


@dataclass(frozen=True, slots=True)
class MonthBudget:
    """What the month has cost so far, and what it may cost; `saves` where reads make way for orders when it gets short."""

    spent: int
    allowed: int
    saves: bool

    @property
    def percent(self) -> int:
        """How much of it is spent, rounded down."""
        return self.spent * 100 // self.allowed

    @property
    def stage(self) -> int | None:
        """SHORT or SPENT, None before."""
        return next((stage for stage in (SPENT, SHORT) if self.percent >= stage), None)

    @property
    def reads_apart(self) -> timedelta:
        """How far apart reads are kept now."""
        return APART[self.stage] if self.saves and self.stage is not None else timedelta(0)


def month_budget(connection: Connection, *, now: datetime) -> MonthBudget | None:
    """Return where the month stands; None where nobody counts months, or the merchant has set no limit."""
    spec = registry.find(connection.kind)
    if spec is None or spec.limits is None or not spec.limits.monthly:
        return None
    try:
        settings = settings_of(connection)
    except SettingsUnfit:  # told by the next run, in words
        return None
    allowed = int(settings["monthly_requests"] or 0)
    if not allowed:
        return None
    spent = spent_this_month(month_of(connection, spec), now=now)
    return MonthBudget(spent, allowed, saves=settings["when_month_is_short"] == "save")


def not_before(connection: Connection, name: ServiceName, last: datetime, *, now: datetime) -> datetime:
    """Return the moment before which a service that ran at `last` is not to run by itself again."""
    if name not in READS:
        return last
    budget = month_budget(connection, now=now)
    return last + budget.reads_apart if budget is not None else last


def spent_this_month(whose: str, *, now: datetime) -> int:
    """Return how many requests were made under this name since the month began."""
    return RequestBudget.objects.filter(remote=whose, month=_month(now)).values_list("spent", flat=True).first() or 0


def add_to_month(whose: str, made: int, *, now: datetime) -> None:
    """Count requests that were made under this name."""
    month = _month(now)
    row, _ = RequestBudget.objects.get_or_create(remote=whose)
    rows = RequestBudget.objects.filter(pk=row.pk)
    if not rows.filter(month=month).update(spent=F("spent") + made):
        # Whoever comes first in a month begins it anew; who comes second in that moment adds.
        begun = rows.filter(Q(month__isnull=True) | Q(month__lt=month)).update(month=month, spent=made)
        if not begun:
            rows.filter(month=month).update(spent=F("spent") + made)


def end_of_month(now: datetime) -> date:
    """Return the first day of the next month, from which it is counted anew."""
    return (_month(now) + timedelta(days=32)).replace(day=1)


def _month(now: datetime) -> date:
    return now.astimezone(UTC).date().replace(day=1)
