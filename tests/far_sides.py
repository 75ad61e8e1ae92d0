"""The two far sides, started once and emptied for each test, and hubs that are connected to them.

A module that is to hold for every WMS marks itself with `EVERY_WMS`; the others go with QuickBooks Commerce.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cartrover.accounts.models import Account
from connectors import registry
from connectors.contract import RunningSandbox
from tests.factories import AccountFactory
from tests.hub import Hub, connect

FIRST, *OTHERS = "quickbooks_commerce", "quickbooks_online"
EVERY_WMS = pytest.mark.parametrize("wms_kind", [FIRST, *OTHERS], indirect=True)
SLOWLY = [FIRST, *(pytest.param(kind, marks=pytest.mark.faults) for kind in OTHERS)]
EVERY_WMS_SLOWLY = pytest.mark.parametrize("wms_kind", SLOWLY, indirect=True)
"""For what takes a minute: `make test` goes with one WMS, `make test-services` with all."""


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


@pytest.fixture
def wms_kind(request: pytest.FixtureRequest) -> str:
    """The kind of the WMS that the test goes with."""
    return str(getattr(request, "param", "quickbooks_commerce"))


@pytest.fixture(scope="session")
def _wms_boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], RunningSandbox]]:
    """Give the sandbox of a kind, started when it is first asked for."""
    boxes: dict[str, RunningSandbox] = {}

    def box(kind: str) -> RunningSandbox:
        if kind not in boxes:
            boxes[kind] = start_box(kind, str(tmp_path_factory.mktemp(kind)))
        return boxes[kind]

    yield box
    for one in boxes.values():
        one.stop()


@pytest.fixture(scope="session")
def _commerce(_wms_boxes: Callable[[str], RunningSandbox]) -> RunningSandbox:
    return _wms_boxes("quickbooks_commerce")


@pytest.fixture
def dsco(_dsco: RunningSandbox) -> RunningSandbox:
    _dsco.drive("reset")
    return _dsco


@pytest.fixture
def commerce(_wms_boxes: Callable[[str], RunningSandbox], wms_kind: str) -> RunningSandbox:
    """The WMS: QuickBooks Commerce, or the kind that the test is marked with."""
    box = _wms_boxes(wms_kind)
    box.drive("reset")
    box.drive("set", rate_limit=1_000_000)
    box.drive("clear_requests")
    return box


@pytest.fixture
def make_hub(transactional_db: None, dsco: RunningSandbox, commerce: RunningSandbox, wms_kind: str) -> Callable[..., Hub]:
    """Return what makes a hub; keyword arguments: `live`, `cart_settings`, `wms_settings`."""

    def make(
        *,
        live: bool = True,
        cart_settings: dict[str, str] | None = None,
        wms_settings: dict[str, str] | None = None,
    ) -> Hub:
        account: Account = AccountFactory.create(slug="acme", name="Acme")
        wms = connect(account, wms_kind, registry.get(wms_kind).name, commerce, settings=wms_settings)
        cart = connect(account, "dsco", "DSCO", dsco, live=live, settings=cart_settings)
        return Hub(account, cart, wms, dsco, commerce)

    return make


@pytest.fixture
def hub(make_hub: Callable[..., Hub]) -> Hub:
    """A live hub with nothing in it."""
    return make_hub()
