from __future__ import annotations

import base64
import hashlib
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.contract import OAuthSpec, Opening, Token
from connectors.errors import FixConnection, TryLater
from connectors.transports.http import HttpClient
from connectors.transports.oauth2 import OAuthClient, PrivilegedToken, TokenSource, bearer, new_state
from tests.servers.http import Line, Request, RunningHttp, http_server
from tests.servers.hub import CountingLimiter, OpenNetwork, SharedTokens, no_progress

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GIVEN = {"access_token": "a2", "refresh_token": "r2", "expires_in": 7200, "token_type": "bearer", "scope": "public"}


@pytest.fixture
def far() -> Iterator[RunningHttp]:
    with http_server() as running:
        running.behave = lambda request, line: line.answer(json=GIVEN)
        yield running


@pytest.fixture
def client(far: RunningHttp) -> OAuthClient:
    return OAuthClient(
        authorize_url=f"{far.url}/oauth/authorize",
        token_url=f"{far.url}/oauth/token",
        client_id="hub",
        client_secret="s3cr3t",
        redirect_uri="https://hub.example.com/oauth/done",
    )


def opening(tokens: SharedTokens, **changes: Any) -> Opening:
    known: dict[str, Any] = {
        "settings": {},
        "secrets": {},
        "network": OpenNetwork(),
        "limiter": CountingLimiter(),
        "memory": None,
    }
    return Opening(**known | {"tokens": tokens, "progress": no_progress, "now": lambda: NOW} | changes)


def refresh(client: OAuthClient, token: Token | None = None) -> Token:
    return client.refresh(token or Token("a1", "r1", NOW), network=OpenNetwork(), now=lambda: NOW)


def test_browser_is_sent_to_grant_access_with_a_state(client):
    state = new_state()
    parts = urlsplit(client.authorization_url(state))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.path == "/oauth/authorize"
    assert query == {
        "response_type": "code",
        "client_id": "hub",
        "redirect_uri": "https://hub.example.com/oauth/done",
        "state": state,
    }
    assert len(state) >= 40
    assert state != new_state()


def test_pkce_is_added_where_it_is_asked_for(client, far):
    verifier = "v" * 50
    query = parse_qs(urlsplit(client.authorization_url("s", code_verifier=verifier)).query)
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert query["code_challenge"] == [digest]
    client.exchange("c0de", network=OpenNetwork(), now=lambda: NOW, code_verifier=verifier)
    assert far.requests[0].json()["code_verifier"] == verifier


def test_code_becomes_a_token(client, far):
    token = client.exchange("c0de", network=OpenNetwork(), now=lambda: NOW)
    assert (token.access, token.refresh, token.expires_at) == ("a2", "r2", NOW + timedelta(seconds=7200))
    (request,) = far.requests
    assert (request.method, request.path) == ("POST", "/oauth/token")
    assert request.headers["content-type"] == "application/json"
    assert request.json() == {
        "grant_type": "authorization_code",
        "code": "c0de",
        "client_id": "hub",
        "client_secret": "s3cr3t",
        "redirect_uri": "https://hub.example.com/oauth/done",
    }


def test_token_request_as_a_form(client, far):
    refresh(replace(client, json_body=False))
    (request,) = far.requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.form() == {
        "grant_type": "refresh_token",
        "refresh_token": "r1",
        "client_id": "hub",
        "client_secret": "s3cr3t",
        "redirect_uri": "https://hub.example.com/oauth/done",
    }


def test_client_may_prove_itself_in_the_header(client, far):
    refresh(replace(client, client_auth="client_secret_basic"))
    (request,) = far.requests
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"hub:s3cr3t").decode()
    assert "client_secret" not in request.json()


def test_new_refresh_token_replaces_the_old_one(client):
    assert refresh(client).refresh == "r2"


def test_old_refresh_token_stays_where_no_new_one_came(client, far):
    far.behave = lambda request, line: line.answer(json={"access_token": "a2", "token_type": "bearer"})
    token = refresh(client)
    assert (token.access, token.refresh, token.expires_at) == ("a2", "r1", None)


