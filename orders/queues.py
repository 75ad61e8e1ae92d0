"""Which queue a service's wake-ups stand in, so that whoever has many merchants can give each kind of work workers of its own.

A worker that isn't told which queues to serve serves them all.
"""

from __future__ import annotations

from collections.abc import Mapping

from cartrover import bells
from connectors.models import ServiceName

FILES, API, UPLOADS = "files", "api", "uploads"
QUEUES: Mapping[str, str] = {
    ServiceName.ORDER_DOWNLOAD: FILES,
    ServiceName.ORDER_DELIVERY: API,
    ServiceName.SHIPMENT_PICKUP: API,
    ServiceName.INVENTORY_PICKUP: API,
    ServiceName.SHIPMENT_UPLOAD: UPLOADS,
    ServiceName.INVOICE_UPLOAD: UPLOADS,
    ServiceName.CANCEL_UPLOAD: UPLOADS,
    ServiceName.INVENTORY_UPLOAD: UPLOADS,
}


def ring(service_pk: int, name: str) -> None:
    """Wake a worker for the service of this name, as `bells.ring` does, in the queue of its kind of work."""
    bells.ring(service_pk, queue=QUEUES[name])
