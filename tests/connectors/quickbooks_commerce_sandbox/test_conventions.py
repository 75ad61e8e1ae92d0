"""Envelopes, codes, headers, rate limit, idempotency: what all requests share."""

from __future__ import annotations

import json
import time
import uuid

import pytest

from connectors.quickbooks_commerce.sandbox import Sandbox

from .conftest import Client


def test_json_suffix_and_trailing_slash_work(api: Client) -> None:
    order = api.order()
    for path in (f"/orders/{order['id']}", f"/orders/{order['id']}.json", f"/orders/{order['id']}/"):
        assert api.get(path)["order"]["id"] == order["id"]
    assert len(api.get("/orders.json")["orders"]) == len(api.get("/orders/")["orders"]) == 1


def test_codes_of_create_update_and_delete(api: Client) -> None:
    answer = api.call("POST", "/companies/", json={"company": {"name": "A", "company_type": "business"}})
    company = answer.json()["company"]
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{api.base}/companies/{company['id']}")
    answer = api.call("PUT", f"/companies/{company['id']}", json={"company": {"email": "a@example.com"}})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Length" not in answer.headers
    assert api.get(f"/companies/{company['id']}")["company"]["name"] == "A"
    address = api.address(company["id"])
    changed = api.put(f"/addresses/{address}", "address", expect=200, city="Salem")
    assert changed["address"]["city"] == "Salem"
    assert api.delete(f"/companies/{company['id']}") is None


@pytest.mark.parametrize(("path", "root"), [("/orders", "order"), ("/companies", "company"), ("/fulfillments", "fulfillment")])
def test_missing_root_is_400(api: Client, path: str, root: str) -> None:
    bodies: list[object] = [{}, {"other": {}}, {root: {}}, {root: "x"}, []]
    for body in bodies:
        answer = api.call("POST", path, json=body)
        assert (answer.status_code, answer.json()) == (
            400,
            {"type": "Bad Request", "message": f"Required parameter missing: {root}"},
        )


