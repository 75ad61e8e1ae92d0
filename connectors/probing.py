"""Whether a connection works: testing it, marking it broken or mended, and probing a broken one until it works again.

The orders app raises and closes alerts as connections break and mend; it asks to be told with `follow_states`, so that this app
needn't know of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from random import random

from django.db.models import F, QuerySet

from cartrover.clock import hub_now
from cartrover.vault import SealBroken
from connectors.contract import CheckStep
from connectors.errors import ConnectorError, FixConnection, SlowDown
from connectors.models import Connection, ConnectionState, Service
from connectors.opening import open_session, require_no_transaction
from connectors.readers import HOST_KEY, HOST_KEY_SHOWN, pinned_host_key, shown_host_key
from connectors.schedules import OFF, UNSET
from connectors.sealed_secrets import secret_put, secrets_remove

logger = logging.getLogger(__name__)

PROBE_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
"""How long a broken connection waits for each probe; the last wait repeats."""

PROBE_JITTER = 0.1
"""Share by which the hourly probes are spread, so that all merchants of a far side that was down don't come back at once."""

StateFollower = Callable[[Connection], None]
_followers: list[StateFollower] = []


def follow_states(follower: StateFollower) -> None:
    """Have `follower` called with each connection that broke, mended, was paused, resumed or disconnected.

    It runs right after the change, in its transaction where there is one, and may do nothing but write rows.
    """
    if follower not in _followers:
        _followers.append(follower)


def tell_followers(connection: Connection) -> None:
    """Tell who follows that the connection's state has changed."""
    for follower in _followers:
        follower(connection)


# --- testing -----------------------------------------------------------------------------------------------------------------


def connection_test(
    connection: Connection, *, ask_host_key: bool = False, told: Callable[[CheckStep], None] = lambda step: None
) -> tuple[CheckStep, ...]:
    """Open the connection and try everything that its roles need; return each step with its words.

    `told` hears of each step as it happens. With `ask_host_key` a key that isn't pinned is kept until a person confirms it, and
    the test ends there, before a password is sent.

    When all is well the connection is OK, its services are due, and the host key that the server showed is pinned if none was.
    When not, one that has worked or is live becomes broken and is probed; a new one stays new. What others have found meanwhile
    is later than what this test met, and counts. Raises nothing but `TransactionOpen`: a bug of the connector becomes a failed
    step and is logged.
    """
    require_no_transaction()
    pinned = _pinned(connection)
    began = hub_now()
    trial = _Trial(told)
    trial.run(connection, ask_host_key=ask_host_key)
    if trial.ok and _broke_after(connection, began):
        began = hub_now()
        trial = _Trial(lambda step: None)
        trial.run(connection, ask_host_key=ask_host_key)
    if trial.ok:
        if trial.seen_host_key and not pinned:
            secret_put(connection, HOST_KEY, trial.seen_host_key)
        mark_mended(connection)
        return tuple(trial.steps)
    if trial.asks and not pinned:
        secret_put(connection, HOST_KEY_SHOWN, trial.seen_host_key)
        _note_question(connection, trial.failed_words)
        return tuple(trial.steps)
    key_changed = bool(pinned and trial.seen_host_key and trial.seen_host_key != pinned)
    if key_changed:
        secret_put(connection, HOST_KEY_SHOWN, trial.seen_host_key)
    _note_failure(connection, trial, needs_person=trial.needs_person or key_changed, tried_since=began)
    return tuple(trial.steps)


