"""The broker and the workers behind it. Nothing here waits longer than a person does, or raises when they are away."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from cartrover.celery import app
from orders.health.figures import Figure, Judgement, judged

PING_SECONDS = 1.0
PATIENCE = 4.0
"""Seconds for all questions together: connecting, two lengths, and the answers of the workers."""

QUEUE_LOOK, QUEUE_WRONG = 200, 2_000


@dataclass(slots=True)
class Answers:
    """What the broker told. `waiting` and `taken` are None while it didn't."""

    waiting: int | None = None
    taken: int | None = None
    workers: tuple[str, ...] | None = None
    problem: str = ""


def ask() -> Answers:
    """Ask the broker how many tasks wait and which workers answer."""
    found = Answers()
    if not settings.CELERY_BROKER_URL:
        found.problem = "no broker is set"
        return found
    # No client's time-out covers names, sockets and answers alike: a thread that is left behind does.
    thread = threading.Thread(target=_ask, args=(found,), name="health", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive() and found.workers is None:
        found.problem = found.problem or f"no answer within {PATIENCE:.0f} seconds"
    return found


def _ask(found: Answers) -> None:
    try:
        with app.connection_for_read(connect_timeout=1) as connection:
            client: Any = getattr(connection.default_channel, "client", None)
            if hasattr(client, "llen"):
                found.waiting = sum(int(client.llen(queue)) for queue in settings.CELERY_TASK_QUEUES)
                found.taken = int(client.hlen("unacked"))
            replies = app.control.ping(timeout=PING_SECONDS, connection=connection)
            found.workers = tuple(sorted(name for reply in replies for name in reply))
    except Exception as problem:  # noqa: BLE001  # whatever a broker's client raises, the page says it in words
        found.problem = f"it can't be reached ({type(problem).__name__})"


def figures(found: Answers, *, clock_is_fresh: bool) -> list[Figure]:
    """Judge what the broker told; a clock that ticks proves a worker even where none answers."""
    return [_queue(found), _workers(found, clock_is_fresh=clock_is_fresh)]


def _queue(found: Answers) -> Figure:
    name = "Tasks that wait"
    if not settings.CELERY_BROKER_URL:
        todo = "Nothing wakes workers: start the hub with `manage.py up`, or set CELERY_BROKER_URL."
        return Figure(name, "no broker is set", Judgement.LOOK, todo)
    if found.problem and found.waiting is None:
        todo = "Start the broker, or correct CELERY_BROKER_URL. No work is lost: it stands in the database."
        return Figure(name, found.problem, Judgement.WRONG, todo)
    if found.waiting is None:
        return Figure(name, "this kind of broker doesn't tell", Judgement.FINE)
    judgement = judged(found.waiting, look=QUEUE_LOOK, wrong=QUEUE_WRONG)
    todo = "" if judgement is Judgement.FINE else "Start more workers, or see below whether they hang."
    return Figure(name, f"{found.waiting:,} wait, {found.taken or 0:,} are being done", judgement, todo)


def _workers(found: Answers, *, clock_is_fresh: bool) -> Figure:
    name = "Workers that answer"
    if found.workers:
        return Figure(name, f"{len(found.workers)}: {', '.join(found.workers)}", Judgement.FINE)
    if clock_is_fresh:
        todo = "A worker ran the last tick, so there is one; all may be busy. Look again in a minute."
        return Figure(name, "none within a second", Judgement.LOOK, todo)
    todo = "Start a worker: `manage.py up`, or `celery -A cartrover worker`. Until then nothing is read or sent."
    return Figure(name, "none", Judgement.WRONG, todo)
