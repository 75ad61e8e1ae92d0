"""What keeps the sealed secrets of second steps in reach when keys are rotated."""

from __future__ import annotations

from collections import Counter
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from cartrover import vault

SEALED = ("secret", "seed")
"""Where allauth keeps them: the key of an app, and the seed that recovery codes are made from."""


def reseal_all() -> tuple[Counter[str], list[str]]:
    """Put every secret under the newest key; return counts ("resealed", "current") and the names of those that no key opens."""
    counts: Counter[str] = Counter()
    lost = []
    rows = Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).order_by("pk")
    for pk in list(rows.values_list("pk", flat=True)):
        try:
            counts[_reseal(pk)] += 1
        except vault.SealBroken:
            row = rows.select_related("user").get(pk=pk)
            lost.append(f"{row.type} of {row.user}")
    return counts, lost


@transaction.atomic
def _reseal(pk: int) -> str:
    """Under a lock, since a recovery code that is used writes the same row."""
    row = Authenticator.objects.select_for_update().filter(pk=pk).first()
    data: dict[str, Any] = row.data if row else {}
    old = {name: data[name].encode() for name in SEALED if name in data}
    if row is None or not any(vault.needs_resealing(sealed) for sealed in old.values()):
        return "current"
    row.data = {**data, **{name: vault.reseal(sealed).decode() for name, sealed in old.items()}}
    row.save(update_fields=["data"])
    return "resealed"
