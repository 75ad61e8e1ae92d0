"""The hub's side of a session, as far as a transport needs it: a network without checks, a limiter and a store of tokens."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.contract import Token
from connectors.errors import SlowDown, TryLater


@dataclass
class OpenNetwork:
    """Connects to loopback whatever the name, and remembers what was asked for."""

    asked: list[tuple[str, int]] = field(default_factory=list)

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        self.asked.append((host, port))
        try:
            return socket.create_connection(("127.0.0.1", port), timeout)
        except OSError as error:
            raise TryLater(f"{host} can't be reached.") from error


@dataclass
class CountingLimiter:
    """Grants `budget` requests (None = any number) and remembers what it was told."""

    budget: int | None = None
    taken: int = 0
    sorts: Counter[str] = field(default_factory=Counter)
    observed: list[tuple[int, int, datetime]] = field(default_factory=list)
    exhausted_until: list[datetime] = field(default_factory=list)
    exhausted_sorts: list[str] = field(default_factory=list)

    def under_way(self) -> AbstractContextManager[None]:
        return nullcontext()

    def take(self, sort: str = "") -> None:
        if self.budget is not None and self.taken >= self.budget:
            raise SlowDown("The limit is used up.", after=60)
        self.taken += 1
        self.sorts[sort] += 1

    def observe(self, *, limit: int, remaining: int, reset_at: datetime) -> None:
        self.observed.append((limit, remaining, reset_at))

    def exhausted(self, *, reset_at: datetime, sort: str = "") -> None:
        self.exhausted_until.append(reset_at)
        self.exhausted_sorts.append(sort)


class SharedTokens:
    """A token store as all workers share it: one renews, the others wait and take the result."""

    def __init__(self, token: Token | None) -> None:
        self.token = token
        self._renewing = threading.Lock()

    def current(self) -> Token | None:
        return self.token

    def replace(self, stale: Token, renew: Callable[[Token], Token]) -> Token:
        with self._renewing:
            assert self.token is not None
            if self.token == stale:
                self.token = renew(stale)
            return self.token


def utc_now() -> datetime:
    return datetime.now(UTC)


def no_progress() -> None:
    """Nobody watches."""
