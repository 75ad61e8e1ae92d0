"""Jobs that come in many threads at once and are done together: a transaction costs much the same with one order as with many.

Nobody waits for a timer. A job that comes while nothing of its lane is under way is begun at once; what comes while it waits
for its turn at something goes with it, and what comes later goes together as soon as that is done.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import DatabaseError

logger = logging.getLogger(__name__)

J = TypeVar("J")


@dataclass(slots=True, eq=False)
class _Place(Generic[J]):
    """A job, in the thread that waits for it: it is woken once the job is done, to lead the next ones, or to try alone."""

    job: J
    woken: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    done: bool = False


class Gathering(Generic[J]):
    """The jobs of this process that wait, by lane.

    `work` gets a job, and what to call for the others of its lane that wait by then: once, when it can take them, or not at
    all. It does all that it has got together, or it raises.
    """

    def __init__(self, work: Callable[[J, Callable[[], Sequence[J]]], None]) -> None:
        self._work = work
        self._guard = threading.Lock()
        self._lanes: dict[str, list[_Place[J]]] = {}
        """Who waits; a lane is there as long as one of it is at work."""

    def do(self, lane: str, job: J) -> None:
        """Return once the job is done; raise what its own doing raises.

        Where the database refuses jobs that are done together each is done by itself: another one's trouble isn't its own.
        """
        place = _Place(job)
        with self._guard:
            waiting = self._lanes.get(lane)
            if waiting is None:
                place.leads = True
                self._lanes[lane] = []
            else:
                waiting.append(place)
        if not place.leads:
            place.woken.wait()
        if place.leads:
            self._lead(lane, place)
        if not place.done:
            self._work(job, lambda: [])

    def waiting(self, lane: str) -> int:
        """Say how many jobs of a lane wait for the one that is at work."""
        with self._guard:
            return len(self._lanes.get(lane, ()))

    def _lead(self, lane: str, first: _Place[J]) -> None:
        """Do the first, and what waits when it comes to that; hand the lane on."""
        others: list[_Place[J]] = []

        def take_others() -> list[J]:
            with self._guard:
                others.extend(self._lanes[lane])
                self._lanes[lane] = []
            return [place.job for place in others]

        try:
            self._work(first.job, take_others)
            for place in (first, *others):
                place.done = True
        except DatabaseError:
            if not others:
                raise
            logger.warning("%s jobs that came at once are done one by one", 1 + len(others), exc_info=True)
        finally:
            # Answers first: who has one and asks again at once finds its place among the next, which are fewer and larger so.
            for place in others:
                place.woken.set()
            self._hand_on(lane)

    def _hand_on(self, lane: str) -> None:
        with self._guard:
            if self._lanes[lane]:
                heir = self._lanes[lane].pop(0)
                heir.leads = True
                heir.woken.set()
            else:
                del self._lanes[lane]
