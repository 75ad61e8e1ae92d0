"""Bells: hints to the workers that a service has something to do. Losing one costs seconds, waiting costs nothing.

What is to be done stands in the database with a due date, and a tick finds it. So a bell is rung only after the commit, is
never waited for longer than `PATIENCE`, and never raises: a page must not be slower or fail because the broker is away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from cartrover.celery import app
from cartrover.clock import hub_now

log = logging.getLogger(__name__)

PATIENCE = 0.15
"""Seconds that a page waits for the broker. A healthy one answers in two milliseconds; a person notices a fifth of a second."""

SULK = 10.0
"""Seconds without bells after one that didn't get through: a loop of them must not wait each. The tick comes every 15 s."""

MEANS_NOTHING_AFTER = timedelta(seconds=60)
"""How long a bell counts: the tick has found the work by then, and a stalled worker isn't buried in bells."""

RUNG_AT = "rung_at"
"""The header that says when a bell was rung, by the hub's clock: Celery's own `expires` would compare two machines' clocks."""

RUN_SERVICE = "orders.run_service"

Bell = tuple[int, str]
"""A service and the queue of its kind of work."""

_collected: ContextVar[set[Bell] | None] = ContextVar("collected_bells", default=None)
_silent_until = 0.0


def ring(service_pk: int, *, queue: str) -> None:
    """Wake a worker of a queue for this service once the current transaction is committed, at once when there is none.

    Rings of one transaction for the same service are one. Without a broker nothing happens. Never raises.
    """
    if not settings.CELERY_BROKER_URL:
        return
    rung = _rung_in_this_transaction(service_pk)
    if rung is not None:
        transaction.on_commit(_Ring((service_pk, queue), rung), robust=True)


def call(task: str, pk: int) -> None:
    """Have a worker run a task of this name for a row, once the current transaction is committed. Never raises, as `ring`."""
    if settings.CELERY_BROKER_URL:
        transaction.on_commit(lambda: _send([(pk, settings.CELERY_TASK_DEFAULT_QUEUE)], task), robust=True)


@contextmanager
def collecting() -> Iterator[None]:
    """Hold back the bells of a run and ring each of them once at its end, also when it ends with an error.

    Inside another one this does nothing: the outermost rings.
    """
    if _collected.get() is not None:
        yield
        return
    held: set[Bell] = set()
    token = _collected.set(held)
    try:
        yield
    finally:
        _collected.reset(token)
        _send(held)


def is_old(request: Any) -> bool:
    """Say whether the bell that a task's request came with means nothing any more."""
    rung_at = request.get(RUNG_AT)
    return rung_at is not None and hub_now() - datetime.fromisoformat(rung_at) > MEANS_NOTHING_AFTER


def _rung_in_this_transaction(service_pk: int) -> set[Bell] | None:
    """Return what the rings of this transaction share, or None when this one can add nothing.

    A ring counts only if no rollback to a savepoint can take it back without taking this one back as well.
    """
    connection = transaction.get_connection()
    earlier = [(savepoints, hook) for savepoints, hook, _ in connection.run_on_commit if isinstance(hook, _Ring)]
    sure = set(connection.savepoint_ids)
    if any(hook.bell[0] == service_pk and set(savepoints) <= sure for savepoints, hook in earlier):
        return None
    return earlier[0][1].rung if earlier else set()


class _Ring:
    """What runs after the commit. `rung` is shared by all rings of the transaction."""

    def __init__(self, bell: Bell, rung: set[Bell]) -> None:
        self.bell = bell
        self.rung = rung

    def __call__(self) -> None:
        if self.bell in self.rung:
            return
        self.rung.add(self.bell)
        held = _collected.get()
        if held is None:
            _send([self.bell])
        else:
            held.add(self.bell)


def _send(rung: Collection[Bell], task: str = RUN_SERVICE) -> None:
    """Hand the bells to the broker in a thread of their own: no client's time-out covers names, sockets and answers."""
    global _silent_until
    if not rung or not settings.CELERY_BROKER_URL or time.monotonic() < _silent_until:
        return
    # Asked here: the thread has no database connection.
    rung_at = hub_now().isoformat()
    thread = threading.Thread(target=_publish, args=(sorted(rung), task, rung_at), name="bells", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        # Perhaps it is only the first one of this process, which loads the client: then its success ends the silence.
        _silent_until = time.monotonic() + SULK


def _publish(rung: list[Bell], task: str, rung_at: str) -> None:
    global _silent_until
    try:
        for pk, queue in rung:
            app.send_task(task, (pk,), queue=queue, retry=False, headers={RUNG_AT: rung_at}, ignore_result=True)
    except Exception as problem:  # noqa: BLE001  # whatever a broker's client raises, the work stands in the database
        _silent_until = time.monotonic() + SULK
        log.warning("The broker can't be reached (%s: %s). The tick finds the work instead.", type(problem).__name__, problem)
    else:
        _silent_until = 0.0
