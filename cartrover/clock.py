"""The hub's clock: what every process of an installation agrees on, however wrong the clock of its machine is.

On PostgreSQL it is the database's. A process asks for it now and then and counts on by its own steady clock, which nobody
sets: machines may differ by minutes, and one may jump in the middle of a run, without anything starting early, late or twice.
On SQLite there is one machine, and its clock is the hub's.

Whatever is compared with a time that another process wrote, or will be, comes from here. Dates of people (sessions,
invitations, codes of second steps) are Django's and stay with the machine.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

ASK_EVERY = 5.0
"""Seconds after which the database is asked again: a steady clock drifts by less than a millisecond in them, and doesn't count
the time in which a virtual machine stood still."""

_known: tuple[datetime, float] | None = None
"""What the database said last, and what the steady clock showed then."""


def hub_now() -> datetime:
    """Return the hub's time, aware, UTC. Costs a query each `ASK_EVERY` seconds of a process.

    Where the database can't be asked (it is away, a transaction has failed, the thread has no connection of its own) the time
    is counted on from what it said last; raises what the database raises only when it never said anything.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    known = _known
    if known is None:
        return database_now()
    said, at = known
    passed = time.monotonic() - at
    if passed > ASK_EVERY and connection.connection is not None and not connection.needs_rollback:
        try:
            return database_now()
        except (OperationalError, InterfaceError):
            # Whoever asked learns of it from the next query, in a place that knows what to do.
            pass
    return said + timedelta(seconds=passed)


def database_now() -> datetime:
    """Return the hub's time as the database says it this moment: for leases, which end while a machine stands still."""
    global _known
    if connection.vendor != "postgresql":
        return timezone.now()
    said = _asked()
    _known = said, time.monotonic()
    return said


def _asked() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        said: datetime = cursor.fetchone()[0]
        return said
