"""A desk for each test: an account, a cart that never reads, and the WMS's sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cartrover.accounts.models import Account
from connectors.contract import RunningSandbox
from connectors.transports.http import HttpClient
from tests.factories import AccountFactory, ConnectionFactory
from tests.hub import connect
from tests.orders.outgoing.desk import Desk
from tests.servers.recording import RecordingProxy


@pytest.fixture
def make_desk(transactional_db: None, commerce: RunningSandbox) -> Callable[..., Desk]:
    """Return what makes a desk; keyword arguments are settings of the WMS, `cart` those of the cart."""

    def make(*, cart: dict[str, str] | None = None, **settings: str) -> Desk:
        account: Account = AccountFactory.create(slug="acme", name="Acme")
        wms = connect(account, "quickbooks_commerce", "QuickBooks Commerce", commerce, settings=settings)
        shop = ConnectionFactory.create(account=account, name="DSCO")
        if cart:
            shop.settings = {**shop.settings, **cart}
            shop.save()
        commerce.drive("clear_requests")
        return Desk(account, shop, wms, commerce)

    return make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    """A desk with the settings that a merchant begins with."""
    return make_desk()


@pytest.fixture
def prompt(make_desk: Callable[..., Desk]) -> Desk:
    """A desk whose doubtful attempts count as settled at once, so that nobody waits a minute."""
    return make_desk(resend_after_seconds="0")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls time out after a third of a second instead of 28."""
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "timeout", 0.35)


@pytest.fixture
def recorder(commerce: RunningSandbox) -> Iterator[RecordingProxy]:
    """What stands before the WMS and keeps the bodies of requests; `desk.reconnect(api_url=recorder.url)` goes through it."""
    proxy = RecordingProxy(commerce.settings["api_url"])
    yield proxy
    proxy.stop()
