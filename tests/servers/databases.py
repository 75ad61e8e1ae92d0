"""Databases for hubs of their own: on the server that the tests run on, so that one suite proves them all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.operations import DatabaseOperations

ROOT = Path(__file__).resolve().parents[2]

SHARED = "CARTROVER_TESTS_SHARE"
"""Names the folder that the processes of one test run share."""

MIGRATED = "migrated_for_tests"


def own_database(folder: Path) -> str:
    """Return the URL of a new database with the hub's tables and nothing in them: beside DATABASE_URL's when that is on
    PostgreSQL, else SQLite in `folder`."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        return f"sqlite:///{copy_of_migrated(folder / 'hub.sqlite3')}"
    return new_database(server, f"hub_{secrets.token_hex(6)}", template=migrated_on(server))


def new_database(server: str, name: str, *, template: str) -> str:
    """Make a database on the PostgreSQL server of this URL with all that another one has; return its URL."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def copy_of_migrated(path: Path) -> Path:
    """Make an SQLite database with the hub's tables at this path and return it. Migrating takes longer than most tests."""
    with _one_at_a_time("sqlite") as folder:
        made = folder / "migrated.sqlite3"
        if not made.exists():
            fresh = folder / "fresh.sqlite3"
            _migrate(f"sqlite:///{fresh}", folder)
            fresh.rename(made)
    shutil.copy(made, path)
    return path


def migrated_on(server: str) -> str:
    """Return the name of a database with the hub's tables on the PostgreSQL server of this URL, made for this test run."""
    where = f"{MIGRATED}_on_{urlsplit(server).port}"
    with _one_at_a_time(where) as folder:
        done = folder / where
        if not done.exists():
            with psycopg.connect(server, autocommit=True) as admin:
                # A server that outlives the run may have tables of yesterday's.
                admin.execute(f'DROP DATABASE IF EXISTS "{MIGRATED}"')
            _migrate(new_database(server, MIGRATED, template="template0"), folder)
            done.touch()
    return MIGRATED


@contextlib.contextmanager
def _one_at_a_time(what: str) -> Iterator[Path]:
    folder = Path(os.environ[SHARED])
    with (folder / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _migrate(url: str, folder: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "COV_"))}
    told = {"DATABASE_URL": url, "CARTROVER_VAR": str(folder), "SECRET_KEY": "only-for-tests", "CELERY_BROKER_URL": ""}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
    subprocess.run(command, cwd=ROOT, env={**kept, **told}, check=True)


def this_database() -> str:
    """Return the URL of the running test's own database, for processes that are to share it."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


LASTING = {"django_content_type", "auth_permission"}
"""What a migration writes and no test changes."""


@contextlib.contextmanager
def emptied_quickly() -> Iterator[None]:
    """Let Django empty the tables after a test in less time.

    It would truncate PostgreSQL's, which takes a hundred times as long for sixty tables as deleting, and write the kinds of
    rows and the rights to them anew each time, which takes fifteen times as long as all the deleting.
    """
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
        patched.setattr(flush, "sql_flush", _but_for_what_lasts)
        patched.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield


def _but_for_what_lasts(
    style: Any, connection: BaseDatabaseWrapper, *, reset_sequences: bool, allow_cascade: bool
) -> list[str]:
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - LASTING
    asked = {"reset_sequences": reset_sequences, "allow_cascade": allow_cascade}
    return list(connection.ops.sql_flush(style, sorted(tables), **asked))
