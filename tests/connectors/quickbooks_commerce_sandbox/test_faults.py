"""Bad days: each fault, seen from outside, and whether the request was carried out."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from connectors.quickbooks_commerce.sandbox import Sandbox

from .conftest import Client


@pytest.fixture
def company(api: Client) -> int:
    return api.company()


def made(sandbox: Sandbox) -> int:
    return int(sandbox.drive("counts")["orders"])


def post(api: Client, company: int, timeout: float = 10) -> requests.Response:
    body = {
        "company_id": company,
        "issued_at": "2026-11-20",
        "shipping_address": {"address1": "1 Elm"},
        "order_line_items": [{"variant_id": 60001, "quantity": 1, "price": 1}],
    }
    return api.call("POST", "/orders", json={"order": body}, timeout=timeout)


@pytest.mark.parametrize(
    ("name", "status", "orders"),
    [("500", 500, 0), ("503", 503, 0), ("500_after", 500, 1), ("503_after", 503, 1), ("402", 402, 0), ("403", 403, 0)],
)
def test_error_answers(sandbox: Sandbox, api: Client, company: int, name: str, status: int, orders: int) -> None:
    sandbox.drive("fault", name=name, path="/orders", method="POST")
    answer = post(api, company)
    assert (answer.status_code, made(sandbox)) == (status, orders)
    assert answer.json()["message"]
    assert post(api, company).status_code == 201, "once is the default"


@pytest.mark.parametrize(("name", "orders"), [("drop_before", 0), ("drop_after", 1)])
def test_dropped_connections(sandbox: Sandbox, api: Client, company: int, name: str, orders: int) -> None:
    sandbox.drive("fault", name=name, path="/orders")
    with pytest.raises(requests.ConnectionError):
        post(api, company)
    assert made(sandbox) == orders
    assert sandbox.drive("requests")["log"][-1]["status"] == 0


def test_stalled_answers(sandbox: Sandbox, api: Client, company: int) -> None:
    sandbox.drive("fault", name="stall_after", path="/orders", seconds=30)
    with pytest.raises(requests.ReadTimeout):
        post(api, company, timeout=0.1)
    assert made(sandbox) == 1
    sandbox.drive("fault", name="stall_before", path="/orders", seconds=0.3)
    with pytest.raises(requests.ReadTimeout):
        post(api, company, timeout=0.1)
    assert made(sandbox) == 1
    time.sleep(0.35)
    assert made(sandbox) == 2, "carried out after the client went away"


def test_a_stalled_request_does_not_reach_the_merchant_that_a_reset_made(sandbox: Sandbox, api: Client, company: int) -> None:
    sandbox.drive("fault", name="stall_before", path="/orders", seconds=0.3)
    with pytest.raises(requests.ReadTimeout):
        post(api, company, timeout=0.1)
    sandbox.drive("reset")
    sandbox.drive("clear_requests")
    time.sleep(0.35)
    assert sandbox.drive("counts")["orders"] == 0
    assert sandbox.drive("requests")["log"] == []


def test_delayed_answers(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("fault", name="delay", seconds=0.1)
    began = time.monotonic()
    assert api.call("GET", "/orders").status_code == 200
    assert time.monotonic() - began >= 0.1


def test_answer_that_is_cut_off(sandbox: Sandbox, api: Client, company: int) -> None:
    sandbox.drive("fault", name="cut", path="/orders")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(api, company)
    assert made(sandbox) == 1


@pytest.mark.parametrize("name", ["html", "broken_json", "empty"])
def test_unreadable_200s(sandbox: Sandbox, api: Client, company: int, name: str) -> None:
    sandbox.drive("fault", name=name, path="/orders")
    answer = post(api, company)
    assert (answer.status_code, made(sandbox)) == (200, 1)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)
    sandbox.drive("fault", name=name, path="/orders", done=False, status=201)
    assert (post(api, company).status_code, made(sandbox)) == (201, 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("401_expired", "The access token expired"),
        ("401_revoked", "The access token was revoked"),
        ("401_invalid", "The access token is invalid"),
    ],
)
@pytest.mark.parametrize(("upper", "kind"), [(False, "unauthorized"), (True, "Unauthorized")])
def test_401_in_each_form(sandbox: Sandbox, api: Client, name: str, words: str, upper: bool, kind: str) -> None:
    sandbox.drive("fault", name=name, upper=upper)
    answer = api.call("GET", "/orders")
    assert (answer.status_code, answer.json()) == (401, {"type": kind, "message": words})


def test_429_names_the_time_of_its_end(sandbox: Sandbox, api: Client, company: int) -> None:
    sandbox.drive("fault", name="429", path="/orders", seconds=7)
    answer = post(api, company)
    assert (answer.status_code, answer.headers["X-Rate-Limit-Remaining"], made(sandbox)) == (429, "0", 0)
    assert 5 <= int(answer.headers["X-Rate-Limit-Reset"]) - time.time() <= 7
    sandbox.drive("fault", name="429")
    assert int(api.call("GET", "/orders").headers["X-Rate-Limit-Reset"]) >= time.time()


def test_422_with_errors_of_choice(sandbox: Sandbox, api: Client, company: int) -> None:
    sandbox.drive("fault", name="422", path="/orders", errors={"order_number": ["has already been taken"]})
    answer = post(api, company)
    assert (answer.status_code, made(sandbox)) == (422, 0)
    assert answer.json() == {"errors": {"order_number": ["has already been taken"]}}


def test_answer_that_drips(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("fault", name="slow_drip", path="/locations", seconds=0.2)
    began = time.monotonic()
    assert len(api.get("/locations")["locations"]) == 2
    assert time.monotonic() - began >= 0.15, "a timer may go off a little early"


def test_faults_match_by_path_method_count_and_turn(sandbox: Sandbox, api: Client) -> None:
    order = api.order()
    sandbox.drive("fault", name="500", path="/orders/*", method="get", times=2, skip=1)
    path = f"/orders/{order['id']}.json"
    assert [api.call("GET", path).status_code for _ in range(4)] == [200, 500, 500, 200]
    sandbox.drive("fault", name="503", path="/orders/", times=0)
    assert [api.call("GET", "/orders").status_code for _ in range(2)] == [200, 200], "patterns have no slash at the end"
    sandbox.drive("fault", name="503", path="/orders", times=0)
    assert [api.call("GET", "/orders/").status_code for _ in range(3)] == [503] * 3
    shown = {fault["name"]: fault for fault in sandbox.drive("faults")}
    assert (shown["503"]["hits"], shown["503"]["left"]) == (3, None)
    assert sandbox.drive("clear_faults") == 2
    assert api.call("GET", "/orders").status_code == 200


def test_token_address_has_faults_only_when_named(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("fault", name="500", times=0)
    assert api.call("POST", "/oauth/token", json={}).status_code == 401
    sandbox.drive("fault", name="503", path="/oauth/token")
    assert api.call("POST", "/oauth/token", json={}).status_code == 503


def chaotic_statuses(sandbox: Sandbox, api: Client, seed: int) -> list[Any]:
    sandbox.drive("chaos", seed=seed, rates={"500": 0.3, "429": 0.2, "html": 0.1}, method="GET")
    statuses = [
        (answer.status_code, answer.headers["Content-Type"]) for answer in (api.call("GET", "/users") for _ in range(40))
    ]
    sandbox.drive("clear_faults")
    return statuses


def test_chaos_is_random_and_repeatable(sandbox: Sandbox, api: Client) -> None:
    first = chaotic_statuses(sandbox, api, 7)
    assert {status for status, _ in first} == {200, 500, 429}
    assert chaotic_statuses(sandbox, api, 7) == first
    assert chaotic_statuses(sandbox, api, 8) != first
    assert api.call("GET", "/users").status_code == 200


def test_key_survives_an_answer_that_was_lost(sandbox: Sandbox, api: Client, company: int) -> None:
    api.http.headers["Idempotency-Key"] = "k"
    sandbox.drive("fault", name="500", path="/orders")
    assert post(api, company).status_code == 500
    sandbox.drive("fault", name="drop_after", path="/orders")
    with pytest.raises(requests.ConnectionError):
        post(api, company)
    assert post(api, company).json()["message"].startswith("Duplicate Idempotency Key")
    assert made(sandbox) == 1


def test_requests_are_logged_without_tokens(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("clear_requests")
    api.call("GET", "/orders", params={"limit": 1})
    api.order(key="key-1")
    api.call("GET", "/orders/100001?access_token=secret")
    shown = sandbox.drive("requests", clear=True)
    first = shown["log"][0]
    assert (first["method"], first["path"], first["query"], first["status"]) == ("GET", "/orders", "limit=1", 200)
    assert shown["counters"]["by_route"]["GET /orders/{id}"] == 1
    assert "key-1" in {entry["idempotency_key"] for entry in shown["log"]}
    assert "secret" not in json.dumps(shown)
    assert sandbox.secrets["access_token"] not in json.dumps(shown)
    assert sandbox.drive("requests")["counters"]["total"] == 0
    api.call("GET", "/orders")
    assert len(sandbox.drive("requests", limit=0)["log"]) == 0


def test_latency_is_an_option(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("set", latency_ms=60)
    began = time.monotonic()
    api.get("/orders")
    assert time.monotonic() - began >= 0.06
