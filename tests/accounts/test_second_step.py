"""Codes of an app, recovery codes and passkeys: off until somebody switches them on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.fernet import Fernet
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse
from pytest_django.fixtures import Settings

from cartrover.accounts.models import AuditEntry, User
from cartrover.accounts.words import STOPPED
from tests.accounts.software_passkey import SoftwarePasskey
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
HERE = {"HTTP_HOST": "localhost"}


def _code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def _confirmed(alice: User, browser: Browser) -> Client:
    """A browser in which alice has just entered her password again."""
    client = browser(alice)
    client.post("/you/confirm/", {"password": PASSWORD}, **HERE)
    return client


@pytest.fixture
def with_app(
    alice: User, browser: Browser, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Any
) -> tuple[str, list[str]]:
    """Alice with an app; its secret and her recovery codes."""
    client = _confirmed(alice, browser)
    page = client.get("/you/second-step/app/on/", **HERE).content.decode()
    [secret] = re.findall(r'class="code copy">([A-Z2-7]+)<', page)
    assert "data:image/svg+xml" in page
    assert "wrong or was used" in client.post("/you/second-step/app/on/", {"code": "000000"}, **HERE).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/you/second-step/app/on/", {"code": _code(secret)}, **HERE)
    assert answer["Location"] == "/you/second-step/codes/"
    codes = re.findall(r"<li>(\d{8})</li>", client.get("/you/second-step/codes/", **HERE).content.decode())
    assert len(codes) == 10
    assert mailoutbox[-1].subject == "Two-step sign-in was switched on"
    assert set(AuditEntry.objects.filter(verb="person.second_step_changed").values_list("words", flat=True)) == {
        "Added: Authenticator app.",
        "Added: Recovery codes.",
    }
    return secret, codes


def _first_step(alice: User) -> Client:
    client = Client(**HERE)
    answer = client.post("/sign-in/", {"email": alice.email, "password": PASSWORD, "next": "/a/acme/orders/"})
    assert answer["Location"] == "/sign-in/second-step/"
    assert client.get("/a/acme/").status_code == 302, "the password alone opens nothing"
    return client


def test_second_step_is_off_until_switched_on(alice: User, browser: Browser) -> None:
    assert "It is <strong>off</strong>" in browser(alice).get("/you/second-step/").content.decode()
    client = browser(alice)
    for page in ("app/on/", "codes/new/"):
        answer = client.get(f"/you/second-step/{page}")
        assert answer["Location"].startswith("/you/confirm/"), "the password first"


def test_code_of_the_app_signs_in_once(alice: User, with_app: tuple[str, list[str]]) -> None:
    code = _code(with_app[0])
    assert _first_step(alice).post("/sign-in/second-step/", {"code": code})["Location"] == "/a/acme/orders/"
    again = _first_step(alice).post("/sign-in/second-step/", {"code": code})
    assert "wrong or was used" in again.content.decode()


def test_recovery_code_signs_in_once(alice: User, with_app: tuple[str, list[str]]) -> None:
    used = with_app[1][3]
    client = _first_step(alice)
    assert client.post("/sign-in/second-step/", {"code": used})["Location"] == "/a/acme/orders/"
    assert "9 are left" in client.get("/you/second-step/").content.decode()
    assert _first_step(alice).post("/sign-in/second-step/", {"code": used}).status_code == 200


def test_guessing_codes_is_stopped(alice: User, with_app: tuple[str, list[str]]) -> None:
    client = _first_step(alice)
    pages = [client.post("/sign-in/second-step/", {"code": f"00000{n}"}).content.decode() for n in range(6)]
    assert [STOPPED in page for page in pages] == [False] * 5 + [True]
    assert STOPPED in client.post("/sign-in/second-step/", {"code": with_app[1][0]}).content.decode()


def test_secrets_of_the_second_step_are_sealed(alice: User, with_app: tuple[str, list[str]]) -> None:
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert with_app[0] not in kept
    assert not any(code in kept for code in with_app[1])


def test_rotation_of_keys_keeps_second_steps(alice: User, with_app: tuple[str, list[str]], settings: Settings) -> None:
    settings.VAULT_KEYS = [Fernet.generate_key().decode()]
    call_command("rotate_secrets", stdout=StringIO())
    with override_settings(SECRET_KEY="gone"):
        assert _first_step(alice).post("/sign-in/second-step/", {"code": with_app[1][0]})["Location"] == "/a/acme/orders/"


def test_staff_passes_the_second_step_as_well(alice: User, with_app: tuple[str, list[str]]) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client = Client(**HERE)
    assert _first_step(alice).get("/staff/").status_code == 302
    assert client.post("/staff/login/", {"username": alice.email, "password": PASSWORD})["Location"].startswith("/sign-in/")
    assert client.get(reverse("admin:index")).status_code == 302


def _options(page: str) -> dict[str, Any]:
    [text] = re.findall(r'<script id="passkey-options" type="application/json">(.*?)</script>', page)
    options: dict[str, Any] = json.loads(text)
    return options


def test_passkey_is_made_signs_in_and_is_the_second_step(alice: User, browser: Browser, mailoutbox: list[EmailMessage]) -> None:
    client = _confirmed(alice, browser)
    key = SoftwarePasskey("http://localhost")
    options = _options(client.get("/you/passkeys/add/", **HERE).content.decode())
    form = {"name": "My phone", "passwordless": "True", "credential": json.dumps(key.create(options["creation_options"]))}
    assert client.post("/you/passkeys/add/", form, **HERE)["Location"] == "/you/second-step/codes/"
    assert "My phone" in client.get("/you/second-step/").content.decode()
    assert mailoutbox[-1].subject == "A passkey was added"

    alone = Client(**HERE)
    asked = alone.get("/sign-in/passkey/", HTTP_ACCEPT="application/json").json()
    answer = alone.post("/sign-in/passkey/", {"credential": json.dumps(key.use(asked["request_options"])), "next": "/you/"})
    assert answer["Location"] == "/you/"
    assert alone.get("/a/acme/").status_code == 200

    second = _first_step(alice)
    options = _options(second.get("/sign-in/second-step/").content.decode())
    proof = json.dumps(key.use(options["request_options"]))
    assert second.post("/sign-in/second-step/", {"credential": proof})["Location"] == "/a/acme/orders/"
    assert Client(**HERE).post("/sign-in/passkey/", {"credential": proof})["Location"] == "/sign-in/", "an answer serves once"


def test_passkey_is_renamed_and_removed_by_its_owner_alone(alice: User, bob: User, browser: Browser) -> None:
    client = _confirmed(alice, browser)
    options = _options(client.get("/you/passkeys/add/", **HERE).content.decode())
    credential = json.dumps(SoftwarePasskey("http://localhost").create(options["creation_options"]))
    client.post("/you/passkeys/add/", {"name": "", "passwordless": "True", "credential": credential}, **HERE)
    row = Authenticator.objects.get(type="webauthn")
    stranger = _confirmed(bob, browser)
    for act in ("name", "remove"):
        assert stranger.get(f"/you/passkeys/{row.pk}/{act}/", **HERE).status_code == 404
    client.post(f"/you/passkeys/{row.pk}/name/", {"name": "Laptop"}, **HERE)
    assert "“Laptop”" in client.get(f"/you/passkeys/{row.pk}/remove/", **HERE).content.decode()
    client.post(f"/you/passkeys/{row.pk}/remove/", **HERE)
    assert not Authenticator.objects.exists(), "recovery codes go with the last passkey"


def test_staff_helps_who_lost_the_phone_and_sees_no_secret(
    alice: User, staff: User, with_app: tuple[str, list[str]], browser: Browser
) -> None:
    client = browser(staff)
    sealed = [str(part) for data in Authenticator.objects.values_list("data", flat=True) for part in data.values()]
    for row in list(Authenticator.objects.all()):
        page = client.get(reverse("admin:mfa_authenticator_change", args=[row.pk])).content.decode()
        assert not any(part in page for part in sealed if len(part) > 9)
        client.post(reverse("admin:mfa_authenticator_delete", args=[row.pk]), {"post": "yes"})
    assert client.get(reverse("admin:mfa_authenticator_changelist")).status_code == 200
    assert client.get(reverse("admin:account_emailaddress_changelist"), {"q": "alice"}).status_code == 200
    answer = Client().post("/sign-in/", {"email": alice.email, "password": PASSWORD})
    assert answer["Location"] == "/"
    assert AuditEntry.objects.filter(verb="staff.deleted", actor="staff@example.com").count() == 2
