"""Tests of connections that a person watches: each step is stored as it happens, for the page that asks for them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connections as databases

from cartrover.clock import hub_now
from connectors.contract import CheckStep
from connectors.models import Connection, ConnectionTest
from connectors.probing import connection_test

logger = logging.getLogger(__name__)

LONGEST = timedelta(seconds=150)
"""A test that says nothing for so long has died with its process: each call of one ends within 30 seconds."""

SHOWN_FOR = timedelta(hours=1)
"""After that a page no longer shows what a test found then."""

BROKEN_OFF = CheckStep("test", False, "The test was broken off, most often because the hub was restarted. Test again.")


@dataclass(frozen=True, slots=True)
class WatchedTest:
    """What a test found so far, and when it began or ended."""

    at: datetime
    steps: Sequence[CheckStep]
    is_running: bool

    @property
    def ok(self) -> bool:
        return not self.is_running and bool(self.steps) and all(step.ok for step in self.steps)

    @property
    def asks(self) -> bool:
        return any(step.asks for step in self.steps)


def test_now(connection: Connection, *, actor: str) -> None:
    """Test the connection, and return when that is done."""
    row = _begun(connection, actor)
    if row is not None:
        _run(connection, row)


def test_in_background(connection: Connection, *, actor: str) -> None:
    """Begin to test the connection in a thread of its own. One test runs at a time: another one is watched instead."""
    row = _begun(connection, actor)
    if row is not None:
        threading.Thread(target=_run_and_close, args=(connection, row), name="connection test", daemon=True).start()


def note_steps(connection: Connection, steps: Sequence[CheckStep], *, actor: str) -> None:
    """Keep what a test found that was made elsewhere."""
    row = _begun(connection, actor, even_if_running=True)
    if row is not None:
        _store(row, steps, finished=True)


def last_test(connection: Connection) -> WatchedTest | None:
    """Return the last test that a person made, or makes; None when it is old, or something else has tested it since."""
    row = ConnectionTest.objects.for_account(connection.account_id).filter(connection=connection).first()
    now = hub_now()
    if row is None or now - row.started_at > SHOWN_FOR:
        return None
    steps = [CheckStep(*step) for step in row.steps]
    if row.finished_at is None:
        is_running = now - row.started_at < LONGEST
        return WatchedTest(row.started_at, steps if is_running else [*steps, BROKEN_OFF], is_running)
    if connection.checked_at is not None and connection.checked_at > row.finished_at:
        return None
    return WatchedTest(row.finished_at, steps, is_running=False)


def _begun(connection: Connection, actor: str, *, even_if_running: bool = False) -> ConnectionTest | None:
    """Return the row of a new test; None while another one runs."""
    now = hub_now()
    rows = ConnectionTest.objects.for_account(connection.account_id)
    row, is_new = rows.get_or_create(connection=connection, defaults={"by": actor[:254], "started_at": now})
    if is_new:
        return row
    free = rows.filter(pk=row.pk)
    if not even_if_running:
        free = free.exclude(finished_at__isnull=True, started_at__gt=now - LONGEST)
    if not free.update(by=actor[:254], started_at=now, finished_at=None, steps=[]):
        return None
    row.refresh_from_db()
    return row


def _run(connection: Connection, row: ConnectionTest) -> None:
    steps: list[CheckStep] = []

    def told(step: CheckStep) -> None:
        steps.append(step)
        _store(row, steps, finished=False)

    found: Sequence[CheckStep] = steps
    try:
        found = connection_test(connection, ask_host_key=True, told=told)
    finally:
        _store(row, found, finished=True)


def _run_and_close(connection: Connection, row: ConnectionTest) -> None:
    try:
        _run(connection, row)
    except Exception:  # nobody waits for this thread: what it meets is logged, and the row says that it ended
        logger.exception("the test of connection %s failed", connection.public_id)
    finally:
        databases.close_all()


def _store(row: ConnectionTest, steps: Sequence[CheckStep], *, finished: bool) -> None:
    told = [[step.step, step.ok, step.words, step.asks] for step in steps]
    rows = ConnectionTest.objects.for_account(row.account_id).filter(pk=row.pk, started_at=row.started_at)
    rows.update(steps=told, finished_at=hub_now() if finished else None)
