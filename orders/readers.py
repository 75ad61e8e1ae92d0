"""What the portal's pages show, each in a number of queries that doesn't grow with what there is to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

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
    Invoice,
    Order,
    OrderEvent,
    OrderLine,
    OutboundAttempt,
    OutboundMessage,
    Shipment,
    ShipmentLine,
)
from orders.states import OrderState, Status

COUNTED = 10_000
"""Highest count that is worked out: beyond it nobody needs the number, and counting millions takes seconds."""

ALERTS_SHOWN = 20
EVENTS_SHOWN = 200

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


@dataclass(frozen=True, slots=True)
class OrderStory:
    """An order with all that happened to it; `more_events` is true where the oldest ones are left out."""

    order: Order
    lines: Sequence[OrderLine]
    events: Sequence[OrderEvent]
    more_events: bool
    messages: Sequence[OutboundMessage]
    shipments: Sequence[Shipment]
    invoices: Sequence[Invoice]
    alerts: Sequence[Alert]

    @property
    def has_preview(self) -> bool:
        """True while something of the order is still to be sent, to the WMS or to the cart."""
        return self.order.state not in (OrderState.CONFIRMED, OrderState.CANCELED)

    @property
    def can_be_held(self) -> bool:
        return not self.order.hold and self.order.state in (OrderState.NEW, OrderState.READY)

    @property
    def can_be_sent_again(self) -> bool:
        """An order that waits for its next try; a held one is released instead."""
        return not self.order.hold and self.order.state == OrderState.READY

    @property
    def can_be_marked(self) -> bool:
        return self.order.state in (OrderState.NEW, OrderState.READY, OrderState.SHIPPED)

    @property
    def can_be_canceled(self) -> bool:
        return self.order.state in (OrderState.NEW, OrderState.READY, OrderState.SENT)


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


def order_story(account: Account, public_id: UUID) -> OrderStory | None:
    """Return an order of this account with its whole history, newest first; None when the account has no such order."""
    orders = Order.objects.for_account(account).select_related("source", "wms", "document")
    order = orders.filter(public_id=public_id).first()
    if order is None:
        return None
    events = list(order.events.select_related("connection").order_by("-at", "-pk")[: EVENTS_SHOWN + 1])
    tries = Prefetch("tries", OutboundAttempt.objects.order_by("-started_at", "-pk"))
    contents = Prefetch("lines", ShipmentLine.objects.select_related("line").order_by("pk"))
    return OrderStory(
        order=order,
        lines=list(order.lines.order_by("line_no")),
        events=events[:EVENTS_SHOWN],
        more_events=len(events) > EVENTS_SHOWN,
        messages=list(order.messages.select_related("connection").prefetch_related(tries).order_by("-pk")),
        shipments=list(order.shipments.select_related("document").prefetch_related(contents).order_by("-pk")),
        invoices=list(order.invoices.select_related("document").order_by("-pk")),
        alerts=list(order.alerts.filter(state=AlertState.OPEN).order_by("-last_seen_at")),
    )


class _CountOf(Subquery):
    """How many rows a query has, as a number within another one."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS some)"
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
