"""Work on many rows that a person has asked for: done in the background, in parts, so that it can be watched and stopped."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.leasing import Leased
from cartrover.tenancy import AccountOwned
from connectors.models import Connection


class JobState(StrEnum):
    """WAITING: not begun. STOPPED: by a person, what was done stays done. FAILED: by a bug of ours, several times."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


OPEN_JOBS = [JobState.WAITING, JobState.RUNNING]


class Job(AccountOwned, Leased):
    """One such work. `asked` is what was asked for, `found` what came out of it.

    `done` and `refused` count rows; `reasons` says how many were refused why, with a few of them by name. They are written with
    the part that they come from, so that a worker that dies neither repeats a part nor counts it twice.
    """

    kind = models.CharField(max_length=30)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs")
    asked = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=254)
    state = models.CharField(max_length=20, default=JobState.WAITING)
    total = models.PositiveIntegerField(null=True, blank=True)
    """None until it is known what is to be done."""
    done = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=dict, blank=True)
    found = models.JSONField(default=list, blank=True)
    words = models.TextField(blank=True, default="")
    failures = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(state__in=list(JobState)), name="job_state_known")]
        indexes = [
            models.Index(fields=["account", "-created_at"], name="job_account_created"),
            models.Index(fields=["created_at"], name="job_open", condition=Q(state__in=OPEN_JOBS)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_JOBS


class JobPart(AccountOwned):
    """Rows of a job that are done in one transaction; a part that is done is removed."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="parts", db_index=False)
    seq = models.PositiveIntegerField()
    rows = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "seq"], name="job_part_once")]
