"""The two far sides, started once and emptied for each test, and hubs that are connected to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cartrover.accounts.models import Account
from connectors import registry
from connectors.contract import RunningSandbox
from tests.factories import AccountFactory
from tests.hub import Hub, connect


def start_box(kind: str, folder: str) -> RunningSandbox:
    """Start a far side of this kind, which keeps its state in `folder`."""
    start = registry.get(kind).sandbox
    assert start is not None
    return start(folder, {})


@pytest.fixture(scope="session")
def _dsco(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    box = start_box("dsco", str(tmp_path_factory.mktemp("dsco")))
    yield box
    box.stop()


@pytest.fixture(scope="session")
def _commerce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    box = start_box("quickbooks_commerce", str(tmp_path_factory.mktemp("commerce")))
    yield box
    box.stop()


@pytest.fixture
def dsco(_dsco: RunningSandbox) -> RunningSandbox:
    _dsco.drive("reset")
    return _dsco


@pytest.fixture
def commerce(_commerce: RunningSandbox) -> RunningSandbox:
    _commerce.drive("reset")
    _commerce.drive("set", rate_limit=1_000_000)
    _commerce.drive("clear_requests")
    return _commerce


@pytest.fixture
def make_hub(transactional_db: None, dsco: RunningSandbox, commerce: RunningSandbox) -> Callable[..., Hub]:
    """Return what makes a hub; keyword arguments: `live`, `cart_settings`, `wms_settings`."""

    def make(
        *,
        live: bool = True,
        cart_settings: dict[str, str] | None = None,
        wms_settings: dict[str, str] | None = None,
    ) -> Hub:
        account: Account = AccountFactory.create(slug="acme", name="Acme")
        wms = connect(account, "quickbooks_commerce", "QuickBooks Commerce", commerce, settings=wms_settings)
        cart = connect(account, "dsco", "DSCO", dsco, live=live, settings=cart_settings)
        return Hub(account, cart, wms, dsco, commerce)

    return make


@pytest.fixture
def hub(make_hub: Callable[..., Hub]) -> Hub:
    """A live hub with nothing in it."""
    return make_hub()
