"""A DSCO cart on its sandbox, as the tests of what comes in have it."""

from __future__ import annotations

from tests.orders.incoming.conftest import inbox, make_inbox

__all__ = ["inbox", "make_inbox"]
