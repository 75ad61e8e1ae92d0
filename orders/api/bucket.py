"""The leaky bucket of a key: a hundred calls at once, and one more every 0.6 seconds. Source: CartRover reference 1.5.

What is kept is when the bucket will have run empty, moved by one conditional UPDATE: right across threads, processes and hosts,
by the database's clock. Where the database doesn't answer, neither does anything else.
"""

from __future__ import annotations

from django.db.models import F, Value
from django.db.models.functions import Greatest

from cartrover.clock import database_now
from orders.models import ApiKey

SIZE = 100
DRIP_MS = 600

FULL_MS = SIZE * DRIP_MS


def pour(key: ApiKey) -> int | None:
    """Count one call; return how many could follow at once, or None when the bucket is full and the call isn't counted."""
    now = int(database_now().timestamp() * 1000)
    rows = ApiKey.objects.for_account(key.account_id).filter(pk=key.pk)
    room = rows.filter(bucket_empty_ms__lte=now + FULL_MS - DRIP_MS)
    if not room.update(bucket_empty_ms=Greatest(F("bucket_empty_ms"), Value(now)) + DRIP_MS):
        return None
    empty = rows.values_list("bucket_empty_ms", flat=True).get()
    return max(0, (now + FULL_MS - empty) // DRIP_MS)
