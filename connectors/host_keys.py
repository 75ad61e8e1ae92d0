"""The host keys of a connection's server as a person compares them: by their fingerprints."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.models import Connection
from connectors.readers import pinned_host_key, shown_host_key
from connectors.transports.sftp import fingerprint


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host key: as it is stored, its type, and its fingerprint as OpenSSH shows it."""

    key: str

    @property
    def kind(self) -> str:
        return self.key.partition(" ")[0]

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.key)


@dataclass(frozen=True, slots=True)
class HostKeys:
    """The key that is expected, and another one that the server has shown since and that waits for a person."""

    pinned: HostKey | None
    shown: HostKey | None


def host_keys_of(connection: Connection) -> HostKeys:
    """Return the connection's host keys. Raise `vault.SealBroken` when no key of the hub opens them."""
    pinned, shown = pinned_host_key(connection), shown_host_key(connection)
    return HostKeys(HostKey(pinned) if pinned else None, HostKey(shown) if shown else None)
