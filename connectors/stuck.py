"""Which services don't flow as they should, over all accounts: for our own people, who look after the installation."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from cartrover.leasing import free_at
from connectors.models import ConnectionState, Outcome

ENDED_BADLY = [Outcome.FAILED, Outcome.BROKEN, Outcome.LATER, Outcome.PROBLEMS]
OVERDUE = timedelta(minutes=10)
"""A tick comes every 15 seconds: what is due for so long has no worker, or its workers die."""

HELD_LONG = timedelta(minutes=30)
"""The longest run takes a few minutes; one that goes on for so long hangs, although it renews its lease."""

IN_A_ROW = 3


def overdue(now: datetime) -> Q:
    """Services that should have run long ago and that nobody runs."""
    asleep = Q(connection__state__in=[ConnectionState.PAUSED, ConnectionState.DISCONNECTED])
    return free_at(now) & Q(due_at__lte=now - OVERDUE) & (Q(slowed_until__isnull=True) | Q(slowed_until__lte=now)) & ~asleep


def held_long(now: datetime) -> Q:
    """Services that one run has held for very long. A run moves the due date three minutes past its beginning."""
    return Q(lease_until__gte=now) & Q(due_at__lte=now - HELD_LONG)


def failing(now: datetime) -> Q:
    """Services that failed several times in a row."""
    return Q(failures__gte=IN_A_ROW)


STUCK = {"overdue": overdue, "held": held_long, "failing": failing}


def stuck(now: datetime) -> Q:
    """Services that need one of us."""
    return overdue(now) | held_long(now) | failing(now)
