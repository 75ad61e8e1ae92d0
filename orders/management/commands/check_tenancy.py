"""`check_tenancy`: compares accounts over every foreign key, and so finds what the guard of queries can't see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandParser
from django.db.models import F, ForeignKey, QuerySet

from cartrover.tenancy import AccountOwned

LISTED = 5
"""Rows named for each relation: enough to start looking, and a broken table doesn't flood the screen."""


@dataclass(frozen=True, slots=True)
class Stray:
    """Rows that point at rows of another account."""

    model: str
    field: str
    count: int
    examples: tuple[str, ...]


class Command(BaseCommand):
    help = "Check that no row of an account points at a row of another one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")

    def handle(self, *, as_json: bool, **options: Any) -> None:
        relations = list(tenant_relations())
        strays = [stray for relation in relations if (stray := _stray(relation))]
        if as_json:
            self.stdout.write(json.dumps({"relations": len(relations), "problems": [asdict(stray) for stray in strays]}))
        else:
            self._say(len(relations), strays)
        if strays:
            raise SystemExit(1)

    def _say(self, relations: int, strays: list[Stray]) -> None:
        for stray in strays:
            rows = "row points" if stray.count == 1 else "rows point"
            self.stderr.write(
                f"{stray.model}: {stray.count:,} {rows} at a {stray.field} of another account, as {', '.join(stray.examples)}"
            )
        if not strays:
            self.stdout.write(f"Every row stays in its account ({relations} relations compared).")


def tenant_relations() -> Iterator[ForeignKey[Any, Any]]:
    """Yield every foreign key from a tenant's row to a tenant's row."""
    for model in apps.get_models():
        if issubclass(model, AccountOwned):
            for field in model._meta.concrete_fields:
                if isinstance(field, ForeignKey) and issubclass(field.related_model, AccountOwned):
                    yield field


def _stray(relation: ForeignKey[Any, Any]) -> Stray | None:
    rows: QuerySet[Any] = relation.model._base_manager.filter(**{f"{relation.name}__isnull": False})
    rows = rows.exclude(**{f"{relation.name}__account_id": F("account_id")})
    count = rows.count()
    if not count:
        return None
    examples = tuple(str(public_id) for public_id in rows.order_by("pk").values_list("public_id", flat=True)[:LISTED])
    return Stray(relation.model._meta.label, relation.name, count, examples)
