"""What follows when a connection breaks, mends or is disconnected.

A broken one is one alert, however often it is tried; it closes when the connection works again. A WMS that works for the first
time gets the orders that had nowhere to go.
"""

from __future__ import annotations

from connectors.contract import HoldReason, Side
from connectors.models import Connection, ConnectionState
from orders.alerts import raise_alert, resolve_alerts
from orders.pipeline.release import release_held

CAUSE = "connection_broken"


def follow(connection: Connection) -> None:
    """Raise or close the alert as the connection stands now."""
    state, words = (
        Connection.objects.for_account(connection.account_id)
        .filter(pk=connection.pk)
        .values_list("state", "broken_words")
        .get()
    )
    subject = str(connection.public_id)
    if state == ConnectionState.BROKEN:
        raise_alert(
            account_id=connection.account_id,
            cause=CAUSE,
            subject=subject,
            connection=connection,
            words=f"{connection.name} doesn't work: {words}",
        )
    else:
        resolve_alerts(account_id=connection.account_id, cause=CAUSE, subjects=[subject])
    if state == ConnectionState.OK and connection.side == Side.WMS:
        release_held(connection.account_id, [HoldReason.NO_ROUTE], because=f"{connection.name} is connected.")
