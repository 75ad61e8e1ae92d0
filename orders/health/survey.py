"""All figures together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cartrover.clock import hub_now
from orders.health import broker, clock, flow, machine
from orders.health.figures import Figure, Judgement, worst


@dataclass(frozen=True, slots=True)
class Survey:
    """How the installation was doing at one moment: figures by topic, and what runs."""

    at: datetime
    topics: Mapping[str, Sequence[Figure]]
    versions: Mapping[str, str]

    @property
    def judgement(self) -> Judgement:
        return worst([figure for figures in self.topics.values() for figure in figures])


def survey() -> Survey:
    """Measure everything now; takes a second, in which workers may answer."""
    now = hub_now()
    tick = clock.last_tick()
    told = broker.ask()
    topics = {
        "Work": [clock.figure(tick, now), *broker.figures(told, clock_is_fresh=clock.is_fresh(tick, now))],
        "Flow": flow.figures(now),
        "Machine": machine.figures(),
    }
    return Survey(now, topics, machine.versions())