@pytest.mark.parametrize("status", [400, 401])
def test_revoked_access_asks_for_a_new_grant(client, far, status):
    far.behave = lambda request, line: line.answer(status, json={"error": "invalid_grant", "error_description": "r1 is gone"})
    with pytest.raises(FixConnection, match="Grant API access again") as caught:
        refresh(client)
    assert "r1" not in caught.value.words


def test_unknown_client_is_named(client, far):
    far.behave = lambda request, line: line.answer(401, json={"error": "invalid_client"})
    with pytest.raises(FixConnection, match="client id and secret"):
        refresh(client)


def test_refusal_without_a_name_is_a_refusal_all_the_same(client, far):
    far.behave = lambda request, line: line.answer(403, json={"message": "no"})
    with pytest.raises(FixConnection):
        refresh(client)


def test_token_without_refresh_can_not_be_renewed(client, far):
    with pytest.raises(FixConnection, match="Grant API access again"):
        refresh(client, Token("a1", "", NOW))
    assert far.requests == []


def breaks(request: Request, line: Line) -> None:
    line.close()


def fails(request: Request, line: Line) -> None:
    line.answer(503, json={"error": "invalid_grant"})


def shows_a_page(request: Request, line: Line) -> None:
    line.answer(200, body=b"<html>Sign in</html>")


def shows_an_error_page(request: Request, line: Line) -> None:
    line.answer(404, body=b"<html>Not here</html>")


def gives_nothing(request: Request, line: Line) -> None:
    line.answer(200, json={})


def gives_a_list(request: Request, line: Line) -> None:
    line.answer(200, json=["a2"])


def gives_what_no_header_can_carry(request: Request, line: Line) -> None:
    line.answer(200, json={"access_token": "a\r\nb"})


BROKEN = [breaks, fails, shows_a_page, shows_an_error_page, gives_nothing, gives_a_list, gives_what_no_header_can_carry]


@pytest.mark.parametrize("behave", BROKEN, ids=lambda behave: behave.__name__)
def test_broken_token_address_is_for_later(client, far, behave):
    far.behave = behave
    with pytest.raises(TryLater):
        refresh(client)


def test_redirect_of_the_token_address_is_not_followed(client, far):
    far.behave = lambda request, line: line.answer(307, headers={"Location": "/elsewhere"})
    with pytest.raises(TryLater):
        refresh(client)
    assert len(far.requests) == 1


def test_no_secret_is_in_reprs_words_or_tracebacks(client, far):
    far.behave = breaks
    with pytest.raises(TryLater) as caught:
        refresh(client)
    shown = repr(client) + "".join(traceback.format_exception(caught.value))
    assert "s3cr3t" not in shown
    assert "r1" not in caught.value.words


def test_missing_settings_are_named():
    settings = {"authorize_url": "https://a/authorize", "token_url": "https://a/token", "client_id": "hub"}
    with pytest.raises(FixConnection, match="client secret is missing"):
        OAuthClient.of(OAuthSpec(), settings, {})
    made = OAuthClient.of(OAuthSpec(), settings, {"client_secret": "s3cr3t"})
    assert (made.client_id, made.client_secret) == ("hub", "s3cr3t")


# --- tokens that stay fresh ---


def test_valid_token_is_used_as_it_is(client, far):
    source = TokenSource(opening(SharedTokens(Token("a1", "r1", NOW + timedelta(seconds=61)))), client)
    assert source.access_token() == "a1"
    assert far.requests == []


@pytest.mark.parametrize("left", [60, 0, -9999])
def test_token_that_ends_within_a_minute_is_renewed(client, far, left):
    tokens = SharedTokens(Token("a1", "r1", NOW + timedelta(seconds=left)))
    assert TokenSource(opening(tokens), client).access_token() == "a2"
    assert tokens.current() == Token("a2", "r2", NOW + timedelta(seconds=7200))


def test_access_that_was_never_granted_is_named(client):
    with pytest.raises(FixConnection, match="not granted yet"):
        TokenSource(opening(SharedTokens(None)), client).access_token()


