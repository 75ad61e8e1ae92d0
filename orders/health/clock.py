"""The tick that finds what is due: written down each time, so that its silence is noticed."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from cartrover.clock import hub_now
from connectors.models import Pulse
from orders.health.figures import Figure, Judgement, judged, span

CLOCK = "clock"
"""The tick that finds what is due; each kind of tick is named as in CELERY_BEAT_SCHEDULE."""

APART = 3
"""Ticks of a kind that come closer together than this part of their interval are one: there may be several clocks, and workers
that were away find a heap of them."""

FRESH = timedelta(seconds=60)
LATE = timedelta(minutes=5)


def note_tick(name: str = CLOCK) -> bool:
    """Write down that the clock ticked and a worker of this machine took it; return False when one has just been taken."""
    now, machine = hub_now(), socket.gethostname()[:200]
    apart: timedelta = settings.CELERY_BEAT_SCHEDULE[name]["schedule"] / APART
    # One from the future is left over from a database whose clock was set back.
    is_new = Q(at__lte=now - apart) | Q(at__gt=now + apart)
    if Pulse.objects.filter(is_new, name=name).update(at=now, machine=machine):
        return True
    return Pulse.objects.get_or_create(name=name, defaults={"at": now, "machine": machine})[1]


def last_tick() -> Pulse | None:
    """Return the last tick; None when there was never one."""
    return Pulse.objects.filter(name=CLOCK).first()


def is_fresh(tick: Pulse | None, now: datetime) -> bool:
    """Tell whether the clock ticks."""
    return tick is not None and now - tick.at < FRESH


def figure(tick: Pulse | None, now: datetime) -> Figure:
    """Judge how long ago the last tick was; it comes every 15 seconds."""
    name, todo = "Last tick of the clock", "Start the clock: `manage.py up`, or a `celery -A cartrover beat`."
    if tick is None:
        return Figure(name, "never", Judgement.WRONG, todo)
    ago = (now - tick.at).total_seconds()
    judgement = judged(ago, look=FRESH.total_seconds(), wrong=LATE.total_seconds())
    return Figure(name, f"{span(ago)} ago, on {tick.machine}", judgement, "" if judgement is Judgement.FINE else todo)
