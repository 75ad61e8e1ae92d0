"""What the WMS gets of an order, letter by letter, as it came in over the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Address, OrderDraft
from connectors.models import ServiceName
from orders.models import ProductAlias, ShipMethodMap
from tests.hub import Hub
from tests.orders.outgoing.desk import Desk, draft, line
from tests.servers.recording import RecordingProxy

SHIP_TO = Address(
    first_name="Pat",
    last_name="Doe",
    company="Doe & Sons",
    address_1="1 Sample Street",
    address_2="Floor 2",
    city="Portland",
    state="Oregon",
    zip="97201",
    country="United States",
    phone="503-555-0100",
    e_mail="pat@example.com",
)


def full() -> OrderDraft:
    return draft(
        "RETAILER-PO-2026-000123456",
        line("1", "SHOP-CAP", 2, "12.5"),
        line("2", "TEE-001", 1, "7.25"),
        line("3", "SHOP-CAP", 4, "0.3333"),
        ship_to=SHIP_TO,
        bill_to=replace(SHIP_TO, first_name="Robin", address_1="9 Office Road"),
        order_date=date(2026, 11, 17),
        ship_by=date(2026, 11, 21),
        notes="Leave at the door",
        ship_code="UPSG",
        shipping_charge=Decimal("4.90"),
        discount=Decimal("3"),
    )


@pytest.fixture
def recorded(desk: Desk, recorder: RecordingProxy) -> Callable[..., dict[str, Any]]:
    """Return what sends one order with some settings, and gives the body that the WMS got."""

    def send(one: OrderDraft, **settings: str) -> dict[str, Any]:
        desk.reconnect(api_url=recorder.url, **settings)
        desk.load(one)
        finished = desk.deliver()
        assert finished.counts == {"sent": 1}, finished.problem
        (sent,) = recorder.of("POST", "/orders")
        assert set(sent.body) == {"order"}
        body: dict[str, Any] = sent.body["order"]
        return body

    return send


def test_every_field_of_an_order_stands_where_the_wms_looks_for_it(
    desk: Desk, recorder: RecordingProxy, recorded: Callable[..., dict[str, Any]]
) -> None:
    ProductAlias.objects.create(account=desk.account, cart=desk.cart, cart_sku="SHOP-CAP", wms_sku="CAP-009")
    ShipMethodMap.objects.create(account=desk.account, cart=desk.cart, cart_code="upsg", wms_code="UPS Ground")
    body = recorded(full())

    order = desk.order("dsco-RETAILER-PO-2026-000123456")
    assert len(order.cust_ref) <= 16
    company = next(one for one in desk.commerce.drive("state")["companies"] if one["company_code"] == "DSCO-1000")
    stock = desk.commerce.drive("state")["orders"][0]["lines"]
    cap, tee = stock[0]["variant_id"], stock[1]["variant_id"]
    address = {
        "label": order.cust_ref,
        "first_name": "Pat",
        "last_name": "Doe",
        "company_name": "Doe & Sons",
        "address1": "1 Sample Street",
        "address2": "Floor 2",
        "city": "Portland",
        "state": "Oregon",
        "zip_code": "97201",
        "country": "US",
    }
    assert body == {
        "order_number": order.cust_ref,
        "reference_number": "RETAILER-PO-2026-000123456",
        "company_id": company["id"],
        "status": "active",
        "issued_at": "2026-11-17",
        "ship_at": "2026-11-21",
        "email": "pat@example.com",
        "phone_number": "503-555-0100",
        "notes": "Leave at the door",
        "tags": ["UPS Ground"],
        "shipping_address": address,
        "billing_address": {
            **address,
            "label": f"{order.cust_ref}-B",
            "first_name": "Robin",
            "address1": "9 Office Road",
        },
        "order_line_items": [
            {"variant_id": cap, "quantity": 2, "price": "12.50", "position": 1},
            {"variant_id": tee, "quantity": 1, "price": "7.25", "position": 2},
            {"variant_id": cap, "quantity": 4, "price": "0.3333", "position": 3},
            {
                "freeform": True,
                "line_type": "shipping",
                "label": "Shipping Cost",
                "quantity": 1,
                "price": "4.90",
                "position": 4,
            },
            {
                "freeform": True,
                "line_type": "discount",
                "label": "Discount",
                "quantity": 1,
                "price": "-3.00",
                "position": 5,
            },
        ],
    }
    assert [row["sku"] for row in stock] == ["CAP-009", "TEE-001", "CAP-009", None, None]
    assert desk.there()[0]["total"] == "35.4832"


def test_the_key_of_an_order_is_its_own_and_stays(desk: Desk, recorder: RecordingProxy) -> None:
    desk.reconnect(api_url=recorder.url, resend_after_seconds="0")
    desk.load(draft("PO-1"), draft("PO-2"))
    desk.fault("drop_before", times=2)
    desk.deliver()
    desk.deliver()
    keys: dict[str, set[str]] = {}
    for sent in recorder.of("POST", "/orders"):
        keys.setdefault(sent.body["order"]["order_number"], set()).add(sent.headers["idempotency-key"])
    assert {number: len(found) for number, found in keys.items()} == {"PO-1": 1, "PO-2": 1}
    assert keys["PO-1"] != keys["PO-2"]
    for number in ("PO-1", "PO-2"):
        message = desk.message(desk.order(f"dsco-{number}"))
        assert keys[number] == {f"{message.public_id}-1"}


def test_a_retailer_becomes_one_business_company(desk: Desk, recorder: RecordingProxy) -> None:
    desk.reconnect(api_url=recorder.url)
    desk.load(draft("PO-1"), draft("PO-2"), draft("PO-3", customer_code="DSCO-2000", retailer_name=""))
    desk.deliver()
    bodies = [one.body["company"] for one in recorder.of("POST", "/companies")]
    assert sorted(bodies, key=lambda one: str(one["company_code"])) == [
        {"name": "Nordlicht Department Store", "company_type": "business", "company_code": "DSCO-1000"},
        {"name": "DSCO-2000", "company_type": "business", "company_code": "DSCO-2000"},
    ]
    assert all(one.headers["idempotency-key"] for one in recorder.of("POST", "/companies"))


@pytest.mark.parametrize("status", ["draft", "active", "finalized"])
def test_orders_arrive_in_the_status_that_the_merchant_chose(
    desk: Desk, recorded: Callable[..., dict[str, Any]], status: str
) -> None:
    assert recorded(draft(), order_status=status)["status"] == status
    assert desk.there()[0]["status"] == status
    assert desk.order().wms_state == {"draft": "draft"}.get(status, "open")


def test_what_an_order_has_not_is_not_sent(recorded: Callable[..., dict[str, Any]]) -> None:
    body = recorded(draft("PO-1", line("1", "CAP-001", 1, None)))
    assert set(body) == {
        "order_number",
        "reference_number",
        "company_id",
        "status",
        "issued_at",
        "shipping_address",
        "order_line_items",
    }
    assert body["order_number"] == body["reference_number"] == body["shipping_address"]["label"] == "PO-1"
    assert "price" not in body["order_line_items"][0]


def test_settings_leave_shipping_discount_and_tag_out(recorded: Callable[..., dict[str, Any]]) -> None:
    one = draft("PO-1", ship_code="UPSG", shipping_charge=Decimal(5), discount=Decimal(1))
    body = recorded(one, shipping_line_label="", send_order_discount="false", ship_code_tag="false")
    assert len(body["order_line_items"]) == 1
    assert "tags" not in body


def test_a_row_of_a_dsco_file_becomes_what_the_wms_gets(hub: Hub, recorder: RecordingProxy) -> None:
    type(hub.wms).objects.for_account(hub.account).filter(pk=hub.wms.pk).update(
        settings={**hub.wms.settings, "api_url": recorder.url}
    )
    columns = {
        "retailer_create_date": "2026-11-15T23:30:00-08:00",
        "consumer_order_date": "2026-11-14T01:00:00Z",
        "ship_by_date": "2026-11-20T01:00:00+09:00",
        "ship_email": "robin@example.com",
        "ship_phone": "503-555-0199",
        "ship_region": "OR",
        "ship_country": "USA",
    }
    items = [
        {"sku": "TEE-002", "quantity": 3, "cost": "4.10"},
        {"sku": "CAP-001", "quantity": 1, "cost": "12.00"},
    ]
    (placed,) = hub.place(items=items, order=columns)
    hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    order = hub.order(external_id=placed["dsco_order_id"])
    (sent,) = recorder.of("POST", "/orders")
    body = sent.body["order"]
    assert (body["order_number"], body["reference_number"]) == (order.cust_ref, placed["po_number"])
    assert (body["issued_at"], body["ship_at"]) == ("2026-11-15", "2026-11-20")
    assert (body["email"], body["phone_number"]) == ("robin@example.com", "503-555-0199")
    assert (body["shipping_address"]["state"], body["shipping_address"]["country"]) == ("OR", "US")
    there = hub.at_commerce()[0]
    assert there["company_code"] == f"DSCO-{order.retailer_id}"
    assert there["company_name"] == order.retailer_name
    assert [(row["sku"], row["quantity"], row["price"]) for row in there["lines"] if not row["freeform"]] == [
        ("TEE-002", "3.0", "4.1"),
        ("CAP-001", "1.0", "12.0"),
    ]
