"""The database as sender threads may use it.

A session's `send` may run in several threads, each of which would open a database connection of its own at its first query and
keep it for as long as the thread lives; nobody would ever close it. So what a thread that didn't open the session asks of the
database goes through `brief_use`, which closes that thread's connection again. It is needed seldom (a block of requests, a new
token), so that connecting anew costs nothing that matters.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections


@contextmanager
def brief_use(home: int) -> Iterator[None]:
    """Leave no database connection open in this thread, unless it is the one with the ident `home`."""
    try:
        yield
    finally:
        if threading.get_ident() != home:
            connections.close_all()
