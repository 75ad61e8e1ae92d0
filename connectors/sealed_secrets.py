"""Writes the sealed secrets of a connection; `readers` opens them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F

from cartrover import vault
from cartrover.clock import hub_now
from connectors.models import Connection, ConnectionSecret


def secret_put(connection: Connection, name: str, text: str) -> bool:
    """Store the secret sealed, in place of an older one; return False, and write nothing, when it is the same already."""
    rows = ConnectionSecret.objects.for_account(connection.account_id).filter(connection=connection, name=name)
    row = rows.first()
    if row is not None and _is_same(row, text):
        return False
    sealed = vault.seal(text)
    if row is None:
        ConnectionSecret.objects.create(account_id=connection.account_id, connection=connection, name=name, sealed=sealed)
    else:
        rows.update(sealed=sealed, version=F("version") + 1, changed_at=hub_now())
    return True


def secrets_remove(connection: Connection, names: Iterable[str] | None = None) -> int:
    """Delete these secrets, or all of them; return how many there were."""
    rows = ConnectionSecret.objects.for_account(connection.account_id).filter(connection=connection)
    if names is not None:
        rows = rows.filter(name__in=list(names))
    return rows.delete()[0]


def _is_same(row: ConnectionSecret, text: str) -> bool:
    try:
        return vault.unseal(row.sealed) == text
    except vault.SealBroken:
        return False