class _Trial:
    """One test: its steps and what they mean for the connection."""

    def __init__(self, told: Callable[[CheckStep], None]) -> None:
        self.steps: list[CheckStep] = []
        self._told = told
        self.seen_host_key = ""
        self.needs_person = False
        self.only_slowed = False

    @property
    def ok(self) -> bool:
        return bool(self.steps) and all(step.ok for step in self.steps)

    @property
    def asks(self) -> bool:
        """True when nothing failed, but a person must confirm the host key."""
        return bool(self.seen_host_key) and any(step.asks for step in self.steps)

    @property
    def failed_words(self) -> str:
        return next((step.words for step in self.steps if not step.ok), "The test found nothing to try.")

    def run(self, connection: Connection, *, ask_host_key: bool) -> None:
        try:
            with open_session(connection, ask_host_key=ask_host_key) as session:
                try:
                    for step in session.check():
                        self._add(step)
                finally:
                    self.seen_host_key = session.seen_host_key
        except ConnectorError as error:
            self.only_slowed = isinstance(error, SlowDown)
            self.needs_person = isinstance(error, FixConnection) and error.needs_person
            self._add(CheckStep("connect", False, error.words))
        except Exception:  # a bug in a kind must not take the page or the command down with it
            logger.exception("testing connection %s (%s) failed", connection.public_id, connection.kind)
            words = "Something went wrong inside the hub, not at the far side. It is logged; tell whoever runs this hub."
            self._add(CheckStep("internal", False, words))
        if not self.steps:
            self._add(CheckStep("test", False, "The connector has no test. Tell whoever runs this hub."))

    def _add(self, step: CheckStep) -> None:
        self.steps.append(step)
        self._told(step)


def _pinned(connection: Connection) -> str:
    try:
        return pinned_host_key(connection)
    except SealBroken:  # told by the session's opening, in words
        return ""


# --- broken and mended -------------------------------------------------------------------------------------------------------


def mark_broken(connection: Connection, words: str, *, needs_person: bool = False, tried_since: datetime | None = None) -> bool:
    """Make the connection wait: its services stop, and it is probed until it works, or on request where a person is needed.

    Return whether it was not broken before. Paused and disconnected connections stay what they are, and so does one that was
    found to work after `tried_since`, when the work began that failed. `connection` is brought up to date.
    """
    now = hub_now()
    changes = {"broken_words": words, "needs_person": needs_person, "checked_at": now}
    rows = _row(connection)
    well = rows.filter(state__in=[ConnectionState.NEW, ConnectionState.OK])
    if tried_since is not None:
        well = well.exclude(state=ConnectionState.OK, checked_at__gt=tried_since)
    newly = well.update(state=ConnectionState.BROKEN, probe_at=now + PROBE_AFTER[0], probes=0, **changes)
    if not newly:
        rows.filter(state=ConnectionState.BROKEN).update(**changes)
    if needs_person:
        rows.filter(state=ConnectionState.BROKEN).update(probe_at=None)
    connection.refresh_from_db()
    if newly:
        _services_wait_for_probe(connection)
        tell_followers(connection)
    return bool(newly)


def mark_mended(connection: Connection) -> bool:
    """Make a connection that was found to work OK again, with its services due now; return whether it was broken.

    Paused and disconnected connections stay what they are. `connection` is brought up to date.
    """
    now = hub_now()
    was_broken = connection.state == ConnectionState.BROKEN
    waited = _row(connection).filter(state__in=[ConnectionState.BROKEN, ConnectionState.NEW])
    mended = waited.update(state=ConnectionState.OK, probe_at=None, probes=0)
    _row(connection).update(checked_at=now, broken_words="", needs_person=False)
    secrets_remove(connection, [HOST_KEY_SHOWN])
    connection.refresh_from_db()
    if mended:
        services_due(connection)
        tell_followers(connection)
    return bool(mended) and was_broken


def services_due(connection: Connection) -> None:
    """Make every service that runs by itself due now."""
    _running_services(connection).update(due_at=hub_now(), failures=0)


def _broke_after(connection: Connection, moment: datetime) -> bool:
    """Say whether somebody found after this moment that the connection doesn't work."""
    return _row(connection).filter(state=ConnectionState.BROKEN, checked_at__gt=moment).exists()


