"""A forgotten password, and changes of the own name, password and address."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage
from django.test import Client

from cartrover.accounts.models import AuditEntry, User
from tests.accounts.mailbox import link_in
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
NEW = "another horse battery"


def test_forgotten_password_is_set_anew_by_a_link_that_works_once(
    client: Client, alice: User, browser: Browser, mailoutbox: list[EmailMessage]
) -> None:
    elsewhere = browser(alice)
    client.post("/password/reset/", {"email": alice.email.upper()})
    link = link_in(mailoutbox)
    form = client.get(link)["Location"]
    assert form.endswith("-set-password/"), "the key leaves the address at once"
    assert "don" not in client.post(form, {"password1": NEW, "password2": NEW})["Location"][:4]
    assert elsewhere.get("/a/acme/").status_code == 302, "signed out everywhere"
    assert mailoutbox[-1].subject == "Your password was reset"
    assert client.post("/sign-in/", {"email": alice.email, "password": NEW})["Location"] == "/"
    assert "no longer works" in Client().get(link).content.decode()
    assert AuditEntry.objects.get(verb="person.password_changed").actor == alice.email


def test_asking_for_a_new_password_answers_alike_for_every_address(
    client: Client, alice: User, mailoutbox: list[EmailMessage]
) -> None:
    UserFactory.create(email="gone@example.com", is_active=False)
    answers = [
        client.post("/password/reset/", {"email": email}, follow=True)
        for email in (alice.email, "nobody@example.org", "gone@example.com")
    ]
    assert len({(answer.redirect_chain[0], answer.content) for answer in answers}) == 1
    assert ["no login" in mail.body for mail in mailoutbox] == [False, True, True]


def test_asking_again_and_again_is_stopped(client: Client, alice: User, mailoutbox: list[EmailMessage]) -> None:
    codes = [client.post("/password/reset/", {"email": alice.email}).status_code for _ in range(6)]
    assert codes == [302] * 5 + [429]
    assert len(mailoutbox) == 5


def test_name_is_changed_on_the_own_page(alice: User, browser: Browser) -> None:
    client = browser(alice)
    assert client.post("/you/", {"name": ""}).status_code == 422
    assert 'value="Alice A."' in client.post("/you/", {"name": "Alice A."}, follow=True).content.decode()
    assert AuditEntry.objects.get(verb="person.renamed").actor == alice.email


def test_new_address_counts_once_it_is_verified(alice: User, browser: Browser, mailoutbox: list[EmailMessage]) -> None:
    client = browser(alice)
    asked = client.post("/you/email/", {"email": "new@example.com", "action_add": ""})
    assert asked["Location"].startswith("/you/confirm/"), "the password first"
    client.post(asked["Location"], {"password": PASSWORD})
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    assert "new@example.com waits to be verified" in client.get("/you/").content.decode()
    client.post(link_in(mailoutbox))
    alice.refresh_from_db()
    assert alice.email == "new@example.com"
    assert list(EmailAddress.objects.filter(user=alice).values_list("email", "verified")) == [("new@example.com", True)]
    assert mailoutbox[-1].to == ["alice@example.com"]
    assert "new@example.com" in mailoutbox[-1].body
    assert AuditEntry.objects.filter(verb="person.email_changed", actor="new@example.com").exists()
    assert Client().post("/sign-in/", {"email": "new@example.com", "password": PASSWORD})["Location"] == "/"


def test_address_of_somebody_else_is_never_taken_nor_told(
    alice: User, bob: User, browser: Browser, mailoutbox: list[EmailMessage]
) -> None:
    client = browser(alice)
    asked = client.post("/you/email/", {"email": bob.email, "action_add": ""})
    assert client.post(asked["Location"], {"password": PASSWORD}).status_code == 302
    client.post(link_in(mailoutbox))
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
