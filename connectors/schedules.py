"""When services run: the facts of each service, the words that people type, and the next time. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from connectors.contract import ConnectorSpec, Role, Side
from connectors.models import ServiceName

AUTOMATIC = "automatic"
OFF = "off"
UNSET = ""
"""Nobody has chosen yet: off, until the connection is activated, which sets the default."""

LONGEST_MINUTES = 7 * 24 * 60
"""A service that runs less than once a week has been forgotten rather than scheduled."""

DAILY_SPREAD = timedelta(minutes=10)
"""Over how long the runs of one daily hour are spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """What is true of a service in every connection. `fastest` is in minutes; None = it can be automatic."""

    name: ServiceName
    side: Side
    roles: frozenset[Role]
    label: str
    words: str
    default: str
    fastest: int | None = 5

    @property
    def can_be_automatic(self) -> bool:
        return self.fastest is None


def _facts(*facts: ServiceFacts) -> Mapping[ServiceName, ServiceFacts]:
    return {fact.name: fact for fact in facts}


FACTS = _facts(
    ServiceFacts(
        name=ServiceName.ORDER_DOWNLOAD,
        side=Side.CART,
        roles=frozenset({Role.ORDER_SOURCE}),
        label="Order download",
        words="Reads new orders from the cart.",
        default="5",
    ),
    ServiceFacts(
        name=ServiceName.SHIPMENT_UPLOAD,
        side=Side.CART,
        roles=frozenset({Role.SHIPMENT_SINK}),
        label="Shipment upload",
        words="Tells the cart what was shipped, with tracking.",
        default=AUTOMATIC,
        fastest=None,
    ),
    ServiceFacts(
        name=ServiceName.INVOICE_UPLOAD,
        side=Side.CART,
        roles=frozenset({Role.INVOICE_SINK}),
        label="Invoice upload",
        words="Sends invoices to the cart.",
        default=AUTOMATIC,
        fastest=None,
    ),
    ServiceFacts(
        name=ServiceName.INVENTORY_UPLOAD,
        side=Side.CART,
        roles=frozenset({Role.STOCK_SINK}),
        label="Inventory upload",
        words="Tells the cart what it may sell.",
        default=AUTOMATIC,
        fastest=None,
    ),
    ServiceFacts(
        name=ServiceName.CANCEL_UPLOAD,
        side=Side.CART,
        roles=frozenset({Role.CANCEL_SINK}),
        label="Cancel upload",
        words="Tells the cart what will not come.",
        default=AUTOMATIC,
        fastest=None,
    ),
    ServiceFacts(
        name=ServiceName.ORDER_DELIVERY,
        side=Side.WMS,
        roles=frozenset({Role.ORDER_DESTINATION}),
        label="Order delivery",
        words="Sends new orders to the WMS.",
        default=AUTOMATIC,
        fastest=None,
    ),
    ServiceFacts(
        name=ServiceName.SHIPMENT_PICKUP,
        side=Side.WMS,
        roles=frozenset({Role.SHIPMENT_SOURCE, Role.INVOICE_SOURCE}),
        label="Shipment pickup",
        words="Reads tracking, invoices and cancellations from the WMS.",
        default="15",
    ),
    ServiceFacts(
        name=ServiceName.INVENTORY_PICKUP,
        side=Side.WMS,
        roles=frozenset({Role.STOCK_SOURCE}),
        label="Inventory pickup",
        words="Reads products and stock from the WMS.",
        default="60",
    ),
)


def services_of(spec: ConnectorSpec) -> tuple[ServiceName, ...]:
    """Return the services of a connection of this kind, in the order in which an order meets them."""
    return tuple(name for name, facts in FACTS.items() if facts.side is spec.side and facts.roles & spec.roles)


class BadSchedule(ValueError):
    """A schedule that can't be kept; its words say what can."""


_INTERVAL = re.compile(r"(\d{1,5})\s*(m|min|minutes?|h|hours?|d|days?)?")
_DAILY = re.compile(r"daily\s*@\s*(\d{1,2})(?::00)?")
_MINUTES_OF = {"m": 1, "h": 60, "d": 24 * 60}


