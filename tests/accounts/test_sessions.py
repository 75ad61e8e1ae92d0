"""Where somebody is signed in, and ending that."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import AuditEntry, User
from cartrover.accounts.sessions import SEEN_EVERY, device_of
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1"
)
OFFICE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0"


def _signed_in(user: User, agent: str, place: str = "198.51.100.7") -> Client:
    client = Client(HTTP_USER_AGENT=agent, REMOTE_ADDR=place)
    assert client.post("/sign-in/", {"email": user.email, "password": PASSWORD}).status_code == 302
    return client


def test_every_browser_is_listed_and_each_can_be_ended(alice: User) -> None:
    here, phone = _signed_in(alice, OFFICE), _signed_in(alice, PHONE, "203.0.113.9")
    page = here.get("/you/").content.decode()
    assert (
        page.index("Edge on Windows") < page.index("this browser") < page.index("Safari on iPhone") < page.index("203.0.113.9")
    )
    key = UserSession.objects.get(ip="203.0.113.9").pk
    assert here.get(f"/you/sessions/{key}/end/").status_code == 405
    assert here.post(f"/you/sessions/{key}/end/")["Location"] == "/you/"
    assert phone.get("/you/").status_code == 302
    assert here.get("/you/").status_code == 200
    assert AuditEntry.objects.get(verb="session.ended").words == "Safari on iPhone"


def test_all_others_are_ended_at_once(alice: User) -> None:
    here, others = _signed_in(alice, OFFICE), [_signed_in(alice, PHONE) for _ in range(2)]
    here.post("/you/sessions/others/end/")
    assert [client.get("/you/").status_code for client in (here, *others)] == [200, 302, 302]


def test_nobody_ends_sessions_of_others(alice: User, bob: User) -> None:
    here, other = _signed_in(alice, OFFICE), _signed_in(bob, PHONE)
    key = UserSession.objects.get(user=bob).pk
    assert here.post(f"/you/sessions/{key}/end/").status_code == 404
    assert other.get("/you/").status_code == 200


def test_use_is_noted_now_and_then_with_its_place(alice: User) -> None:
    client = _signed_in(alice, OFFICE)
    began = UserSession.objects.get()
    client.get("/you/")
    assert UserSession.objects.get().last_seen_at == began.last_seen_at
    with time_machine.travel(timezone.now() + timedelta(seconds=SEEN_EVERY + 1), tick=False):
        client.get("/you/", REMOTE_ADDR="203.0.113.9")
    row = UserSession.objects.get()
    assert row.last_seen_at > began.last_seen_at
    assert row.ip == "203.0.113.9"


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (PHONE, "Safari on iPhone"),
        (OFFICE, "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on macOS"),
        ("", "Unknown browser"),
    ],
)
def test_browser_is_named_as_people_name_it(agent: str, device: str) -> None:
    assert device_of(agent) == device
