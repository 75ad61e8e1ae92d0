"""A database that goes away in the moment in which messages were claimed: nobody waits for a lease that no one uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from connectors.models import Outcome
from orders.models import OutboundMessage
from orders.states import OrderState
from tests.orders.outgoing.desk import Desk


class CutAfterTheClaim:
    """Cuts the connection at the `after`-th statement that follows the first claim of messages."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.claimed = False
        self.cut = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.claimed and not self.cut:
            self.left -= 1
            if not self.left:
                self.cut = True
                _cut_now()
        done = execute(sql, params, many, context)
        self.claimed |= sql.startswith("UPDATE") and "lease_owner" in sql and OutboundMessage._meta.db_table in sql
        return done


def _cut_now() -> None:
    """End this connection as a server does that is shut down; on SQLite fail as with a bad disk."""
    if connection.vendor != "postgresql":
        raise OperationalError("disk I/O error")
    own = connection.connection.info
    with psycopg.connect(own.dsn, password=own.password, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [own.backend_pid])


@pytest.mark.parametrize("after", [1, 2, 3])
def test_messages_that_were_claimed_when_the_database_went_away_are_free_at_once(desk: Desk, after: int) -> None:
    order = desk.load()
    cut = CutAfterTheClaim(after)
    with connection.execute_wrapper(cut):
        finished = desk.deliver()
    assert cut.cut
    assert finished.outcome not in (Outcome.DONE, Outcome.NOTHING)
    assert desk.message(order).lease_token == ""
    desk.deliver()
    assert desk.order().state == OrderState.SENT
    assert len(desk.there()) == 1
