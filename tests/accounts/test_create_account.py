"""Accounts are made from the console, and twice is harmless."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from cartrover.accounts.actions import account_create, audit
from cartrover.accounts.models import Account, AuditEntry, Membership, Organization, Role, User

pytestmark = pytest.mark.django_db
STRONG = "a long enough passphrase"


def _run(*words: str) -> str:
    out = StringIO()
    call_command("create_account", *words, stdout=out)
    return out.getvalue()


def test_account_comes_with_organization_owner_and_trail() -> None:
    account, user = account_create(slug="acme", name="Acme", owner_email="Alice@Example.com", password=STRONG)
    assert (account.slug, account.name, account.organization.name) == ("acme", "Acme", "Acme")
    assert Membership.objects.get(account=account, user=user).role == Role.OWNER
    assert authenticate(username="alice@example.com", password=STRONG) == user
    verbs = set(AuditEntry.objects.filter(account=account).values_list("verb", flat=True))
    assert verbs == {"account.made", "member.made_owner"}


def test_doing_it_twice_changes_nothing() -> None:
    first = account_create(slug="acme", name="Acme", owner_email="alice@example.com", password=STRONG)
    again = account_create(slug="acme", name="Renamed", owner_email="ALICE@example.com", password="another passphrase")
    assert again == first
    assert Account.objects.get().name == "Acme"
    assert authenticate(username="alice@example.com", password=STRONG) == first[1]
    counts = (Organization.objects.count(), User.objects.count(), Membership.objects.count(), AuditEntry.objects.count())
    assert counts == (1, 1, 1, 2)


def test_second_owner_joins_and_a_viewer_becomes_owner() -> None:
    account, alice = account_create(slug="acme", name="Acme", owner_email="alice@example.com")
    account_create(slug="acme", name="Acme", owner_email="bob@example.com")
    Membership.objects.filter(user=alice).update(role=Role.VIEWER)
    account_create(slug="acme", name="Acme", owner_email="alice@example.com")
    assert set(account.memberships.values_list("user__email", "role")) == {
        ("alice@example.com", Role.OWNER),
        ("bob@example.com", Role.OWNER),
    }


@pytest.mark.parametrize(
    "wrong",
    [{"slug": "No Spaces"}, {"slug": "UPPER"}, {"slug": ""}, {"name": ""}, {"owner_email": "nobody"}, {"password": "123"}],
)
def test_values_that_cannot_be_used_change_nothing(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        account_create(**{"slug": "acme", "name": "Acme", "owner_email": "alice@example.com", "password": STRONG, **wrong})
    assert not Account.objects.exists()
    assert not User.objects.exists()


def test_command_says_what_it_made_and_how_to_set_a_password() -> None:
    said = _run("acme", "--name", "Acme", "--owner", "alice@example.com")
    assert "Made the account acme (Acme), owned by alice@example.com." in said
    assert "/a/acme/" in said
    assert "manage.py changepassword alice@example.com" in said


def test_command_prints_one_json_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALICES_PASSWORD", STRONG)
    words = ("acme", "--name", "Acme", "--owner", "alice@example.com", "--password-env", "ALICES_PASSWORD", "--json")
    first, again = json.loads(_run(*words)), json.loads(_run(*words))
    assert first == {**again, "created": True}
    assert (again["account"], again["owner"], again["created"]) == ("acme", "alice@example.com", False)
    assert authenticate(username="alice@example.com", password=STRONG) is not None


def test_wrong_use_ends_with_2_and_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALICES_PASSWORD", "short")
    base = ("acme", "--name", "Acme", "--owner", "alice@example.com", "--password-env")
    for variable, said in (("NOT_SET_AT_ALL", "NOT_SET_AT_ALL is empty or not set"), ("ALICES_PASSWORD", "too short")):
        with pytest.raises(CommandError, match=said) as caught:
            _run(*base, variable)
        assert caught.value.returncode == 2
    assert not Account.objects.exists()


def test_trail_fits_whatever_it_is_told(acme: Account) -> None:
    entry = audit(account=acme, actor="x" * 400, verb="connection.made", subject="y" * 400, words="z" * 4000)
    entry.full_clean()
