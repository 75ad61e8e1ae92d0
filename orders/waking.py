"""Making a service due because something happened that it should act on."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from cartrover import bells
from connectors.models import Connection, Service, ServiceName


def wake(connection: Connection, name: ServiceName) -> None:
    """Make an automatic service due now and ring for it; one with a schedule of its own, or off, waits for that."""
    now = timezone.now()
    services = Service.objects.for_account(connection.account_id).filter(connection=connection, name=name, every="automatic")
    for pk in services.values_list("pk", flat=True):
        services.filter(pk=pk).filter(Q(due_at__isnull=True) | Q(due_at__gt=now)).update(due_at=now)
        bells.ring(pk)
