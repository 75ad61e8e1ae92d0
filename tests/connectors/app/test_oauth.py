"""Granting access, in a browser that goes to a real far side's token address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import AuditEntry, Role
from connectors import registry
from connectors.actions import connection_disconnect, connection_save
from connectors.contract import RunningSandbox
from connectors.models import Connection, ConnectionSecret, ConnectionState, OAuthHandshake
from connectors.oauth_views import redirect_uri
from connectors.token_store import StoredToken
from tests.factories import ConnectionFactory, MembershipFactory


@pytest.fixture(scope="module")
def far_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    start = registry.get("quickbooks_commerce").sandbox
    assert start is not None
    box = start(str(tmp_path_factory.mktemp("commerce")), {})
    yield box
    box.stop()


@pytest.fixture
def wms(acme, far_side: RunningSandbox) -> Connection:
    return connection_save(
        account=acme,
        kind="quickbooks_commerce",
        name="QuickBooks",
        settings=far_side.settings,
        secrets={"client_secret": far_side.secrets["client_secret"]},
        actor="alice@example.com",
    )


def page(connection: Connection) -> str:
    return f"/a/{connection.account.slug}/connections/{connection.public_id}/grant/"


def begin(client: Client, connection: Connection) -> dict[str, str]:
    """Press the button; return what the far side is told."""
    answer = client.post(page(connection))
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.url).query).items()}


def come_back(client: Client, **query: str) -> str:
    """Return the words that the person reads."""
    answer = client.get(f"/oauth/callback/?{urlencode(query)}")
    assert answer.status_code == 302
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def code(far_side: RunningSandbox) -> str:
    return str(far_side.drive("authorize", redirect_uri=redirect_uri())["code"])


def test_an_owner_grants_access_and_the_connection_works(browser, alice, wms, far_side):
    client = browser(alice)
    asked = client.get(page(wms))
    assert asked.status_code == 200
    assert redirect_uri() in asked.content.decode()
    assert far_side.settings["authorize_url"].removesuffix("/oauth/authorize") in asked.headers["Content-Security-Policy"]
    told = begin(client, wms)
    assert told["client_id"] == far_side.settings["client_id"]
    assert told["redirect_uri"] == redirect_uri()
    words = come_back(client, code=code(far_side), state=told["state"])
    assert "was granted, and it works" in words
    wms.refresh_from_db()
    assert wms.state == ConnectionState.OK
    token = StoredToken(wms).current()
    assert token is not None
    assert token.refresh
    assert token.access.encode() not in bytes(
        ConnectionSecret.objects.for_account(wms.account_id).get(name="oauth_token").sealed
    )
    entry = AuditEntry.objects.filter(account=wms.account, verb="connection.granted").get()
    assert entry.actor == "alice@example.com"


def test_a_grant_is_used_once(browser, alice, wms, far_side):
    client = browser(alice)
    state = begin(client, wms)["state"]
    come_back(client, code=code(far_side), state=state)
    first = StoredToken(wms).current()
    assert "not begun in this browser" in come_back(client, code=code(far_side), state=state)
    assert StoredToken(wms).current() == first


def test_a_grant_is_good_for_ten_minutes(browser, alice, wms, far_side):
    client = browser(alice)
    state = begin(client, wms)["state"]
    OAuthHandshake.objects.for_account(wms.account_id).update(created_at=timezone.now() - timedelta(minutes=10, seconds=1))
    assert "not under way any more" in come_back(client, code=code(far_side), state=state)
    assert StoredToken(wms).current() is None


def test_a_grant_ends_only_in_the_session_that_began_it(browser, alice, wms, far_side):
    state = begin(browser(alice), wms)["state"]
    assert "not begun in this browser" in come_back(browser(alice), code=code(far_side), state=state)
    assert StoredToken(wms).current() is None


def test_another_persons_grant_is_not_taken_up(browser, alice, acme, wms, far_side):
    other = MembershipFactory.create(account=acme, role=Role.OWNER).user
    state = begin(browser(alice), wms)["state"]
    client = browser(other)
    session = client.session
    session["oauth_states"] = [state]
    session.save()
    assert "not under way any more" in come_back(client, code=code(far_side), state=state)
    assert StoredToken(wms).current() is None


def test_who_is_no_owner_any_more_grants_nothing(browser, alice, wms, far_side):
    client = browser(alice)
    state = begin(client, wms)["state"]
    alice.memberships.update(role=Role.OPERATOR)
    assert "Only an owner" in come_back(client, code=code(far_side), state=state)
    assert StoredToken(wms).current() is None


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"error": "access_denied"}, "was not granted"),
        ({"error": "invalid_scope", "error_description": "<script>"}, "invalid_scope"),
        ({"error": "<script>alert(1)</script>"}, "no reason"),
        ({}, "no reason"),
        ({"code": "of nobody"}, "Access was revoked, or the grant has run out"),
    ],
)
def test_what_the_far_side_refuses_is_said_in_words(browser, alice, wms, query: dict[str, str], words: str):
    client = browser(alice)
    said = come_back(client, state=begin(client, wms)["state"], **query)
    assert words in said
    assert "script" not in said
    assert StoredToken(wms).current() is None


def test_a_missing_setting_is_said_before_anybody_is_sent_away(browser, alice, acme):
    half = connection_save(account=acme, kind="quickbooks_commerce", name="Half", actor="alice@example.com")
    answer = browser(alice).post(page(half))
    assert answer.status_code == 400
    assert "client id is missing" in answer.content.decode()
    assert not OAuthHandshake.objects.for_account(acme).exists()


def test_a_connection_without_oauth_has_nothing_to_grant(browser, alice, acme, wms):
    cart = ConnectionFactory.create(account=acme)
    assert browser(alice).post(page(cart)).status_code == 400
    connection_disconnect(connection=wms, actor="alice@example.com")
    assert browser(alice).post(page(wms)).status_code == 400


def test_only_owners_and_nobody_of_another_account_may_grant(browser, alice, bob, charlie, vera, acme, globex, wms):
    for person in (bob, vera):
        assert browser(person).post(page(wms)).status_code == 403
    assert browser(charlie).post(page(wms)).status_code == 404
    assert browser(charlie).post(page(wms).replace("/acme/", "/globex/")).status_code == 404
    assert "/sign-in/" in browser(None).post(page(wms)).url
    assert "/sign-in/" in browser(None).get("/oauth/callback/?state=x&code=y").url
    assert not OAuthHandshake.objects.for_account(acme).exists()


def test_a_failed_test_after_the_grant_keeps_the_token_and_says_what_failed(browser, alice, wms, far_side, acme):
    client = browser(alice)
    state = begin(client, wms)["state"]
    fresh = code(far_side)
    connection_save(
        account=acme, kind="quickbooks_commerce", name="QuickBooks", settings={"api_url": "http://127.0.0.1:9"}, actor="alice"
    )
    assert "the test failed" in come_back(client, code=fresh, state=state)
    assert StoredToken(wms).current() is not None
