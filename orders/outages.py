"""The hub's own database, away for a moment: what must be written down all the same waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")

WAIT_SECONDS = 20.0
"""How long is waited for a database that went away; a restart takes a few seconds."""

TRY_EVERY = 0.5


def outlast(do: Callable[[], T]) -> T:
    """Do it also if the database is away for a moment, or has cut this thread's connection: again from its beginning.

    Not inside a transaction, which is gone with its connection. Raise what the database raises once the wait is over.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return do()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            time.sleep(TRY_EVERY)
            if connection.connection is not None and not connection.is_usable():
                connection.close()
