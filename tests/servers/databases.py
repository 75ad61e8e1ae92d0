"""Databases for hubs of their own: on the server that the tests run on, so that one suite proves them all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connection


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
