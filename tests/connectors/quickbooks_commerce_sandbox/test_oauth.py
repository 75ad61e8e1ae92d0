"""Consent, tokens and their ends."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from connectors.quickbooks_commerce.sandbox import Sandbox

from .conftest import Client

CALLBACK = "http://127.0.0.1:8000/connections/oauth/callback"


def token_request(sandbox: Sandbox, *, as_form: bool = False, **values: Any) -> requests.Response:
    body = {
        "client_id": sandbox.settings["client_id"],
        "client_secret": sandbox.secrets["client_secret"],
        "redirect_uri": CALLBACK,
        **values,
    }
    body = {name: value for name, value in body.items() if value}
    if as_form:
        return requests.post(sandbox.settings["token_url"], data=body, timeout=10)
    return requests.post(sandbox.settings["token_url"], json=body, timeout=10)


def granted(sandbox: Sandbox, user: int = 1) -> dict[str, Any]:
    code = sandbox.drive("authorize", redirect_uri=CALLBACK, user=user)["code"]
    answer = token_request(sandbox, grant_type="authorization_code", code=code)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refreshed(sandbox: Sandbox, refresh_token: str) -> requests.Response:
    return token_request(sandbox, grant_type="refresh_token", refresh_token=refresh_token, redirect_uri="")


def status_with(sandbox: Sandbox, token: str) -> tuple[int, Any]:
    answer = Client(sandbox, token).call("GET", "/users/current")
    return answer.status_code, answer.json()


def consent_page(sandbox: Sandbox, **more: str) -> requests.Response:
    params = {"response_type": "code", "client_id": sandbox.settings["client_id"], "redirect_uri": CALLBACK, **more}
    return requests.get(sandbox.settings["authorize_url"], params=params, timeout=10)


def press(sandbox: Sandbox, page: str, decision: str, user: str = "1") -> dict[str, list[str]]:
    """Press a button of the consent page and return the query that leads back."""
    found = re.findall(r'<input type=hidden name="([^"]+)" value="([^"]*)">', page)
    hidden = {name: unescape(value) for name, value in found}
    body = {**hidden, "decision": decision, "user": user}
    answer = requests.post(sandbox.settings["authorize_url"], data=body, timeout=10, allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{CALLBACK}?")
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def test_person_allows_access_and_the_code_becomes_a_token(sandbox: Sandbox) -> None:
    page = consent_page(sandbox, state="abc/=&")
    assert page.status_code == 200
    assert "Pinewood Goods" in page.text
    back = press(sandbox, page.text, "allow")
    assert back["state"] == ["abc/=&"]
    answer = token_request(sandbox, grant_type="authorization_code", code=back["code"][0])
    assert answer.status_code == 200
    token = answer.json()
    assert (token["expires_in"], token["scope"], token["token_type"]) == (7200, "public", "bearer")
    assert status_with(sandbox, token["access_token"])[0] == 200


def test_person_denies_access(sandbox: Sandbox) -> None:
    back = press(sandbox, consent_page(sandbox, state="s").text, "deny")
    assert (back["error"], back["state"]) == (["access_denied"], ["s"])
    assert "code" not in back


def test_consent_needs_a_known_client_and_a_web_address(sandbox: Sandbox) -> None:
    assert consent_page(sandbox, client_id="nobody").status_code == 401
    assert consent_page(sandbox, redirect_uri="javascript:alert(1)").status_code == 401
    assert consent_page(sandbox, response_type="token").status_code == 401


def test_consent_of_a_foreign_form_is_refused(sandbox: Sandbox) -> None:
    body = {
        "client_id": sandbox.settings["client_id"],
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "decision": "allow",
        "form_token": "guessed",
    }
    answer = requests.post(sandbox.settings["authorize_url"], data=body, timeout=10, allow_redirects=False)
    assert answer.status_code == 403


@pytest.mark.parametrize("as_form", [False, True])
def test_token_address_takes_json_and_forms(sandbox: Sandbox, as_form: bool) -> None:
    code = sandbox.drive("authorize", redirect_uri=CALLBACK)["code"]
    assert token_request(sandbox, as_form=as_form, grant_type="authorization_code", code=code).status_code == 200


def test_code_works_once_and_for_its_own_address_only(sandbox: Sandbox) -> None:
    code = sandbox.drive("authorize", redirect_uri=CALLBACK)["code"]
    assert token_request(sandbox, grant_type="authorization_code", code=code).status_code == 200
    again = token_request(sandbox, grant_type="authorization_code", code=code)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_grant")
    code = sandbox.drive("authorize", redirect_uri=CALLBACK)["code"]
    other = token_request(sandbox, grant_type="authorization_code", code=code, redirect_uri="http://127.0.0.1/other")
    assert other.json()["error"] == "invalid_grant"


def test_refresh_rotates_and_kills_the_old_pair(sandbox: Sandbox) -> None:
    first = granted(sandbox)
    second = refreshed(sandbox, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert status_with(sandbox, second["access_token"])[0] == 200
    assert status_with(sandbox, first["access_token"])[1]["message"] == "The access token was revoked"
    dead = refreshed(sandbox, first["refresh_token"])
    assert (dead.status_code, dead.json()["error"]) == (401, "invalid_grant")
    assert refreshed(sandbox, second["refresh_token"]).status_code == 200


def test_second_grant_of_the_same_user_revokes_the_first(sandbox: Sandbox) -> None:
    first, other = granted(sandbox), granted(sandbox, user=2)
    granted(sandbox)
    assert status_with(sandbox, first["access_token"]) == (
        401,
        {"type": "unauthorized", "message": "The access token was revoked"},
    )
    assert refreshed(sandbox, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert status_with(sandbox, other["access_token"])[0] == 200


def test_token_expires_after_two_hours_and_can_be_refreshed(sandbox: Sandbox) -> None:
    token = granted(sandbox)
    sandbox.drive("advance", seconds=7199)
    assert status_with(sandbox, token["access_token"])[0] == 200
    sandbox.drive("advance", seconds=2)
    expired = {"type": "unauthorized", "message": "The access token expired"}
    assert status_with(sandbox, token["access_token"]) == (401, expired)
    assert refreshed(sandbox, token["refresh_token"]).status_code == 200


def test_privileged_token_never_expires(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("advance", seconds=400 * 24 * 3600)
    assert api.get("/users/current")["user"]["account_id"] == 1


def test_unknown_and_missing_tokens_are_invalid(sandbox: Sandbox, api: Client) -> None:
    invalid = {"type": "unauthorized", "message": "The access token is invalid"}
    assert status_with(sandbox, "f" * 64) == (401, invalid)
    assert requests.get(f"{api.base}/orders", timeout=10).json() == invalid
    answer = requests.get(f"{api.base}/orders", timeout=10)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_tokens_can_be_expired_and_revoked_by_the_driver(sandbox: Sandbox, api: Client) -> None:
    token = granted(sandbox)
    assert sandbox.drive("expire_tokens") == 1
    assert status_with(sandbox, token["access_token"])[1]["message"] == "The access token expired"
    assert sandbox.drive("revoke_tokens", privileged=True) == 2
    assert api.call("GET", "/orders").json()["message"] == "The access token was revoked"


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_secret": "wrong"}, "invalid_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
    ],
)
def test_wrong_token_requests_get_401_with_the_error(sandbox: Sandbox, values: dict[str, Any], error: str) -> None:
    answer = token_request(sandbox, **values)
    assert (answer.status_code, answer.json()["error"]) == (401, error)
    assert answer.json()["error_description"]


def test_token_has_the_rights_of_its_user(sandbox: Sandbox, api: Client) -> None:
    limited = Client(sandbox, granted(sandbox, user=2)["access_token"])
    assert limited.get("/users/current")["user"]["first_name"] == "Wes"
    answer = limited.call("POST", "/orders", json={"order": {"issued_at": "2026-11-20"}})
    assert (answer.status_code, answer.json()["type"]) == (403, "Forbidden")
    assert limited.call("GET", "/orders").status_code == 200
    sandbox.drive("set_permissions", user=2, permissions=["write_orders"])
    assert limited.call("POST", "/orders", json={"order": {"issued_at": "2026-11-20"}}).status_code == 422


def test_order_remembers_who_made_it(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("set_permissions", user=2, permissions=["write_orders", "write_companies"])
    assert Client(sandbox, granted(sandbox, user=2)["access_token"]).order()["user_id"] == 2


def test_life_of_tokens_is_an_option(sandbox: Sandbox) -> None:
    sandbox.drive("set", token_seconds=5)
    assert granted(sandbox)["expires_in"] == 5
