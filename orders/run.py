"""A run of one service: what a stage may ask and say while it works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cartrover.clock import hub_now
from cartrover.leasing import Lease, LeaseLost
from connectors.models import Connection, Service
from orders.due import due_services

RUN_BUDGET_SECONDS = 60
"""After this long a worker's run stops at the next boundary and is due again at once, so that others get their turn."""

MAKE_WAY_AFTER = timedelta(seconds=5)
OTHERS_WAITED = timedelta(seconds=2)
ASKED_EVERY = timedelta(seconds=2)
"""A run that has had its five seconds makes way for other accounts whose services are overdue for two; it looks every two."""

LISTED_PROBLEMS = 20


@dataclass(slots=True)
class Run:
    """One run. `lease` is None for services whose work is claimed in batches by any number of processes.

    `named` runs were asked for by a person or a command: they ignore due dates and have no time budget.
    """

    service: Service
    connection: Connection
    named: bool
    lease: Lease | None
    started_at: datetime = field(default_factory=hub_now)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unfinished: bool = False
    others_wait: bool = False
    asked_at: datetime | None = None

    @property
    def account_id(self) -> int:
        return self.connection.account_id

    @property
    def cursor(self) -> dict[str, Any]:
        cursor: dict[str, Any] = self.service.cursor
        return cursor

    def progress(self) -> None:
        """Renew the lease when it has aged. Raise `LeaseLost` when somebody else holds it: nothing more may be done."""
        if self.lease is not None:
            self.lease.renew_if_old()

    def lease_required(self) -> None:
        """Inside a transaction: make sure that what it writes is written by the holder of the lease."""
        if self.lease is not None:
            self.lease.require()

    def move_cursor(self, **changes: Any) -> None:
        """Write where the walks stand, in the caller's transaction; what a person noted there meanwhile stays.

        Raise `LeaseLost` when the lease is lost.
        """
        rows = Service.objects.for_account(self.account_id).filter(pk=self.service.pk)
        if self.lease is not None:
            rows = rows.filter(lease_token=self.lease.token)
        stands = rows.values_list("cursor", flat=True).first()
        self.service.cursor = {**(self.service.cursor if stands is None else stands), **changes}
        if stands is None or not rows.update(cursor=self.service.cursor):
            raise LeaseLost(f"{self.connection.name}, {self.service.name}: the lease is lost")

    def count(self, name: str, number: int = 1) -> None:
        """Add to one of the run's counts; zero leaves no trace."""
        if number:
            self.counts[name] += number

    def count_all(self, numbers: Mapping[str, int]) -> None:
        """Add to several counts."""
        for name, number in numbers.items():
            self.count(name, number)

    def problem(self, words: str) -> None:
        """Remember something that a person should look at; the first ones are shown word by word."""
        self.counts["problems"] += 1
        if len(self.problems) < LISTED_PROBLEMS and words not in self.problems:
            self.problems.append(words)

    def note(self, words: str) -> None:
        """Remember something that is worth saying at the service although nothing is wrong."""
        if len(self.notes) < LISTED_PROBLEMS and words not in self.notes:
            self.notes.append(words)

    @property
    def out_of_time(self) -> bool:
        """True when a worker's run should stop at the next boundary: its time is over, or others have waited long enough."""
        if self.named:
            return False
        now = hub_now()
        lasted = now - self.started_at
        if lasted.total_seconds() > RUN_BUDGET_SECONDS:
            return True
        if lasted > MAKE_WAY_AFTER and not self.others_wait and (self.asked_at is None or now - self.asked_at > ASKED_EVERY):
            self.asked_at = now
            self.others_wait = due_services(now - OTHERS_WAITED).exclude(account_id=self.account_id).exists()
        return self.others_wait
