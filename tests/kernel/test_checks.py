"""`manage.py check` names what would hurt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper
from pytest_django.fixtures import Settings

from cartrover import checks


def _ids(*, deploy: bool = False) -> set[str]:
    ids = {str(message.id) for message in run_checks(include_deployment_checks=deploy)}
    return {one for one in ids if one.startswith("cartrover.")}


def test_settings_of_the_tests_are_fine() -> None:
    assert _ids() == set()


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"VAULT_KEYS": ["no key"]}, "cartrover.E001"),
        ({"OUTBOUND_ALLOWED_NETWORKS": ["10.0.0.1/8"]}, "cartrover.E002"),
        ({"PORTAL_URL": "hub.example.com"}, "cartrover.E003"),
        ({"PORTAL_URL": "https://hub.example.com"}, "cartrover.W003"),
    ],
)
def test_setting_that_cannot_work_is_named(changed: dict[str, Any], found: str, settings: Settings) -> None:
    for name, value in changed.items():
        setattr(settings, name, value)
    assert _ids() == {found}


def test_portal_address_among_the_allowed_hosts_is_fine(settings: Settings) -> None:
    settings.PORTAL_URL, settings.ALLOWED_HOSTS = "https://hub.example.com", [".example.com"]
    assert _ids() == set()


def test_production_is_told_what_to_tighten(settings: Settings) -> None:
    settings.PORTAL_URL, settings.VAULT_KEYS, settings.OUTBOUND_ALLOWED_NETWORKS = "http://127.0.0.1", [], ["10.0.0.0/8"]
    assert _ids(deploy=True) == {"cartrover.W010", "cartrover.W011", "cartrover.W012"}


@pytest.mark.django_db
def test_sqlite_without_a_write_ahead_log_is_named(tmp_path: Path) -> None:
    for mode, found in (("wal", []), ("delete", ["cartrover.W004"])):
        database = {"NAME": str(tmp_path / mode), "OPTIONS": {"init_command": f"PRAGMA journal_mode={mode}"}}
        other = DatabaseWrapper({**connections["default"].settings_dict, **database}, "other")
        connections["other"] = other
        try:
            assert [message.id for message in checks.check_sqlite_journal(None, databases=["other"])] == found
        finally:
            other.close()
            del connections["other"]
