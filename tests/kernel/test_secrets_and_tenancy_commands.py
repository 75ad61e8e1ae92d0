"""The two commands that look after all accounts at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import transaction
from pytest_django.fixtures import Settings

from cartrover import vault
from cartrover.accounts.models import Account
from connectors.models import ConnectionSecret, Service
from orders.management.commands import rotate_secrets
from orders.management.commands.check_tenancy import tenant_relations
from orders.models import OrderLine
from tests.factories import ConnectionFactory, OrderFactory, SecretFactory, ServiceFactory

pytestmark = pytest.mark.django_db


def _run(command: str, *words: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command(command, *words, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def _secrets() -> Any:
    return ConnectionSecret.objects.across_accounts("a test").order_by("pk")


def test_rotation_seals_everything_with_the_newest_key(settings: Settings, acme: Account, globex: Account) -> None:
    SecretFactory.create(connection=ConnectionFactory.create(account=acme), text="hunter2")
    SecretFactory.create(connection=ConnectionFactory.create(account=globex), text="hunter3")
    settings.VAULT_KEYS = [Fernet.generate_key().decode()]
    code, out, _ = _run("rotate_secrets", "--json")
    assert (code, json.loads(out)) == (0, {"resealed": 2, "current": 0, "changed_meanwhile": 0, "lost": []})
    settings.SECRET_KEY = "gone"
    assert [vault.unseal(row.sealed) for row in _secrets()] == ["hunter2", "hunter3"]
    assert {row.version for row in _secrets()} == {1}
    code, out, _ = _run("rotate_secrets")
    assert (code, "Already under the newest key: 2" in out) == (0, True)


def test_rotation_names_what_no_key_opens_and_ends_with_1(settings: Settings, acme: Account) -> None:
    settings.VAULT_KEYS = [Fernet.generate_key().decode()]
    SecretFactory.create(connection=ConnectionFactory.create(account=acme, name="DSCO"), text="hunter2")
    settings.VAULT_KEYS = [Fernet.generate_key().decode()]
    code, _, err = _run("rotate_secrets")
    assert code == 1
    assert "ftp_password of DSCO (acme)" in err
    assert "hunter2" not in err


def test_secret_that_changes_meanwhile_is_not_overwritten(
    settings: Settings, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = SecretFactory.create(connection=ConnectionFactory.create(account=acme), text="old token")
    settings.VAULT_KEYS = [Fernet.generate_key().decode()]
    reseal, newer = vault.reseal, vault.seal("new token")

    def while_a_worker_renews(sealed: bytes) -> bytes:
        _secrets().filter(pk=row.pk).update(sealed=newer, version=2)
        return reseal(sealed)

    monkeypatch.setattr(vault, "reseal", while_a_worker_renews)
    assert rotate_secrets.reseal_row(row.pk) == "current"
    assert vault.unseal(_secrets().get().sealed) == "new token"


def test_rows_that_stay_in_their_account_are_fine(acme: Account) -> None:
    OrderFactory.create(account=acme, lines=2)
    code, out, err = _run("check_tenancy")
    assert (code, err) == (0, "")
    assert "Every row stays in its account" in out


def test_every_relation_between_tenant_rows_is_compared() -> None:
    relations = {f"{field.model.__name__}.{field.name}" for field in tenant_relations()}
    assert {"Service.connection", "Order.source", "Order.wms", "OrderLine.order", "Connection.destination"} <= relations
    assert not {name for name in relations if name.endswith((".account", ".user"))}


@pytest.fixture
def taken_back(db: None) -> Iterator[None]:
    """What the test writes is gone before keys are checked: PostgreSQL refuses such rows at the end of a transaction."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.usefixtures("taken_back")
def test_row_that_points_at_another_account_is_found(acme: Account, globex: Account) -> None:
    service = ServiceFactory.create(connection=ConnectionFactory.create(account=globex), account=acme)
    line = OrderFactory.create(account=acme, lines=1).lines.get()
    OrderLine.objects.for_account(acme).update(order=OrderFactory.create(account=globex, lines=0))
    code, out, _ = _run("check_tenancy", "--json")
    problems = {(p["model"], p["field"]): (p["count"], p["examples"]) for p in json.loads(out)["problems"]}
    assert code == 1
    assert problems == {
        ("connectors.Service", "connection"): (1, [str(service.public_id)]),
        ("orders.OrderLine", "order"): (1, [str(line.public_id)]),
    }
    code, _, err = _run("check_tenancy")
    assert code == 1
    assert f"connectors.Service: 1 row points at a connection of another account, as {service.public_id}" in err
    assert Service.objects.for_account(acme).count() == 1
