"""The hub's side of a DSCO session: settings as a connection has them, and an opening without the hub."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.contract import Opening
from connectors.dsco.connector import SPEC
from connectors.dsco.session import DscoSession, open_session
from connectors.field_values import clean, typed
from tests.servers.hub import CountingLimiter, OpenNetwork, SharedTokens, no_progress, utc_now


def settings(**changes: str) -> dict[str, Any]:
    """Return all settings as a connector gets them."""
    return typed(SPEC.fields, clean(SPEC.fields, {"ftp_server": "127.0.0.1", "ftp_username": "merchant", **changes}))


@dataclass
class Notebook:
    """A connection's memory."""

    facts: dict[tuple[str, str], str] = field(default_factory=dict)

    def get(self, kind: str, keys: Collection[str]) -> dict[str, str]:
        return {key: self.facts[kind, key] for key in keys if (kind, key) in self.facts}

    def put(self, kind: str, values: Mapping[str, str]) -> None:
        self.facts |= {(kind, key): value for key, value in values.items()}

    def forget(self, kind: str, keys: Collection[str]) -> None:
        for key in keys:
            self.facts.pop((kind, key), None)

    def make_once(self, kind: str, key: str, *, find: Callable[[], str | None], make: Callable[[str], str]) -> str:
        raise AssertionError("DSCO makes nothing")


@dataclass
class Moving(OpenNetwork):
    """A network in which the server can move to another port without the settings knowing."""

    moved_to: int = 0

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        return super().connect(host, self.moved_to or port, timeout)


@dataclass
class Hub:
    """Opens sessions that share one memory, and closes them."""

    port: int
    memory: Notebook = field(default_factory=Notebook)
    network: Moving = field(default_factory=Moving)
    now: Callable[[], datetime] = utc_now
    progress: Callable[[], None] = no_progress
    pinned: str = ""
    password: str = "correct horse"
    changes: dict[str, str] = field(default_factory=dict)
    sessions: list[DscoSession] = field(default_factory=list)

    def open(self, **changes: str) -> DscoSession:
        session = open_session(
            Opening(
                settings=settings(port=str(self.port), **{**self.changes, **changes}),
                secrets={"ftp_password": self.password},
                network=self.network,
                limiter=CountingLimiter(),
                memory=self.memory,
                tokens=SharedTokens(None),
                progress=lambda: self.progress(),
                now=lambda: self.now(),
                pinned_host_key=self.pinned,
            )
        )
        self.sessions.append(session)
        return session

    def close(self) -> None:
        for session in self.sessions:
            session.close()
