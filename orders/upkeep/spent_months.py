"""Warnings before the requests of a month are spent, where the far side counts months; over with a new month or a larger
number."""

from __future__ import annotations

from datetime import datetime

from cartrover.accounts.models import Account
from connectors import registry
from connectors.models import Connection, ConnectionState, Service
from connectors.month_budget import READS, SHORT, SPENT, MonthBudget, end_of_month, month_budget
from connectors.schedules import next_due
from orders.alerts import raise_alert, resolve_alerts

CAUSE = "month_spent"


def alert_spent_month(account: Account, now: datetime) -> None:
    """Raise the alert that is due for each connection whose month gets short or is spent, and close those that no longer
    hold."""
    connections = Connection.objects.for_account(account).exclude(state=ConnectionState.DISCONNECTED)
    for connection in connections.select_related("account"):
        spec = registry.find(connection.kind)
        if spec is not None and spec.limits is not None and spec.limits.monthly:
            _alert(connection, month_budget(connection, now=now), now)


def _alert(connection: Connection, budget: MonthBudget | None, now: datetime) -> None:
    stage = budget.stage if budget is not None else None
    closed = [_subject(connection, other) for other in (SHORT, SPENT) if other != stage]
    were_open = resolve_alerts(account_id=connection.account_id, cause=CAUSE, subjects=closed)
    if budget is not None and stage is not None:
        raise_alert(
            account_id=connection.account_id,
            cause=CAUSE,
            subject=_subject(connection, stage),
            connection=connection,
            words=_words(connection, budget, now),
        )
    elif were_open:
        _bring_forward(connection, now)


def _bring_forward(connection: Connection, now: datetime) -> None:
    """Let what was put off for the month's sake run by its schedule again."""
    rows = Service.objects.for_account(connection.account_id).filter(connection=connection, name__in=READS, due_at__gt=now)
    for pk, every in rows.values_list("pk", "every"):
        due = next_due(every, now, connection.account.time_zone, spread=pk)
        if due is not None:
            rows.filter(pk=pk, due_at__gt=due).update(due_at=due)


def _subject(connection: Connection, stage: int) -> str:
    return f"{connection.public_id}:{stage}"


def _words(connection: Connection, budget: MonthBudget, now: datetime) -> str:
    what = f"“{connection.name}” has made {budget.spent:,} of the {budget.allowed:,} requests that a month may cost"
    if budget.stage == SPENT:
        what = f"“{connection.name}” has made {budget.spent:,} requests this month, and it may cost {budget.allowed:,}"
    anew = end_of_month(now)
    hours = budget.reads_apart.total_seconds() / 3600
    pace = "once an hour" if hours == 1 else f"once in {hours:.0f} hours"
    follows = (
        f"Until {anew.day} {anew:%B} tracking, invoices and stock are read at most {pace}, and orders are sent for as "
        "long as they are taken."
        if hours
        else "The hub goes on as before, until it is refused."
    )
    return (
        f"{what}. {follows} If your plan includes more, enter the number in the connection's settings; otherwise let its "
        "services run less often."
    )
