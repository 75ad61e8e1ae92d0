"""The databases that figures are measured on: each run gets an empty one of its own, which is gone when all is measured."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.servers import postgres

DATABASES = ("sqlite", "postgres")

Fresh = Callable[[], str]


@contextlib.contextmanager
def fresh_databases(kind: str, folder: Path) -> Iterator[Fresh]:
    """Give a function that makes an empty database and returns its URL: a file of `folder`, or one on a PostgreSQL server.

    That is DATABASE_URL's where it names one, else a server that is started in `folder` with commits that wait for the disk.
    """
    if kind == "sqlite":
        yield lambda: f"sqlite:///{folder}/{secrets.token_hex(6)}.sqlite3"
        return
    with contextlib.ExitStack() as stack:
        server = os.environ.get("DATABASE_URL", "")
        if not server.startswith("postgres"):
            server = stack.enter_context(_own_server(folder))
        yield lambda: stack.enter_context(_database_on(server))


def file_of(url: str) -> str:
    """Return what a bare script opens: the path of an SQLite file, or the URL as it is."""
    return url.removeprefix("sqlite:///")


@contextlib.contextmanager
def _own_server(folder: Path) -> Iterator[str]:
    if postgres.programs() is None:
        raise SystemExit("PostgreSQL isn't installed here: name a server in DATABASE_URL")
    home = folder / "postgres"
    home.mkdir()
    for parent in (folder, folder.parent):
        parent.chmod(0o755)  # the server runs as a user of its own
    with postgres.postgres(home, durable=True) as url:
        yield url


@contextlib.contextmanager
def _database_on(server: str) -> Iterator[str]:
    name = f"bench_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
