"""A hub that serves over HTTP on the running test's database, and a cart and a warehouse with keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.web import WebServer
from tests.waiting import until


@pytest.fixture(scope="module")
def address(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the hub serves; it outlives a test, whose rows it reads as they come and go."""
    folder: Path = tmp_path_factory.mktemp("web")
    server = WebServer(folder, "web")
    server.start()
    try:
        until(server.answers, 120)
        yield server.address
    finally:
        server.kill()
