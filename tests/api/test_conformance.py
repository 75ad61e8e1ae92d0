"""Every documented answer, field by field, for made-up data. Source: CartRover reference 1.4 to 1.7."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.many_orders import fill
from cartrover.accounts.models import Account
from connectors.contract import HoldReason
from connectors.models import Connection
from orders.models import Order
from orders.models.order import SINCE
from orders.states import OrderState, Status
from tests.api.conftest import Program, order
from tests.factories import OrderFactory

pytestmark = pytest.mark.django_db

PUSHED = {
    "cust_ref": "SHOP-77",
    "ship_company": "Blue Door",
    "ship_address_1": "12 Harbor Lane",
    "ship_address_2": "Unit 4",
    "ship_city": "Portland",
    "ship_state": "Oregon",
    "ship_zip": "97209",
    "ship_country": "US",
    "ship_is_billing": True,
    "order_date": "2026-2-5",
    "sub_total": 14,
    "order_discount": 2,
    "tax": 1,
    "grand_total": 15,
    "extra_fields": {"Some field": "some value", "promo_code": "kept apart"},
    "items": [
        {"item": "P-1", "price": 4.4, "quantity": 2, "extended_amount": 9},
        {"item": "P-2", "quantity": 1, "price": "5.00", "description": "Pen", "extra_fields": {"a": "b"}},
    ],
}
ADDRESS = {
    "company": "Blue Door", "title": None, "first_name": None, "last_name": None, "address_1": "12 Harbor Lane",
    "address_2": "Unit 4", "address_3": None, "city": "Portland", "state": "Oregon", "zip": "97209", "country": "USA",
    "phone": None, "e_mail": None,
}  # fmt: skip
NAMES = """
record_no version format po_number carrier ship_code_description working_ship_code ship_address_type
special_services customer_id currency_code credit_card_no expiration_date tax_exempt_sw installment_program
media_week promo_code ani_phone vendor_phone check_account_no check_type check_no check_bank_id check_cust_bank
check_cust_id_num check_cust_id_state check_cust_id_mm check_cust_id_dd check_cust_id_yy check_cust_id_type location
shipping_instructions ship_account_no ship_account_zip pre_auth_code pre_auth_id cvv custom_field_1 custom_field_2
custom_field_3 custom_field_4 custom_field_5 gift_card_sw token_sw cass_code_ship cass_error_ship cass_code_cust
cass_error_cust cass_date ncoa_code_ship ncoa_code_cust ncoa_date error_code error_msg ifraud_error_code
xfraud_error_code credit_error_code resubmit_date black_list credit_score fraud_score load_override_sw fail_action
action_dt filename call_queue clerk_disposition clerk_disp_dt rep_disposition rep_disp_dt duplicate_sw weight
org_file_no gift_message gift_wrap delete_date sent_to_region accepted_by_region regional_center regional_order_no
regional_ship_date regional_error first_attempt cancel_date cc_last_four expected_delivery_date requested_ship_date
latest_ship_date delivered_to_wms_date shipment_pk error_reason mark_in_progress_date extra_system_date_sent
changed_from_server changed_by_user cust_po_no_original orig_ship_code orig_carrier prepaid_order
inventory_warehouse_pk log_documents_in log_documents_out mark_in_progress_log
"""
UNSET = NAMES.split()
SET = {
    "cust_ref": "SHOP-77",
    "cust_ref_original": "SHOP-77",
    "cust_po_no": "SHOP-77",
    "ship_code": "",
    "order_date": "2026-02-05",
    "sub_total": "14.00",
    "order_discount": "2.00",
    "sales_tax": "0.00",
    "shipping_handling": "0.00",
    "grand_total": "15.00",
    "balance": "0.00",
    "pre_auth_amt": "0.00",
    "pay_type": "CA",
    "order_source": "APIAccess1",
    "order_status": "new",
    "routing_sw": "N",
    "regional_retry_sw": "N",
    "regional_attempts": "0",
    "num_failed_sends": "0",
    "changed_by": "Shopping Cart: APIAccess1",
    "sending_canceled": "N",
    "shipping_pickup_canceled": "N",
    "on_hold": "N",
    "cancel_requested": "N",
    "test_order": "N",
    "shipments": [],
}
LINE = {
    "line_no": "1", "item": "P-1", "lot_number": None, "quantity": "2", "price": "4.4000", "discount": "0.0000",
    "addl_discount": "0.0000", "extended_amount": "9.00", "tax": "0.00", "shipping_surcharge": "0.00", "line_item_id": None,
    "line_comment": None, "Description": None, "alt_sku": None, "filtered_sku": "N", "line_location": "",
}  # fmt: skip
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


@pytest.fixture
def pushed(shop: Program, warehouse: Program) -> dict[str, Any]:
    made: dict[str, Any] = shop.post("/v1/cart/orders/cartrover", PUSHED)
    return made


def test_new_order_and_order_object(pushed: dict[str, Any], shop: Program) -> None:
    assert pushed == {"success_code": True, "cust_ref": "SHOP-77", "order_number": "SHOP-77"}
    answer = shop.get("/v1/cart/orders/SHOP-77")
    assert answer.keys() == {"success_code", "response"}
    found = dict(answer["response"])
    assert INSTANT.fullmatch(found.pop("created_date_time"))
    assert INSTANT.fullmatch(found.pop("updated_date_time"))
    second = {**LINE, "line_no": "2", "item": "P-2", "quantity": "1", "price": "5.0000", "Description": "Pen"}
    assert found.pop("items") == [LINE, {**second, "extended_amount": "5.00"}]
    addresses = {f"{side}_{part}": value for side in ("ship", "cust") for part, value in ADDRESS.items()}
    assert found == {**dict.fromkeys(UNSET), **addresses, **SET}


def test_switches_add_extras_and_aliases(pushed: dict[str, Any], shop: Program, warehouse: Program) -> None:
    warehouse.post("/v1/merchant/product", {"sku": "P-2", "upc": "012345678905"})
    query = "include_order_extras=Y&include_line_extras=Y&include_aliases=Y&include_filtered_items=N"
    found = shop.get(f"/v1/cart/orders/SHOP-77?{query}")["response"]
    assert found["extra_fields"] == {"Some field": "some value", "promo_code": "kept apart"}
    assert found["promo_code"] is None
    assert [line["extra_fields"] for line in found["items"]] == [[], {"a": "b"}]
    assert [line["aliases"] for line in found["items"]] == [[], {"UPC": "012345678905"}]


def test_lists_have_counts_as_texts_and_the_total_in_a_header(pushed: dict[str, Any], shop: Program) -> None:
    for number in ("B", "C"):
        shop.post("/v1/cart/orders/cartrover", order(number))
    answer = shop.call("GET", "/v1/cart/orders/list/any?limit=2&page=1")
    assert answer["total-records"] == "3"
    assert [one["cust_ref"] for one in answer.data["response"]] == ["SHOP-77", "B"]
    first = answer.data["response"][0]
    assert (first["order_status"], first["total_qty"], first["num_to_ship"], first["num_shipped"]) == ("new", "3", "3", "0")
    assert len(shop.get("/v1/cart/orders/list/new_or_at_wms?limit=500&page=1")["response"]) == 3
    assert shop.get("/v1/cart/orders/list/any?limit=2&page=3")["response"] == []
    assert shop.get("/v1/cart/orders/list/sent")["error_code"] == "Invalid"
    for query, count in (
        ("from_date=2021-2-5", 3),
        ("to_date=2021-2-5", 0),
        ("from_date=2021-02-05T10:00:00%2B02:00", 3),
        ("from_date=2021-02-05T10:00:00+02:00", 3),
        ("order_source=apiaccess1", 3),
        ("order_source=Other", 0),
    ):
        assert len(shop.get(f"/v1/cart/orders/list/any?{query}")["response"]) == count, query
    for query in ("from_date=x", "limit=0", "page=x", "to_date=2021-13-01", "from_date=2021-02-05T99:00:00Z"):
        assert shop.get(f"/v1/cart/orders/list/any?{query}")["error_code"] == "Invalid", query


def test_a_list_with_more_orders_than_are_counted_says_no_total(
    acme: Account, cart: Connection, shop: Program, warehouse: Program
) -> None:
    """A program that reads the header goes by pages without it; a wrong total would make it stop too early."""
    one = OrderFactory.create(account=acme, source=cart, hold=HoldReason.BY_PERSON, lines=0)
    assert fill(10_001) == 10_001
    Order.objects.for_account(acme).filter(pk=one.pk).update(hold="", state=OrderState.CANCELED, canceled_at=one.created_at)
    for reader, level in ((shop, "cart"), (warehouse, "merchant")):
        address = f"/v1/{level}/orders/list"
        answer = reader.call("GET", f"{address}/any")
        assert (len(answer.data["response"]), answer.has_header("total-records")) == (20, False)
        assert reader.call("GET", f"{address}/error")["total-records"] == "10000"
        assert reader.call("GET", f"{address}/canceled")["total-records"] == "1"
        assert reader.call("GET", f"{address}/any?from_date={one.created_at:%Y-%m-%dT%H:%M:%SZ}")["total-records"] == "1"


def test_what_comes_into_a_list_stands_at_its_end(acme: Account, cart: Connection, shop: Program) -> None:
    """A program that goes by pages, or goes on from the last moment that it has seen, meets each order once."""
    came = datetime(2026, 11, 1, tzinfo=UTC)
    moments = {OrderState.SENT: "delivered_at", OrderState.CONFIRMED: "confirmed_at", OrderState.CANCELED: "canceled_at"}
    for day in range(3):
        stamp = came + timedelta(days=20 - day)
        common = {"account": acme, "source": cart, "created_at": came + timedelta(days=day), "lines": 0}
        for state, moment in moments.items():
            OrderFactory.create(**common, cust_ref=f"{state}-{day}", state=state, **{moment: stamp})
        OrderFactory.create(**common, cust_ref=f"held-{day}", hold=HoldReason.BY_PERSON, held_at=stamp)
        OrderFactory.create(**common, cust_ref=f"new-{day}")
    for status, named in (("at_wms", "sent"), ("confirmed", "confirmed"), ("canceled", "canceled"), ("error", "held")):
        for query, days in (("", [2, 1, 0]), ("?from_date=2026-11-20", [1, 0]), ("?limit=1&page=3", [0])):
            listed = shop.get(f"/v1/cart/orders/list/{status}{query}")["response"]
            assert [one["cust_ref"] for one in listed] == [f"{named}-{day}" for day in days], (status, query)
    pages = [shop.get(f"/v1/cart/orders/list/new_or_at_wms?limit=4&page={page}")["response"] for page in (1, 2)]
    assert [[one["cust_ref"] for one in page] for page in pages] == [
        ["sent-0", "new-0", "sent-1", "new-1"],
        ["sent-2", "new-2"],
    ]


@pytest.mark.parametrize("status", SINCE)
@pytest.mark.parametrize("level", ["merchant", "cart"])
def test_lists_walk_an_index_whatever_is_asked_of_them(
    status: Status, level: str, acme: Account, cart: Connection, shop: Program, warehouse: Program
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the plan is SQLite's")
    program = shop if level == "cart" else warehouse
    for query in ("", "?from_date=2026-11-20", "?to_date=2026-11-20&page=7"):
        with CaptureQueriesContext(connection) as asked:
            program.get(f"/v1/{level}/orders/list/{status}{query}")
        lists = [one["sql"] for one in asked if "standing" in one["sql"]]
        assert len(lists) == 2
        for sql in lists:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plan = " ".join(row[-1] for row in cursor.fetchall())
            assert "TEMP B-TREE" not in plan, plan
            assert f"order_since_{status}" in plan or (not query and "COUNT" in sql), plan


def test_status_with_a_package(pushed: dict[str, Any], shop: Program, warehouse: Program) -> None:
    package = {"carrier": "USPS", "method": "09", "tracking_no": "9400", "total_cost": "1.5", "date": "2026-03-01T04:05:06Z"}
    package |= {"items": [{"item": "P-1", "quantity": 2, "carton_code": "X1", "carton_num": "1", "package_weight_lbs": 2}]}
    warehouse.post("/v1/merchant/orders/update/SHOP-77", {"order_status": "shipped", "shipments": [package]})
    found = shop.get("/v1/cart/orders/status/SHOP-77")["response"]
    assert INSTANT.fullmatch(found.pop("delivered_to_wms_date"))
    assert INSTANT.fullmatch(found.pop("updated_date_time"))
    boxes = dict.fromkeys(("box_length_in", "box_width_in", "box_height_in"))
    assert found == {
        "cust_ref": "SHOP-77",
        "cust_po_no": "SHOP-77",
        "order_status": "partial",
        "ship_country": "USA",
        "shipments": [
            {
                "carrier": "USPS", "method": "09", "tracking_no": "9400", "tracking_no_secondary": None, "sscc_barcode": None,
                "bill_of_lading": None, "total_cost": "1.50", "package_weight_lbs": None, "dim_weight_lbs": None, "zone": None,
                "delivery_surcharge_type": None, "whs_location": None, **boxes, "date": "2026-03-01T04:05:06+00:00",
                "tracking_url": None, "custom_1": None, "custom_2": None, "custom_3": None,
                "items": [
                    {
                        "item": "P-1", "quantity": "2", "carton_code": "X1", "carton_num": "1", **boxes,
                        "package_weight_lbs": "2.00", "lot_code": None, "custom_1": None,
                    }
                ],
            }
        ],
    }  # fmt: skip


def test_inventory_and_product(shop: Program, warehouse: Program) -> None:
    levels = {"EAST": (10, 15), "WEST": (1, 1)}
    posted = [
        {"warehouse": name, "qty_available": free, "qty_on_hand": there, "wms_datetime": "2026-08-27T02:24:58+00:00"}
        for name, (free, there) in levels.items()
    ]
    warehouse.post("/v1/merchant/inventory", [{"sku": "P-1", "warehouses": posted}])
    named = {"sku": "P-1", "name": "Pen", "description": "A pen", "retail_price": "10.12", "weight_lbs": 0.5}
    warehouse.post("/v1/merchant/product", {**named, "aliases": [{"code_type": "UPC", "code": "0123"}]})
    (found,) = warehouse.get("/v1/merchant/inventory?limit=20&page=1")["response"]
    places = found.pop("warehouses")
    assert found == {
        "sku": "P-1",
        "qty_available": 11,
        "qty_on_hand": 16,
        "wms_datetime": "2026-08-27T02:24:58+00:00",
        "aliases": {"UPC": "0123"},
    }
    assert all(pk.isdigit() for pk in places)
    assert sorted(places.values(), key=lambda one: one["warehouse"]) == posted
    one = shop.get("/v1/merchant/inventory/P-1")["response"]
    assert "aliases" not in one
    assert (one["qty_available"], one["qty_on_hand"]) == ("11", "16")
    product = shop.get("/v1/merchant/product/P-1")["response"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", product.pop("last_updated_datetime"))
    assert product == {
        "sku": "P-1",
        "name": "Pen",
        "description": "A pen",
        "retail_price": 10.12,
        "wholesale_price": None,
        "weight_lbs": 0.5,
        "wms_product_main_id": None,
        "aliases": [{"code_type": "UPC", "code": "0123"}],
    }


# --- the reference itself, where it lies beside the project ------------------------------------------------------------------


def _reference() -> str:
    folder = os.environ.get("CARTROVER_REFERENCE") or Path(__file__).resolve().parents[3] / "shared" / "reference"
    path = Path(folder) / "cartrover.md"
    if not path.is_file():
        pytest.skip("the reference isn't beside the project; CARTROVER_REFERENCE names its folder")
    return path.read_text()


def _shape(value: Any) -> Any:
    """A value's names and kinds; whatever is counted or keyed by a number stands for itself once."""
    if isinstance(value, dict):
        return {("0" if name.isdigit() else name): _shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_shape(part) for part in value[:1]]
    return type(value).__name__


def test_recorded_answers_have_the_same_shape(shop: Program, warehouse: Program, acme: Account) -> None:
    recorded = []
    for block in re.findall(r"```json\n(.*?)```", _reference(), re.DOTALL):
        try:
            recorded.append(json.loads(block))
        except ValueError:  # one with dots in place of what stands elsewhere
            continue
    batch = next(one for one in recorded if "failed" in one["response"])
    stock = next(one for one in recorded if isinstance(one["response"], list) and "warehouses" in one["response"][0])
    shop.post("/v1/cart/orders/cartrover", order("TEST03"))
    given = [order("TEST02"), order("TEST03"), order("")]
    assert shop.post("/v1/cart/orders/batch", given) == batch
    (posted,) = stock["response"]
    warehouse.post("/v1/merchant/inventory", {**posted, "warehouses": list(posted["warehouses"].values())})
    warehouse.post("/v1/merchant/product", {"sku": posted["sku"], "upc": "SomeUPCCode"})
    found = warehouse.get("/v1/merchant/inventory")
    known = {**posted, "aliases": {"UPC": "SomeUPCCode"}}
    assert _shape(found) == _shape({"success_code": True, "response": [known]})
