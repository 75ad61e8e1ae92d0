"""Celery's way to Redis, put right in one place: what is asked of a connection that is closed is a lost connection.

A worker whose broker goes away while a task runs acknowledges that task's message once it is done, on a channel whose
connection has been closed meanwhile. kombu (5.7) then asks nobody for a host name: an AttributeError, which Celery doesn't take
for a lost connection, so that the worker ends. As a lost connection it is logged, the worker connects anew, and Redis hands the
message out again.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """A channel that knows when its connection is gone."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("the connection to the broker is closed")
        params: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[no-untyped-call]  # kombu says none
        return params


class Transport(redis.Transport):
    """What `redis://` and `rediss://` mean here: cartrover/celery.py says so."""

    Channel = Channel
