"""The database, the disk, and what runs here."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import django
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from orders.health.figures import Figure, Judgement, size

GB = 10**9
BIG_FOR_ONE_FILE = 20 * GB
PACKAGES = ("celery", "kombu", "redis", "gunicorn", "requests", "paramiko", "cryptography", "django-allauth", "django-unfold")


def figures() -> list[Figure]:
    """Judge the database's size, free disk and migrations."""
    return [_database(), _disk(), _migrations()]


def _database() -> Figure:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return Figure("Database", size(cursor.fetchone()[0]), Judgement.FINE)
    path = Path(str(connection.settings_dict["NAME"]))
    files = [path, path.with_name(f"{path.name}-wal")]
    taken = sum(file.stat().st_size for file in files if file.is_file())
    if taken >= BIG_FOR_ONE_FILE:
        return Figure("Database", size(taken), Judgement.LOOK, "SQLite gets slow beyond this: move to PostgreSQL.")
    return Figure("Database", size(taken), Judgement.FINE)


def _disk() -> Figure:
    disk = shutil.disk_usage(settings.VAR)
    free, share = disk.free, disk.free / disk.total
    value = f"{size(free)} free of {size(disk.total)} ({share:.0%})"
    todo = "Free some space or enlarge the disk; a shorter DOCUMENT_RETENTION_DAYS keeps less."
    if free < GB or share < 0.03:
        return Figure("Disk", value, Judgement.WRONG, todo)
    if free < 5 * GB or share < 0.1:
        return Figure("Disk", value, Judgement.LOOK, todo)
    return Figure("Disk", value, Judgement.FINE)


def _migrations() -> Figure:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return Figure("Migrations", "all applied", Judgement.FINE)
    names = ", ".join(f"{migration.app_label} {migration.name}" for migration, _ in plan[:5])
    return Figure("Migrations", f"{len(plan)} wait: {names}", Judgement.WRONG, "Run `manage.py migrate`.")


def versions() -> Mapping[str, str]:
    """Return what runs here, by name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()" if connection.vendor == "postgresql" else "SELECT sqlite_version()")
        database = str(cursor.fetchone()[0]).split(",")[0].removeprefix("PostgreSQL ")
    found = {
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "PostgreSQL" if connection.vendor == "postgresql" else "SQLite": database,
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