def _note_failure(connection: Connection, trial: _Trial, *, needs_person: bool, tried_since: datetime) -> None:
    connection.refresh_from_db()
    if trial.only_slowed and connection.state == ConnectionState.OK:
        return
    if connection.state == ConnectionState.OK or (connection.state == ConnectionState.NEW and connection.live):
        mark_broken(connection, trial.failed_words, needs_person=needs_person, tried_since=tried_since)
        return
    changes: dict[str, object] = {"checked_at": hub_now(), "broken_words": trial.failed_words}
    if connection.state == ConnectionState.BROKEN:
        changes |= {
            "needs_person": needs_person,
            "probes": F("probes") + 1,
            "probe_at": None if needs_person else _next_probe(connection.probes + 1, hub_now()),
        }
    _row(connection).update(**changes)
    connection.refresh_from_db()
    _services_wait_for_probe(connection)


def _note_question(connection: Connection, words: str) -> None:
    """A host key waits for a person. What worked without one goes on; what is new says what it waits for."""
    rows = _row(connection)
    rows.exclude(state=ConnectionState.OK).update(broken_words=words)
    rows.update(checked_at=hub_now())
    connection.refresh_from_db()


def host_key_waits(connection: Connection) -> bool:
    """Say whether a first host key was shown to a person who hasn't confirmed it yet."""
    return not _pinned(connection) and bool(shown_host_key(connection))


def _services_wait_for_probe(connection: Connection) -> None:
    """A broken connection's services come due with its next probe: that is what makes it happen, whatever their schedules."""
    if connection.state == ConnectionState.BROKEN:
        _running_services(connection).update(due_at=connection.probe_at)


def _running_services(connection: Connection) -> QuerySet[Service]:
    services = Service.objects.for_account(connection.account_id).filter(connection=connection)
    return services.exclude(every__in=[OFF, UNSET])


# --- probing -----------------------------------------------------------------------------------------------------------------


def probe_due(connection: Connection, *, now: bool = False) -> bool:
    """Probe a broken connection whose time has come, or at once with `now`; return whether it works.

    One worker at a time probes: the next time is moved on by a conditional UPDATE before the test begins.
    """
    if connection.state != ConnectionState.BROKEN:
        return connection.state == ConnectionState.OK
    moment = hub_now()
    rows = _row(connection).filter(state=ConnectionState.BROKEN)
    if not now:
        rows = rows.filter(probe_at__lte=moment, needs_person=False)
    if not rows.update(probe_at=_next_probe(connection.probes + 1, moment)):
        connection.refresh_from_db()
        return connection.state == ConnectionState.OK
    connection_test(connection)
    return connection.state == ConnectionState.OK


def probe_soon(connection: Connection) -> None:
    """Something was changed that may have mended it: probe a broken connection at once instead of at its next time."""
    rows = _row(connection).filter(state=ConnectionState.BROKEN)
    if rows.update(probe_at=hub_now(), probes=0, needs_person=False):
        _running_services(connection).update(due_at=hub_now())
    connection.refresh_from_db()


def _next_probe(probes: int, after: datetime) -> datetime:
    wait = PROBE_AFTER[min(probes, len(PROBE_AFTER) - 1)]
    return after + wait * (1 + PROBE_JITTER * random()) if probes >= len(PROBE_AFTER) else after + wait


# --- host keys ---------------------------------------------------------------------------------------------------------------


def host_key_replace(connection: Connection, shown: str) -> bool:
    """Pin the host key that the server showed, if it is still the one that the person saw; return False when it isn't."""
    waiting = shown_host_key(connection)
    if not shown or waiting != shown:
        return False
    secret_put(connection, HOST_KEY, shown)
    secrets_remove(connection, [HOST_KEY_SHOWN])
    return True


def _row(connection: Connection) -> QuerySet[Connection]:
    return Connection.objects.for_account(connection.account_id).filter(pk=connection.pk)
