"""Carts and WMS: the list of them, and what each one's pages show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db.models import Count, Min, Q

from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from cartrover.vault import SealBroken
from connectors import registry
from connectors.contract import ConnectorSpec, HoldReason, Side
from connectors.field_values import FieldProblems, missing
from connectors.granting import can_be_granted
from connectors.host_keys import HostKeys, host_keys_of
from connectors.hub_fields import fields_of
from connectors.models import Connection, ConnectionState, Service, ServiceName, ServiceRun
from connectors.month_budget import MonthBudget, end_of_month, month_budget
from connectors.readers import secret_names_of, settings_of
from connectors.schedules import AUTOMATIC, FACTS, OFF, UNSET, in_words
from orders import words
from orders.listings.paging import PAGE, Page, page_of
from orders.models import Order
from orders.models.order import held_for
from orders.pipeline.stock_pickup import is_left
from orders.readers import COUNTED, IN_FLOW, ServiceState, service_state
from orders.states import Status

RUNS_SHOWN = 8

UNFINISHED = [Status.NEW, Status.AT_WMS, Status.PARTIAL, Status.SHIPPED, Status.ERROR]
UNFINISHED_COUNTED = 1000
"""Highest number of orders that is shown."""

MINUTES = (5, 10, 15, 30, 60, 120, 240, 720)
"""The intervals that pages offer; the command line takes any."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A schedule to choose."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service with what it is for and the schedules that it may have."""

    state: ServiceState
    about: str
    choices: Sequence[Choice]
    hours: Sequence[Choice]
    is_due: bool
    """True from the moment when its run is asked for until that run begins."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run with its outcome in words."""

    run: ServiceRun
    label: str
    outcome: str
    tone: str
    counts: Sequence[tuple[str, int]]

    @property
    def seconds(self) -> int | None:
        if self.run.finished_at is None:
            return None
        return round((self.run.finished_at - self.run.started_at).total_seconds())


@dataclass(frozen=True, slots=True)
class GoingLive:
    """What going live would do: how many orders wait, since when, and how many of them stay out as they are too old."""

    waiting: int
    is_more: bool
    oldest: date | None
    earliest: date | None
    too_old: int


@dataclass(frozen=True, slots=True)
class ConnectionHead:
    """What stands at the top of each page of a connection."""

    connection: Connection
    spec: ConnectorSpec | None
    side: str
    state: str
    tone: str
    missing: Sequence[str]
    """The labels of required fields that are still empty."""

    @property
    def kind_name(self) -> str:
        return self.spec.name if self.spec else self.connection.kind

    @property
    def is_connected(self) -> bool:
        return self.connection.state != ConnectionState.DISCONNECTED

    @property
    def is_paused(self) -> bool:
        return self.connection.state == ConnectionState.PAUSED

    @property
    def can_be_granted(self) -> bool:
        return can_be_granted(self.connection)


@dataclass(frozen=True, slots=True)
class LeftWms:
    """A WMS that no cart's orders go to any more while another one gets them: how many orders it still has to finish."""

    unfinished: int
    is_more: bool


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """Everything on a connection's first page."""

    services: Sequence[ServiceRow]
    runs: Sequence[RunRow]
    more_runs: bool
    host_keys: HostKeys
    seal_words: str
    live: GoingLive | None
    budget: MonthBudget | None
    counted_anew: date
    """When the next month's requests begin to count."""
    left: LeftWms | None

    @property
    def is_busy(self) -> bool:
        """True while a service runs or is about to: then the page keeps itself up to date."""
        return any(row.state.is_running or row.is_due for row in self.services)


@dataclass(frozen=True, slots=True)
class ConnectionLists:
    """The connections of an account by side, and those that were ended."""

    carts: Sequence[ConnectionHead] = field(default_factory=list)
    warehouses: Sequence[ConnectionHead] = field(default_factory=list)
    ended: Sequence[ConnectionHead] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.carts or self.warehouses or self.ended)


# --- lists and heads ---------------------------------------------------------------------------------------------------------


def connection_lists(account: Account) -> ConnectionLists:
    """Return all connections of the account by name, without what they lack: that is on their own pages."""
    rows = Connection.objects.for_account(account).order_by("name")
    heads = [_head(connection, ()) for connection in rows]
    living = [head for head in heads if head.is_connected]
    return ConnectionLists(
        carts=[head for head in living if head.connection.side == Side.CART],
        warehouses=[head for head in living if head.connection.side == Side.WMS],
        ended=[head for head in heads if not head.is_connected],
    )


def connection_of(account: Account, public_id: UUID) -> Connection | None:
    """Return the account's connection of that id; None when it has no such one."""
    return Connection.objects.for_account(account).select_related("account").filter(public_id=public_id).first()


def destinations_of(cart: Connection) -> Sequence[Connection]:
    """Return the WMSs among which a person chooses where the cart's orders go; none where there is no choice."""
    if cart.side != Side.CART:
        return []
    rows = Connection.objects.for_account(cart.account_id).filter(side=Side.WMS).exclude(state=ConnectionState.DISCONNECTED)
    connected = list(rows.order_by("name"))
    return connected if len(connected) > 1 or cart.destination_id is not None else []


