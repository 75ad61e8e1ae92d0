"""The flow of orders as home draws it: one line from the cart over the hub to the WMS and back, with what runs on each leg."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import FloatField, Func
from django.db.models.functions import Coalesce, Greatest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cartrover import locales
from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from connectors.contract import Side
from connectors.models import Connection, ConnectionState, ServiceDay, ServiceName
from orders import words
from orders.models import Order
from orders.readers import IN_FLOW, ConnectionRow, ServiceState
from orders.service_days import day_of

DAYS = 14
LAG_OF = timedelta(hours=24)
LAG_ORDERS = 500
"""Delivered orders of a day that the lag is worked out of, the latest: more of them don't change a median."""

BAR, GAP, HIGH = 5, 1, 24
"""Width of a day's bar, the space to the next, and the height of the highest."""

COUNTED: Mapping[ServiceName, tuple[tuple[str, ...], str]] = {
    ServiceName.ORDER_DOWNLOAD: (("orders",), "order"),
    ServiceName.ORDER_DELIVERY: (("sent", "adopted"), "order"),
    ServiceName.SHIPMENT_PICKUP: (("shipments",), "package"),
    ServiceName.INVENTORY_PICKUP: (("skus",), "SKU"),
    ServiceName.SHIPMENT_UPLOAD: (("rows",), "row"),
    ServiceName.INVOICE_UPLOAD: (("rows",), "row"),
    ServiceName.INVENTORY_UPLOAD: (("rows",), "row"),
    ServiceName.CANCEL_UPLOAD: (("rows",), "row"),
}
"""What a service is there for: the counts of its runs that add up to it, and what one of them is called."""

