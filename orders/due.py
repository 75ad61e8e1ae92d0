"""Which services are to run."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from cartrover.leasing import free_at
from connectors.models import ConnectionState, Service


def due_services(now: datetime) -> QuerySet[Service]:
    """What is to run at that moment, of all accounts, and is held by nobody.

    A service that is off has a date only when a person has asked for a run, or that run's worker died.
    """
    return (
        Service.objects.across_accounts("the dispatcher serves all accounts")
        .filter(free_at(now), due_at__lte=now)
        .exclude(connection__state__in=[ConnectionState.PAUSED, ConnectionState.DISCONNECTED])
        .filter(Q(slowed_until__isnull=True) | Q(slowed_until__lte=now))
    )