def test_refresh_looks_at_the_lease_first(client, far):
    def progress() -> None:
        raise KeyError("lease")

    source = TokenSource(opening(SharedTokens(Token("a1", "r1", NOW)), progress=progress), client)
    with pytest.raises(KeyError):
        source.access_token()
    assert far.requests == []


def rotating(far: RunningHttp) -> Callable[[Request, Line], None]:
    """A far side that takes each refresh token once, and knows one access token at a time."""
    state = {"access": "a1", "refresh": "r1"}
    lock = threading.Lock()

    def behave(request: Request, line: Line) -> None:
        with lock:
            if request.path == "/oauth/token":
                if request.json()["refresh_token"] != state["refresh"]:
                    line.answer(401, json={"error": "invalid_grant"})
                    return
                number = int(state["access"][1:]) + 1
                state.update(access=f"a{number}", refresh=f"r{number}")
                line.answer(json={"access_token": state["access"], "refresh_token": state["refresh"], "expires_in": 7200})
                return
            is_right = request.headers.get("authorization") == f"Bearer {state['access']}"
            line.answer(200 if is_right else 401, json={"ok": is_right})

    return behave


def test_two_workers_refresh_once(client, far):
    far.behave = rotating(far)
    tokens = SharedTokens(Token("a1", "r1", NOW))
    sources = [TokenSource(opening(tokens), client) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda source: source.access_token(), sources)) == ["a2", "a2"]
    assert len(far.requests) == 1


def test_401_renews_once_and_sends_again(client, far):
    far.behave = rotating(far)
    far_opening = opening(SharedTokens(Token("revoked", "r1", NOW + timedelta(hours=1))))
    http = HttpClient(far.url, network=OpenNetwork(), bearer=TokenSource(far_opening, client))
    assert http.request("POST", "/orders", is_write=True, json={}).json() == {"ok": True}
    assert [request.path for request in far.requests] == ["/orders", "/oauth/token", "/orders"]
    http.close()


def test_401_after_another_worker_renewed_takes_that_token(client, far):
    far.behave = rotating(far)
    tokens = SharedTokens(Token("a1", "r1", NOW + timedelta(hours=1)))
    source = TokenSource(opening(tokens), client)
    assert source.access_token() == "a1"
    tokens.token = Token("a9", "r9", NOW + timedelta(hours=1))
    assert source.refused("a1")
    assert source.access_token() == "a9"
    assert far.requests == []


def test_eight_senders_with_one_stale_token_refresh_once(client, far):
    far.behave = rotating(far)
    far_opening = opening(SharedTokens(Token("stale", "r1", NOW + timedelta(hours=1))))
    http = HttpClient(far.url, network=OpenNetwork(), bearer=TokenSource(far_opening, client), pool_size=8)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: http.request("POST", "/orders", is_write=True, json={}).status, range(16)))
    assert answers == [200] * 16
    assert [request.path for request in far.requests].count("/oauth/token") == 1
    http.close()


# --- privileged tokens ---


def test_privileged_token_is_never_renewed(far):
    far.behave = lambda request, line: line.answer(401, json={})
    secrets = {"access_token": " f0rever \n"}
    source = bearer(opening(SharedTokens(None), secrets=secrets), OAuthSpec())
    http = HttpClient(far.url, network=OpenNetwork(), bearer=source)
    assert http.request("POST", "/orders", is_write=True, json={}).status == 401
    assert [request.headers["authorization"] for request in far.requests] == ["Bearer f0rever"]
    http.close()


@pytest.mark.parametrize("text", ["", "  ", "two words", "a\nb", "žluť"])
def test_text_that_is_no_token_is_refused_without_showing_it(text):
    with pytest.raises(FixConnection, match="Copy it anew") as caught:
        PrivilegedToken(text)
    assert text.strip() == "" or text not in caught.value.words


def test_granted_access_is_used_without_a_privileged_token(client):
    settings = {"authorize_url": client.authorize_url, "token_url": client.token_url, "client_id": "hub"}
    made = opening(SharedTokens(Token("a1", "r1")), settings=settings, secrets={"client_secret": "s3cr3t", "access_token": ""})
    assert bearer(made, OAuthSpec()).access_token() == "a1"
