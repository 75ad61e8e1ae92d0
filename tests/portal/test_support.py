"""Help with setting up: what it costs, the request, the conversation, and its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from cartrover.accounts.models import Account, AuditEntry, User
from connectors.models import Connection
from orders import support
from orders.models import SupportRequest, SupportState
from tests.factories import ConnectionFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
FEE = "149 USD, billed once"


@pytest.fixture
def cart(acme: Account, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Connection:
    # The transaction around each test never commits.
    monkeypatch.setattr("django.db.transaction.on_commit", lambda send, **how: send())
    settings.SETUP_HELP_FEE, settings.SUPPORT_EMAIL = FEE, "support@example.com"
    return ConnectionFactory.create(account=acme, name="Shop", live=False)


@pytest.fixture
def owner(alice: User, browser: Browser) -> Client:
    return browser(alice)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def address(cart: Connection) -> str:
    return f"/a/acme/connections/{cart.public_id}/help/"


def asked(owner: Client, cart: Connection, **form: str) -> SupportRequest:
    answer = owner.post(address(cart), {"fee": FEE, "confirmed": "yes", "words": "Two retailers <b>first</b>.", **form})
    made = SupportRequest.objects.for_account(cart.account).get()
    assert answer["Location"] == f"/a/acme/help/{made.public_id}/"
    return made


def test_fee_stands_in_the_words_of_the_installation(owner: Client, cart: Connection, settings: Any) -> None:
    jobs = owner.get(f"/a/acme/connections/{cart.public_id}/setup/?step=4").content.decode()
    assert f'href="{address(cart)}"' in jobs
    text = text_of(owner.get(address(cart)))
    assert "Shipment Import, Inventory Import" in text
    assert f"I agree to the fee: {FEE}" in text
    settings.SETUP_HELP_FEE = ""
    assert "Fee Ask us for the price" in text_of(owner.get(address(cart)))


@pytest.mark.parametrize(
    ("form", "words"), [({"confirmed": ""}, "Tick that you agree"), ({"fee": "9 USD"}, "The fee has changed meanwhile")]
)
def test_what_nobody_confirmed_is_not_asked(form: dict[str, str], words: str, owner: Client, cart: Connection) -> None:
    answer = owner.post(address(cart), {"fee": FEE, "confirmed": "yes", "words": "Call me at noon.", **form})
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert "Call me at noon." in text_of(answer)
    assert (SupportRequest.objects.for_account(cart.account).count(), mail.outbox) == (0, [])


def test_request_goes_from_open_to_done(owner: Client, staff: User, bob: User, cart: Connection, browser: Browser) -> None:
    made = asked(owner, cart)
    assert (made.number, made.state, made.fee, made.created_by) == (1, SupportState.OPEN, FEE, "alice@example.com")
    (told,) = mail.outbox
    assert (told.to, told.subject) == (["support@example.com"], "[acme #1] Shop")
    assert f"/a/acme/help/{made.public_id}/" in told.body
    assert "Support was asked already: request 1" in text_of(owner.get(address(cart)))
    page = f"/a/acme/help/{made.public_id}/"
    assert "&lt;b&gt;first" in owner.get(page).content.decode()

    console, change = browser(staff), reverse("admin:orders_supportrequest_change", args=[made.pk])
    shown = console.get(change)
    assert shown.status_code == 200
    form = {"state": "waiting_for_you", **_formsets(shown), "notes-2-0-words": "Which retailers?"}
    assert console.post(change, form).status_code == 302
    assert mail.outbox[-1].to == ["alice@example.com"]
    text = text_of(browser(bob).get(page))
    assert "Waiting for you" in text
    assert "Support, staff@example.com" in text

    browser(bob).post(f"{page}answer/", {"words": "Nordlicht first."})
    made.refresh_from_db()
    assert made.state == SupportState.IN_PROGRESS
    assert "Nordlicht first." in mail.outbox[-1].body
    assert owner.post(f"{page}answer/", {"words": " "}).status_code == 422
    support.support_move(made, state=SupportState.DONE, actor="staff@example.com")
    assert "This request is over." in text_of(owner.get(page))
    assert "is over" in text_of(owner.post(f"{page}answer/", {"words": "More?"}))
    assert "1. Set up Shop" in text_of(owner.get("/a/acme/help/"))
    verbs = AuditEntry.objects.filter(account=cart.account).order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["support.asked", "support.moved", "support.said", "support.moved"]


def _formsets(shown: Any) -> dict[str, str]:
    """The hidden counts of the page's inlines, as a browser sends them back."""
    html = shown.content.decode()
    return dict(re.findall(r'name="([\w-]+-(?:TOTAL|INITIAL|MIN_NUM|MAX_NUM)(?:_FORMS)?)" value="(\d+)"', html))


def test_withdrawn_request_makes_room_for_another(owner: Client, bob: User, cart: Connection, browser: Browser) -> None:
    made = asked(owner, cart)
    again = owner.post(address(cart), {"fee": FEE, "confirmed": "yes"})
    assert again.status_code == 422
    assert browser(bob).post(f"/a/acme/help/{made.public_id}/withdraw/").status_code == 403
    owner.post(f"/a/acme/help/{made.public_id}/withdraw/")
    made.refresh_from_db()
    assert made.state == SupportState.WITHDRAWN
    assert owner.post(address(cart), {"fee": FEE, "confirmed": "yes"}).status_code == 302
    assert sorted(SupportRequest.objects.for_account(cart.account).values_list("number", flat=True)) == [1, 2]


@pytest.mark.parametrize("act", ["answer/", "withdraw/"])
def test_strangers_reach_no_request(
    act: str, owner: Client, charlie: User, vera: User, cart: Connection, browser: Browser
) -> None:
    made = asked(owner, cart)
    path = f"/a/acme/help/{made.public_id}/{act}"
    assert browser(None).post(path).status_code == 302
    assert browser(charlie).post(path).status_code == 404
    assert browser(charlie).post(path.replace("/acme/", "/globex/")).status_code == 404
    assert browser(vera).post(path).status_code == 403
    assert owner.get(path).status_code == 405


def test_mail_that_fails_loses_no_request(owner: Client, cart: Connection, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert asked(owner, cart).number == 1
