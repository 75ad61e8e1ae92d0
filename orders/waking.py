"""Making a service due because something happened that it should act on."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from connectors.contract import Side
from connectors.models import Connection, ConnectionState, Service, ServiceName
from orders import queues


def wake(connection: Connection, name: ServiceName) -> None:
    """Make an automatic service due now and ring for it; one with a schedule of its own, or off, waits for that."""
    now = timezone.now()
    services = Service.objects.for_account(connection.account_id).filter(connection=connection, name=name, every="automatic")
    for pk in services.values_list("pk", flat=True):
        services.filter(pk=pk).filter(Q(due_at__isnull=True) | Q(due_at__gt=now)).update(due_at=now)
        queues.ring(pk, name)


def wake_stock_uploads(account_id: int) -> None:
    """Make every cart be told anew what it may sell: what one cart has ordered the others can't sell."""
    now = timezone.now()
    services = Service.objects.for_account(account_id)
    uploads = services.filter(name=ServiceName.INVENTORY_UPLOAD, every="automatic", connection__side=Side.CART)
    uploads = uploads.exclude(connection__state=ConnectionState.DISCONNECTED)
    # Those that are due already were rung for: many orders that are held at once ring once.
    for pk in uploads.filter(Q(due_at__isnull=True) | Q(due_at__gt=now)).values_list("pk", flat=True):
        services.filter(pk=pk).filter(Q(due_at__isnull=True) | Q(due_at__gt=now)).update(due_at=now)
        queues.ring(pk, ServiceName.INVENTORY_UPLOAD)