def parse_every(text: str, name: ServiceName | None = None) -> str:
    """Return the stored form of a schedule as people type it: "5m" -> "5", "1h" -> "60", "daily@6" -> "daily@06".

    `name` is the service that it is for; without one, what some service allows is allowed. Raise `BadSchedule` for words that
    mean nothing and for a schedule that is faster than the service can be.
    """
    typed = text.strip().lower()
    facts = FACTS[name] if name is not None else None
    if typed == OFF:
        return OFF
    if typed == AUTOMATIC:
        if facts is not None and not facts.can_be_automatic:
            raise BadSchedule(f"{facts.name} can't be automatic: the far side must be asked. Its fastest is {facts.fastest}m.")
        return AUTOMATIC
    daily = _DAILY.fullmatch(typed)
    if daily:
        if int(daily[1]) > 23:
            raise BadSchedule(f"“{text.strip()}” names no hour of the day. Use daily@0 to daily@23.")
        return f"daily@{int(daily[1]):02}"
    return str(_minutes(text, typed, facts))


def _minutes(text: str, typed: str, facts: ServiceFacts | None) -> int:
    interval = _INTERVAL.fullmatch(typed)
    if not interval:
        raise BadSchedule(f"“{text.strip()}” is no schedule. Use 5m, 15m, 1h, daily@6, automatic or off.")
    minutes = int(interval[1]) * _MINUTES_OF[(interval[2] or "m")[0]]
    fastest = 5 if facts is None or facts.fastest is None else facts.fastest
    if minutes < fastest:
        instead = " or automatic" if facts is None or facts.can_be_automatic else ""
        raise BadSchedule(
            f"“{text.strip()}” is too fast{f' for {facts.name}' if facts else ''}. The fastest is {fastest}m{instead}."
        )
    if minutes > LONGEST_MINUTES:
        raise BadSchedule(
            f"“{text.strip()}” is too slow: the slowest is {LONGEST_MINUTES // 1440} days. Use off to stop the service."
        )
    return minutes


def in_words(every: str) -> str:
    """Return a stored schedule as people say it."""
    if every in (OFF, UNSET):
        return "off"
    if every == AUTOMATIC:
        return "automatic"
    if every.startswith("daily@"):
        return f"daily at {every[6:]}:00"
    minutes = int(every)
    if minutes % 1440 == 0:
        return "every day" if minutes == 1440 else f"every {minutes // 1440} days"
    if minutes % 60 == 0:
        return "every hour" if minutes == 60 else f"every {minutes // 60} hours"
    return f"every {minutes} minutes"


def is_off(every: str) -> bool:
    """True for a service that runs only when somebody asks for it."""
    return every in (OFF, UNSET)


def next_due(every: str, after: datetime, time_zone: str, *, spread: object = "") -> datetime | None:
    """Return the first time after `after` at which a service is due; None where nothing but new data or a person makes it due.

    Intervals run on a grid of their own for each `spread` (a service's id, say), so that a thousand accounts that were set up
    alike don't ask at the same second, and so that a run's length doesn't shift the next one. Daily hours are hours of
    `time_zone`, spread over ten minutes.
    """
    if is_off(every) or every == AUTOMATIC:
        return None
    if every.startswith("daily@"):
        return _next_daily(int(every[6:]), after, ZoneInfo(time_zone), _share(spread, DAILY_SPREAD))
    period = timedelta(minutes=int(every))
    epoch = datetime(1970, 1, 1, tzinfo=UTC) + _share(spread, period)
    return epoch + ((after - epoch) // period + 1) * period


def _next_daily(hour: int, after: datetime, zone: ZoneInfo, later: timedelta) -> datetime:
    day = after.astimezone(zone).date() - timedelta(days=1)
    while True:
        due = datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC) + later
        if due > after:
            return due
        day += timedelta(days=1)


def _share(spread: object, of: timedelta) -> timedelta:
    """A stable part of a stretch of time, in whole seconds, the same in every process."""
    seconds = int(of.total_seconds())
    return timedelta(seconds=int.from_bytes(sha256(str(spread).encode()).digest()[:8]) % seconds)
