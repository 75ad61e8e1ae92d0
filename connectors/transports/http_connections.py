"""Connections for the HTTP client: through the guarded network, with a deadline, and honest about what went out.

These build on urllib3's pool, which requests uses; its adapter is told to use one pool of ours and nothing else.
"""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.retry import Retry

from connectors.contract import Network
from connectors.transports.sockets import TimedSocket, tls_context

CONNECT_TIMEOUT = 10.0
"""Seconds that connecting may take: a far side that needs longer is not well."""

IDLE_FOR_WRITES = 1.0
"""Seconds after which a kept connection is too old for a write. gunicorn closes after 2, Apache after 5."""


@dataclass(slots=True)
class Trip:
    """What is known of one request on its way."""

    is_write: bool = False
    deadline: float = 0.0
    socket: Any = None
    is_fresh: bool = False
    has_answer: bool = False

    @property
    def nothing_went_out(self) -> bool:
        return self.socket is None or self.socket.sent == 0

    @property
    def is_kept_connection_dead(self) -> bool:
        return not self.is_fresh and not self.has_answer and time.monotonic() < self.deadline


class Trips(threading.local):
    """The request that each thread has under way: urllib3 hands nothing of the kind through to its connections."""

    def __init__(self) -> None:
        self.current = Trip()

    def begin(self, is_write: bool, timeout: float) -> Trip:
        self.current = Trip(is_write=is_write, deadline=time.monotonic() + timeout)
        return self.current


class _Guarded(HTTPConnection):
    """A connection whose socket comes from the guarded network and ends with the trip's deadline."""

    def __init__(self, *args: Any, network: Network, trips: Trips, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.network, self.trips = network, trips
        self.idle_since = 0.0

    def _new_conn(self) -> socket.socket:
        trip = self.trips.current
        trip.is_fresh = True
        patience = min(CONNECT_TIMEOUT, max(0.1, trip.deadline - time.monotonic()))
        timed = TimedSocket.adopt(self.network.connect(self._dns_host, self.port, patience))
        timed.deadline = trip.deadline
        timed.settimeout(timed.time_left())
        return timed

    def connect(self) -> None:
        super().connect()
        self._board()

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self._board()
        super().request(*args, **kwargs)

    def _board(self) -> None:
        trip = self.trips.current
        trip.socket = self.sock
        trip.socket.deadline, trip.socket.sent = trip.deadline, 0


class _GuardedTLS(_Guarded, HTTPSConnection):
    """The same with TLS; name and certificate are checked against the host that was asked for."""


class _KeepAlive(HTTPConnectionPool):
    """A pool that doesn't give a write a connection that the far side may be about to close."""

    ConnectionCls = _Guarded

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if connection.sock is not None:
            is_old = time.monotonic() - connection.idle_since > IDLE_FOR_WRITES
            if connection.trips.current.is_write and is_old:
                connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class _KeepAliveTLS(_KeepAlive, HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


def pool_for(base: str, network: Network, trips: Trips, size: int, ca_file: str) -> HTTPConnectionPool:
    parts = urlsplit(base)
    ours: dict[str, Any] = {"network": network, "trips": trips, "maxsize": size, "retries": False}
    host = parts.hostname or ""
    if parts.scheme == "http":
        return _KeepAlive(host, parts.port or 80, **ours)
    context = tls_context(ca_file=ca_file)
    return _KeepAliveTLS(host, parts.port or 443, ssl_context=context, cert_reqs="CERT_REQUIRED", **ours)


class OnePool(HTTPAdapter):
    """Sends everything through the one pool that there is; certificates are the pool's matter."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        super().__init__(max_retries=Retry(False))
        self._pool = pool

    def close(self) -> None:
        super().close()
        self._pool.close()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        return self._pool

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave the pool's context as it is."""
