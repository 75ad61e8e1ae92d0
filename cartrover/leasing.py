"""Claims by conditional UPDATE: right on SQLite and PostgreSQL alike, safe against workers that die.

A lease is a token and an end on a row. Whoever holds the token may work until the end and renews at progress points; a worker
that dies is followed by another once the lease has run out, or at once when its process is known to be gone.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import models
from django.db.models import Q

from cartrover.clock import database_now

LEASE = timedelta(seconds=90)
"""Longest a worker may be silent. Three times the longest time-out of a call (30 s), less than a person waits after a crash."""

RENEW_AFTER = timedelta(seconds=20)
"""How old a lease is renewed at a progress point: often enough to survive two slow calls, seldom enough to cost nothing."""


FREE: dict[str, Any] = {"lease_token": "", "lease_owner": "", "lease_until": None}
"""What a row says that nobody works on."""


class LeaseLost(RuntimeError):
    """Somebody else may hold the row by now: nothing more may be sent or written in its name."""


class Leased(models.Model):
    """Columns of a row that one worker at a time works on."""

    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_owner = models.CharField(max_length=200, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


def free_at(now: datetime) -> Q:
    """The condition that nobody holds a row's lease at `now`."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


@lru_cache(maxsize=1)
def _machine() -> str:
    """Name this machine; the host's name alone is often the same on several."""
    return f"{socket.gethostname()}/{_read('/etc/machine-id')[:12]}"


@lru_cache(maxsize=1)
def _boot_id() -> str:
    return _read("/proc/sys/kernel/random/boot_id") or "no-boot-id"


@lru_cache(maxsize=1)
def _process_numbering() -> str:
    """Name what process numbers count in: containers on one machine each count for themselves."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _start_time(pid: int) -> str:
    """Return what tells this process from a later one with the same pid; "" when it is gone or can't be told."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return "" if not fields or fields[0] in "ZX" else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def owner_name() -> str:
    """Name this process so that another one on this machine can tell whether it still lives."""
    pid = os.getpid()
    return "|".join([_machine(), _boot_id(), _process_numbering(), str(pid), _start_time(pid)])


def owner_is_dead(owner: str) -> bool:
    """True only when it is certain: this machine, and another boot or no such process. Who can't be seen from here lives."""
    try:
        machine, boot, numbering, pid, started = owner.split("|")
    except ValueError:
        return False
    if machine != _machine():
        return False
    if boot != _boot_id():
        return True
    if numbering != _process_numbering():
        return False
    return _start_time(int(pid)) != started if started else not _exists(int(pid))


@dataclass
class Lease:
    """A held lease. `until` follows the renewals."""

    model: type[Leased]
    pk: Any
    token: str
    until: datetime
    _renewed: float = field(default_factory=time.monotonic, init=False, repr=False)

    def _mine(self) -> models.QuerySet[Any]:
        return self.model._base_manager.filter(pk=self.pk, lease_token=self.token)

    def renew(self) -> None:
        """Make the lease last another LEASE from now. Raise `LeaseLost` when another worker has taken the row."""
        asked = time.monotonic()
        now = database_now()
        if not self._mine().filter(lease_until__gte=now).update(lease_until=now + LEASE):
            raise LeaseLost(f"the lease on {self.model.__name__} {self.pk} is lost")
        self.until = now + LEASE
        self._renewed = asked

    def renew_if_old(self) -> None:
        """Renew when the lease has aged; cheap enough to be called at every chunk, call and read callback.

        Its age is taken from the process's own steady clock: the database's and the machine's may differ by more than a lease.
        """
        if time.monotonic() - self._renewed > RENEW_AFTER.total_seconds():
            self.renew()

    def require(self) -> None:
        """Raise `LeaseLost` unless the lease is still held; inside a transaction this locks the row until its end."""
        if not self._mine().update(lease_owner=owner_name()):
            raise LeaseLost(f"the lease on {self.model.__name__} {self.pk} is lost")

    def release(self, **changes: Any) -> bool:
        """Give the row back and write `changes` with it; return False, and write nothing, when the lease was lost."""
        return bool(self._mine().update(**FREE, **changes))


def claim(model: type[Leased], pk: Any, *, only: Q | None = None, lasts: timedelta = LEASE, **changes: Any) -> Lease | None:
    """Take the lease of one row if nobody holds it (and `only` is true of it); return None otherwise."""
    now = database_now()
    token = uuid.uuid4().hex
    rows = model._base_manager.filter(free_at(now), pk=pk)
    if only is not None:
        rows = rows.filter(only)
    won = rows.update(lease_token=token, lease_owner=owner_name(), lease_until=now + lasts, **changes)
    return Lease(model, pk, token, now + lasts) if won else None


def break_dead_lease(model: type[Leased], pk: Any) -> bool:
    """Free a row whose owner is certainly dead; return whether it was freed."""
    row = model._base_manager.filter(pk=pk).values_list("lease_token", "lease_owner").first()
    if row is None or not row[0] or not owner_is_dead(row[1]):
        return False
    return bool(model._base_manager.filter(pk=pk, lease_token=row[0]).update(**FREE))
