"""From a stranger to the owner of an account; nobody learns on the way who has a login."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from cartrover.accounts import sign_up
from cartrover.accounts.models import Account, AuditEntry, Membership, Role, SignUp, User
from tests.accounts.mailbox import link_in
from tests.factories import PASSWORD, AccountFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
FORM = {"name": "Nora Neumann", "company": "Neumann & Söhne", "email": "Nora@Example.org", "password1": PASSWORD}


def test_stranger_signs_up_verifies_and_lands_in_the_set_up_guide(client: Client, mailoutbox: list[EmailMessage]) -> None:
    AccountFactory.create(slug="neumann-sohne")
    assert client.post("/sign-up/", FORM)["Location"] == "/sign-up/verify/"
    assert Account.objects.count() == 1, "no account before the address is verified"
    assert client.post("/sign-in/", {"email": FORM["email"], "password": PASSWORD})["Location"] == "/sign-up/verify/"
    [mail] = mailoutbox
    assert mail.to == ["nora@example.org"]
    link = link_in(mailoutbox)
    assert "nora@example.org" in client.get(link).content.decode()
    assert Account.objects.count() == 1, "looking changes nothing"
    assert client.post(link)["Location"] == "/a/neumann-sohne-2/connections/new/"
    assert client.get("/a/neumann-sohne-2/connections/new/").status_code == 200
    membership = Membership.objects.select_related("account", "user").get()
    assert (membership.role, membership.user.name, membership.account.name) == (Role.OWNER, "Nora Neumann", "Neumann & Söhne")
    assert set(AuditEntry.objects.filter(account=membership.account).values_list("actor", "verb")) == {
        ("nora@example.org", "account.made"),
        ("nora@example.org", "member.made_owner"),
    }
    assert not SignUp.objects.exists()
    assert "no longer works" in Client().get(link).content.decode()


def test_link_opened_in_another_browser_verifies_but_lets_nobody_in(client: Client, mailoutbox: list[EmailMessage]) -> None:
    client.post("/sign-up/", FORM)
    other = Client()
    assert other.post(link_in(mailoutbox))["Location"] == "/sign-in/"
    assert other.get("/you/").status_code == 302
    assert other.post("/sign-in/", {"email": FORM["email"], "password": PASSWORD})["Location"] == "/"


def test_signing_up_answers_alike_whether_the_address_has_a_login(
    client: Client, alice: User, mailoutbox: list[EmailMessage]
) -> None:
    fresh = client.post("/sign-up/", FORM)
    known = Client().post("/sign-up/", {**FORM, "email": alice.email})
    assert (known.status_code, known["Location"]) == (fresh.status_code, fresh["Location"])
    assert [mail.to for mail in mailoutbox] == [["nora@example.org"], [alice.email]]
    assert "You have a login" in mailoutbox[1].body
    assert User.objects.filter(email=alice.email).count() == 1


def test_who_never_verifies_is_forgotten_and_the_address_is_free_again(
    client: Client, mailoutbox: list[EmailMessage], alice: User
) -> None:
    client.post("/sign-up/", FORM)
    old = link_in(mailoutbox)
    with time_machine.travel(timezone.now() + sign_up.KEPT + timedelta(minutes=1), tick=False):
        assert "no longer works" in client.get(old).content.decode()
        Client().post("/sign-up/", {**FORM, "company": "Another"})
        assert SignUp.objects.get().company == "Another"
        assert set(User.objects.values_list("email", flat=True)) == {"nora@example.org", alice.email}


def test_closed_sign_up_takes_nobody_in(client: Client, settings: Settings) -> None:
    settings.SIGN_UP_OPEN = False
    assert b"Sign up" not in client.get("/").content + client.get("/sign-in/").content
    assert "Sign-up is closed" in client.post("/sign-up/", FORM).content.decode()
    assert not User.objects.exists()


def test_weak_password_and_lacking_fields_keep_what_was_typed(client: Client) -> None:
    page = client.post("/sign-up/", {**FORM, "password1": "short", "name": ""}).content.decode()
    assert "too short" in page
    assert "This field is required" in page
    assert 'value="Neumann &amp; Söhne"' in page
    assert "short" not in "".join(part for part in page.split("<") if part.startswith("input"))


def test_mail_that_can_not_be_sent_is_said_and_takes_no_page_down(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*args: Any, **kwargs: Any) -> int:
        raise SMTPServerDisconnected("nora@example.org: connection lost")

    monkeypatch.setattr(EmailMessage, "send", gone)
    page = client.post("/sign-up/", FORM, follow=True)
    assert page.status_code == 200
    assert "could not be sent" in page.content.decode()
    assert "nora" not in caplog.text


@pytest.mark.parametrize(("name", "slug"), [("Acme", "acme"), ("  ", "account"), ("株式会社", "account"), ("A" * 99, "a" * 50)])
def test_slug_is_like_the_name(name: str, slug: str) -> None:
    assert sign_up.free_slug(name) == slug
    AccountFactory.create(slug=slug)
    assert sign_up.free_slug(name) == f"{slug}-2"
