"""Orders pushed in by a cart's program: each once, whole, and refused with the words that programs know."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from cartrover.accounts.models import Account
from connectors.models import Connection, ConnectionState
from orders.models import ApiLevel, ApiRequest, Order, OutboundMessage
from tests.api.conftest import Program, connect, order

pytestmark = pytest.mark.django_db
NEW_ORDER = "/v1/cart/orders/cartrover"


def orders_of(account: Account) -> list[Order]:
    return list(Order.objects.for_account(account).order_by("pk"))


@pytest.mark.usefixtures("wms")
def test_new_order_is_stored_and_on_its_way(shop: Program, acme: Account, wms: Connection) -> None:
    assert shop.post(NEW_ORDER, order()) == {"success_code": True, "cust_ref": "TEST-1", "order_number": "TEST-1"}
    (made,) = orders_of(acme)
    assert (made.state, made.wms_id, made.cust_po_no) == ("ready", wms.pk, "TEST-1")
    assert OutboundMessage.objects.for_account(acme).filter(order=made).count() == 1
    assert made.events.get(kind="order.loaded").actor == f"API key {shop.key.name}"


def test_a_list_of_one_is_taken_like_the_order_itself(shop: Program, acme: Account) -> None:
    assert shop.post(NEW_ORDER, [order()])["cust_ref"] == "TEST-1"
    assert shop.post(NEW_ORDER, [order("A-1"), order("A-2")])["response"]["success"][1]["cust_ref"] == "A-2"
    assert len(orders_of(acme)) == 3


def test_the_same_number_again_is_a_duplicate_and_changes_nothing(shop: Program, acme: Account) -> None:
    shop.post(NEW_ORDER, order())
    answer = shop.call("POST", NEW_ORDER, order(ship_city="Elsewhere"))
    assert answer.status_code == 200
    assert answer.data == {
        "success_code": False,
        "error_code": "Failure",
        "message": "OrderDuplicate",
        "status_message": "OrderDuplicate",
    }
    (made,) = orders_of(acme)
    assert made.ship_to["city"] == "Springfield"


def test_a_number_of_another_cart_gets_another_short_one_and_is_found_by_its_own(
    shop: Program, acme: Account, program: Callable[..., Program]
) -> None:
    shop.post(NEW_ORDER, order())
    other = program(acme, ApiLevel.CART, cart=connect(acme, "api_cart", "APIAccess2"))
    made = other.post(NEW_ORDER, order())
    assert made["success_code"] is True
    assert made["cust_ref"] != "TEST-1"
    assert made["order_number"] == made["cust_ref"]
    found = other.get("/v1/cart/orders/TEST-1")["response"]
    assert (found["cust_ref"], found["cust_ref_original"]) == (made["cust_ref"], "TEST-1")
    assert shop.get("/v1/cart/orders/TEST-1")["response"]["cust_ref"] == "TEST-1"
    assert shop.get(f"/v1/cart/orders/{made['cust_ref']}")["error_code"] == "Failure"


def test_batch_takes_what_is_good_and_names_what_is_not(shop: Program, acme: Account) -> None:
    shop.post(NEW_ORDER, order("TEST03"))
    answer = shop.post("/v1/cart/orders/batch", [order("TEST02"), order("TEST03"), order(cust_ref=""), order("TEST02"), 7])
    assert answer["success_code"] is True
    assert answer["response"]["success"] == [{"cust_ref": "TEST02", "cust_po_no": "TEST02"}]
    assert answer["response"]["failed"] == [
        {"cust_ref": "TEST03", "cust_po_no": None, "message": "OrderDuplicate"},
        {"cust_ref": None, "cust_po_no": None, "index_pos": 2, "message": "Order missing required field(s): cust_ref"},
        {"cust_ref": "TEST02", "cust_po_no": None, "message": "OrderDuplicate"},
        {"cust_ref": None, "cust_po_no": None, "index_pos": 4, "message": "An order must be an object."},
    ]
    assert {one.cust_ref for one in orders_of(acme)} == {"TEST02", "TEST03"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "The body is no valid JSON."),
        (b"", "The request has no body. Send JSON."),
        (b'{"cust_ref": NaN}', "The body is no valid JSON."),
        (b'"text"', "The body must be one of orders or a list of them."),
        (b"[]", "The body must be one of orders or a list of them."),
        (b"[" * 100_000, "The body is no valid JSON."),
        (order(ship_city=None, ship_zip=""), "Order missing required field(s): ship_city, ship_zip"),
        (order(items=[]), "Order missing required field(s): items"),
        (order(ship_company=None), "Order missing required field(s): ship_company"),
        (order(items=[{"item": "A"}]), "Order missing required field(s): items[0].quantity"),
        (order(items=[{"item": "A", "quantity": "1.5"}]), "items[0].quantity must be a whole number from 1 to 999999999."),
        (order(items=[{"item": "A", "quantity": 1, "price": "x"}]), "items[0].price must be a number below 10,000,000,000."),
        (order(items="x"), "items must be a list."),
        (order(ship_city={"a": 1}), "ship_city must be a text."),
        (order(ship_city="x" * 201), "ship_city is longer than 200 characters."),
        (order(order_date="soon"), "order_date is “soon”; it must be a date like 2026-11-30."),
        (order(ship_is_billing="maybe"), "ship_is_billing must be Y or N."),
        (order(notes="\x00"), "A text in the body has a character that can't be kept (U+0000 or half a surrogate pair)."),
        (order(extra_fields="x"), "extra_fields must be an object of texts."),
    ],
)
def test_bad_bodies_are_invalid_and_change_nothing(body: Any, words: str, shop: Program, acme: Account) -> None:
    answer = shop.call("POST", NEW_ORDER, body)
    assert (answer.status_code, answer.data["error_code"], answer.data["message"]) == (200, "Invalid", words)
    assert orders_of(acme) == []


def test_bodies_and_batches_beyond_measure_are_refused(shop: Program, acme: Account) -> None:
    large = shop.call("POST", NEW_ORDER, b'{"cust_ref": "' + b"x" * 10_000_000 + b'"}')
    assert (large.status_code, large.data["error_code"]) == (413, "Invalid")
    many = shop.call("POST", "/v1/cart/orders/batch", b"[" + b",".join([b"{}"] * 100_000) + b"]")
    assert many.data["message"] == "The body has 100,000 of orders; send at most 1,000 at once."
    assert orders_of(acme) == []


def test_what_must_stay_out_is_said_to_be_skipped(shop: Program, acme: Account) -> None:
    answer = shop.post(NEW_ORDER, order(test_order="Y"))
    assert answer["error_code"] == "Failure"
    assert answer["message"] == "Order skipped: A test order, and APIAccess1 is live."
    assert orders_of(acme) == []


def test_a_paused_or_disconnected_cart_takes_nothing(shop: Program, acme: Account, cart: Connection) -> None:
    for state, word in ((ConnectionState.PAUSED, "paused"), (ConnectionState.DISCONNECTED, "disconnected")):
        Connection.objects.for_account(acme).filter(pk=cart.pk).update(state=state)
        answer = shop.post(NEW_ORDER, order())
        assert word in answer["message"]
    assert orders_of(acme) == []


def test_payment_data_is_kept_nowhere_and_the_number_on_the_answer_leads_to_the_request(shop: Program, acme: Account) -> None:
    answer = shop.call("POST", NEW_ORDER, order(credit_card_no="4111111111111234", cvv=987, gift_message="Hello"))
    (made,) = orders_of(acme)
    assert made.extra == {"gift_message": "Hello", "cc_last_four": "1234"}
    kept = ApiRequest.objects.for_account(acme).get(public_id=answer["X-CartRover-Process-ID"])
    assert (kept.method, kept.path, kept.status, kept.api_user) == ("POST", NEW_ORDER, 200, shop.key.api_user)
    assert "Springfield" in kept.body
    assert "4111" not in kept.body
    assert "987" not in kept.body


@pytest.mark.django_db(transaction=True)
def test_two_hosts_that_push_one_order_at_once_make_one(acme: Account, cart: Connection, shop: Program) -> None:
    start, answers = threading.Barrier(4), []

    def push() -> None:
        try:
            start.wait(30)
            answers.append(shop.post(NEW_ORDER, order())["success_code"])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [False, False, False, True]
    assert len(orders_of(acme)) == 1


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic ???", "Bearer abc", "Basic " + base64.b64encode(b"no-colon").decode(), "Basic eDp5", "Basic AAA6eA=="],
)
def test_strangers_are_told_401_in_the_envelope(header: str, db: None) -> None:
    answer = Client().get("/v1/cart/orders/X", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Basic")
    assert json.loads(answer.content)["success_code"] is False
    assert ApiRequest.objects.across_accounts("of nobody").filter(public_id=answer["X-CartRover-Process-ID"]).exists()


def test_revoked_keys_and_other_levels_are_refused(shop: Program, acme: Account, program: Callable[..., Program]) -> None:
    merchant = program(acme, ApiLevel.MERCHANT)
    assert merchant.call("POST", NEW_ORDER, order()).status_code == 403
    shop.key.revoked_at = shop.key.created_at
    shop.key.save()
    assert shop.call("POST", NEW_ORDER, order()).status_code == 401
    assert orders_of(acme) == []


def test_unknown_addresses_and_methods_answer_in_the_envelope(shop: Program) -> None:
    assert shop.call("GET", "/v1/nowhere").status_code == 404
    answer = shop.call("PUT", NEW_ORDER, order())
    assert (answer.status_code, answer.data["error_code"]) == (405, "Failure")
    assert "POST" in answer["Allow"]
