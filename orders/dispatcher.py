"""What runs when: the sweep that every runtime calls, and the loop for one process without any."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from cartrover.clock import hub_now
from connectors.models import Connection, Outcome, Service, ServiceName
from orders import queues
from orders.connecting.carrying import carry_test_orders
from orders.due import due_services
from orders.notifications import notifying
from orders.scheduling import sweeping
from orders.scheduling.running import Finished, run_service
from orders.upkeep.housekeeping import keep

RING_AT_MOST = 500
"""Services rung in one tick: more would only queue up behind each other."""

FLOW_ORDER = list(ServiceName)
"""Orders in, orders out, tracking and stock in, and back to the carts."""


def _fairly(services: QuerySet[Service]) -> QuerySet[Service]:
    """Each account's first, then each account's second: a big merchant doesn't delay a small one."""
    turn = Window(RowNumber(), partition_by=[F("account_id")], order_by=[F("due_at").asc(), F("pk").asc()])
    return services.annotate(turn=turn).order_by("turn", "due_at", "pk")


def ring_due() -> int:
    """Make automatic services with work due, ring for all that is due, fairly over accounts; return how many were rung."""
    carry_test_orders()
    sweeping.take_over_from_the_dead()
    sweeping.wake_services_with_work()
    due = list(_fairly(due_services(hub_now())).values_list("pk", "name")[:RING_AT_MOST])
    for pk, name in due:
        queues.ring(pk, name)
    return len(due)


def run_service_by_id(pk: int) -> str:
    """Run one service if it is due and nobody holds it; return the outcome, or "" when there was nothing to claim."""
    service = due_services(hub_now() + timedelta(seconds=1)).select_related("connection__account").filter(pk=pk).first()
    return run_service(service, named=False).outcome if service else ""


def run_due(budget: float, *, account_id: int | None = None, connection_id: int | None = None) -> Iterator[Finished]:
    """Run what is due in this process, fairly, until nothing is or `budget` seconds are over; never wait for a later date."""
    deadline = time.monotonic() + budget
    while time.monotonic() < deadline:
        sweeping.wake_services_with_work(account_id=account_id)
        due = due_services(hub_now())
        if account_id is not None:
            due = due.filter(account_id=account_id)
        if connection_id is not None:
            due = due.filter(connection_id=connection_id)
        service = min(
            _fairly(due.select_related("connection__account"))[:50],
            key=lambda one: (one.turn, FLOW_ORDER.index(ServiceName(one.name))),  # type: ignore[attr-defined]  # annotated
            default=None,
        )
        if service is None:
            return
        finished = run_service(service, named=False)
        if finished.outcome == Outcome.BUSY:
            # Somebody else has it: not ours to wait for.
            Service.objects.for_account(service.account_id).filter(pk=service.pk, due_at__lte=hub_now()).update(
                due_at=hub_now() + timedelta(seconds=5)
            )
        yield finished


def run_named(connections: Iterable[Connection], names: Sequence[ServiceName]) -> Iterator[Finished]:
    """Run the named services of these connections at once, in the order of `names`."""
    rows = list(connections)
    for name in names:
        for connection in rows:
            services = Service.objects.for_account(connection.account_id).select_related("connection__account")
            service = services.filter(connection=connection, name=name).first()
            if service is not None:
                yield run_service(service, named=True)


def notify_due() -> int:
    """Tell those who are to be told of alerts; return how many channels were told something."""
    return notifying.notify_due()


def housekeeping() -> None:
    """Do what must be done now and then."""
    keep()