def test_unreadable_json_is_400(api: Client) -> None:
    for body in (b"{", b"\xff\xfe", b"[" * 100_000):
        answer = api.call("POST", "/orders", data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400


def test_rails_forms_are_taken(api: Client) -> None:
    body = {"product[name]": "Bowl", "product[opt1]": "Size", "product[tags][]": "kitchen"}
    answer = api.call("POST", "/products", data=body)
    assert (answer.status_code, answer.json()["product"]["name"]) == (201, "Bowl")


def test_unknown_records_and_paths_are_404_with_words(api: Client) -> None:
    answer = api.call("GET", "/orders/1")
    assert (answer.status_code, answer.json()) == (404, {"type": "Not Found", "message": "Couldn't find Order with id=1"})
    for method, path in (("GET", "/nothing"), ("PATCH", "/orders"), ("DELETE", "/stock_levels/1"), ("GET", "/orders/1/x/y")):
        answer = api.call(method, path)
        assert (answer.status_code, bool(answer.json()["message"])) == (404, True)


def test_too_long_address_is_414(api: Client) -> None:
    assert api.call("GET", "/orders?ids=" + ",".join(["123456"] * 1300)).status_code == 414


def test_read_only_fields_are_ignored_in_silence(api: Client) -> None:
    variant = api.variant("CAP-002")
    api.put(f"/variants/{variant['id']}", "variant", stock_on_hand="5", available_stock="5", name="Dune")
    changed = api.variant("CAP-002")
    assert (changed["stock_on_hand"], changed["name"]) == ("120", "Dune")


def test_every_answer_has_a_request_id_and_rate_headers(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("set", rate_limit=300)
    sandbox.drive("advance", seconds=301)
    first, second = api.call("GET", "/orders"), api.call("GET", "/nothing")
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert [answer.headers["X-Rate-Limit-Remaining"] for answer in (first, second)] == ["299", "298"]
    assert first.headers["X-Rate-Limit-Limit"] == "300"
    reset = int(first.headers["X-Rate-Limit-Reset"])
    assert reset % 300 == 0
    assert 0 < reset - time.time() - 301 <= 301


def test_rate_limit_answers_429_until_the_window_ends(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("set", rate_limit=2)
    sandbox.drive("advance", seconds=300)
    assert [api.call("GET", "/orders").status_code for _ in range(3)] == [200, 200, 429]
    refused = api.call("POST", "/companies", json={"company": {"name": "A", "company_type": "business"}})
    assert refused.json() == {"error": "You have exceeded the API rate limit. Please retry later."}
    assert refused.headers["X-Rate-Limit-Remaining"] == "0"
    assert sandbox.drive("counts")["companies"] == 0
    sandbox.drive("advance", seconds=300)
    assert api.call("GET", "/orders").status_code == 200


def test_all_tokens_of_the_application_share_the_limit(sandbox: Sandbox, api: Client) -> None:
    code = sandbox.drive("authorize")["code"]
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "http://127.0.0.1/callback",
        "client_id": sandbox.settings["client_id"],
        "client_secret": sandbox.secrets["client_secret"],
    }
    token = api.call("POST", "/oauth/token", json=body).json()["access_token"]
    sandbox.drive("set", rate_limit=1)
    sandbox.drive("advance", seconds=300)
    assert api.call("GET", "/orders").status_code == 200
    assert Client(sandbox, token).call("GET", "/orders").status_code == 429


# --- idempotency -------------------------------------------------------------------------------------------------------------


def order_body(api: Client, company_id: int) -> dict[str, object]:
    lines = [{"variant_id": api.variant_id(), "quantity": 1, "price": "1.00"}]
    address = {"address1": "1 Way", "label": str(uuid.uuid4())}
    return {
        "order": {"company_id": company_id, "issued_at": "2026-11-20", "shipping_address": address, "order_line_items": lines}
    }


def test_repeated_key_is_refused_and_nothing_is_made_twice(sandbox: Sandbox, api: Client) -> None:
    body, headers = order_body(api, api.company()), {"Idempotency-Key": "one"}
    assert api.call("POST", "/orders", json=body, headers=headers).status_code == 201
    again = api.call("POST", "/orders", json=body, headers=headers)
    assert again.status_code == 422
    assert again.json()["message"] == "Duplicate Idempotency Key header detected"
    sandbox.drive("set", idempotency="conflict")
    assert api.call("POST", "/orders", json=body, headers=headers).status_code == 409
    assert sandbox.drive("counts")["orders"] == 1


def test_repeated_key_can_replay_the_first_answer(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("set", idempotency="replay")
    body, headers = order_body(api, api.company()), {"Idempotency-Key": "two"}
    first = api.call("POST", "/orders", json=body, headers=headers)
    second = api.call("POST", "/orders", json=body, headers=headers)
    assert (second.status_code, second.json()) == (201, first.json())
    assert sandbox.drive("counts")["orders"] == 1


def test_key_is_free_again_after_24_hours(sandbox: Sandbox, api: Client) -> None:
    company = api.company()
    headers = {"Idempotency-Key": "three"}
    assert api.call("POST", "/orders", json=order_body(api, company), headers=headers).status_code == 201
    sandbox.drive("advance", seconds=24 * 3600 - 60)
    assert api.call("POST", "/orders", json=order_body(api, company), headers=headers).status_code == 422
    sandbox.drive("advance", seconds=120)
    assert api.call("POST", "/orders", json=order_body(api, company), headers=headers).status_code == 201


def test_refused_request_does_not_use_its_key_up_unless_told_so(sandbox: Sandbox, api: Client) -> None:
    company = api.company()
    headers = {"Idempotency-Key": "four"}
    assert api.call("POST", "/orders", json={"order": {"company_id": company}}, headers=headers).status_code == 422
    assert api.call("POST", "/orders", json=order_body(api, company), headers=headers).status_code == 201
    sandbox.drive("set", remember_failed_keys=True)
    headers = {"Idempotency-Key": "five"}
    assert "errors" in api.call("POST", "/orders", json={"order": {"company_id": company}}, headers=headers).json()
    assert "message" in api.call("POST", "/orders", json=order_body(api, company), headers=headers).json()


def test_keys_count_for_put_and_actions_and_not_for_get(api: Client) -> None:
    order = api.order(status="finalized")
    headers = {"Idempotency-Key": "six"}
    assert api.call("PUT", f"/orders/{order['id']}", json={"order": {"notes": "a"}}, headers=headers).status_code == 204
    assert api.call("PUT", f"/orders/{order['id']}", json={"order": {"notes": "b"}}, headers=headers).status_code == 422
    assert api.call("GET", f"/orders/{order['id']}", headers=headers).json()["order"]["notes"] == "a"
    headers = {"Idempotency-Key": "seven"}
    assert api.call("POST", f"/orders/{order['id']}/actions/invoice", headers=headers).status_code == 201
    assert api.call("POST", f"/orders/{order['id']}/actions/invoice", headers=headers).status_code == 422


def test_numbers_are_texts_as_ruby_prints_them(api: Client) -> None:
    order = api.order(lines={"CAP-001": "2.50"})
    line = api.lines(order["id"])[0]
    assert (line["quantity"], line["price"], order["total"]) == ("2.5", "10.0", "25.0")
    assert api.order(lines={})["total"] == 0
    variant = api.variant("CAP-001")
    assert (variant["stock_on_hand"], variant["committed_stock"], variant["retail_price"]) == ("120", "2.5", "24.0")


def test_pagination_header_is_compact_json_in_the_known_order(api: Client) -> None:
    header = api.call("GET", "/variants", params={"limit": 10}).headers["X-Pagination"]
    assert header == (
        '{"total_records":40,"total_pages":4,"first_page":true,"last_page":false,"out_of_bounds":false,"offset":0}'
    )
    assert json.loads(header)["total_pages"] == 4
