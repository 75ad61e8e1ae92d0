"""In test mode services are off, and test orders run through all the same: the hub runs what the next step of each needs."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from cartrover.clock import hub_now
from connectors.contract import ShipmentState
from connectors.models import Connection, ConnectionState, Service, ServiceName
from connectors.schedules import UNSET
from orders.models import DocumentState, Order, Shipment
from orders.pipeline.documents import UNSENT
from orders.states import OrderState

CARRIED_FOR = timedelta(days=7)
"""A test order that nobody has shipped by then is forgotten; “Run now” still carries it on."""

MOST = 200
"""Test orders that one tick looks at."""

PACE = ((timedelta(hours=1), timedelta(seconds=15)), (timedelta(days=1), timedelta(minutes=5)))
"""How often a service is run for an order up to that age; older ones once an hour."""

_WHY = "the tick carries the test orders of all accounts on"


def carry_test_orders() -> int:
    """Make due what test orders of carts in test mode wait for, where that has never been scheduled; return how much that is.

    A service with a schedule keeps to it, and one that a person has switched off stays off.
    """
    now = hub_now()
    orders = Order.objects.across_accounts(_WHY).filter(
        is_test=True,
        hold="",
        state__in=[OrderState.NEW, OrderState.READY, OrderState.SENT, OrderState.SHIPPED],
        source__live=False,
        source__state=ConnectionState.OK,
        created_at__gte=now - CARRIED_FOR,
    )
    made_due = 0
    for order in orders.select_related("source", "wms").order_by("-created_at")[:MOST]:
        awaited = awaited_service(order)
        if awaited is not None:
            made_due += _make_due(*awaited, now=now, pace=_pace(now - order.created_at))
    return made_due


def awaited_service(order: Order) -> tuple[Connection, ServiceName] | None:
    """Return whose service the order's next step is; None where it has none, or a person comes first."""
    if order.hold or order.wms is None:
        return None
    if order.state in (OrderState.NEW, OrderState.READY):
        return order.wms, ServiceName.ORDER_DELIVERY
    if order.state not in (OrderState.SENT, OrderState.SHIPPED):
        return None
    packages = Shipment.objects.for_account(order.account_id).filter(order=order, state=ShipmentState.SHIPPED)
    to_tell = Q(document__isnull=True, nothing_to_tell=False) & (~Q(tracking_number="") | Q(send_without_tracking=True))
    if packages.filter(to_tell | Q(document__state__in=UNSENT)).exists():
        return order.source, ServiceName.SHIPMENT_UPLOAD
    if packages.filter(document__state__in=[DocumentState.SENT, DocumentState.TAKEN]).exists():
        return None
    return order.wms, ServiceName.SHIPMENT_PICKUP


def _make_due(connection: Connection, name: ServiceName, *, now: datetime, pace: timedelta) -> int:
    rows = Service.objects.for_account(connection.account_id).filter(connection=connection, name=name, every=UNSET)
    rows = rows.filter(Q(last_run_at__isnull=True) | Q(last_run_at__lte=now - pace))
    return rows.filter(Q(due_at__isnull=True) | Q(due_at__gt=now)).update(due_at=now)


def _pace(age: timedelta) -> timedelta:
    return next((every for up_to, every in PACE if age < up_to), timedelta(hours=1))
