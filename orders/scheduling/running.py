"""Running a service: claim it, open the connection where there is something to do, run its flow, and write down how it ended.

A wide catch stands here: whatever a flow raises that isn't a connector's error is our bug, is logged whole and ends this run
only.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError
from django.db.models import Q

from cartrover import bells
from cartrover.clock import database_now, hub_now
from cartrover.leasing import LEASE, Lease, LeaseLost, break_dead_lease, claim
from connectors import probing, registry
from connectors.errors import ConnectorError, FixConnection, SlowDown, TryLater
from connectors.models import Connection, ConnectionState, Outcome, Service, ServiceName, ServiceRun
from connectors.month_budget import not_before
from connectors.readers import SettingsUnfit
from connectors.schedules import is_off, next_due
from orders import queues
from orders.alerts import raise_alert, resolve_alerts
from orders.outages import outlast
from orders.retrying import next_try
from orders.run import Run
from orders.scheduling.flows import FLOWS
from orders.service_days import note_run

logger = logging.getLogger(__name__)

WAIT_FOR_OWNER_SECONDS = 10
"""How long a named run waits for a living worker that holds the service, before it says that it is busy."""


class Finished:
    """How a run ended, for people and programs."""

    __slots__ = ("counts", "outcome", "problem", "service")

    def __init__(self, service: Service, outcome: Outcome, *, counts: dict[str, int] | None = None, problem: str = "") -> None:
        self.service = service
        self.outcome = outcome
        self.counts = counts or {}
        self.problem = problem


def run_service(service: Service, *, named: bool) -> Finished:
    """Run a service now, in this process.

    A named run takes over the lease of a dead owner at once, waits a little for a living one, ignores due dates and probes a
    broken connection first. Any run ends with its outcome on the service and a row of its own where something happened.
    """
    connection = service.connection
    stopped = _not_runnable(connection, named=named)
    if stopped is not None:
        return _note(service, Finished(service, stopped, problem=connection.broken_words))
    now = hub_now()
    if service.slowed_until is not None and service.slowed_until > now:
        words = f"{connection.name} asked to be left alone until {service.slowed_until:%H:%M:%S} UTC."
        return Finished(service, Outcome.SLOWED, problem=words)
    shared = registry.get(connection.kind).sends_at_once > 1 and service.name == ServiceName.ORDER_DELIVERY
    lease: Lease | None = None
    if shared:
        Service.objects.for_account(service.account_id).filter(pk=service.pk).update(due_at=database_now() + LEASE * 2)
    else:
        lease = _claim(service, named=named)
        if lease is None:
            return Finished(service, Outcome.BUSY, problem="Another worker is running it now.")
    # What isn't given back waits until its lease has run out.
    run = outlast(lambda: _run_of(service, named=named, lease=lease))
    with bells.collecting():
        outcome, words, again_at = _run_flow(run)
        return outlast(lambda: _finish(run, outcome, words, again_at))


def _run_of(service: Service, *, named: bool, lease: Lease | None) -> Run:
    """Return a run with the service and its connection as they stand now that the service is ours."""
    rows = Service.objects.for_account(service.account_id).select_related("connection__account")
    now = rows.get(pk=service.pk)
    return Run(service=now, connection=now.connection, named=named, lease=lease)


def _not_runnable(connection: Connection, *, named: bool) -> Outcome | None:
    if connection.state in (ConnectionState.PAUSED, ConnectionState.DISCONNECTED):
        return Outcome.PAUSED
    if connection.state in (ConnectionState.BROKEN, ConnectionState.NEW):
        if connection.state == ConnectionState.NEW:
            probing.connection_test(connection, ask_host_key=probing.host_key_waits(connection))
        else:
            probing.probe_due(connection, now=named)
        connection.refresh_from_db()
        return None if connection.state == ConnectionState.OK else Outcome.BROKEN
    return None


def _claim(service: Service, *, named: bool) -> Lease | None:
    """Take the service; its due date moves past the lease first, so that work which kills its worker can't spin."""
    deadline = time.monotonic() + WAIT_FOR_OWNER_SECONDS
    only = None if named else Q(due_at__isnull=False, due_at__lte=database_now())
    while True:
        lease = claim(Service, service.pk, only=only, due_at=database_now() + LEASE * 2)
        if lease is not None or not named:
            return lease
        if not break_dead_lease(Service, service.pk):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.2)


def _run_flow(run: Run) -> tuple[Outcome, str, datetime | None]:
    """Return the outcome, its words, and when to come again where the outcome decides that."""
    try:
        return _outcome_of(run)
    except (OperationalError, InterfaceError) as away:
        logger.warning("%s of %s: the database was away: %s", run.service.name, run.connection.public_id, away)
        return Outcome.LATER, "The hub's database didn't answer for a moment. It is tried again by itself.", _later(run, None)


