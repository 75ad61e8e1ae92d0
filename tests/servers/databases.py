"""Databases for hubs of their own: on the server that the tests run on, so that one suite proves them all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations


def own_database(folder: Path) -> str:
    """Return the URL of a new, empty database: beside DATABASE_URL's when that is on PostgreSQL, else SQLite in `folder`."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        return f"sqlite:///{folder}/hub.sqlite3"
    name = f"hub_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def this_database() -> str:
    """Return the URL of the running test's own database, for processes that are to share it."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@contextlib.contextmanager
def emptied_by_deleting() -> Iterator[None]:
    """Let Django empty PostgreSQL's tables after a test row by row: truncating sixty tables takes a hundred times as long."""
    truncating = DatabaseOperations.sql_flush

    def sql_flush(
        self: DatabaseOperations,
        style: Any,
        tables: Sequence[str],
        *,
        reset_sequences: bool = False,
        allow_cascade: bool = False,
    ) -> list[str]:
        if reset_sequences or not tables:
            return truncating(self, style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade)
        # In this role no key is checked, so that the order of the tables doesn't matter.
        role = "SET LOCAL session_replication_role = 'replica'"
        return [role, *(f"DELETE FROM {self.quote_name(table)}" for table in tables)]  # noqa: S608  # names of Django's

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield
