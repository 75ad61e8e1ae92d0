"""The shipping methods that a WMS has, as far as anybody has said: code, carrier and description."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from connectors.models import Connection, ConnectionState, RemoteFact
from orders.models import ShipMethodMap

KIND = "ship_method"
MARK = "\t"

Method = tuple[str, str, str]
"""Code, carrier, description."""


@transaction.atomic
def post_methods(wms: Connection, methods: Sequence[Method]) -> int:
    """Make this the WMS's list; return how many stand in it."""
    facts = RemoteFact.objects.for_account(wms.account_id).filter(connection=wms, kind=KIND)
    latest = {code: f"{carrier}{MARK}{words}" for code, carrier, words in methods}
    facts.exclude(key__in=list(latest)).delete()
    RemoteFact.objects.bulk_create(
        [
            RemoteFact(account_id=wms.account_id, connection=wms, kind=KIND, key=code, value=value)
            for code, value in latest.items()
        ],
        update_conflicts=True,
        unique_fields=["connection", "kind", "key"],
        update_fields=["value"],
    )
    return len(latest)


def posted_methods(account_id: int) -> list[Method]:
    """Return the methods that the account's WMSs have posted, by code."""
    connected = Connection.objects.for_account(account_id).exclude(state=ConnectionState.DISCONNECTED)
    facts = RemoteFact.objects.for_account(account_id).filter(connection__in=connected.values("pk"), kind=KIND)
    found = []
    for code, value in facts.order_by("key").values_list("key", "value"):
        carrier, _, words = value.partition(MARK)
        found.append((code, carrier, words))
    return found


def all_methods(account_id: int) -> list[Method]:
    """Return what was posted, and after that every code that a cart's is mapped to."""
    posted = posted_methods(account_id)
    known = {code for code, _, _ in posted}
    mapped = ShipMethodMap.objects.for_account(account_id).exclude(wms_code="").values_list("wms_code", flat=True)
    return [*posted, *((code, "", code) for code in sorted(set(mapped) - known))]
