"""After the database was restored from an older copy: the far sides know more than the hub, and are asked first.

What was sent since the copy was made looks unsent, and what was read looks as if it had never come. Where the hub stands in its
walks is older too, which does no harm: what changed since is walked once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from cartrover.clock import hub_now
from connectors.models import Service, ServiceName
from orders.models import DocumentState, OutboundDocument

RESTORED_AT = "restored_at"
"""Stands in the cursors of the services that must know of it."""

TAKEN_CHECKED_AT = "taken_checked_at"
"""Stands in the cursor of a download: when the archive was last compared with what is known."""

ASK_FIRST_FOR = timedelta(days=7)
"""For so long each order is asked for before it goes out for the first time: orders that programs push once more may come days
later, and a question costs one request."""

_WHY = "a restored database concerns all accounts"


@dataclass(frozen=True, slots=True)
class Restored:
    """How many connections will ask first, and how many files that look unsent are looked for."""

    connections: int
    files: int


@transaction.atomic
def note_restored() -> Restored:
    """Make every connection go on as after a restore: deliveries ask first, archives are looked through, and files that look
    unsent are looked for. To be called before anything runs; twice is harmless."""
    now = hub_now()
    services = Service.objects.across_accounts(_WHY).select_for_update()
    marked = list(services.filter(name__in=[ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY]).order_by("pk"))
    for service in marked:
        cursor = {name: value for name, value in service.cursor.items() if name != TAKEN_CHECKED_AT}
        services.filter(pk=service.pk).update(cursor={**cursor, RESTORED_AT: now.isoformat()})
    ready = OutboundDocument.objects.across_accounts(_WHY).filter(state=DocumentState.READY)
    files = ready.update(state=DocumentState.UNKNOWN)
    return Restored(connections=len({service.connection_id for service in marked}), files=files)


def restored_at(cursor: Mapping[str, Any]) -> datetime | None:
    """Return when the database was restored, as a service's cursor tells; None when it never was."""
    noted = cursor.get(RESTORED_AT)
    return datetime.fromisoformat(noted) if noted else None


def asks_first(cursor: Mapping[str, Any]) -> bool:
    """Say whether orders that look unsent may be at the far side all the same."""
    at = restored_at(cursor)
    return at is not None and hub_now() - at < ASK_FIRST_FOR
