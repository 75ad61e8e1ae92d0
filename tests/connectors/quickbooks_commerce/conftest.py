"""A scripted far side and a hub connected to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.quickbooks_commerce.rig import FarSide, Hub


@pytest.fixture
def far() -> Iterator[FarSide]:
    server = FarSide()
    yield server
    server.stop()


@pytest.fixture
def hub(far: FarSide) -> Hub:
    settings = {"api_url": far.url, "token_url": f"{far.url}/oauth/token", "authorize_url": f"{far.url}/oauth/authorize"}
    return Hub(settings={**settings, "client_id": "app"}, secrets={"access_token": "privileged", "client_secret": "hush"})
