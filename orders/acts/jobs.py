"""Work on many rows in the background: planned once, done in parts, each part with its progress in one transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from cartrover import bells
from cartrover.accounts.access import zone_of
from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from cartrover.leasing import Lease, LeaseLost, break_dead_lease, claim
from connectors.models import Connection
from orders.models import OPEN_JOBS, Job, JobPart, JobState

logger = logging.getLogger(__name__)

TASK = "orders.run_job"
PART = 25
"""Rows in one transaction: SQLite's write lock is held for a fraction of a second."""

STEP_SECONDS = 30
"""After this long a worker turns to something else and is called again, so that other work gets its turn."""

MOST_ROWS = 100_000
REASONS_KEPT = 50
EXAMPLES = 5
PARTS_AT_ONCE = 200
TRIES = 3
"""How often a part that trips over a bug of ours is tried."""


@dataclass(slots=True)
class Outcome:
    """What became of one row: `said` and `about` say why not, and what it was about."""

    good: bool
    said: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work. `plan` returns the rows, as texts or numbers; `do` does some of them in the caller's transaction."""

    plan: Callable[[Job], Sequence[Any]]
    do: Callable[[Job, Sequence[Any]], Sequence[Outcome]]
    about: Callable[[Mapping[str, Any]], str]
    """What it is called: "Hold 12 orders"."""
    part: int = PART
    only_reads: bool = False
    """`do` writes nothing: it may take long, and holds no transaction open meanwhile."""


def kinds() -> Mapping[str, Kind]:
    """Return every kind of work by its name."""
    from orders.acts import backfilling, bulk_work

    return {**bulk_work.KINDS, **backfilling.KINDS}


def job_begin(
    *, account: Account, kind: str, asked: Mapping[str, Any], actor: str, connection: Connection | None = None
) -> Job:
    """Have work done in the background; it is planned and begun by the next worker that is free."""
    job = Job.objects.create(account=account, kind=kind, asked=dict(asked), actor=actor[:254], connection=connection)
    audit(account=account, actor=actor, verb=f"{kind}.begun", subject=str(job.public_id), words=kinds()[kind].about(asked))
    bells.call(TASK, job.pk)
    return job


def job_stop(job: Job, *, actor: str) -> bool:
    """Stop work that isn't done yet; what is done stays done. Return False when it had ended already."""
    rows = Job.objects.for_account(job.account_id).filter(pk=job.pk, state__in=OPEN_JOBS)
    if not rows.update(state=JobState.STOPPED, finished_at=hub_now(), words=f"Stopped by {actor}."):
        return False
    JobPart.objects.for_account(job.account_id).filter(job=job).delete()
    audit(account=job.account, actor=actor, verb=f"{job.kind}.stopped", subject=str(job.public_id))
    return True


def ring_open_jobs() -> None:
    """Call a worker for all work that nobody is at: the tick finds what a lost bell or a dead worker left."""
    jobs = Job.objects.across_accounts("the tick serves all accounts").filter(state__in=OPEN_JOBS).order_by("created_at")
    for pk in jobs.values_list("pk", flat=True)[:100]:
        bells.call(TASK, pk)


def run_job(pk: int, *, seconds: float = STEP_SECONDS) -> None:
    """Do as much of a job as fits into `seconds`; nothing when another worker is at it or it has ended."""
    break_dead_lease(Job, pk)
    lease = claim(Job, pk)
    if lease is None:
        return
    job = Job.objects.across_accounts("a worker is told which job to do").select_related("account", "connection").get(pk=pk)
    try:
        with timezone.override(zone_of(job.account)):
            _work(job, lease, time.monotonic() + seconds)
    except LeaseLost:
        return
    except Exception:
        logger.exception("job %s failed", job.public_id)
        _failed(job)
    lease.release()
    if Job.objects.for_account(job.account_id).filter(pk=pk, state__in=OPEN_JOBS).exists():
        bells.call(TASK, pk)


def _work(job: Job, lease: Lease, deadline: float) -> None:
    kind = kinds()[job.kind]
    job.found = []
    if job.is_open and job.total is None:
        _plan(job, lease, kind)
    while time.monotonic() < deadline:
        lease.renew_if_old()
        if not _do_part(job, lease, kind):
            return


def _plan(job: Job, lease: Lease, kind: Kind) -> None:
    """Write down what is to be done. What an interrupted planning has left is written anew."""
    rows = list(kind.plan(job))[:MOST_ROWS]
    parts = JobPart.objects.for_account(job.account_id).filter(job=job)
    parts.delete()
    pieces = (
        JobPart(account_id=job.account_id, job=job, seq=seq, rows=rows[at : at + kind.part])
        for seq, at in enumerate(range(0, len(rows), kind.part))
    )
    while some := list(islice(pieces, PARTS_AT_ONCE)):
        lease.renew_if_old()
        JobPart.objects.bulk_create(some)
    with transaction.atomic():
        lease.require()
        open_one = Job.objects.for_account(job.account_id).filter(pk=job.pk, state__in=OPEN_JOBS)
        if not open_one.update(state=JobState.RUNNING, total=len(rows)):
            parts.delete()


def _do_part(job: Job, lease: Lease, kind: Kind) -> bool:
    """Do the next part; return whether there may be more. The last one ends the job."""
    parts = JobPart.objects.for_account(job.account_id).filter(job=job).order_by("seq")
    first = parts.first() if kind.only_reads else None
    read = kind.do(job, first.rows) if first is not None else None
    with transaction.atomic():
        lease.require()
        jobs = Job.objects.for_account(job.account_id)
        stands = jobs.select_for_update().get(pk=job.pk)
        if not stands.is_open:
            return False
        part = parts.first()
        if part is None:
            jobs.filter(pk=job.pk).update(state=JobState.DONE, finished_at=hub_now())
            words = f"{stands.done:,} done, {stands.refused:,} refused."
            audit(account=job.account, actor=job.actor, verb=f"{job.kind}.done", subject=str(job.public_id), words=words)
            return False
        outcomes = kind.do(job, part.rows) if read is None else read
        good = sum(outcome.good for outcome in outcomes)
        jobs.filter(pk=job.pk).update(
            done=stands.done + good,
            refused=stands.refused + len(outcomes) - good,
            reasons=_with_reasons(stands.reasons, outcomes),
            found=[*stands.found, *job.found],
            failures=0,
        )
        job.found = []
        part.delete()
    return True


def _with_reasons(reasons: Mapping[str, Any], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Count refusals under words that don't name the row, and keep a few names with each."""
    found = dict(reasons)
    for outcome in outcomes:
        if outcome.good:
            continue
        words = outcome.said.replace(outcome.about, "…") if outcome.about else outcome.said
        if words not in found and len(found) >= REASONS_KEPT:
            words = "Other reasons."
        entry = found.setdefault(words, {"number": 0, "examples": []})
        entry["number"] += 1
        if outcome.about and len(entry["examples"]) < EXAMPLES:
            entry["examples"].append(outcome.about)
    return found


def _failed(job: Job) -> None:
    """Let a job that met a bug of ours be tried again, or give it up once it was tried often enough."""
    jobs = Job.objects.for_account(job.account_id).filter(pk=job.pk, state__in=OPEN_JOBS)
    failures = jobs.values_list("failures", flat=True).first()
    if failures is None:
        return
    if failures + 1 < TRIES:
        jobs.update(failures=failures + 1)
        return
    words = "Something went wrong inside the hub, several times. It is logged; what was done stays done. Tell support."
    jobs.update(state=JobState.FAILED, finished_at=hub_now(), words=words)
