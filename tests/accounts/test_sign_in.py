"""Coming in and going out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from cartrover.accounts import guesses
from cartrover.accounts.models import Account, AuditEntry, Role, User
from cartrover.accounts.words import STOPPED, WRONG
from tests.factories import PASSWORD, MembershipFactory, UserFactory

Browser = Callable[[User | None], Client]


def _sign_in(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> str:
    """Return where it led to, or the words of the refusal."""
    answer = client.post("/sign-in/", {"email": email, "password": password}, **extra)
    if answer.status_code == 302:
        return str(answer["Location"])
    assert answer.status_code == 200
    return " ".join(answer.context["form"].non_field_errors())


def test_stranger_sees_what_this_is_and_where_to_sign_in(client: Client, db: None) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")
    assert b'href="/sign-in/"' in answer.content


def test_member_signs_in_without_minding_case_and_lands_on_the_only_account(client: Client, alice: User) -> None:
    assert _sign_in(client, " ALICE@Example.com ") == "/"
    assert client.get("/")["Location"] == "/a/acme/"
    assert client.get("/a/acme/").status_code == 200


def test_member_of_several_accounts_chooses(alice: User, globex: Account, browser: Browser) -> None:
    MembershipFactory.create(account=globex, user=alice, role=Role.VIEWER)
    page = browser(alice).get("/").content.decode()
    assert 'href="/a/acme/"' in page
    assert 'href="/a/globex/"' in page


def test_person_without_accounts_is_told_so(db: None, browser: Browser) -> None:
    page = browser(UserFactory.create()).get("/")
    assert page.status_code == 200
    assert "No account yet" in page.content.decode()


@pytest.mark.parametrize(
    ("email", "password"), [("alice@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("gone@example.com", PASSWORD)]
)
def test_every_refusal_reads_alike(email: str, password: str, client: Client, alice: User) -> None:
    UserFactory.create(email="gone@example.com", is_active=False)
    assert _sign_in(client, email, password) == WRONG
    assert client.get("/a/acme/").status_code == 302


def test_sign_in_leads_on_within_this_site_only(client: Client, alice: User) -> None:
    form = {"email": alice.email, "password": PASSWORD}
    assert client.post("/sign-in/", {**form, "next": "/a/acme/orders/"})["Location"] == "/a/acme/orders/"
    client.post("/sign-out/")
    assert client.post("/sign-in/", {**form, "next": "https://evil.example/"})["Location"] == "/"


def test_signing_out_takes_a_post_and_ends_the_session(alice: User, browser: Browser) -> None:
    client = browser(alice)
    assert client.get("/sign-out/").status_code == 405
    assert client.get("/a/acme/").status_code == 200
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/a/acme/").status_code == 302


def test_changed_password_ends_other_sessions(alice: User, browser: Browser) -> None:
    here, elsewhere = browser(alice), browser(alice)
    new = "another horse battery"
    answer = here.post("/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert answer["Location"] == "/you/"
    assert here.get("/a/acme/").status_code == 200
    assert elsewhere.get("/a/acme/").status_code == 302


def test_guessing_is_stopped_and_the_right_password_waits_too(client: Client, alice: User) -> None:
    for _ in range(guesses.FROM_ONE_PLACE):
        assert _sign_in(client, alice.email, "wrong") == WRONG
    assert _sign_in(client, alice.email, "wrong") == STOPPED
    assert _sign_in(client, alice.email.upper()) == STOPPED
    assert AuditEntry.objects.filter(verb=guesses.VERB).count() == guesses.FROM_ONE_PLACE
    with time_machine.travel(timezone.now() + guesses.WINDOW, tick=True):
        assert _sign_in(client, alice.email) == "/"


def test_owner_can_sign_in_from_elsewhere_while_a_stranger_guesses(client: Client, alice: User) -> None:
    for _ in range(guesses.FROM_ONE_PLACE + 2):
        _sign_in(client, alice.email, "wrong", REMOTE_ADDR="198.51.100.7")
    assert _sign_in(client, alice.email, REMOTE_ADDR="198.51.100.7") == STOPPED
    assert _sign_in(client, alice.email, REMOTE_ADDR="203.0.113.9") == "/"


def test_guessing_one_person_from_many_places_is_stopped(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "FROM_ANYWHERE", 3)
    for place in range(3):
        assert _sign_in(client, alice.email, "wrong", REMOTE_ADDR=f"198.51.100.{place}") == WRONG
    assert _sign_in(client, alice.email, REMOTE_ADDR="203.0.113.9") == STOPPED


def test_guessing_many_people_from_one_place_is_stopped(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "OF_ONE_PLACE", 3)
    for number in range(3):
        assert _sign_in(client, f"person{number}@example.org", "wrong") == WRONG
    assert _sign_in(client, alice.email) == STOPPED


def test_what_was_typed_as_an_unknown_address_is_not_kept(client: Client, db: None) -> None:
    _sign_in(client, "my-Secret-Password@example.org", "x")
    assert "secret" not in AuditEntry.objects.get().subject.lower()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "198.51.100.7", "127.0.0.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "10.9.9.9, 198.51.100.7", "198.51.100.7"),
        (2, "10.9.9.9, 198.51.100.7, 192.0.2.1", "198.51.100.7"),
        (2, "192.0.2.1", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_only_as_much_of_the_way_is_believed_as_our_own_proxies_wrote(
    proxies: int, forwarded: str, address: str, client: Client, alice: User, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = proxies
    _sign_in(client, alice.email, "wrong", HTTP_X_FORWARDED_FOR=forwarded)
    assert AuditEntry.objects.get().actor == address