def _outcome_of(run: Run) -> tuple[Outcome, str, datetime | None]:
    """Run the flow; raise only what the database raises where it is away, also as the outcome is written down."""
    try:
        FLOWS[ServiceName(run.service.name)](run)
    except SlowDown as slow:
        until = hub_now() + timedelta(seconds=slow.after)
        Service.objects.for_account(run.account_id).filter(pk=run.service.pk).update(slowed_until=until)
        return Outcome.SLOWED, slow.words, until
    except TryLater as later:
        return Outcome.LATER, later.words, _later(run, later.after)
    except FixConnection as broken:
        probing.mark_broken(run.connection, broken.words, needs_person=broken.needs_person, tried_since=run.started_at)
        return Outcome.BROKEN, broken.words, None
    except SettingsUnfit as unfit:
        probing.mark_broken(unfit.connection, unfit.words)
        if unfit.connection.pk == run.connection.pk:
            return Outcome.BROKEN, unfit.words, None
        return Outcome.LATER, unfit.words, _later(run, None)
    except LeaseLost:
        return Outcome.BUSY, "Another worker has taken over.", None
    except ConnectorError as problem:
        return Outcome.PROBLEMS, problem.words, _later(run, None)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("%s of %s failed", run.service.name, run.connection.public_id)
        words = "Something went wrong inside the hub. It is logged and tried again; tell support if it stays."
        raise_alert(
            account_id=run.account_id,
            cause="internal",
            subject=f"{run.connection.name} {run.service.name}",
            words=words,
            connection=run.connection,
        )
        return Outcome.FAILED, words, _later(run, None)
    resolve_alerts(account_id=run.account_id, cause="internal", subjects=[f"{run.connection.name} {run.service.name}"])
    if run.counts["problems"]:
        return Outcome.PROBLEMS, " ".join((*run.problems, *run.notes)), None
    return (Outcome.DONE if run.counts else Outcome.NOTHING), " ".join(run.notes), None


def _later(run: Run, after: float | None) -> datetime:
    failures = run.service.failures + 1
    now = hub_now()
    run.service.failures = failures
    return next_try(failures=failures, first_failed_at=now, now=now, after=after) or now + timedelta(hours=1)


def _finish(run: Run, outcome: Outcome, words: str, again_at: datetime | None) -> Finished:
    now = hub_now()
    failed = outcome in (Outcome.LATER, Outcome.FAILED)
    counts = {name: number for name, number in run.counts.items() if name != "problems"}
    changes = {
        "last_run_at": now,
        "last_outcome": outcome,
        "last_words": words,
        "last_counts": counts,
        "failures": run.service.failures if failed else 0,
    }
    rows = Service.objects.for_account(run.account_id).filter(pk=run.service.pk)
    if run.lease is not None:
        rows = rows.filter(lease_token=run.lease.token)
        changes |= {"lease_token": "", "lease_owner": "", "lease_until": None}
    due_at = None if is_off(run.service.every) else again_at or _next_due(run, now)
    # What rang during the run asked for a date sooner than the one that the run began with: that one stays.
    began_with = run.started_at + LEASE
    if not rows.filter(Q(due_at__gt=began_with) | Q(due_at__isnull=True)).update(**changes, due_at=due_at):
        rows.update(**changes)
    if run.unfinished:
        queues.ring(run.service.pk, run.service.name)  # behind those that have waited
    note_run(run.service, run.connection.account, outcome=outcome, counts=counts, at=now)
    if run.named or outcome != Outcome.NOTHING:
        ServiceRun.objects.create(
            account_id=run.account_id,
            service=run.service,
            started_at=run.started_at,
            finished_at=now,
            named=run.named,
            outcome=outcome,
            counts=counts,
            words=words,
        )
    return Finished(run.service, outcome, counts=counts, problem=words)


def _next_due(run: Run, now: datetime) -> datetime | None:
    if run.unfinished:
        return now
    due = next_due(run.service.every, now, run.connection.account.time_zone, spread=run.service.pk)
    return due and max(due, not_before(run.connection, ServiceName(run.service.name), now, now=now))


def _note(service: Service, finished: Finished) -> Finished:
    """Write an outcome of a run that never began; a broken connection's services wait for its probe."""
    Service.objects.for_account(service.account_id).filter(pk=service.pk).update(
        last_outcome=finished.outcome,
        last_words=finished.problem,
        last_run_at=hub_now(),
        due_at=None if is_off(service.every) else service.connection.probe_at,
    )
    return finished
