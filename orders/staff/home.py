"""What stands on the first page of the staff console: what needs one of us, over all accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from cartrover import staff_look
from cartrover.clock import hub_now
from connectors.models import Connection, ConnectionState, Service
from connectors.stuck import stuck
from orders.health import clock
from orders.health.figures import Figure
from orders.models import Alert, AlertState, Order, SupportRequest, SupportState

BECAUSE = "first page of the staff console"
COUNTED = 100


@dataclass(frozen=True, slots=True)
class Need:
    """How many there are of something that needs us, `COUNTED` at most, and where they are listed."""

    words: str
    count: int
    address: str

    @property
    def said(self) -> str:
        return f"{COUNTED} or more" if self.count >= COUNTED else str(self.count or "none")


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what this person may look at."""
    now = hub_now()
    figure: Figure = clock.figure(clock.last_tick(), now)
    unanswered = Q(state__in=[SupportState.OPEN, SupportState.IN_PROGRESS])
    wanted: list[tuple[str, QuerySet[Any], str]] = [
        ("stuck services", Service.objects.across_accounts(BECAUSE).filter(stuck(now)), staff_look.STUCK),
        (
            "broken connections",
            Connection.objects.across_accounts(BECAUSE).filter(state=ConnectionState.BROKEN),
            staff_look.BROKEN,
        ),
        ("open alerts", Alert.objects.across_accounts(BECAUSE).filter(state=AlertState.OPEN), staff_look.OPEN),
        ("held orders", Order.objects.across_accounts(BECAUSE).exclude(hold=""), staff_look.HELD),
        ("support requests to answer", SupportRequest.objects.across_accounts(BECAUSE).filter(unanswered), ""),
    ]
    needs = [_need(words, rows, query) for words, rows, query in wanted if _may_look(request, rows)]
    return {**context, "needs": needs, "clock": figure}


def _may_look(request: HttpRequest, rows: QuerySet[Any]) -> bool:
    names = rows.model._meta
    return request.user.has_perm(f"{names.app_label}.view_{names.model_name}")


def _need(words: str, rows: QuerySet[Any], query: str) -> Need:
    names = rows.model._meta
    address = reverse(f"admin:{names.app_label}_{names.model_name}_changelist")
    return Need(words, len(rows.order_by("-pk").values_list("pk", flat=True)[:COUNTED]), f"{address}{query}")
