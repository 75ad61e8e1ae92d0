"""What DSCO says of each row that it is given."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.dsco.sandbox import DscoSandbox
from tests.connectors.dsco_sandbox.conftest import cancel, handed_in, invoice, shipment

OK, WARNING, ERROR = "ok", "warning", "error"


@pytest.fixture
def box(long_running: DscoSandbox) -> DscoSandbox:
    long_running.drive("reset")
    return long_running


@pytest.fixture
def order(box: DscoSandbox) -> dict[str, Any]:
    items = [{"sku": "TOTE-1", "quantity": 3, "cost": "10.00"}, {"sku": "MUG 2", "quantity": 1, "cost": "4.50"}]
    found: dict[str, Any] = box.drive("place_orders", items=items)[0]
    return found


def now(box: DscoSandbox, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = box.drive("order", order=order["dsco_order_id"])
    return found


# --- shipments ---------------------------------------------------------------------------------------------------------------


def test_partial_shipments_add_up_to_a_completed_order(box: DscoSandbox, order: dict[str, Any]) -> None:
    assert handed_in(box, "Shipment_1.csv", [shipment(order, tracking="A")]) == [(OK, "ok")]
    assert now(box, order)["lines"][0]["shipped"] == 1
    assert now(box, order)["lifecycle"] == "acknowledged"
    rest = [shipment(order, quantity=2, tracking="B"), shipment(order, line=1, tracking="B")]
    assert handed_in(box, "Shipment_2.csv", rest) == [(OK, "ok"), (OK, "ok")]
    found = now(box, order)
    assert (found["lifecycle"], found["status"]) == ("completed", "shipped")
    assert [(one["tracking_number"], one["quantity"]) for one in found["packages"]] == [("A", 1), ("B", 2), ("B", 1)]


def test_line_told_twice_with_one_tracking_number_is_an_error(box: DscoSandbox, order: dict[str, Any]) -> None:
    row = shipment(order)
    assert handed_in(box, "Shipment_1.csv", [row, row]) == [(OK, "ok"), (ERROR, "repeated")]
    assert handed_in(box, "Shipment_2.csv", [row]) == [(ERROR, "repeated")]
    assert now(box, order)["lines"][0]["shipped"] == 1
    assert [problem["code"] for problem in box.drive("state")["problems"]] == ["repeated", "repeated"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"dsco_order_id": "1"}, "unknown_order"),
        ({"dsco_order_id": "", "po_number": "NONE"}, "unknown_order"),
        ({"dsco_order_id": "", "po_number": ""}, "missing"),
        ({"po_number": "OTHER"}, "order_mismatch"),
        ({"line_item_line_number": "9"}, "unknown_line"),
        ({"line_item_line_number": "", "line_item_sku": "NONE"}, "unknown_line"),
        ({"line_item_line_number": "", "line_item_sku": ""}, "missing"),
        ({"line_item_sku": "MUG 2"}, "line_mismatch"),
        ({"package_tracking_number": ""}, "missing"),
        ({"line_item_quantity": ""}, "missing"),
        ({"line_item_quantity": "0"}, "bad_quantity"),
        ({"line_item_quantity": "1.0"}, "bad_quantity"),
        ({"line_item_quantity": "-1"}, "bad_quantity"),
        ({"line_item_quantity": "4"}, "too_many"),
        ({"package_ship_date": "22/11/2026"}, "bad_date"),
    ],
)
def test_shipment_row_is_refused(box: DscoSandbox, order: dict[str, Any], change: dict[str, str], code: str) -> None:
    assert handed_in(box, "Shipment_1.csv", [shipment(order) | change]) == [(ERROR, code)]
    assert [line["shipped"] for line in now(box, order)["lines"]] == [0, 0]


def test_bad_row_doesnt_hold_back_the_others(box: DscoSandbox, order: dict[str, Any]) -> None:
    rows = [shipment(order) | {"line_item_quantity": "x"}, shipment(order, line=1)]
    assert handed_in(box, "Shipment_1.csv", rows) == [(ERROR, "bad_quantity"), (OK, "ok")]


def test_carriers_and_codes_are_compared_without_case(box: DscoSandbox, order: dict[str, Any]) -> None:
    codes: dict[str, Any] = {"shipping_service_level_code": "fehd", "package_ship_carrier": "", "package_ship_method": ""}
    handed_in(box, "Shipment_1.csv", [shipment(order, tracking="A", **codes)])
    plain: dict[str, Any] = {
        "shipping_service_level_code": "",
        "package_ship_carrier": "usps",
        "package_ship_method": "priority",
    }
    handed_in(box, "Shipment_2.csv", [shipment(order, tracking="B", **plain)])
    told = [(one["carrier"], one["method"], one["service"]) for one in now(box, order)["packages"]]
    assert told == [("FedEx", "Home Delivery", "FEHD"), ("USPS", "priority", "")]


def test_custom_code_is_kept_as_it_is(box: DscoSandbox, order: dict[str, Any]) -> None:
    row = shipment(order, shipping_service_level_code="FEDX_09")
    assert handed_in(box, "Shipment_1.csv", [row]) == [(OK, "unknown_service_code")]
    assert now(box, order)["packages"][0]["service"] == "FEDX_09"


def test_missing_carrier_and_strange_tracking_are_warnings(box: DscoSandbox, order: dict[str, Any]) -> None:
    bare: dict[str, Any] = {"shipping_service_level_code": "", "package_ship_carrier": ""}
    assert handed_in(box, "Shipment_1.csv", [shipment(order, **bare)]) == [(WARNING, "carrier_missing")]
    [other] = box.drive("place_orders")
    assert handed_in(box, "Shipment_2.csv", [shipment(other)]) == [(WARNING, "tracking_on_other_order")]
    assert now(box, other)["lines"][0]["shipped"] == 1


def test_po_number_of_two_retailers_needs_the_order_id(box: DscoSandbox) -> None:
    one, two = box.drive("place_orders", count=2, retailers=2, same_po_numbers=True)
    assert one["po_number"] == two["po_number"]
    assert one["retailer_id"] != two["retailer_id"]
    bare = shipment(one) | {"dsco_order_id": ""}
    assert handed_in(box, "Shipment_1.csv", [bare, shipment(two)]) == [(ERROR, "ambiguous_order"), (OK, "ok")]


def test_sku_on_two_lines_goes_to_the_first_open_one(box: DscoSandbox) -> None:
    [order] = box.drive("place_orders", items=[{"sku": "A"}, {"sku": "A"}])
    rows = [shipment(order, tracking=tracking) | {"line_item_line_number": ""} for tracking in ("X", "Y")]
    assert handed_in(box, "Shipment_1.csv", rows) == [(WARNING, "ambiguous_line")] * 2
    assert [line["shipped"] for line in now(box, order)["lines"]] == [1, 1]


def test_retailer_may_require_a_column(box: DscoSandbox, order: dict[str, Any]) -> None:
    box.drive("retailer", name=order["retailer_name"], require={"shipment": ["package_warehouse_code"]})
    assert handed_in(box, "Shipment_1.csv", [shipment(order)]) == [(ERROR, "retailer_requires")]
    assert handed_in(box, "Shipment_2.csv", [shipment(order, package_warehouse_code="W1")]) == [(OK, "ok")]


def test_cancelled_order_cant_be_shipped(box: DscoSandbox, order: dict[str, Any]) -> None:
    [cancelled] = box.drive("cancel_orders", orders=[order["dsco_order_id"]])
    assert (cancelled["lifecycle"], cancelled["status"]) == ("completed", "cancelled")
    assert handed_in(box, "Shipment_1.csv", [shipment(order)]) == [(ERROR, "order_cancelled")]


# --- invoices ----------------------------------------------------------------------------------------------------------------


def test_invoice_is_taken_and_its_id_never_again(box: DscoSandbox, order: dict[str, Any]) -> None:
    handed_in(box, "Shipment_1.csv", [shipment(order)])
    assert handed_in(box, "Invoice_1.csv", [invoice(order, "I-1")]) == [(OK, "ok")]
    assert handed_in(box, "Invoice_2.csv", [invoice(order, "I-1")]) == [(ERROR, "invoice_id_used")]
    taken = box.drive("state")["invoices"]
    assert taken["I-1"]["total"] == "10.00"
    assert taken["I-1"]["lines"] == [{"line_number": "1", "quantity": 1, "unit_price": "10.00"}]
    found = now(box, order)
    assert found["invoices"] == ["I-1"]
    assert found["lines"][0]["invoiced"] == 1


def test_several_invoices_of_one_order_end_at_what_was_ordered(box: DscoSandbox, order: dict[str, Any]) -> None:
    handed_in(box, "Shipment_1.csv", [shipment(order, quantity=3)])
    for number in (1, 2, 3):
        assert handed_in(box, f"Invoice_{number}.csv", [invoice(order, f"I-{number}")]) == [(OK, "ok")]
    assert handed_in(box, "Invoice_4.csv", [invoice(order, "I-4")]) == [(ERROR, "too_many")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"invoice_id": ""}, "missing"),
        ({"dsco_order_id": "1"}, "unknown_order"),
        ({"invoice_total_amount": ""}, "missing"),
        ({"invoice_total_amount": "1,000.00"}, "bad_money"),
        ({"invoice_total_amount": "$10"}, "bad_money"),
        ({"line_item_unit_price": "10.001"}, "bad_money"),
        ({"line_item_quantity": "1.5"}, "bad_quantity"),
        ({"line_item_quantity": "4"}, "too_many"),
        ({"line_item_line_number": "7"}, "unknown_line"),
        ({"invoice_date": "yesterday"}, "bad_date"),
    ],
)
def test_invoice_row_is_refused(box: DscoSandbox, order: dict[str, Any], change: dict[str, str], code: str) -> None:
    assert handed_in(box, "Invoice_1.csv", [invoice(order, "I-1") | change]) == [(ERROR, code)]
    assert box.drive("state")["invoices"] == {}


def test_invoice_with_one_bad_row_is_refused_whole(box: DscoSandbox, order: dict[str, Any]) -> None:
    rows = [
        invoice(order, "I-1", invoice_total_amount="14.50"),
        invoice(order, "I-1", line=1, invoice_total_amount="14.50", line_item_quantity="9"),
        invoice(order, "I-2"),
    ]
    assert handed_in(box, "Invoice_1.csv", rows) == [
        (ERROR, "invoice_refused"),
        (ERROR, "too_many"),
        (WARNING, "not_shipped_yet"),
    ]
    assert list(box.drive("state")["invoices"]) == ["I-2"]
    assert now(box, order)["lines"][0]["invoiced"] == 1
    rows[1] |= {"line_item_quantity": "1"}
    assert {outcome for outcome, _ in handed_in(box, "Invoice_2.csv", rows[:2])} == {WARNING}


def test_rows_of_one_invoice_must_agree(box: DscoSandbox, order: dict[str, Any]) -> None:
    rows = [invoice(order, "I-1"), invoice(order, "I-1", line=1, invoice_total_amount="9.00")]
    assert handed_in(box, "Invoice_1.csv", rows) == [(ERROR, "invoice_refused"), (ERROR, "header_differs")]


def test_invoice_that_doesnt_add_up_is_taken_with_a_warning(box: DscoSandbox, order: dict[str, Any]) -> None:
    handed_in(box, "Shipment_1.csv", [shipment(order, quantity=3)])
    total = invoice(order, "I-1", invoice_total_amount="99.00")
    assert handed_in(box, "Invoice_1.csv", [total]) == [(WARNING, "total_differs")]
    price = invoice(order, "I-2", invoice_total_amount="9.00", line_item_unit_price="9.00")
    assert handed_in(box, "Invoice_2.csv", [price]) == [(WARNING, "price_differs")]
    freight = invoice(order, "I-3", invoice_total_amount="13.25", invoice_freight_amount="3.25")
    assert handed_in(box, "Invoice_3.csv", [freight]) == [(OK, "ok")]


def test_order_with_a_nonsense_cost_can_still_be_invoiced(box: DscoSandbox) -> None:
    [order] = box.drive("place_orders", line={"line_item_expected_cost": "n/a"})
    handed_in(box, "Shipment_1.csv", [shipment(order)])
    row = invoice(order, "I-1", invoice_total_amount="5.00", line_item_unit_price="5.00")
    assert handed_in(box, "Invoice_1.csv", [row]) == [(OK, "ok")]


# --- inventory ---------------------------------------------------------------------------------------------------------------


def test_inventory_changes_only_what_is_told(box: DscoSandbox) -> None:
    box.drive("stock", levels={"A": 5, "B": 7})
    assert handed_in(box, "Inventory_1.csv", [{"sku": "A", "quantity_available": "2"}]) == [(OK, "ok")]
    handed_in(box, "Inventory_2.csv", [{"sku": "A", "cost": "3.10"}])
    stock = box.drive("state")["inventory"]
    assert (stock["A"]["quantity"], stock["A"]["told_quantity"], stock["A"]["cost"]) == (2, 2, "3.10")
    assert (stock["B"]["quantity"], stock["B"]["told_quantity"]) == (7, None)


def test_unknown_sku_is_made_or_refused_as_set(box: DscoSandbox) -> None:
    assert handed_in(box, "Inventory_1.csv", [{"sku": "NEW", "quantity_available": "2"}]) == [(OK, "created")]
    box.drive("settings", create_unknown_skus=False)
    assert handed_in(box, "Inventory_2.csv", [{"sku": "NEWER", "quantity_available": "2"}]) == [(ERROR, "bad_sku")]
    assert list(box.drive("state")["inventory"]) == ["NEW"]


@pytest.mark.parametrize(
    ("quantity", "told", "kept"),
    [
        ("0", "in-stock", "out-of-stock"),
        ("3", "out-of-stock", "in-stock"),
        ("3", "discontinued", "in-stock"),
        ("0", "discontinued", "discontinued"),
        ("3", "hidden", "hidden"),
        ("3", "In-Stock", "in-stock"),
    ],
)
def test_quantity_corrects_the_status(box: DscoSandbox, quantity: str, told: str, kept: str) -> None:
    handed_in(box, "Inventory_1.csv", [{"sku": "A", "quantity_available": quantity, "status": told}])
    assert box.drive("state")["inventory"]["A"]["status"] == kept


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"sku": ""}, "missing"),
        ({"sku": "1.2E+11"}, "bad_sku"),
        ({"sku": "A" * 65}, "bad_sku"),
        ({"sku": "Ä"}, "bad_sku"),
        ({"sku": "A", "quantity_available": "-1"}, "bad_quantity"),
        ({"sku": "A", "quantity_available": "1.0"}, "bad_quantity"),
        ({"sku": "A", "status": "plenty"}, "bad_status"),
        ({"sku": "A", "upc": "12345"}, "bad_code_length"),
        ({"sku": "A", "estimated_availability_date": "soon"}, "bad_date"),
    ],
)
def test_inventory_row_is_refused(box: DscoSandbox, row: dict[str, str], code: str) -> None:
    assert handed_in(box, "Inventory_1.csv", [{"quantity_available": "1"} | row]) == [(ERROR, code)]
    assert box.drive("state")["inventory"] == {}


def test_sku_twice_in_a_file_is_a_warning_and_the_last_counts(box: DscoSandbox) -> None:
    rows = [{"sku": "A", "quantity_available": "1"}, {"sku": "A", "quantity_available": "2"}]
    assert handed_in(box, "Inventory_1.csv", rows) == [(OK, "created"), (WARNING, "sku_twice")]
    assert box.drive("state")["inventory"]["A"]["quantity"] == 2


def test_warehouse_quantities_make_the_total(box: DscoSandbox) -> None:
    row = {
        "sku": "A",
        "warehouse_code_1": "W1",
        "warehouse_quantity_1": "3",
        "warehouse_code_2": "W2",
        "warehouse_quantity_2": "4",
    }
    handed_in(box, "Inventory_1.csv", [row])
    assert box.drive("state")["inventory"]["A"]["quantity"] == 7


def test_orders_take_stock_off_but_never_below_nothing(box: DscoSandbox) -> None:
    box.drive("stock", levels={"A": 3})
    box.drive("place_orders", items=[{"sku": "A", "quantity": 2}])
    assert box.drive("state")["inventory"]["A"]["quantity"] == 1
    box.drive("place_orders", items=[{"sku": "A", "quantity": 2}])
    left = box.drive("state")["inventory"]["A"]
    assert (left["quantity"], left["status"]) == (0, "out-of-stock")


# --- cancels -----------------------------------------------------------------------------------------------------------------


def test_cancel_and_shipment_together_complete_an_order(box: DscoSandbox, order: dict[str, Any]) -> None:
    rows = [cancel(order, quantity=2, code="cxss"), cancel(order, line=1)]
    assert handed_in(box, "Cancel_1.csv", rows) == [(OK, "ok"), (OK, "ok")]
    assert handed_in(box, "Shipment_1.csv", [shipment(order)]) == [(OK, "ok")]
    found = now(box, order)
    assert [line["cancelled"] for line in found["lines"]] == [2, 1]
    assert (found["lifecycle"], found["status"]) == ("completed", "shipped")
    assert [(one["quantity"], one["code"]) for one in box.drive("state")["cancels"]] == [(2, "CXSS"), (1, "CXSS")]


def test_whole_cancelled_order_is_cancelled(box: DscoSandbox, order: dict[str, Any]) -> None:
    handed_in(box, "Cancel_1.csv", [cancel(order, quantity=3), cancel(order, line=1)])
    found = now(box, order)
    assert (found["lifecycle"], found["status"]) == ("completed", "cancelled")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"line_item_cancel_code": ""}, "bad_reason"),
        ({"line_item_cancel_code": "CXRR"}, "bad_reason"),
        ({"line_item_status_quantity": "4"}, "too_many"),
        ({"line_item_status_quantity": "0"}, "bad_quantity"),
        ({"dsco_order_id": "1"}, "unknown_order"),
        ({"line_item_line_number": "5"}, "unknown_line"),
    ],
)
def test_cancel_row_is_refused(box: DscoSandbox, order: dict[str, Any], change: dict[str, str], code: str) -> None:
    assert handed_in(box, "Cancel_1.csv", [cancel(order) | change]) == [(ERROR, code)]
    assert [line["cancelled"] for line in now(box, order)["lines"]] == [0, 0]


def test_shipped_line_cant_be_cancelled(box: DscoSandbox, order: dict[str, Any]) -> None:
    handed_in(box, "Shipment_1.csv", [shipment(order, line=1)])
    assert handed_in(box, "Cancel_1.csv", [cancel(order, line=1)]) == [(ERROR, "already_shipped")]
    assert handed_in(box, "Cancel_2.csv", [cancel(order)]) == [(OK, "ok")]


def test_strict_policy_ends_cancelling_with_the_first_package(box: DscoSandbox, order: dict[str, Any]) -> None:
    box.drive("settings", cancel_policy="order")
    handed_in(box, "Shipment_1.csv", [shipment(order, line=1)])
    assert handed_in(box, "Cancel_1.csv", [cancel(order)]) == [(ERROR, "already_shipped")]


# --- files -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("quantity_available\r\n1\r\n", "column sku is missing"),
        ("sku,sku\r\nA,B\r\n", "twice"),
        ('sku\r\n"A\r\n', "can't be read"),
    ],
)
def test_unreadable_file_fails_but_is_archived(box: DscoSandbox, text: str, words: str) -> None:
    box.drive("put_file", path="/in/Inventory_1.csv", text=text)
    [process] = box.drive("process")
    assert process["status"] == "Failed"
    assert words in process["words"]
    state = box.drive("state")
    assert [entry["name"] for entry in state["files"]["/in/archive"]] == ["Inventory_1.csv"]
    assert state["problems"][0]["file"] == "Inventory_1.csv"


def test_header_is_trimmed_and_a_mark_at_the_start_is_skipped(box: DscoSandbox) -> None:
    box.drive("put_file", path="/in/Inventory_1.csv", text="\ufeffsku ,quantity_available \r\nA,4\r\n\r\n")
    [process] = box.drive("process")
    assert [row["code"] for row in process["rows"]] == ["created"]


def test_row_with_too_many_values_is_refused_alone(box: DscoSandbox) -> None:
    box.drive("put_file", path="/in/Inventory_1.csv", text="sku,quantity_available\r\nA,1,2\r\nB,1\r\n")
    [process] = box.drive("process")
    assert [(row["row"], row["code"]) for row in process["rows"]] == [(2, "bad_row"), (3, "created")]


def test_file_that_isnt_utf_8_fails(box: DscoSandbox) -> None:
    box.drive("put_file", path="/in/Inventory_1.csv", base64="c2t1DQr/DQo=")
    [process] = box.drive("process")
    assert (process["status"], "UTF-8" in process["words"]) == ("Failed", True)
