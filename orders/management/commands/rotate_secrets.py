"""`rotate_secrets`: seals every stored credential and second step with the newest key, while workers go on."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cartrover import vault
from cartrover.accounts import second_steps
from cartrover.tenancy import TenantQuerySet
from connectors.models import ConnectionSecret
from orders.models import NotificationChannel

TRIES = 5
"""How often a secret that changes under our hands is read again."""


class Command(BaseCommand):
    help = "Seal every stored credential with the newest key of VAULT_KEYS; older keys can be removed afterwards."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")

    def handle(self, *, as_json: bool, **options: Any) -> None:
        counts: Counter[str] = Counter(resealed=0, current=0, changed_meanwhile=0)
        lost: list[str] = []
        rows = ConnectionSecret.objects.across_accounts("one key seals the secrets of all accounts")
        for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
            try:
                counts[reseal_row(pk)] += 1
            except vault.SealBroken:
                lost.append(_named(pk))
        for column in ("sealed_address", "sealed_secret"):
            channels = _channels().filter(**{f"{column}__isnull": False})
            for pk in list(channels.order_by("pk").values_list("pk", flat=True)):
                try:
                    counts[reseal_channel(pk, column)] += 1
                except vault.SealBroken:
                    lost.append(_channel_named(pk, column))
        of_people, lost_of_people = second_steps.reseal_all()
        counts.update(of_people)
        lost += lost_of_people
        if as_json:
            self.stdout.write(json.dumps({**counts, "lost": lost}))
        else:
            self._say(counts, lost)
        if lost or counts["changed_meanwhile"]:
            raise SystemExit(1)

    def _say(self, counts: Counter[str], lost: list[str]) -> None:
        self.stdout.write(f"Sealed anew: {counts['resealed']}. Already under the newest key: {counts['current']}.")
        if counts["changed_meanwhile"]:
            self.stderr.write(f"Changed all the time: {counts['changed_meanwhile']}. Run this once more.")
        for name in lost:
            self.stderr.write(f"No key opens {name}. Put its old key back at the end of VAULT_KEYS, or enter the secret again.")
        if not lost and not counts["changed_meanwhile"]:
            self.stdout.write("The keys behind the first one may be removed once every process runs with the new keys.")


def reseal_row(pk: int) -> str:
    """Put one secret under the newest key; return "resealed", "current" or "changed_meanwhile".

    It is written only over exactly what was read, and its version stays: a worker that renews a token at the same time writes
    by version, and its token must win. Raise `SealBroken` when no key opens it.
    """
    rows = ConnectionSecret.objects.across_accounts("one key seals the secrets of all accounts").filter(pk=pk)
    for _ in range(TRIES):
        row = rows.first()
        if row is None or not vault.needs_resealing(row.sealed):
            return "current"
        same = rows.filter(version=row.version, sealed=row.sealed)
        if same.update(sealed=vault.reseal(row.sealed)):
            return "resealed"
    return "changed_meanwhile"


def reseal_channel(pk: int, column: str) -> str:
    """Do the same for a channel's address or secret, which only a person replaces."""
    for _ in range(TRIES):
        sealed = _channels().filter(pk=pk).values_list(column, flat=True).first()
        if sealed is None or not vault.needs_resealing(sealed):
            return "current"
        if _channels().filter(pk=pk, **{column: sealed}).update(**{column: vault.reseal(sealed)}):
            return "resealed"
    return "changed_meanwhile"


def _channels() -> TenantQuerySet[NotificationChannel]:
    return NotificationChannel.objects.across_accounts("one key seals the secrets of all accounts")


def _channel_named(pk: int, column: str) -> str:
    channel = _channels().select_related("account").get(pk=pk)
    return f"{column.removeprefix('sealed_')} of the channel {channel.name} ({channel.account.slug})"


def _named(pk: int) -> str:
    rows = ConnectionSecret.objects.across_accounts("naming a secret that is lost").select_related("account", "connection")
    row = rows.get(pk=pk)
    return f"{row.name} of {row.connection.name} ({row.account.slug})"
