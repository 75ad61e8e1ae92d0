"""Making a service due because something happened that it should act on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from cartrover.clock import hub_now
from cartrover.compiled_queries import CompiledQuery, Parameter, instant, number
from connectors.contract import Side
from connectors.models import Connection, ConnectionState, Service, ServiceName
from orders import queues

_AUTOMATIC = Q(every="automatic")


def wake(connection: Connection, name: ServiceName) -> None:
    """Make an automatic service due now and ring for it; one with a schedule of its own, or off, waits for that."""
    _wake(connection.account_id, Q(connection=connection, name=name))


def wake_stock_uploads(account_id: int) -> None:
    """Make every cart be told anew what it may sell: what one cart has ordered the others can't sell."""
    _wake(account_id, _stock_uploads(hub_now()))


def wake_for_orders(account_id: int, wms: Connection | None) -> None:
    """Wake all that new orders concern: the delivery to their WMS, and what the carts are told of its stock."""
    now = hub_now()
    _make_due(account_id, _CONCERNED.rows(account_id=account_id, wms_id=wms.pk if wms is not None else None, now=now), now)


def _concerned() -> QuerySet[Service, Any]:
    delivery = Q(connection_id=number("wms_id"), name=ServiceName.ORDER_DELIVERY)
    services = Service.objects.filter(account_id=number("account_id"))
    return services.filter(_AUTOMATIC & (delivery | _stock_uploads(instant("now")))).values_list("pk", "name", "due_at")


_CONCERNED = CompiledQuery(_concerned)


def _stock_uploads(now: datetime | Parameter) -> Q:
    """The condition of the uploads of stock that aren't due: the others were rung for, and many orders at once ring once."""
    uploads = Q(name=ServiceName.INVENTORY_UPLOAD, connection__side=Side.CART)
    return uploads & ~Q(connection__state=ConnectionState.DISCONNECTED) & _not_due(now)


def _not_due(now: datetime | Parameter) -> Q:
    return Q(due_at__isnull=True) | Q(due_at__gt=now)


def _wake(account_id: int, which: Q) -> None:
    services = Service.objects.for_account(account_id).filter(_AUTOMATIC & which)
    _make_due(account_id, services.values_list("pk", "name", "due_at"), hub_now())


def _make_due(account_id: int, services: Iterable[tuple[int, str, datetime | None]], now: datetime) -> None:
    """Make these services due, given by id, name and when they are due, and ring for them."""
    for pk, name, due_at in services:
        # What is due here is claimed later, by a worker that sees what was committed before: nothing is to be written.
        if due_at is None or due_at > now:
            Service.objects.for_account(account_id).filter(_not_due(now), pk=pk).update(due_at=now)
        queues.ring(pk, name)
