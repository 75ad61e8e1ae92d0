"""Opens sessions: the one place where a connection's settings, secrets and the hub's services come together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import connection as database

from cartrover.clock import hub_now
from cartrover.vault import SealBroken
from connectors import registry
from connectors.contract import ConnectorSpec, Opening, Session
from connectors.errors import FixConnection
from connectors.field_values import missing
from connectors.hub_fields import fields_of, resend_after
from connectors.models import Connection, ConnectionState
from connectors.network import GuardedNetwork
from connectors.rate_budget import BudgetLimiter
from connectors.readers import SettingsUnfit, pinned_host_key, secrets_of, settings_of
from connectors.remembering import RememberedFacts
from connectors.remote_accounts import month_of, remote_of
from connectors.token_store import StoredToken


class TransactionOpen(RuntimeError):
    """A session was to be opened inside a transaction: what it does outside could be rolled back here, and is not there."""


def _no_progress() -> None:
    """For callers without a lease, like a connection test."""


@contextmanager
def open_session(
    connection: Connection, *, progress: Callable[[], None] = _no_progress, ask_host_key: bool = False
) -> Iterator[Session]:
    """Open a session on the connection, and close it whatever happens.

    `progress` is handed to the session, which calls it before each request and in read callbacks; `ask_host_key` says that a
    person confirms a host key that isn't pinned. Raise `FixConnection` when
    the kind isn't installed, a required setting is missing or a secret can't be opened, and what the connector raises.
    """
    require_no_transaction()
    spec = _spec_of(connection)
    limiter = BudgetLimiter(remote_of(connection), spec.limits, month_of=month_of(connection, spec))
    try:
        session = spec.open_session(replace(_opening(connection, spec, limiter, progress), ask_host_key=ask_host_key))
        try:
            yield session
        finally:
            session.close()
    finally:
        limiter.close()


def require_no_transaction() -> None:
    """Raise `TransactionOpen` inside a transaction; the one that a test wraps around itself doesn't count."""
    if database.in_atomic_block and any(not getattr(block, "_from_testcase", False) for block in database.atomic_blocks):
        raise TransactionOpen("no far side may be called inside a transaction")


def _spec_of(connection: Connection) -> ConnectorSpec:
    if connection.state == ConnectionState.DISCONNECTED:
        raise FixConnection(f"“{connection.name}” is disconnected. Connect it again to use it.")
    try:
        return registry.get(connection.kind)
    except registry.UnknownKind as unknown:
        raise FixConnection(f"{unknown.words} Install it again, or disconnect “{connection.name}”.") from unknown


def _opening(connection: Connection, spec: ConnectorSpec, limiter: BudgetLimiter, progress: Callable[[], None]) -> Opening:
    home = threading.get_ident()
    try:
        settings, secrets, host_key = settings_of(connection), secrets_of(connection), pinned_host_key(connection)
    except SettingsUnfit as unfit:
        raise FixConnection(unfit.words) from unfit
    except SealBroken as broken:
        raise FixConnection(str(broken)) from broken
    wanted = missing(fields_of(spec), connection.settings, secrets)
    if wanted:
        raise FixConnection(f"Still to be filled in: {', '.join(field.label for field in wanted)}.")
    return Opening(
        settings=settings,
        secrets=secrets,
        network=GuardedNetwork(),
        limiter=limiter,
        memory=RememberedFacts(connection, settled_after=resend_after(settings), home=home),
        tokens=StoredToken(connection, home=home),
        progress=progress,
        now=hub_now,
        pinned_host_key=host_key,
    )
