"""The tick that finds what is due: written down each time, so that its silence is noticed."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta

from django.utils import timezone

from connectors.models import Pulse
from orders.health.figures import Figure, Judgement, judged, span

CLOCK = "clock"
FRESH = timedelta(seconds=60)
LATE = timedelta(minutes=5)


def note_tick() -> None:
    """Write down that the clock ticked, and that a worker of this machine took it."""
    Pulse.objects.update_or_create(name=CLOCK, defaults={"at": timezone.now(), "machine": socket.gethostname()[:200]})


def last_tick() -> Pulse | None:
    """Return the last tick; None when there was never one."""
    return Pulse.objects.filter(name=CLOCK).first()


def is_fresh(tick: Pulse | None, now: datetime) -> bool:
    """Tell whether the clock ticks."""
    return tick is not None and now - tick.at < FRESH


def figure(tick: Pulse | None, now: datetime) -> Figure:
    """Judge how long ago the last tick was; it comes every 15 seconds."""
    name, todo = "Last tick of the clock", "Start the clock: `manage.py up`, or exactly one `celery -A cartrover beat`."
    if tick is None:
        return Figure(name, "never", Judgement.WRONG, todo)
    ago = (now - tick.at).total_seconds()
    judgement = judged(ago, look=FRESH.total_seconds(), wrong=LATE.total_seconds())
    return Figure(name, f"{span(ago)} ago, on {tick.machine}", judgement, "" if judgement is Judgement.FINE else todo)
