"""What changes with a connection's name, and with the WMS that a cart delivers to."""

from __future__ import annotations

from django.db import transaction

from connectors import actions
from connectors.contract import HoldReason
from connectors.models import Connection
from orders.models import Alert, AlertState
from orders.pipeline.release import release_held


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


def choose_destination(*, cart: Connection, wms: Connection | None, actor: str) -> int:
    """Have the cart's orders go to this WMS; return how many go on that had nowhere to go. What is on its way stays with the
    WMS that it was sent to. Raise `Refused`."""
    actions.destination_set(cart=cart, wms=wms, actor=actor)
    because = f"{actor} chose where the orders of {cart.name} go."
    return release_held(cart.account_id, [HoldReason.NO_ROUTE], because=because, cart=cart)
