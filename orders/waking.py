"""Making a service due because something happened that it should act on."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from cartrover.clock import hub_now
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
    delivery = Q(connection=wms, name=ServiceName.ORDER_DELIVERY) if wms is not None else Q()
    _wake(account_id, delivery | _stock_uploads(hub_now()))


def _stock_uploads(now: datetime) -> Q:
    """The condition of the uploads of stock that aren't due: the others were rung for, and many orders at once ring once."""
    uploads = Q(name=ServiceName.INVENTORY_UPLOAD, connection__side=Side.CART)
    return uploads & ~Q(connection__state=ConnectionState.DISCONNECTED) & _not_due(now)


def _not_due(now: datetime) -> Q:
    return Q(due_at__isnull=True) | Q(due_at__gt=now)


def _wake(account_id: int, which: Q) -> None:
    now = hub_now()
    services = Service.objects.for_account(account_id)
    for pk, name, due_at in services.filter(_AUTOMATIC & which).values_list("pk", "name", "due_at"):
        # What is due here is claimed later, by a worker that sees what was committed before: nothing is to be written.
        if due_at is None or due_at > now:
            services.filter(_not_due(now), pk=pk).update(due_at=now)
        queues.ring(pk, name)
