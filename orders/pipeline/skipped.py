"""Skipped and refused orders that come again after all: the list says so, and alerts that are over end."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from cartrover.clock import hub_now
from connectors.models import Connection
from orders.alerts import resolve_alerts
from orders.models import InboundDocument, Order, SkippedOrder

REFUSED_ROW = "refused_row"
LISTED_REFUSALS = 100
"""Refused orders that are listed one by one for a file; a summary counts the rest."""


def open_refusals(connection: Connection) -> set[str]:
    """Return the ids of the cart's orders that were refused for their rows and have not come since."""
    return set(_open(connection).filter(reason=REFUSED_ROW).values_list("external_id", flat=True))


def note_loaded(document: InboundDocument, mended: Collection[str]) -> None:
    """Mark the skipped orders that this file loaded as loaded, and those of `mended` (once refused, now whole).

    The alert on a file whose refused orders have all come ends.
    """
    connection, now = document.connection, hub_now()
    new_here = Order.objects.for_account(document.account_id).filter(document=document).values("external_id")
    _open(connection).exclude(reason=REFUSED_ROW).filter(external_id__in=new_here).update(loaded_at=now)
    if not mended:
        return
    rows = _open(connection).filter(reason=REFUSED_ROW, external_id__in=list(mended))
    files = set(rows.values_list("document_id", flat=True))
    rows.update(loaded_at=now)
    waiting = SkippedOrder.objects.for_account(document.account_id).filter(reason=REFUSED_ROW, loaded_at__isnull=True)
    open_files = set(waiting.filter(document__in=files).values_list("document_id", flat=True))
    for one in InboundDocument.objects.for_account(document.account_id).filter(pk__in=files - open_files):
        if int(one.counts.get("refused", 0)) <= LISTED_REFUSALS:
            resolve_alerts(account_id=document.account_id, cause="rows_refused", subjects=[one.name])


def _open(connection: Connection) -> QuerySet[SkippedOrder]:
    rows = SkippedOrder.objects.for_account(connection.account_id).filter(connection=connection, loaded_at__isnull=True)
    return rows.exclude(external_id="")