def connection_head(connection: Connection) -> ConnectionHead:
    """Return what stands at the top of a connection's pages."""
    spec = registry.find(connection.kind)
    wanted = missing(fields_of(spec), connection.settings, secret_names_of(connection)) if spec else ()
    return _head(connection, [one.label for one in wanted])


def _head(connection: Connection, lacks: Sequence[str]) -> ConnectionHead:
    state, tone = words.connection_words(connection)
    spec = registry.find(connection.kind)
    return ConnectionHead(connection, spec, words.SIDE[connection.side], state, tone, lacks)


# --- the first page ----------------------------------------------------------------------------------------------------------


def connection_page(connection: Connection) -> ConnectionPage:
    """Return services, last runs, host keys and what going live would do."""
    now = hub_now()
    runs = runs_page(connection, limit=RUNS_SHOWN)
    keys, seal_words = HostKeys(None, None), ""
    try:
        keys = host_keys_of(connection)
    except SealBroken as broken:
        seal_words = str(broken)
    waits_to_go_live = connection.side == Side.CART and not connection.live
    return ConnectionPage(
        services=service_rows(connection),
        runs=runs.rows,
        more_runs=runs.next is not None,
        host_keys=keys,
        seal_words=seal_words,
        live=going_live(connection) if waits_to_go_live else None,
        budget=month_budget(connection, now=now),
        counted_anew=end_of_month(now),
        left=left_wms(connection),
    )


def left_wms(connection: Connection) -> LeftWms | None:
    """Return what a WMS still has to finish that all carts have left for another one; None for any other connection."""
    if connection.side != Side.WMS or connection.state == ConnectionState.DISCONNECTED or not is_left(connection):
        return None
    unfinished = Order.objects.for_account(connection.account_id).filter(standing__in=UNFINISHED, wms=connection)
    counted = unfinished[: UNFINISHED_COUNTED + 1].count()
    return LeftWms(min(counted, UNFINISHED_COUNTED), counted > UNFINISHED_COUNTED)


def service_rows(connection: Connection) -> list[ServiceRow]:
    """Return the connection's services in the order in which an order meets them, with their schedules to choose from."""
    rows = Service.objects.for_account(connection.account_id).filter(connection=connection)
    services = sorted(rows, key=lambda service: IN_FLOW.index(ServiceName(service.name)))
    now = hub_now()
    return [
        ServiceRow(
            state=service_state(service, connection),
            about=FACTS[ServiceName(service.name)].words,
            choices=_choices(service),
            hours=[_choice(f"daily@{hour:02}", service) for hour in range(24)],
            is_due=connection.state == ConnectionState.OK and service.due_at is not None and service.due_at <= now,
        )
        for service in services
    ]


def _choices(service: Service) -> list[Choice]:
    facts = FACTS[ServiceName(service.name)]
    values = [*([AUTOMATIC] if facts.can_be_automatic else []), *(str(minutes) for minutes in MINUTES), OFF]
    if service.every and service.every not in values and not service.every.startswith("daily@"):
        values.insert(0, service.every)
    unset = [Choice(UNSET, f"off until you go live, then {in_words(facts.default)}", is_chosen=True)]
    return [*(unset if service.every == UNSET else []), *(_choice(value, service) for value in values)]


def _choice(value: str, service: Service) -> Choice:
    return Choice(value, in_words(value), value == service.every)


def going_live(cart: Connection) -> GoingLive:
    """Return what going live would do to the orders that wait for it."""
    waiting = Order.objects.for_account(cart.account_id).filter(held_for(HoldReason.NOT_LIVE), source=cart)
    try:
        earliest: date | None = settings_of(cart)["earliest_order_date"]
    except (FieldProblems, registry.UnknownKind):
        earliest = None
    count = waiting[: COUNTED + 1].count()
    too_old = Q(order_date__lt=earliest) if earliest else Q(pk__in=[])
    told = waiting.aggregate(oldest=Min("order_date"), too_old=Count("pk", filter=too_old))
    return GoingLive(min(count, COUNTED), count > COUNTED, told["oldest"], earliest, told["too_old"])


# --- runs --------------------------------------------------------------------------------------------------------------------


def runs_page(connection: Connection, after: UUID | None = None, *, limit: int = PAGE) -> Page[RunRow]:
    """Return the last runs of a connection's services, newest first. Runs that found nothing to do have no row."""
    rows = ServiceRun.objects.for_account(connection.account_id).filter(service__connection=connection)
    page = page_of(
        connection.account, rows.select_related("service"), along="started_at", descending=True, after=after, limit=limit
    )
    return Page([_run(run) for run in page.rows], page.next)


def _run(run: ServiceRun) -> RunRow:
    return RunRow(
        run,
        label=words.service_label(run.service.name),
        outcome=words.OUTCOME.get(run.outcome, run.outcome),
        tone=words.OUTCOME_TONE.get(run.outcome, "quiet"),
        counts=words.counts_said(run.counts),
    )
