"""The last test of a connection, kept in the session of the person who made it: its steps are read after the redirect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from cartrover.accounts.access import AccountRequest
from connectors.contract import CheckStep
from connectors.models import Connection

SESSION_TESTS = "connection_tests"
KEPT = 5
"""Tests that one session keeps: more connections than that nobody sets up at once."""


@dataclass(frozen=True, slots=True)
class KeptTest:
    """What a test found, and when."""

    at: datetime
    steps: Sequence[CheckStep]

    @property
    def ok(self) -> bool:
        return bool(self.steps) and all(step.ok for step in self.steps)


def keep_test(request: AccountRequest, connection: Connection, steps: Sequence[CheckStep]) -> KeptTest:
    """Keep the steps for the next pages that this person looks at."""
    test = KeptTest(timezone.now(), steps)
    kept = {key: value for key, value in request.session.get(SESSION_TESTS, {}).items() if key != str(connection.public_id)}
    kept[str(connection.public_id)] = [test.at.isoformat(), [[step.step, step.ok, step.words] for step in steps]]
    request.session[SESSION_TESTS] = dict(list(kept.items())[-KEPT:])
    return test


def kept_test(request: AccountRequest, connection: Connection) -> KeptTest | None:
    """Return the last test that this person made of the connection; None when something else has tested it since."""
    kept = request.session.get(SESSION_TESTS, {}).get(str(connection.public_id))
    if kept is None:
        return None
    test = KeptTest(datetime.fromisoformat(kept[0]), [CheckStep(*step) for step in kept[1]])
    return None if connection.checked_at is not None and connection.checked_at > test.at else test
