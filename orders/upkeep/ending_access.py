"""Warnings before granted access ends for good, which only a person can mend: a month, a week and a day before."""

from __future__ import annotations

from datetime import datetime, timedelta

from cartrover.accounts.models import Account
from cartrover.vault import SealBroken
from connectors import registry
from connectors.models import Connection, ConnectionState
from connectors.token_store import StoredToken
from orders.alerts import raise_alert, resolve_alerts

CAUSE = "access_ends"

WARNED_BEFORE = (30, 7, 1)
"""Days before the end at which a new alert is raised, the earliest first."""


def alert_ending_access(account: Account, now: datetime) -> None:
    """Raise the alert that is due for each connection whose access ends, and close those that no longer hold."""
    for connection in Connection.objects.for_account(account).exclude(state=ConnectionState.DISCONNECTED):
        spec = registry.find(connection.kind)
        if spec is not None and spec.oauth is not None and spec.oauth.refresh_ends:
            _alert(connection, _ends_at(connection), now)


def _ends_at(connection: Connection) -> datetime | None:
    try:
        token = StoredToken(connection).current()
    except SealBroken:  # told by the next run, in words
        return None
    return token.ends_at if token is not None else None


def _alert(connection: Connection, ends_at: datetime | None, now: datetime) -> None:
    due = [days for days in WARNED_BEFORE if ends_at is not None and ends_at - now <= timedelta(days=days)]
    closed = [_subject(connection, days) for days in WARNED_BEFORE if days not in due[-1:]]
    resolve_alerts(account_id=connection.account_id, cause=CAUSE, subjects=closed)
    if due and ends_at is not None:
        raise_alert(
            account_id=connection.account_id,
            cause=CAUSE,
            subject=_subject(connection, due[-1]),
            connection=connection,
            words=f"Access to “{connection.name}” ends on {ends_at:%d %B %Y}, and orders stop then. Grant API access again "
            "before that day, on the connection's page; nothing is lost by doing it early.",
        )


def _subject(connection: Connection, days: int) -> str:
    return f"{connection.public_id}:{days}"
