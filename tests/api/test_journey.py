"""A cart's program and a warehouse's program meet in the hub, over HTTP alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cartrover.accounts.models import Account
from connectors.models import Connection
from orders.models import ApiLevel, Order, OutboundDocument, ProductAlias, Shipment, ShipMethodMap
from orders.pipeline.canceling import Telling, cancel_order
from orders.pipeline.documents import document_bytes
from tests.api.conftest import Program, connect, order

pytestmark = pytest.mark.django_db


def test_orders_go_to_the_warehouse_and_tracking_and_stock_come_back(
    shop: Program, warehouse: Program, acme: Account, cart: Connection
) -> None:
    ProductAlias.objects.for_account(acme).create(cart_sku="CAP-RED", wms_sku="W-100")
    ShipMethodMap.objects.for_account(acme).create(cart=cart, cart_code="GROUND", wms_code="09")
    items = [{"item": "CAP-RED", "quantity": 3, "price": "4.4"}, {"item": "MUG", "quantity": "2", "line_no": 7}]
    assert shop.post("/v1/cart/orders/cartrover", order("WEB-1", ship_code="GROUND", items=items))["success_code"] is True

    (waiting,) = warehouse.get("/v1/merchant/orders/list/new?limit=100")["response"]
    assert (waiting["cust_ref"], waiting["order_source"], waiting["order_status"]) == ("WEB-1", "APIAccess1", "new")
    assert [(line["line_no"], line["item"], line["quantity"]) for line in waiting["items"]] == [
        ("1", "W-100", "3"),
        ("7", "MUG", "2"),
    ]
    assert (waiting["ship_code"], waiting["orig_ship_code"], waiting["items"][0]["alt_sku"]) == ("09", "GROUND", "CAP-RED")

    update = "/v1/merchant/orders/update/WEB-1"
    taken = {"success_code": True, "cust_ref": "WEB-1", "order_status": "at_wms"}
    assert warehouse.post(update, {"order_status": "at_wms", "wms_order_no": "SO-9"}) == taken
    assert warehouse.post(update, {"order_status": "at_wms"}) == taken
    assert warehouse.get("/v1/merchant/orders/list/new")["response"] == []

    first = {"carrier": "UPS", "method": "09", "tracking_no": "1Z001", "total_cost": 1.5, "package_weight_lbs": "0.5"}
    first |= {"date": "2026-11-20T08:00:00+02:00", "items": [{"item": "W-100", "quantity": 2, "lot_code": "L7"}]}
    assert warehouse.post(update, {"order_status": "shipped", "shipments": [first]})["order_status"] == "partial"
    second = {
        "carrier": "UPS",
        "tracking_no": "1Z002",
        "items": [{"item": "W-100", "quantity": 1}, {"item": "MUG", "quantity": 2}],
    }
    for _ in range(2):  # the same twice is one package
        assert warehouse.post(update, {"order_status": "shipped", "shipments": [first, second]})["order_status"] == "shipped"
    assert Shipment.objects.for_account(acme).count() == 2
    stock = [
        {"sku": "W-100", "qty_available": 10, "qty_on_hand": "15", "warehouse": "EAST"},
        {"sku": "MUG", "warehouses": [{"warehouse": "EAST", "qty_available": 1}, {"warehouse": "WEST", "qty_available": 4}]},
    ]
    assert warehouse.post("/v1/merchant/inventory", stock) == {"success_code": True, "count": 3}

    told = shop.get("/v1/cart/orders/status/WEB-1")["response"]
    assert (told["order_status"], told["ship_country"]) == ("shipped", "USA")
    one, two = told["shipments"]
    assert (one["tracking_no"], one["total_cost"], one["package_weight_lbs"]) == ("1Z001", "1.50", "0.50")
    assert (one["date"], one["items"][0]["item"], one["items"][0]["lot_code"]) == ("2026-11-20T06:00:00+00:00", "CAP-RED", "L7")
    assert [(row["item"], row["quantity"]) for row in two["items"]] == [("CAP-RED", "1"), ("MUG", "2")]
    mug = shop.get("/v1/merchant/inventory/MUG")["response"]
    assert (mug["qty_available"], mug["qty_on_hand"], len(mug["warehouses"])) == ("5", "5", 2)
    assert shop.get("/v1/merchant/inventory/CAP-RED")["response"]["qty_on_hand"] == "15"
    (listed, _) = shop.get("/v1/merchant/inventory?limit=250")["response"]
    assert listed["aliases"] == []

    tracking = {"order_status": "confirmed", "shipments": [{"tracking_no": "1Z001"}, {"tracking_no": "1Z002"}]}
    for _ in range(2):
        assert shop.post("/v1/cart/orders/update/WEB-1", tracking) == {"success_code": True}
    assert shop.get("/v1/cart/orders/status/WEB-1")["response"]["order_status"] == "confirmed"
    (document,) = OutboundDocument.objects.for_account(acme)
    assert b"1Z002" in document_bytes(document)
    assert document.state == "taken"


def test_tracking_is_confirmed_package_by_package_and_no_stranger_s(shop: Program, warehouse: Program) -> None:
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    confirm = "/v1/cart/orders/update/A-1"
    assert "nothing of it is shipped" in shop.post(confirm, {"order_status": "confirmed"})["message"]
    for number in ("T1", "T2"):
        package = {"tracking_no": number, "items": [{"item": "CAP-1", "quantity": 1}]}
        warehouse.post("/v1/merchant/orders/update/A-1", {"order_status": "shipped", "shipments": [package]})
    assert "no package" in shop.post(confirm, {"order_status": "confirmed", "shipments": [{"tracking_no": "T9"}]})["message"]
    for number, status in (("T1", "shipped"), ("T2", "confirmed")):
        shop.post(confirm, {"order_status": "confirmed", "shipments": [{"tracking_no": number}]})
        assert shop.get("/v1/cart/orders/status/A-1")["response"]["order_status"] == status


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ({"tracking_no": "T", "items": [{"item": "CAP-1", "quantity": 3}]}, "1 too many"),
        ({"tracking_no": "T", "items": [{"item": "HAT", "quantity": 1}]}, "another SKU"),
        ({"tracking_no": "T", "items": [{"item": "CAP-1"}]}, "quantity is missing"),
        ({"tracking_no": "T", "items": "x"}, "items must be a list"),
        ({"tracking_url": "javascript:alert(1)"}, "must begin with https"),
        ([], "shipments is missing"),
    ],
)
def test_packages_that_can_not_be_change_nothing(
    package: Any, words: str, shop: Program, warehouse: Program, acme: Account
) -> None:
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    body = {"order_status": "shipped", "shipments": [package] if package else []}
    answer = warehouse.post("/v1/merchant/orders/update/A-1", body)
    assert answer["success_code"] is False
    assert words in answer["message"]
    assert not Shipment.objects.for_account(acme).exists()
    assert Order.objects.for_account(acme).get().state == "ready"


def test_a_package_without_items_holds_what_is_left(shop: Program, warehouse: Program) -> None:
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    body = {"order_status": "shipped", "shipments": [{"tracking_no": "T1"}]}
    assert warehouse.post("/v1/merchant/orders/update/A-1", body)["order_status"] == "shipped"
    assert warehouse.post("/v1/merchant/orders/update/A-1", body)["order_status"] == "shipped"
    (package,) = shop.get("/v1/cart/orders/A-1")["response"]["shipments"]
    assert package["items"][0]["quantity"] == "2"


def test_cancellations_are_agreed_with_the_warehouse(shop: Program, warehouse: Program) -> None:
    for number in ("A-1", "A-2", "A-3"):
        shop.post("/v1/cart/orders/cartrover", order(number))
    # As the official client for PHP sends it: a list that holds one.
    assert shop.post("/v1/cart/orders/cancel/cartrover", [{"cust_ref": "A-1"}])["success_code"] is True
    assert shop.post("/v1/cart/orders/cancel/cartrover", [{"cust_ref": "A-1"}, {}])["response"] == {
        "success": [{"cust_ref": "A-1"}],
        "failed": [
            {"cust_ref": None, "cust_po_no": None, "index_pos": 1, "message": "Order missing required field(s): cust_ref"}
        ],
    }
    assert "canceled" in warehouse.post("/v1/merchant/orders/update/A-1", {"order_status": "at_wms"})["message"]
    for number in ("A-2", "A-3"):
        warehouse.post(f"/v1/merchant/orders/update/{number}", {"order_status": "at_wms"})
        assert "can't be canceled here" in shop.post("/v1/cart/orders/cancel", {"cust_ref": number})["message"]
        assert shop.get(f"/v1/cart/orders/wms_cancel/{number}")["response"]["success"] is False
        assert warehouse.get(f"/v1/merchant/orders/{number}")["response"]["cancel_requested"] == "Y"
    warehouse.post("/v1/merchant/orders/update/A-2", {"order_status": "canceled"})
    warehouse.post("/v1/merchant/orders/update/A-3", {"order_status": "error", "error_msg": "It is packed."})
    assert shop.get("/v1/cart/orders/wms_cancel/A-2") == {"success_code": True, "response": {"success": True, "message": ""}}
    assert shop.get("/v1/cart/orders/status/A-3")["response"]["order_status"] == "at_wms"
    assert warehouse.get("/v1/merchant/orders/A-3")["response"]["cancel_requested"] == "N"


def test_the_warehouse_cancels_and_the_cart_reads_it(shop: Program, warehouse: Program, acme: Account) -> None:
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    answer = warehouse.post("/v1/merchant/orders/update/A-1", {"order_status": "canceled", "error_msg": "Sold out."})
    assert answer["order_status"] == "canceled"
    assert shop.get("/v1/cart/orders/list/canceled")["response"][0]["cancel_date"]
    with pytest.raises(ValueError, match="can't be canceled"):
        cancel_order(Order.objects.for_account(acme).get(), because="x")


def test_a_person_s_reason_reaches_the_cart_once_the_warehouse_agrees(shop: Program, warehouse: Program, acme: Account) -> None:
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    warehouse.post("/v1/merchant/orders/update/A-1", {"order_status": "at_wms"})
    made = Order.objects.for_account(acme).select_related("wms", "source").get()
    assert cancel_order(made, because="Canceled.", telling=Telling("OOS", "Sold out")) is False
    warehouse.post("/v1/merchant/orders/update/A-1", {"order_status": "canceled"})
    (line,) = Order.objects.for_account(acme).get().lines.all()
    assert line.cancellations.get().code == "OOS"


def test_an_order_that_can_not_be_worked_on_is_held_and_comes_again(shop: Program, warehouse: Program, acme: Account) -> None:
    from orders.actions import order_release

    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    answer = warehouse.post("/v1/merchant/orders/update/A-1", {"order_status": "error", "error_msg": "No such street."})
    assert answer["order_status"] == "error"
    assert warehouse.get("/v1/merchant/orders/list/new")["response"] == []
    (shown,) = shop.get("/v1/cart/orders/list/error")["response"]
    assert shown["error_msg"] == "Warehouse East: No such street."
    order_release(Order.objects.for_account(acme).select_related("source", "wms").get(), actor="bob")
    assert len(warehouse.get("/v1/merchant/orders/list/new")["response"]) == 1


def test_orders_that_wait_to_go_live_or_go_elsewhere_are_not_to_be_taken(
    acme: Account, wms: Connection, warehouse: Program, program: Callable[..., Program]
) -> None:
    from connectors.actions import connection_to_test_mode

    quiet = connect(acme, "api_cart", "Quiet")
    connection_to_test_mode(connection=quiet, actor="test")
    quiet.refresh_from_db()
    shop = program(acme, ApiLevel.CART, cart=quiet)
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    assert shop.get("/v1/cart/orders/status/A-1")["response"]["order_status"] == "new"
    assert warehouse.get("/v1/merchant/orders/list/new")["response"] == []
    assert "held" in warehouse.post("/v1/merchant/orders/update/A-1", {"order_status": "at_wms"})["message"]
    shop.post("/v1/cart/orders/cartrover", order("A-2", test_order=True))
    assert [one["cust_ref"] for one in warehouse.get("/v1/merchant/orders/list/new")["response"]] == ["A-2"]
