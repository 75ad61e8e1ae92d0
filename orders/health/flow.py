"""What is due, what ran and how it ended, over all accounts. Only small tables are read: one row a service, one an alert."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from cartrover.leasing import free_at
from connectors.models import ConnectionState, Outcome, Service
from connectors.stuck import failing, held_long, overdue
from orders.health.figures import Figure, Judgement, judged, span
from orders.models import Alert, AlertState

BECAUSE = "health of the installation"
LAST = timedelta(hours=1)
LAG_LOOK, LAG_WRONG = 120, 600
"""Seconds that a due service may wait: a tick comes every 15."""

ENDED_IN_ERROR = frozenset({Outcome.FAILED, Outcome.BROKEN, Outcome.LATER})
RATE_LOOK, RATE_WRONG = 0.1, 0.5


def figures(now: datetime) -> list[Figure]:
    """Judge due services, stuck ones, the runs of the last hour and open alerts."""
    return [_lag(now), *_stuck(now), *_last_hour(now), _alerts()]


def _lag(now: datetime) -> Figure:
    asleep = Q(connection__state__in=[ConnectionState.PAUSED, ConnectionState.DISCONNECTED])
    slowed = Q(slowed_until__gt=now)
    due = Service.objects.across_accounts(BECAUSE).filter(free_at(now), due_at__lte=now).exclude(asleep).exclude(slowed)
    found = due.aggregate(count=Count("pk"), oldest=Min("due_at"))
    if not found["count"]:
        return Figure("Due services", "none waits", Judgement.FINE)
    lag = (now - found["oldest"]).total_seconds()
    judgement = judged(lag, look=LAG_LOOK, wrong=LAG_WRONG)
    todo = "" if judgement is Judgement.FINE else "See whether the clock ticks and workers answer; start more workers."
    return Figure("Due services", f"{found['count']:,} wait, the oldest for {span(lag)}", judgement, todo)


def _stuck(now: datetime) -> list[Figure]:
    found = Service.objects.across_accounts(BECAUSE).aggregate(
        overdue=Count("pk", filter=overdue(now)),
        held=Count("pk", filter=held_long(now)),
        failing=Count("pk", filter=failing(now)),
    )
    return [
        _count("Overdue services", found["overdue"], Judgement.WRONG, "Open Stuck services. Without workers, start some."),
        _count("Runs that hang", found["held"], Judgement.LOOK, "Open Stuck services; restart the worker that holds them."),
        _count("Failing again and again", found["failing"], Judgement.LOOK, "Open Stuck services and read their last words."),
    ]


def _count(name: str, count: int, judgement: Judgement, todo: str) -> Figure:
    return Figure(name, f"{count:,}" if count else "none", judgement if count else Judgement.FINE, todo if count else "")


def _last_hour(now: datetime) -> list[Figure]:
    """Of each service its last run counts: that is one row a service, however often it runs."""
    rows = Service.objects.across_accounts(BECAUSE).filter(last_run_at__gte=now - LAST).exclude(last_outcome="")
    outcomes: Counter[str] = Counter()
    ran: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for kind, outcome, count in rows.values_list("connection__kind", "last_outcome").annotate(count=Count("pk")).order_by():
        outcomes[outcome] += count
        ran[kind]["all"] += count
        ran[kind]["bad"] += count if outcome in ENDED_IN_ERROR else 0
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common()) or "nothing ran"
    return [
        Figure("Services in the last hour, by how they ended", said, Judgement.FINE),
        *(_rate(kind, counts["bad"], counts["all"]) for kind, counts in sorted(ran.items())),
    ]


def _rate(kind: str, bad: int, ran: int) -> Figure:
    judgement = judged(bad / ran, look=RATE_LOOK, wrong=RATE_WRONG)
    todo = ""
    if judgement is not Judgement.FINE:
        todo = "Open Failing runs. If all merchants of this kind are hit, the far side is down or has changed."
    return Figure(f"Errors of {kind}", f"{bad:,} of {ran:,} services ({bad / ran:.0%})", judgement, todo)


def _alerts() -> Figure:
    rows = Alert.objects.across_accounts(BECAUSE).filter(state=AlertState.OPEN)
    found = rows.aggregate(count=Count("pk"), ours=Count("pk", filter=Q(cause__in=["internal", "counts_differ"])))
    if not found["count"]:
        return Figure("Open alerts", "none", Judgement.FINE)
    if not found["ours"]:
        return Figure("Open alerts", f"{found['count']:,}, all of them for merchants to mend", Judgement.FINE)
    todo = "Open the alerts with the causes internal and counts_differ: only we can mend those; the log has the details."
    return Figure("Open alerts", f"{found['count']:,}, {found['ours']:,} of them ours to mend", Judgement.LOOK, todo)