LEGS: Sequence[tuple[str, str, frozenset[ServiceName]]] = (
    ("Cart", "hub", frozenset({ServiceName.ORDER_DOWNLOAD})),
    ("Hub", "WMS", frozenset({ServiceName.ORDER_DELIVERY})),
    ("WMS", "cart", frozenset(ServiceName) - {ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY}),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A day in a sparkline, in the picture's own units."""

    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Spark:
    """What a service did on each of the last days; `said` is for who can't see the picture."""

    bars: Sequence[Bar]
    said: str

    @property
    def width(self) -> int:
        return DAYS * (BAR + GAP) - GAP

    @property
    def drawn(self) -> SafeString:
        """The bars as one SVG path: home has a hundred of them, which took a tenth of its time as elements of a template."""
        path = "".join(f"M{one.x} {one.y}h{BAR}v{one.height}h-{BAR}z" for one in self.bars)
        return format_html('<path d="{}"/>', path)


@dataclass(frozen=True, slots=True)
class FlowService:
    """A service on its leg. `today` is in words: "12 orders today"."""

    state: ServiceState
    connection: str
    today: str
    spark: Spark


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of the way. `at` are the connections that stand where it begins."""

    start: str
    end: str
    at: Sequence[ConnectionRow]
    services: Sequence[FlowService]


@dataclass(frozen=True, slots=True)
class Lag:
    """How long orders took from the cart's file to the WMS, of those that arrived there within `LAG_OF`."""

    median: timedelta
    slowest: timedelta
    slowest_order: Order
    orders: int
    is_more: bool
    """True where only the latest ones were looked at."""


def flow(account: Account, connections: Sequence[ConnectionRow]) -> list[Leg]:
    """Return the legs in the order in which an order travels them."""
    pks = {(row.connection.pk, service.name): service.pk for row in connections for service in row.connection.services.all()}
    days = _days(account)
    sides = {"Cart": Side.CART, "WMS": Side.WMS}
    return [
        Leg(
            start=start,
            end=end,
            at=[row for row in connections if row.connection.side == sides.get(start)],
            services=[
                _service(row, state, days.get(pks[row.connection.pk, state.name], {}), day_of(account, hub_now()))
                for name in IN_FLOW
                for row in connections
                for state in row.services
                if state.name == name and name in names
            ],
        )
        for start, end, names in LEGS
    ]


def _days(account: Account) -> dict[int, dict[date, Mapping[str, int]]]:
    since = day_of(account, hub_now()) - timedelta(days=DAYS - 1)
    found: dict[int, dict[date, Mapping[str, int]]] = {}
    rows = ServiceDay.objects.for_account(account).filter(day__gte=since)
    for service_id, day, counts in rows.values_list("service_id", "day", "counts"):
        found.setdefault(service_id, {})[day] = counts
    return found


def _service(row: ConnectionRow, state: ServiceState, days: Mapping[date, Mapping[str, int]], today: date) -> FlowService:
    names, noun = COUNTED[ServiceName(state.name)]
    numbers = [
        sum(int(days.get(today - timedelta(days=back), {}).get(name, 0)) for name in names) for back in reversed(range(DAYS))
    ]
    return FlowService(state, row.connection.name, f"{_said(numbers[-1], noun)} today", spark(numbers, noun))


def spark(numbers: Sequence[int], noun: str) -> Spark:
    """Return the picture of so many numbers, one a day and the last of them today. Pure."""
    most = max(numbers)
    bars = []
    for at, number in enumerate(numbers):
        height = max(2, round(number * HIGH / most)) if number else 1
        bars.append(Bar(at * (BAR + GAP), HIGH - height, height))
    said = (
        f"{_said(sum(numbers), noun)} in {len(numbers)} days, at most {locales.number(most)} a day"
        if most
        else f"no {noun}s in {DAYS} days"
    )
    return Spark(bars, said)


def _said(number: int, noun: str) -> str:
    return f"{locales.number(number)} {noun}{'' if number == 1 else 's'}"


# --- how long it takes -------------------------------------------------------------------------------------------------------


def lag(account: Account) -> Lag | None:
    """Return how long orders took that came to the WMS in the last day; None when none did.

    An order's way begins when its file was written, by the cart's clock, but not before the cart went live.
    """
    arrived = Order.objects.for_account(account).filter(delivered_at__gte=hub_now() - LAG_OF).order_by("-delivered_at")
    written = Coalesce("document__modified_at", "created_at")
    began = Greatest(written, Coalesce("source__activated_at", written))
    rows = list(arrived.values_list(_Seconds("delivered_at") - _Seconds(began), "pk")[: LAG_ORDERS + 1])
    if not rows:
        return None
    took = rows[:LAG_ORDERS]
    slowest, pk = max(took)
    return Lag(
        median=_lasting(statistics.median_low([seconds for seconds, _ in took])),
        slowest=_lasting(slowest),
        slowest_order=Order.objects.for_account(account).only("public_id", "cust_ref").get(pk=pk),
        orders=len(took),
        is_more=len(rows) > LAG_ORDERS,
    )


class _Seconds(Func):
    """A moment as seconds from a fixed one. As moments, a thousand of them would take longer to read than to find."""

    output_field = FloatField()
    template = "EXTRACT(EPOCH FROM %(expressions)s)::float"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="(julianday(%(expressions)s) * 86400.0)", **more)


def _lasting(seconds: float) -> timedelta:
    """Return how long it was; clocks of two machines may say that something came before it was sent."""
    return timedelta(seconds=max(0, round(seconds, 1)))


# --- in one word -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunState:
    """How everything runs, in a word or two, and the page that says more."""

    said: str
    tone: str
    page: str


def run_state(account: Account, need: str) -> RunState:
    """Return how the account runs; `need` is the number of open alerts as it is said, "" for none."""
    if need:
        return RunState(f"{need} need{'s' if need == '1' else ''} you", "bad", "alerts")
    rows: Iterable[Connection] = Connection.objects.for_account(account).exclude(state=ConnectionState.DISCONNECTED)
    sides = {one.side for one in rows}
    states = [(one.state, words.connection_words(one)[1]) for one in rows]
    if not states:
        return RunState("nothing connected", "quiet", "connections")
    if any(tone == "bad" for _, tone in states):
        return RunState("a connection needs you", "bad", "connections")
    if any(tone == "warn" for _, tone in states):
        return RunState("trying again", "warn", "connections")
    if any(state == ConnectionState.PAUSED for state, _ in states):
        return RunState("paused", "quiet", "connections")
    if sides != set(Side) or all(state == ConnectionState.NEW for state, _ in states):
        return RunState("not set up yet", "quiet", "connections")
    return RunState("all flowing", "good", "account_home")
