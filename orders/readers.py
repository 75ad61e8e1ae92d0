"""What the portal's pages show, each in a number of queries that doesn't grow with what there is to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import IntegerField, Prefetch, QuerySet, Subquery, Value

from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from connectors.contract import Side
from connectors.models import Connection, ConnectionState, Service, ServiceName
from connectors.schedules import in_words
from orders import words
from orders.models import (
    Alert,
    AlertState,
    Order,
)
from orders.states import Status

COUNTED = 10_000
"""Highest count that is worked out: beyond it nobody needs the number, and counting millions takes seconds."""

ALERTS_SHOWN = 20

IN_FLOW = list(ServiceName)
"""Services in the order in which an order meets them."""


@dataclass(frozen=True, slots=True)
class StatusCount:
    status: Status
    label: str
    count: int
    is_more: bool
    """True where there are more than `count`."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as the home page shows it. `next_at` is None where `next_words` says why."""

    name: str
    label: str
    schedule: str
    is_running: bool
    last_at: datetime | None
    outcome: str
    tone: str
    words: str
    counts: Sequence[tuple[str, int]]
    next_at: datetime | None
    next_words: str


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection with its services."""

    connection: Connection
    side: str
    state: str
    tone: str
    services: Sequence[ServiceState]


@dataclass(frozen=True, slots=True)
class HomePage:
    """Everything on the first page but the newest orders; those are a page of `listings.orders`."""

    alerts: Sequence[Alert]
    more_alerts: int
    connections: Sequence[ConnectionRow]
    counts: Sequence[StatusCount]

    @property
    def carts(self) -> Sequence[ConnectionRow]:
        return [row for row in self.connections if row.connection.side == Side.CART]

    @property
    def warehouses(self) -> Sequence[ConnectionRow]:
        return [row for row in self.connections if row.connection.side == Side.WMS]


def home_page(account: Account) -> HomePage:
    """Return what needs somebody, how the connections stand, and how many orders stand where."""
    alerts = list(open_alerts(account)[: ALERTS_SHOWN + 1])
    return HomePage(
        alerts=alerts[:ALERTS_SHOWN],
        more_alerts=open_alerts(account).count() - ALERTS_SHOWN if len(alerts) > ALERTS_SHOWN else 0,
        connections=_connections(account),
        counts=_counts(account),
    )


def open_alerts(account: Account) -> QuerySet[Alert]:
    """Return what needs somebody now, the latest first."""
    rows = Alert.objects.for_account(account).filter(state=AlertState.OPEN)
    return rows.select_related("connection", "order").order_by("-last_seen_at", "-pk")


class _CountOf(Subquery):
    """How many rows a query has, as a number within another one."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def _counts(account: Account) -> list[StatusCount]:
    """Count the orders of each status in one question, each part along its own piece of an index and no further than needed."""
    orders = Order.objects.for_account(account).order_by().annotate(one=Value(1))
    counts = [_CountOf(orders.filter(standing=status).values("one")[: COUNTED + 1]) for status in Status]
    found = zip(Status, Account.objects.filter(pk=account.pk).values_list(*counts).get(), strict=True)
    return [StatusCount(status, words.STATUS[status], min(number, COUNTED), number > COUNTED) for status, number in found]


def _connections(account: Account) -> list[ConnectionRow]:
    services = Prefetch("services", Service.objects.all())
    rows = Connection.objects.for_account(account).exclude(state=ConnectionState.DISCONNECTED).prefetch_related(services)
    return [_with_services(connection) for connection in rows.order_by("side", "name")]


def _with_services(connection: Connection) -> ConnectionRow:
    state, tone = words.connection_words(connection)
    services = sorted(connection.services.all(), key=lambda service: IN_FLOW.index(ServiceName(service.name)))
    return ConnectionRow(
        connection=connection,
        side=words.SIDE[connection.side],
        state=state,
        tone=tone,
        services=[service_state(service, connection) for service in services],
    )


def service_state(service: Service, connection: Connection) -> ServiceState:
    """Return how a service of this connection stands."""
    waits = words.next_run_words(service, connection)
    now = hub_now()
    next_at = max(service.due_at or now, service.slowed_until or now)
    return ServiceState(
        name=service.name,
        label=words.service_label(service.name),
        schedule=in_words(service.every),
        is_running=bool(service.lease_token) and service.lease_until is not None and service.lease_until > now,
        last_at=service.last_run_at,
        outcome=words.OUTCOME.get(service.last_outcome, service.last_outcome),
        tone=words.OUTCOME_TONE.get(service.last_outcome, "quiet"),
        words=service.last_words,
        counts=words.counts_said(service.last_counts),
        next_at=None if waits or next_at <= now else next_at,
        next_words=waits or "now",
    )
