"""What changes with a connection's name, and with the WMS that a cart delivers to."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from connectors import actions
from connectors.contract import HoldReason
from connectors.models import Connection
from connectors.probing import services_due
from orders.models import Alert, AlertState
from orders.pipeline.release import move_unsent, release_held
from orders.waking import wake_stock_uploads


@dataclass(frozen=True, slots=True)
class Chosen:
    """What came of choosing a WMS: how many orders go on that had nowhere to go, and how many waited for another WMS before."""

    released: int
    moved: int


@transaction.atomic
def rename(*, connection: Connection, name: str, actor: str) -> None:
    """Rename the connection, and the alerts that go by its name, so that they still end by themselves. Raise `Refused`."""
    was = connection.name
    actions.connection_rename(connection=connection, name=name, actor=actor)
    alerts = Alert.objects.for_account(connection.account_id).filter(connection=connection).exclude(state=AlertState.RESOLVED)
    for alert in alerts.filter(subject__startswith=was):
        rest = alert.subject.removeprefix(was)
        if not rest or rest.startswith(" "):
            alerts.filter(pk=alert.pk).update(subject=f"{connection.name}{rest}"[:200])


def choose_destination(*, cart: Connection, wms: Connection | None, actor: str) -> Chosen:
    """Have the cart's orders go to this WMS, and its stock be told.

    Orders that no WMS has yet go there as well. One that is at another WMS, or may be, is finished there. Raise `Refused`.
    """
    actions.destination_set(cart=cart, wms=wms, actor=actor)
    because = f"{actor} chose where the orders of {cart.name} go."
    moved = move_unsent(cart, because=because)
    released = release_held(cart.account_id, [HoldReason.NO_ROUTE], because=because, cart=cart)
    if wms is not None:
        services_due(wms)  # its stock is read at once
    wake_stock_uploads(cart.account_id)
    return Chosen(released, moved)
