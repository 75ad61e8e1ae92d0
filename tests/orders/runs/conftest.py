"""A DSCO cart on its sandbox, as the tests of what comes in have it, and commands as the shell runs them."""

from __future__ import annotations

from tests.orders.commands.conftest import manage
from tests.orders.incoming.conftest import inbox, make_inbox

__all__ = ["inbox", "make_inbox", "manage"]
