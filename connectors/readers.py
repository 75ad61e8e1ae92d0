"""What a connection is set to, as its users need it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cartrover import vault
from connectors import registry
from connectors.field_values import FieldProblems, typed
from connectors.hub_fields import fields_of
from connectors.models import Connection, ConnectionSecret, Service, ServiceName
from connectors.spec_rules import RESERVED_NAMES

HOST_KEY = "host_key"
"""The name under which the pinned host key of a connection is kept."""

HOST_KEY_SHOWN = "host_key_shown"
"""The name under which another host key than the pinned one is kept until a person has looked at it."""


class SettingsUnfit(FieldProblems):
    """Stored settings that a connection's fields no longer allow, after an upgrade say: a person has to choose anew."""

    def __init__(self, connection: Connection, found: FieldProblems) -> None:
        super().__init__(found.problems)
        self.connection = connection

    @property
    def words(self) -> str:
        return f"A setting of “{self.connection.name}” no longer fits. Enter it anew: {self}"


def calls_us(connection: Connection) -> bool:
    """Say whether the connection's far side is a program that calls the hub."""
    spec = registry.find(connection.kind)
    return spec is not None and spec.calls_us


def settings_of(connection: Connection) -> dict[str, Any]:
    """Return every setting of the connection, converted to its kind and defaulted.

    Raise `registry.UnknownKind` when its connector isn't installed, `SettingsUnfit` when a stored value no longer fits.
    """
    try:
        return typed(fields_of(registry.get(connection.kind)), connection.settings)
    except FieldProblems as found:
        raise SettingsUnfit(connection, found) from found


def secrets_of(connection: Connection) -> dict[str, str]:
    """Return the opened secrets that the merchant gave. Raise `vault.SealBroken` when no key opens one."""
    rows = _secret_rows(connection).exclude(name__in=RESERVED_NAMES)
    return {name: vault.unseal(sealed) for name, sealed in rows.values_list("name", "sealed")}


def secret_names_of(connection: Connection) -> frozenset[str]:
    """Return the names of the secrets that are stored, without opening any: all that a page may know."""
    return frozenset(_secret_rows(connection).exclude(name__in=RESERVED_NAMES).values_list("name", flat=True))


def pinned_host_key(connection: Connection) -> str:
    """Return the host key that the connection's server must show; "" when none is pinned yet."""
    return _opened(connection, HOST_KEY)


def shown_host_key(connection: Connection) -> str:
    """Return the host key that the server showed instead of the pinned one and that waits to be accepted; "" = none."""
    return _opened(connection, HOST_KEY_SHOWN)


def service_of(connection: Connection, name: ServiceName | str) -> Service | None:
    """Return the connection's service of that name; None where the kind has no such service."""
    return Service.objects.for_account(connection.account_id).filter(connection=connection, name=name).first()


def connections_of(account_id: int, *, kinds: Iterable[str] | None = None) -> list[Connection]:
    """Return the account's connections by name, disconnected ones last."""
    rows = Connection.objects.for_account(account_id)
    if kinds is not None:
        rows = rows.filter(kind__in=list(kinds))
    return sorted(rows, key=lambda row: (row.state == "disconnected", row.side, row.name.lower()))


def _opened(connection: Connection, name: str) -> str:
    sealed = _secret_rows(connection).filter(name=name).values_list("sealed", flat=True).first()
    return vault.unseal(sealed) if sealed is not None else ""


def _secret_rows(connection: Connection) -> Any:
    return ConnectionSecret.objects.for_account(connection.account_id).filter(connection=connection)
