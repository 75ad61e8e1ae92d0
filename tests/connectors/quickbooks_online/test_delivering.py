"""Orders to QuickBooks Online: what they become, what they cost, and what is said when they are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import HoldReason, RemoteState
from connectors.errors import AlreadyTaken, FixConnection, FixOrder, OutcomeUnknown, SlowDown, TryLater
from connectors.quickbooks_online.session import QuickBooksOnlineSession
from tests.connectors.quickbooks_online.conftest import Desk, an_order, line

Send = Callable[..., QuickBooksOnlineSession]


@pytest.mark.parametrize(
    ("becomes", "entity", "stock", "state"),
    [
        ("invoice", "Invoice", "118", RemoteState.OPEN),
        ("sales_receipt", "SalesReceipt", "118", RemoteState.OPEN),
        ("estimate", "Estimate", "120", RemoteState.DRAFT),
    ],
)
def test_an_order_becomes_what_the_setting_says_and_is_found_and_canceled(
    desk: Desk, sent: Send, becomes: str, entity: str, stock: str, state: RemoteState
) -> None:
    order = an_order("PO-1", line(1, "CAP-001", 2))
    session = sent(order, order_becomes=becomes)
    (there,) = desk.orders()
    assert (there["entity"], there["order_number"], there["reference_number"]) == (entity, "PO-1", "PO-1-FULL")
    assert (there["customer"], there["ship_method"], there["total"]) == ("Hearth & Home", "UPSG", 20)
    assert desk.box.drive("state")["stock"]["CAP-001"]["QuickBooks Online"]["available"] == stock
    (receipt,) = desk.open().find(order)  # whatever the setting is now
    assert receipt.state is state
    session.cancel(receipt)
    assert [one.state for one in session.find(order)] == [RemoteState.VOID]
    assert desk.box.drive("state")["stock"]["CAP-001"]["QuickBooks Online"]["available"] == "120"


@pytest.mark.parametrize("place", ["po_number", "custom_field", "memo"])
def test_the_full_number_stands_where_the_setting_says_and_is_found_there(desk: Desk, sent: Send, place: str) -> None:
    order = an_order()
    session = sent(order, full_number_in=place)
    assert [one.reference for one in session.find(order)] == ["PO-1-FULL"]
    assert session.find(replace(order, cust_po_no="another")) == []


def test_a_full_number_that_is_too_long_for_its_place_stands_in_the_memo(desk: Desk, sent: Send) -> None:
    order = an_order(cust_po_no="X" * 60)
    assert [one.reference for one in sent(order).find(order)] == ["X" * 60]


def test_shipping_and_discount_count_in_the_total(desk: Desk, sent: Send) -> None:
    sent(an_order(shipping_charge=Decimal("4.50"), discount=Decimal("1.25")))
    assert desk.orders()[0]["total"] == 13.25


def test_a_bundle_takes_its_components_off_the_stock_and_keeps_the_orders_price(desk: Desk, sent: Send) -> None:
    sent(an_order("PO-1", line(1, "SET-001", 3, "33.33")))
    state = desk.box.drive("state")
    stock = {sku: state["stock"][sku]["QuickBooks Online"]["available"] for sku in ("CAP-001", "TEE-001", "SET-001")}
    assert stock == {"CAP-001": "117", "TEE-001": "114", "SET-001": "57"}
    assert state["orders"][0]["total"] == 99.99


def test_a_line_without_a_price_takes_the_products_own(desk: Desk, sent: Send) -> None:
    sent(an_order("PO-1", line(1, "CAP-001", 2, None)))
    assert desk.orders()[0]["total"] == 48
    order = an_order("PO-2", line(1, "CAP-001", 2, None))
    with pytest.raises(FixOrder, match="no price"):
        desk.open(missing_price="hold").send(order, "key")


# --- customers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entity", ["Vendor", "Employee"])
def test_a_name_that_a_vendor_or_an_employee_has_is_solved(desk: Desk, sent: Send, entity: str) -> None:
    desk.box.drive("add_name", entity=entity, name="Hearth & Home")
    sent(an_order())
    assert desk.orders()[0]["customer"] == "Hearth & Home (DSCO-1000)"
    desk.memory.facts.clear()
    sent(an_order("PO-2"))
    assert {one["customer"] for one in desk.orders()} == {"Hearth & Home (DSCO-1000)"}


def test_a_customer_who_is_there_is_taken_and_one_who_was_made_inactive_is_replaced(desk: Desk, sent: Send) -> None:
    desk.box.drive("add_name", entity="Customer", name="hearth & home")
    sent(an_order())
    assert desk.orders()[0]["customer"] == "hearth & home"
    desk.box.drive("set_customer", name="hearth & home", Active=False)
    sent(an_order("PO-2"))
    assert desk.orders()[1]["customer"] == "Hearth & Home (DSCO-1000)"


def test_a_name_with_a_colon_is_written_without(desk: Desk, sent: Send) -> None:
    sent(an_order(retailer_name="Hearth: Home\tLtd"))
    assert desk.orders()[0]["customer"] == "Hearth Home Ltd"


# --- once --------------------------------------------------------------------------------------------------------------------


def test_a_lost_answer_under_the_same_key_makes_no_second_form(desk: Desk, sent: Send) -> None:
    session, order = sent(an_order()), an_order("PO-2")
    desk.box.drive("fault", name="drop_after", path="/invoice", method="POST")
    with pytest.raises(OutcomeUnknown):
        session.send(order, "key-2")
    (found,) = session.find(order)
    assert session.send(order, "key-2").receipt.external_id == found.external_id
    assert [one["order_number"] for one in desk.orders()] == ["PO-1", "PO-2"]


def test_a_number_that_a_stranger_has_is_said_to_be_so(desk: Desk) -> None:
    desk.box.drive("add_stranger_order", order_number="PO-1")
    session = desk.open()
    session.prepare([an_order()])
    with pytest.raises(AlreadyTaken) as taken:
        session.send(an_order(), "key")
    assert taken.value.what == "number"
    assert session.find(an_order()) == []
    with pytest.raises(FixOrder, match="Renumber that form"):
        session.send(an_order(), "key", frozenset({"number"}))


def test_batches_are_counted_apart_and_what_throttles_them_throttles_nothing_else(desk: Desk, sent: Send) -> None:
    session = sent(an_order())
    before = desk.limiter.sorts.copy()
    session.find(an_order())
    assert desk.limiter.sorts - before == {"batch": 1}
    desk.box.drive("set", batch_limit=0)
    with pytest.raises(SlowDown):
        session.find(an_order())
    assert desk.limiter.exhausted_sorts == ["batch"]
    session.send(an_order("PO-2"), "key-2")


def test_products_that_moved_are_noticed_and_asked_for_once_in_five_minutes(desk: Desk, sent: Send) -> None:
    session = sent(an_order())
    desk.box.drive("set_product", sku="CAP-001", Active=False)
    desk.box.drive("clear_requests")
    with pytest.raises(FixOrder, match="no active product with the SKU CAP-001"):
        session.send(an_order("PO-2"), "key-2")
    desk.box.drive("add_products", products=[{"sku": "CAP-001", "name": "New cap"}])
    assert session.prepare([an_order("PO-3")]) == {}
    session.send(an_order("PO-3"), "key-3")
    desk.box.drive("clear_requests")
    for number in range(4, 9):
        session.prepare([an_order(f"PO-{number}")])
        session.send(an_order(f"PO-{number}"), f"key-{number}")
    assert desk.box.drive("requests")["counters"]["by_route"] == {"POST /invoice": 5}


def test_change_data_capture_forgets_an_item_whose_sku_went_to_another(desk: Desk, sent: Send) -> None:
    sent(an_order())
    desk.box.drive("set_product", sku="CAP-001", Sku="OLD-CAP")
    desk.box.drive("add_products", products=[{"sku": "CAP-001", "name": "New cap"}])
    desk.memory.facts["clock", "lists"] = "2026-11-01T00:00:00+00:00"  # so long ago that all items are read anew
    sent(an_order("PO-2"))
    assert [one["lines"][0]["sku"] for one in desk.orders()] == ["OLD-CAP", "CAP-001"]


# --- refusals ----------------------------------------------------------------------------------------------------------------

REFUSALS: dict[str, tuple[dict[str, str], type[Exception], str]] = {
    "closed period": ({"code": "6210", "message": "Account Period Closed"}, FixOrder, "books in QuickBooks Online are closed"),
    "inactive": ({"code": "610", "detail": "made inactive"}, FixOrder, "inactive or gone"),
    "unknown reference": ({"code": "2500", "element": "Items"}, FixOrder, "inactive or gone"),
    "too long": ({"code": "2050", "element": "DocNumber"}, FixOrder, "order number"),
    "a rule": ({"code": "6000", "detail": "Something is odd"}, FixOrder, "Something is odd"),
    "unknown property": ({"code": "2010", "detail": "Property Name: Colour"}, FixOrder, "Colour"),
    "invalid id": ({"code": "2030", "detail": "Invalid ID: -1"}, FixOrder, "Invalid ID"),
    "unsupported": ({"code": "500", "message": "Unsupported Operation"}, FixOrder, "Unsupported Operation"),
    "closed, in words": (
        {"code": "6540", "message": "Account Period Closed"},
        FixOrder,
        "books in QuickBooks Online are closed",
    ),
    "duplicate number": ({"code": "6140"}, AlreadyTaken, "already has a form"),
    "an error of its own": ({"code": "10000", "kind": "SystemFault"}, OutcomeUnknown, "looked up first"),
    "no subscription": ({"code": "6190", "message": "Subscription period has ended"}, FixConnection, "subscription has ended"),
    "no rights": ({"code": "5020", "message": "Permission Denied"}, FixConnection, "administrator"),
    "throttled": ({"code": "3001"}, SlowDown, "request limit"),
}


@pytest.mark.parametrize("shape", ["fault", "fault_in_200"])
@pytest.mark.parametrize("case", REFUSALS)
def test_a_fault_means_the_same_in_a_400_and_inside_a_200(desk: Desk, sent: Send, case: str, shape: str) -> None:
    fault, error, words = REFUSALS[case]
    session = sent(an_order())
    desk.box.drive("fault", name=shape, path="/invoice", method="POST", times=0, **fault)
    with pytest.raises(error, match=words) as raised:
        session.send(an_order("PO-2"), "key-2")
    assert "Sample Street" not in str(raised.value)
    if case == "throttled":
        assert desk.limiter.exhausted_until


@pytest.mark.parametrize("name", ["401_expired", "401_revoked", "403"])
def test_an_access_that_no_longer_counts_concerns_the_connection(desk: Desk, name: str) -> None:
    desk.box.drive("fault", name=name, times=0)
    with pytest.raises(FixConnection, match="ccess"):
        desk.open().prepare([an_order()])


def test_a_question_that_is_refused_is_asked_again_later(desk: Desk) -> None:
    desk.box.drive("fault", name="fault", path="/query", code="4001", message="Invalid query", times=0)
    with pytest.raises(TryLater, match="4001: Invalid query"):
        desk.open().prepare([an_order()])


def test_books_closed_for_a_day_are_told_and_the_day_of_sending_helps(desk: Desk, sent: Send) -> None:
    desk.box.drive("set", closed_until="2026-11-19")
    session = desk.open()
    session.prepare([an_order()])
    with pytest.raises(FixOrder, match="date orders on the day on which they are sent") as held:
        session.send(an_order(), "key")
    assert held.value.field == "order_date"
    sent(an_order(), date_of_orders="sent")


def test_an_order_in_another_currency_or_without_a_street_is_held(desk: Desk) -> None:
    session = desk.open()
    bare = an_order("PO-2", ship_to=replace(an_order().ship_to, address_1=" "))
    nameless = an_order("PO-3", customer_code="")
    problems: dict[str, Any] = dict(session.prepare([an_order(), bare, nameless]))
    assert {key: problem.reason for key, problem in problems.items()} == {
        "public-PO-2": HoldReason.BAD_ADDRESS,
        "public-PO-3": HoldReason.INCOMPLETE,
    }
    with pytest.raises(FixOrder, match="in CAD, and the books"):
        session.send(an_order(currency="CAD"), "key")


# --- canceling ---------------------------------------------------------------------------------------------------------------


def test_what_is_shipped_or_paid_is_not_canceled_and_a_changed_form_is_read_again(desk: Desk, sent: Send) -> None:
    orders = [an_order(f"PO-{number}") for number in (1, 2, 3)]
    for order in orders:
        session = sent(order)
    receipts = [session.find(order)[0] for order in orders]
    desk.box.drive("pack_and_ship", order_number="PO-1")
    desk.box.drive("pay", order_number="PO-2")
    with pytest.raises(FixOrder, match="has a tracking number"):
        session.cancel(receipts[0])
    with pytest.raises(FixOrder, match="has a payment"):
        session.cancel(receipts[1])
    desk.box.drive("fault", name="fault", path="/invoice", method="POST", code="5010", message="Stale Object Error")
    session.cancel(receipts[2])
    assert [one["status"] for one in desk.orders()] == ["fulfilled", "active", "void"]
    desk.box.drive("fault", name="fault", path="/invoice", method="POST", code="5010", times=0)
    desk.box.drive("set_tracking", order_number="PO-1", tracking="")
    with pytest.raises(TryLater, match="just working on"):
        session.cancel(receipts[0])
