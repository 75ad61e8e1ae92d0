"""Under which names the requests of a connection are counted."""

from __future__ import annotations

from hashlib import sha256

from connectors.contract import ConnectorSpec
from connectors.models import Connection

LONGEST_NAME = 250
"""Characters of a remote account's name; a row of what is counted apart has its sort behind it, and the column holds 300."""


def remote_of(connection: Connection) -> str:
    """Return the name of the remote account under which its requests are counted."""
    return remote_name(connection.kind, connection.remote_identity or f"connection {connection.pk}")


def month_of(connection: Connection, spec: ConnectorSpec) -> str:
    """Return the name under which the month is counted: the application's where the far side counts those, else the
    account's."""
    application = str(connection.settings.get(spec.limits.monthly_of) or "").strip() if spec.limits is not None else ""
    return remote_name(connection.kind, f"application {application}") if application else remote_of(connection)


def remote_name(kind: str, identity: str) -> str:
    """Return the name of a remote account's row, short enough for its column whatever the identity's length."""
    name = f"{kind}:{identity}"
    return name if len(name) <= LONGEST_NAME else f"{kind}:{sha256(identity.encode()).hexdigest()}"
