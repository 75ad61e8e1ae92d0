"""Sending, finding and voiding orders, against a far side that answers as it is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from connectors.contract import Receipt, RemoteState, Token
from connectors.errors import AlreadyTaken, FixConnection, FixOrder, OutcomeUnknown, SlowDown, TryLater
from tests.connectors.quickbooks_commerce.rig import Asked, FarSide, Hub, Reply, an_order, granted, line, listed

NONE = frozenset[str]()


def variant(number: int, sku: str, status: str = "active") -> dict[str, Any]:
    return {"id": number, "sku": sku, "status": status}


def company(number: int, code: str = "DSCO-1000", status: str = "active") -> dict[str, Any]:
    return {"id": number, "company_code": code, "name": "Hearth & Home", "status": status}


def order_row(number: int = 900, **changes: Any) -> dict[str, Any]:
    row = {"id": number, "order_number": "PO-1", "reference_number": "PO-1-FULL", "company_id": 7, "status": "active"}
    return {**row, "updated_at": "2026-11-18T08:07:23.404Z", "order_line_item_ids": [1], **changes}


@pytest.fixture
def stocked(far: FarSide) -> FarSide:
    """A far side with two products and one customer, that takes every order."""
    far.on("GET /variants", listed("variants", [variant(11, "CAP-001"), variant(12, "TEE-001")]))
    far.on("GET /companies", listed("companies", [company(7)]))
    far.on("POST /orders", Reply(201, {"order": order_row()}))
    return far


# --- needs -------------------------------------------------------------------------------------------------------------------


def test_a_batch_asks_once_for_all_skus_and_once_for_its_customer(stocked: FarSide, hub: Hub) -> None:
    orders = [an_order(f"PO-{at}", line(1, "CAP-001"), line(2, "TEE-001")) for at in range(20)]
    session = hub.open()
    assert session.prepare(orders) == {}
    for order in orders:
        session.send(order, f"key-{order.public_id}")
    assert [f"{one.method} {one.path}" for one in stocked.asked[:2]] == ["GET /variants", "GET /companies"]
    assert len(stocked.asked) == 22
    assert stocked.asked[0].values("sku[]") == ["CAP-001", "TEE-001"]


def test_what_is_remembered_is_not_asked_again_by_the_next_session(stocked: FarSide, hub: Hub) -> None:
    hub.open().prepare([an_order()])
    asked = len(stocked.asked)
    again = hub.open()
    again.prepare([an_order("PO-2")])
    again.send(an_order("PO-2"), "key")
    assert len(stocked.asked) == asked + 1


def test_unknown_shared_and_misspelt_skus_hold_their_order_only(far: FarSide, hub: Hub) -> None:
    rows = [variant(1, "CAP-001"), variant(2, "TWIN"), variant(3, "TWIN"), variant(4, "tee-001"), variant(5, "OLD", "archived")]
    far.on("GET /variants", listed("variants", rows))
    far.on("GET /companies", listed("companies", [company(7)]))
    orders = {sku: an_order(f"PO-{sku}", line(1, sku)) for sku in ("CAP-001", "TWIN", "TEE-001", "OLD", "GONE")}
    problems = hub.open().prepare(list(orders.values()))
    assert set(problems) == {f"public-PO-{sku}" for sku in ("TWIN", "TEE-001", "OLD", "GONE")}
    for sku in ("TWIN", "TEE-001", "OLD", "GONE"):
        problem = problems[f"public-PO-{sku}"]
        assert isinstance(problem, FixOrder)
        assert (problem.reason, problem.field) == ("unknown_sku", "sku")
        assert sku in problem.words
    assert "2 products" in problems["public-PO-TWIN"].words  # type: ignore[attr-defined]


def test_an_order_without_address_or_customer_never_leaves(stocked: FarSide, hub: Hub) -> None:
    good = an_order()
    homeless = replace(an_order("PO-2"), ship_to=replace(good.ship_to, city=""))
    nameless = an_order("PO-3", customer_code=" ")
    problems = hub.open().prepare([good, homeless, nameless])
    assert {key: problem.field for key, problem in problems.items()} == {  # type: ignore[attr-defined]
        "public-PO-2": "ship_city", "public-PO-3": "customer_code",
    }  # fmt: skip


def test_a_missing_customer_is_made_once_with_a_key(stocked: FarSide, hub: Hub) -> None:
    stocked.on("GET /companies", listed("companies", [company(1, "DSCO-10000"), company(2, status="archived")]))
    stocked.on("POST /companies", Reply(201, {"company": company(8)}))
    session = hub.open()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: session.prepare([an_order(f"PO-{at}")]), range(8)))
    (made,) = stocked.requests("POST /companies")
    assert made.body == {"company": {"name": "Hearth & Home", "company_type": "business", "company_code": "DSCO-1000"}}
    assert made.headers["Idempotency-Key"] == "company-DSCO-1000-1"
    assert hub.memory.get("company", ["DSCO-1000"]) == {"DSCO-1000": "8"}


@pytest.mark.parametrize(
    ("reply", "error"),
    [(Reply(500), TryLater), (Reply(422, {"errors": {"name": ["is odd"]}}), FixOrder), (Reply(201, {}), TryLater)],
)
def test_a_customer_that_cannot_be_made_stops_its_orders_only(
    stocked: FarSide, hub: Hub, reply: Reply, error: type[Exception]
) -> None:
    known = company(7, "DSCO-2")
    stocked.on(
        "GET /companies", lambda asked: listed("companies", [known] if asked.values("company_code") == ["DSCO-2"] else [])
    )
    stocked.on("POST /companies", reply)
    problems = hub.open().prepare([an_order("PO-1"), an_order("PO-2", customer_code="DSCO-2")])
    assert {key: type(problem) for key, problem in problems.items()} == {"public-PO-1": error}


def test_an_archived_customer_with_the_code_is_told_in_words(stocked: FarSide, hub: Hub) -> None:
    dead = company(7, status="archived")
    stocked.on("GET /companies", lambda asked: listed("companies", [dead] if asked.values("status[]") else []))
    stocked.on("POST /companies", Reply(422, {"errors": {"company_code": ["has already been taken"]}}))
    problem = hub.open().prepare([an_order()])["public-PO-1"]
    assert isinstance(problem, FixOrder)
    assert "no longer active" in problem.words


def test_a_question_that_is_too_long_is_halved(far: FarSide, hub: Hub) -> None:
    def choosy(asked: Asked) -> Reply:
        skus = asked.values("sku[]")
        return Reply(414) if len(skus) > 10 else listed("variants", [variant(int(sku[1:]), sku) for sku in skus])

    far.on("GET /variants", choosy)
    skus = {f"S{at}" for at in range(1, 66)}
    assert hub.open().known_items(skus) == skus


def test_known_items_forgets_what_is_gone(stocked: FarSide, hub: Hub) -> None:
    hub.memory.put("variant", {"CAP-001": "1", "GONE": "2"})
    assert hub.open().known_items({"CAP-001", "GONE", ""}) == {"CAP-001"}
    assert hub.memory.get("variant", ["CAP-001", "GONE"]) == {"CAP-001": "11"}


# --- sending -----------------------------------------------------------------------------------------------------------------


def test_an_order_goes_out_under_its_key_and_comes_back_as_a_receipt(stocked: FarSide, hub: Hub) -> None:
    sent = hub.open().send(an_order(), "key-1")
    (asked,) = stocked.requests("POST /orders")
    assert asked.headers["Idempotency-Key"] == "key-1"
    assert asked.headers["Authorization"] == "Bearer privileged"
    assert asked.body["order"]["order_line_items"][0]["variant_id"] == 11
    assert (sent.receipt.external_id, sent.receipt.number, sent.receipt.reference) == ("900", "PO-1", "PO-1-FULL")
    assert (sent.receipt.state, sent.receipt.lines) == (RemoteState.OPEN, None)
    assert sent.exchange is not None
    assert sent.exchange.status == 201
    for secret in ("privileged", "Pat", "Sample Street", "pat@example.com"):
        assert secret not in sent.exchange.request + sent.exchange.answer


def test_eight_orders_at_once_on_one_session(stocked: FarSide, hub: Hub) -> None:
    stocked.on("POST /orders", lambda asked: Reply(201, {"order": order_row(order_number=asked.body["order"]["order_number"])}))
    session = hub.open()
    orders = [an_order(f"PO-{at}") for at in range(40)]
    session.prepare(orders)
    with ThreadPoolExecutor(8) as pool:
        receipts = [sent.receipt.number for sent in pool.map(lambda order: session.send(order, order.public_id), orders)]
    assert receipts == [f"PO-{at}" for at in range(40)]
    assert len(stocked.requests("POST /orders")) == 40


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(500), OutcomeUnknown),
        (Reply(503), OutcomeUnknown),
        (Reply(200, b"<html>maintenance</html>"), OutcomeUnknown),
        (Reply(201, {"surprise": 1}), OutcomeUnknown),
        (Reply(201, {"order": {"id": None}}), OutcomeUnknown),
        (Reply(201, {"order": {"id": 4, "status": "odd"}}), OutcomeUnknown),
        (Reply(204), OutcomeUnknown),
        (Reply(429, {"error": "limit"}, {"X-Rate-Limit-Reset": "4102444800"}), SlowDown),
        (Reply(402, {"message": "lapsed"}), FixConnection),
        (Reply(403, {"message": "no"}), FixConnection),
        (Reply(401, {"type": "Unauthorized", "message": "The access token was revoked"}), FixConnection),
        (Reply(404, b"<html>nginx</html>"), FixConnection),
        (Reply(400, {"type": "Bad Request", "message": "Required parameter missing: order"}), FixOrder),
        (Reply(200, {"message": "Duplicate Idempotency Key header detected"}), AlreadyTaken),
        (Reply(422, {"errors": {"order_number": ["has already been taken"]}}), AlreadyTaken),
    ],
)
def test_each_answer_to_an_order_says_what_to_do_next(stocked: FarSide, hub: Hub, reply: Reply, error: type[Exception]) -> None:
    stocked.on("POST /orders", reply)
    with pytest.raises(error) as raised:
        hub.open().send(an_order(), "key")
    assert type(raised.value) is error
    assert "privileged" not in str(raised.value)
    assert len(stocked.requests("POST /orders")) == 1


def test_a_stale_variant_is_looked_up_again_and_the_order_tried_once_more(stocked: FarSide, hub: Hub) -> None:
    hub.memory.put("variant", {"CAP-001": "5"})
    refusal = Reply(422, {"errors": {"order_line_items.variant": ["can't be blank"]}})
    stocked.on("POST /orders", refusal, Reply(201, {"order": order_row()}))
    assert hub.open().send(an_order(), "key").receipt.external_id == "900"
    bodies = [asked.body["order"]["order_line_items"][0]["variant_id"] for asked in stocked.requests("POST /orders")]
    assert bodies == [5, 11]
    assert hub.memory.get("variant", ["CAP-001"]) == {"CAP-001": "11"}


def test_a_variant_that_is_gone_holds_the_order_and_is_forgotten(stocked: FarSide, hub: Hub) -> None:
    hub.memory.put("variant", {"LOST": "5"})
    stocked.on("POST /orders", Reply(422, {"errors": {"order_line_items.variant": ["can't be blank"]}}))
    with pytest.raises(FixOrder) as refused:
        hub.open().send(an_order("PO-1", line(1, "LOST")), "key")
    assert (refused.value.reason, refused.value.field) == ("unknown_sku", "sku")
    assert "LOST" in refused.value.words
    assert hub.memory.get("variant", ["LOST"]) == {}
    assert len(stocked.requests("POST /orders")) == 1


def test_a_variant_that_is_refused_though_it_is_there_is_not_tried_for_ever(stocked: FarSide, hub: Hub) -> None:
    stocked.on("POST /orders", Reply(422, {"errors": {"order_line_items.variant": ["can't be blank"]}}))
    with pytest.raises(FixOrder) as refused:
        hub.open().send(an_order(), "key")
    assert refused.value.reason == "unknown_sku"
    assert len(stocked.requests("POST /orders")) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(422, {"errors": {"company": ["must exist"]}}),
        Reply(404, {"type": "Not Found", "message": "Couldn't find Company with id=3"}),
    ],
)
def test_a_stale_customer_is_looked_up_again(stocked: FarSide, hub: Hub, refusal: Reply) -> None:
    hub.memory.put("company", {"DSCO-1000": "3"})
    stocked.on("POST /orders", refusal, Reply(201, {"order": order_row()}))
    hub.open().send(an_order(), "key")
    assert [asked.body["order"]["company_id"] for asked in stocked.requests("POST /orders")] == [3, 7]
    assert hub.memory.get("company", ["DSCO-1000"]) == {"DSCO-1000": "7"}


# --- labels and numbers that are taken ---------------------------------------------------------------------------------------

ADDRESS = {
    "id": 41, "company_id": 7, "label": "PO-1", "first_name": "Pat", "last_name": "Doe", "company_name": None,
    "address1": "1 Sample Street", "address2": None, "city": "Portland", "state": "OR", "zip_code": "97201",
    "country": "US", "country_code": "US",
}  # fmt: skip


def test_a_taken_label_is_told_and_then_its_address_is_used(stocked: FarSide, hub: Hub) -> None:
    refusal = Reply(422, {"errors": {"shipping_address.label": ["has already been taken"]}})
    stocked.on("POST /orders", refusal, Reply(201, {"order": order_row()}))
    stocked.on("GET /addresses", listed("addresses", [{**ADDRESS, "id": 40, "label": "Other"}, ADDRESS]))
    session = hub.open()
    with pytest.raises(AlreadyTaken) as taken:
        session.send(an_order(), "key")
    assert taken.value.what == "label"
    session.send(an_order(), "key", frozenset({"label"}))
    body = stocked.requests("POST /orders")[1].body["order"]
    assert body["shipping_address_id"] == 41
    assert "shipping_address" not in body
    assert stocked.requests("GET /addresses")[0].values("company_id") == ["7"]


@pytest.mark.parametrize(
    ("rows", "label"),
    [
        ([{**ADDRESS, "address1": "2 Other Street"}], "PO-1-2"),
        ([{**ADDRESS, "address1": "2 Other Street"}, {**ADDRESS, "id": 42, "label": "PO-1-2", "city": "Salem"}], "PO-1-3"),
        ([], "PO-1-2"),
    ],
)
def test_an_address_that_says_something_else_is_left_alone(
    stocked: FarSide, hub: Hub, rows: list[dict[str, Any]], label: str
) -> None:
    stocked.on("GET /addresses", listed("addresses", rows))
    hub.open().send(an_order(), "key", frozenset({"label"}))
    body = stocked.requests("POST /orders")[0].body["order"]
    assert body["shipping_address"]["label"] == label
    assert body["shipping_address"]["address1"] == "1 Sample Street"


def test_a_number_that_stays_taken_holds_the_order(stocked: FarSide, hub: Hub) -> None:
    stocked.on("POST /orders", Reply(422, {"errors": {"order_number": ["has already been taken"]}}))
    with pytest.raises(FixOrder) as refused:
        hub.open().send(an_order(), "key", frozenset({"number"}))
    assert refused.value.field == "cust_ref"


# --- packing and invoicing at once -------------------------------------------------------------------------------------------


def test_finalized_orders_are_packed_and_invoiced_where_that_is_wished(stocked: FarSide, hub: Hub) -> None:
    stocked.on("POST /orders/900/actions/pack", Reply(201, {"fulfillment": {"id": 1}}))
    refusal = Reply(422, {"errors": {"base": ["Cannot create invoice without line items"]}})
    stocked.on("POST /orders/900/actions/invoice", refusal)
    sent = hub.open(order_status="finalized", pack_orders="true", create_invoice="true").send(an_order(), "key")
    assert sent.receipt.external_id == "900"
    assert [one.headers["Idempotency-Key"] for one in stocked.asked[-2:]] == ["key-pack", "key-invoice"]
    assert sent.exchange is not None
    assert "Packing at once: done" in sent.exchange.answer
    assert "Cannot create invoice" in sent.exchange.answer


def test_what_follows_an_order_never_makes_it_doubtful(stocked: FarSide, hub: Hub) -> None:
    stocked.on("POST /orders/900/actions/pack", Reply(503))
    assert hub.open(order_status="finalized", pack_orders="true").send(an_order(), "key").receipt.external_id == "900"
    hub.open(order_status="active", pack_orders="true").send(an_order(), "key")
    assert len(stocked.requests("POST /orders/900/actions/pack")) == 1


# --- finding -----------------------------------------------------------------------------------------------------------------


def test_find_asks_for_all_states_and_keeps_only_what_is_ours(stocked: FarSide, hub: Hub) -> None:
    hub.memory.put("company", {"DSCO-1000": "7"})
    rows = [
        order_row(901, status="void"),
        order_row(902, reference_number="another"),
        order_row(903, company_id=8),
        order_row(904, company_id=9),
        order_row(905, order_number="PO-10"),
    ]
    stocked.on("GET /orders", listed("orders", rows[:3], total=5, last=False), listed("orders", rows[3:], total=5))
    stocked.on("GET /companies/8", Reply(200, {"company": company(8, "DSCO-2")}))
    stocked.on("GET /companies/9", Reply(200, {"company": company(9, status="archived")}))
    found = hub.open().find(an_order())
    assert [(one.external_id, one.state) for one in found] == [("901", RemoteState.VOID), ("904", RemoteState.OPEN)]
    asked = stocked.requests("GET /orders")
    assert asked[0].values("order_number") == ["PO-1"]
    assert asked[0].values("status[]") == ["draft", "active", "finalized", "fulfilled", "void", "deleted"]
    assert [one.values("page") for one in asked] == [["1"], ["2"]]


def test_find_without_a_hit_costs_one_request(stocked: FarSide, hub: Hub) -> None:
    stocked.on("GET /orders", listed("orders", []))
    assert hub.open().find(an_order()) == []
    assert len(stocked.asked) == 1


# --- voiding -----------------------------------------------------------------------------------------------------------------

RECEIPT = Receipt(external_id="900", number="PO-1")
REFUSED = Reply(422, {"errors": {"base": ["Order can't be voided"]}})


def test_an_order_is_voided_and_a_draft_deleted(far: FarSide, hub: Hub) -> None:
    far.on("POST /orders/900/actions/void", Reply(201, {"order": order_row(status="void")}))
    far.on("DELETE /orders/900", Reply(204))
    session = hub.open()
    assert session.cancel(RECEIPT) is not None
    assert session.cancel(replace(RECEIPT, state=RemoteState.DRAFT)) is not None
    assert [one.method for one in far.asked] == ["POST", "DELETE"]


@pytest.mark.parametrize(
    "now", [Reply(200, {"order": order_row(status="void")}), Reply(404, {"message": "Couldn't find Order"})]
)
def test_what_is_void_or_gone_already_is_a_success(far: FarSide, hub: Hub, now: Reply) -> None:
    far.on("POST /orders/900/actions/void", REFUSED)
    far.on("GET /orders/900", now)
    assert hub.open().cancel(RECEIPT) is not None


def test_a_draft_that_the_hub_took_for_active_is_deleted(far: FarSide, hub: Hub) -> None:
    far.on("POST /orders/900/actions/void", REFUSED)
    far.on("GET /orders/900", Reply(200, {"order": order_row(status="draft")}))
    far.on("DELETE /orders/900", Reply(204))
    assert hub.open().cancel(RECEIPT) is not None
    assert far.asked[-1].method == "DELETE"


def test_a_shipped_order_is_not_canceled(far: FarSide, hub: Hub) -> None:
    far.on("POST /orders/900/actions/void", REFUSED)
    far.on("GET /orders/900", Reply(200, {"order": order_row(status="fulfilled")}))
    with pytest.raises(FixOrder, match="can't be voided"):
        hub.open().cancel(RECEIPT)


# --- tokens and limits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unauthorized", "Unauthorized"])
@pytest.mark.parametrize("message", ["The access token expired", "The access token was revoked", "The access token is invalid"])
def test_a_refused_token_is_renewed_once_and_the_order_sent(stocked: FarSide, hub: Hub, kind: str, message: str) -> None:
    hub.secrets.pop("access_token")
    hub.tokens = granted()
    taken = Reply(201, {"order": order_row()})
    refused = Reply(401, {"type": kind, "message": message})
    stocked.on("POST /orders", lambda asked: taken if asked.headers["Authorization"] == "Bearer second" else refused)
    stocked.on("POST /oauth/token", Reply(200, {"access_token": "second", "refresh_token": "renew-2", "expires_in": 7200}))
    assert hub.open().send(an_order(), "key").receipt.external_id == "900"
    (renewal,) = stocked.requests("POST /oauth/token")
    assert (renewal.body["grant_type"], renewal.body["refresh_token"]) == ("refresh_token", "renew-1")
    current = hub.tokens.current()
    assert isinstance(current, Token)
    assert (current.access, current.refresh) == ("second", "renew-2")


def test_a_token_that_cannot_be_renewed_needs_a_person(stocked: FarSide, hub: Hub) -> None:
    hub.secrets.pop("access_token")
    hub.tokens = granted()
    stocked.on("GET /variants", Reply(401, {"type": "unauthorized", "message": "The access token was revoked"}))
    stocked.on("POST /oauth/token", Reply(401, {"error": "invalid_grant", "error_description": "revoked"}))
    with pytest.raises(FixConnection, match="rant"):
        hub.open().prepare([an_order()])


def test_nobody_granted_access_yet(stocked: FarSide, hub: Hub) -> None:
    hub.secrets.pop("access_token")
    with pytest.raises(FixConnection, match="granted"):
        hub.open().prepare([an_order()])
    hub.settings["client_id"] = ""
    with pytest.raises(FixConnection, match="client id"):
        hub.open().prepare([an_order()])
    assert stocked.asked == []


def test_the_far_sides_limit_is_observed(stocked: FarSide, hub: Hub) -> None:
    headers = {"X-Rate-Limit-Limit": "300", "X-Rate-Limit-Remaining": "17", "X-Rate-Limit-Reset": "4102444800"}
    stocked.on("POST /orders", Reply(201, {"order": order_row()}, headers))
    hub.open().send(an_order(), "key")
    assert [(limit, remaining) for limit, remaining, _ in hub.limiter.observed] == [(300, 17)]


def test_currencies_are_sent_by_code_whatever_the_merchant_calls_them(stocked: FarSide, hub: Hub) -> None:
    rows = [{"id": 1, "iso": "USD", "name": "US Dollars"}, {"id": 2, "iso": "CAD", "name": "Canadian Dollars"}]
    stocked.on("GET /currencies", listed("currencies", rows))
    for setting, iso in (("cad", "CAD"), ("canadian dollars", "CAD")):
        hub.open(currency=setting).send(an_order(), "key")
        assert stocked.requests("POST /orders")[-1].body["order"]["currency_iso"] == iso
    with pytest.raises(FixConnection, match=r"CAD, USD"):
        hub.open(currency="Dubloons").prepare([an_order()])
