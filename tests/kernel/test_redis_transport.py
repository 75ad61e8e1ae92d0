"""Whoever loses the broker in the middle of a task goes on."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from kombu import Connection

from cartrover import celery
from cartrover.redis_transport import Transport
from tests.servers.redis import redis

log = logging.getLogger(__name__)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+socket"])
def test_every_address_of_redis_leads_to_the_hub_s_transport(scheme: str) -> None:
    assert celery.app
    with Connection(f"{scheme}://127.0.0.1:9/0") as connection:
        assert connection.get_transport_cls() is Transport


@pytest.mark.parametrize("settle", ["ack_log_error", "reject_log_error"])
def test_a_message_is_settled_after_its_connection_was_lost(
    settle: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with redis(tmp_path / "redis") as url:
        connection = Connection(url)
        queue = connection.SimpleQueue("orders")
        queue.put("work")
        message = queue.get(timeout=5)
    connection.collect()  # as Celery's consumer does when its broker is lost
    message.channel._disconnect_pools()  # as closing does first; what follows breaks off, for the broker is away
    getattr(message, settle)(log, connection.connection_errors)
    assert "the connection to the broker is closed" in caplog.text
