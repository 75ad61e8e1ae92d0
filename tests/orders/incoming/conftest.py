"""A DSCO cart on its sandbox, with a WMS that orders are routed to and nothing is sent to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cartrover.accounts.models import Account
from connectors.contract import RunningSandbox
from tests.hub import connect
from tests.inbox import Inbox, a_wms


@pytest.fixture
def make_inbox(acme: Account, dsco: RunningSandbox, wms_kind: str) -> Callable[..., Inbox]:
    """Return what makes an inbox; keyword arguments: `live`, `settings` of the cart, `wms` (False for none)."""

    def make(*, live: bool = True, settings: dict[str, str] | None = None, wms: bool = True) -> Inbox:
        if wms:
            a_wms(acme, wms_kind)
        return Inbox(acme, connect(acme, "dsco", "DSCO", dsco, live=live, settings=settings), dsco)

    return make


@pytest.fixture
def inbox(make_inbox: Callable[..., Inbox]) -> Inbox:
    """A live cart with nothing in it."""
    return make_inbox()
