"""From good rows to drafts, and rows that hold their order back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from connectors.contract import Address
from tests.connectors.dsco.files import SAMPLES, read, row, table


@pytest.mark.parametrize("columns", ["123", "143", "223"])
def test_a_file_of_any_age_is_read_by_its_header(columns: str) -> None:
    got = read((SAMPLES / f"Purchase_Order_{columns}_columns.csv").read_bytes())
    assert got.refused == []
    assert got.summary.rows == 4
    assert got.summary.notes == ()
    first, second, third = got.orders
    assert (first.external_id, first.cust_po_no, first.alternate_id) == (
        "990000117",
        "HF-20250510-000117",
        "1000080001|HF-20250510-000117",
    )
    assert (first.customer_code, first.retailer_name) == ("DSCO-1000080001", "Harbour & Finch")
    assert (first.order_date, first.ship_by) == (date(2025, 5, 10), date(2025, 5, 13))
    assert (first.ship_code, first.ship_carrier, first.ship_method) == ("UPCG", "UPS", "Ground")
    assert first.ship_to == Address(
        first_name="Odalys",
        last_name="Marrow",
        address_1="12 Windmill Lane",
        address_2="Apt 4, rear",
        city="Franklin",
        state="IN",
        zip="46131",
        country="US",
        phone="555-0100",
        e_mail="odalys@example.com",
    )
    assert first.bill_to.city == "Franklin"
    assert [(line.line_id, line.item, line.quantity, line.price, line.upc, line.row) for line in first.lines] == [
        ("1", "LAMP-BRASS", 2, Decimal("13.30"), "012345678905", 2),
        ("2", "BULB-E27", 4, Decimal("1.25"), "036000291452", 3),
    ]
    assert first.lines[0].title == 'Brass lamp, 12" shade'
    assert first.shipping_charge == Decimal("5.45")
    assert first.discount == Decimal("1.50")
    assert first.notes == "Leave at the side door"
    assert first.extra["gift_message"] == 'For "Uncle Bo", with love'
    assert first.extra["consumer_order_number"] == "C-88117"
    assert first.lines[0].extra["line_item_color"] == "Brass"
    assert first.expected_lines == 2
    assert (second.cust_po_no, third.cust_po_no) == ("10001", "10001")
    assert second.external_id != third.external_id
    assert (second.is_test, third.is_test) == (False, True)
    assert third.ship_code == "Generic Ground"


def test_the_same_orders_have_one_hash_in_all_layouts() -> None:
    files = [read((SAMPLES / f"Purchase_Order_{columns}_columns.csv").read_bytes()) for columns in ("123", "143", "223")]
    hashes = {tuple(order.content_hash for order in one.orders) for one in files}
    assert len(hashes) == 1


def test_without_an_order_id_retailer_and_po_number_name_the_order() -> None:
    got = read((SAMPLES / "Purchase_Order_few_columns.psv").read_bytes(), "whatever.csv")
    assert [order.external_id for order in got.orders] == ["1000080001|HF-20250510-000117", "1000080002|10001"]
    assert all(order.alternate_id == order.external_id for order in got.orders)


def test_rows_with_and_without_an_order_id_are_two_orders_with_one_alternate_id() -> None:
    got = read([row(1), row(1, 2, dsco_order_id="")])
    assert {order.external_id for order in got.orders} == {"90001", "1000011436|PO-1"}
    assert {order.alternate_id for order in got.orders} == {"1000011436|PO-1"}


def test_the_trading_partner_stands_in_for_the_retailer() -> None:
    order = read([row(dsco_retailer_id="", dsco_trading_partner_id="77", dsco_retailer_name="", dsco_order_id="")]).order
    assert (order.retailer_id, order.external_id, order.customer_code) == ("77", "77|PO-1", "DSCO-77")
    assert order.retailer_name == "DSCO 77"


def test_the_same_po_number_of_two_retailers_is_two_orders() -> None:
    got = read([row(1, dsco_order_id="", dsco_retailer_id=retailer) for retailer in ("1", "2")])
    assert len(got.orders) == 2


def test_rows_of_an_order_are_found_wherever_they_stand() -> None:
    got = read([row(1, 1), row(2, 1), row(3, 1), row(2, 2), row(1, 2), row(3, 2), row(1, 3)])
    assert {order.cust_po_no: [line.line_id for line in order.lines] for order in got.orders} == {
        "PO-1": ["1", "2", "3"],
        "PO-2": ["1", "2"],
        "PO-3": ["1", "2"],
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ship_first_name": "John Smith", "ship_last_name": ";"}, ("John Smith", "")),
        ({"ship_first_name": "", "ship_last_name": "", "ship_name": "Jo March ;"}, ("Jo March", "")),
        ({"ship_first_name": "", "ship_last_name": ";", "ship_attention": "Receiving"}, ("Receiving", "")),
        ({"ship_first_name": "Ann", "ship_last_name": "Lee", "ship_name": "Ann Q Lee"}, ("Ann", "Lee")),
    ],
)
def test_names_come_without_semicolons_and_from_where_they_are(given: dict[str, str], expected: tuple[str, str]) -> None:
    order = read([row(**given)]).order
    assert (order.ship_to.first_name, order.ship_to.last_name) == expected


def test_attention_stays_among_the_extras() -> None:
    assert read([row(ship_attention="Dock 4")]).order.extra["ship_attention"] == "Dock 4"


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (("2025-05-10T23:59:59-11:00", "2025-05-01T00:00:00+00:00", ""), date(2025, 5, 10)),
        (("", "2025-05-01T00:00:00+14:00", "2025-05-09T00:00:00+00:00"), date(2025, 5, 1)),
        (("", "", "2025-05-09"), date(2025, 5, 9)),
        (("5/10/25 7:30 PM", "", "2025-05-09"), date(2025, 5, 9)),
        (("2025-13-45T00:00:00+00:00", "", ""), None),
    ],
)
def test_the_order_date_is_the_date_as_written_of_the_first_that_is_there(
    dates: tuple[str, str, str], expected: date | None
) -> None:
    names = ("retailer_create_date", "consumer_order_date", "dsco_create_date")
    order = read([row(**dict(zip(names, dates, strict=True)))]).order
    assert order.order_date == expected
    assert [order.extra.get(name, "") for name in names] == list(dates)


def test_lines_say_when_to_ship_where_the_order_does_not() -> None:
    got = read([row(line_item_ship_by_date="2025-06-02T00:00:00+00:00"), row(1, 2, line_item_ship_by_date="2025-06-01")])
    assert got.order.ship_by == date(2025, 6, 1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ship_carrier": "UPS", "ship_method": "Ground"}, ("UPCG", "UPS", "Ground")),
        ({"shipping_service_level_code": "", "ship_carrier": "UPS", "ship_method": "Ground"}, ("UPS Ground", "UPS", "Ground")),
        ({"shipping_service_level_code": "", "ship_method": "Ground"}, ("Ground", "", "Ground")),
        ({"shipping_service_level_code": "", "retailer_shipping_service_level_code": "FE2D"}, ("FE2D", "", "")),
        ({"shipping_service_level_code": ""}, ("", "", "")),
    ],
)
def test_the_ship_code_is_the_service_code_else_carrier_and_method(
    given: dict[str, str], expected: tuple[str, str, str]
) -> None:
    order = read([row(**given)]).order
    assert (order.ship_code, order.ship_carrier, order.ship_method) == expected


@pytest.mark.parametrize(
    ("status", "expected"), [("cancelled", True), ("Canceled", True), ("created", False), ("shipped", False)]
)
def test_a_cancelled_order_is_known_by_its_status(status: str, expected: bool) -> None:
    assert read([row(dsco_order_status=status)]).order.is_canceled is expected


@pytest.mark.parametrize(("flag", "expected"), [("1", True), ("true", True), ("TRUE", True), ("0", False), ("", False)])
def test_the_test_flag_makes_a_test_order(flag: str, expected: bool) -> None:
    assert read([row(test_flag=flag)]).order.is_test is expected


def test_every_column_without_a_field_is_kept_where_it_belongs() -> None:
    order = read([row(business_rule_code="B7", line_item_size="XL", dsco_item_id="5", invented_next_year="yes")]).order
    assert order.extra["business_rule_code"] == "B7"
    assert order.extra["invented_next_year"] == "yes"
    assert order.lines[0].extra == {"line_item_size": "XL", "dsco_item_id": "5"}
    assert not {"po_number", "dsco_order_id", "ship_city", "test_flag"} & set(order.extra)


def test_texts_that_look_like_formulas_or_numbers_stay_texts() -> None:
    order = read([row(line_item_sku="007", line_item_title="=1+1", line_item_upc="012345678905", ship_postal="00501")]).order
    assert (order.lines[0].item, order.lines[0].title, order.lines[0].upc) == ("007", "=1+1", "012345678905")
    assert order.ship_to.zip == "00501"


@pytest.mark.parametrize("sku", ["A" * 64, "A" * 90, "GREEN/É*&%", "12E4", "1E5X", "-", "x y"])
def test_an_unusual_sku_is_the_sources_business(sku: str) -> None:
    assert read([row(line_item_sku=sku)]).order.lines[0].item == sku


def test_an_upc_that_a_spreadsheet_damaged_is_not_taken_for_one() -> None:
    line = read([row(line_item_upc="7.60314E+11")]).order.lines[0]
    assert line.upc == ""
    assert line.extra["line_item_upc"] == "7.60314E+11"


def test_values_are_read_without_the_blanks_around_them() -> None:
    order = read([row(po_number=" PO-1 ", line_item_quantity=" 3 ", ship_country=" us ")]).order
    assert (order.cust_po_no, order.lines[0].quantity, order.ship_to.country) == ("PO-1", 3, "US")


# --- refused rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quantity", ["", "0", "-1", "1.0", "1.5", "1,000", "1e3", "+2", "two", "1000000", "٣", "²", "0x1", "9" * 5000, "1 2"]
)
def test_a_quantity_that_is_no_whole_number_holds_its_order_back(quantity: str) -> None:
    got = read([row(1), row(1, 2, line_item_quantity=quantity), row(2)])
    assert [order.cust_po_no for order in got.orders] == ["PO-2"]
    refused = got.refused[0]
    assert (refused.external_id, refused.cust_po_no, refused.retailer_name) == ("90001", "PO-1", "Finch")
    assert [(problem.row, problem.field) for problem in refused.problems] == [(3, "line_item_quantity")]
    assert "whole number" in got.words
    assert len(got.words) < 200


@pytest.mark.parametrize(("quantity", "expected"), [("1", 1), ("999999", 999_999), ("007", 7)])
def test_quantities_from_one_to_999999_are_taken(quantity: str, expected: int) -> None:
    assert read([row(line_item_quantity=quantity)]).order.lines[0].quantity == expected


@pytest.mark.parametrize("cost", ["abc", "1,299.00", "12,50", "$5", "NaN", "Infinity", "1e3", "1_000", "٣", ".", "-", "1" * 30])
def test_a_cost_that_is_no_decimal_holds_its_order_back(cost: str) -> None:
    got = read([row(line_item_expected_cost=cost)])
    assert got.orders == []
    assert got.refused[0].problems[0].field == "line_item_expected_cost"
    assert "decimal" in got.words


@pytest.mark.parametrize(("cost", "expected"), [("", None), ("0", "0"), ("13.3", "13.3"), (".5", "0.5"), ("-1.00", "-1.00")])
def test_plain_costs_are_taken(cost: str, expected: str | None) -> None:
    price = read([row(line_item_expected_cost=cost)]).order.lines[0].price
    assert price == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize("column", ["shipping_surcharge", "coupon_amount_2", "line_item_shipping_surcharge"])
def test_any_other_amount_that_is_counted_must_be_a_decimal_too(column: str) -> None:
    assert column in read([row(**{column: "about 5"})]).words


@pytest.mark.parametrize("sku", ["1.23E+11", "1E+11", "7.60314276156e11", ""])
def test_a_sku_that_a_spreadsheet_damaged_or_left_out_holds_its_order_back(sku: str) -> None:
    got = read([row(line_item_sku=sku)])
    assert got.orders == []
    assert got.refused[0].problems[0].field == "line_item_sku"


@pytest.mark.parametrize("column", ["po_number", "dsco_order_id"])
@pytest.mark.parametrize("value", ["1.74691E+16", "X" * 130])
def test_an_order_number_that_is_damaged_or_endless_holds_its_order_back(column: str, value: str) -> None:
    got = read([row(**{column: value})])
    assert got.orders == []
    assert len(got.refused[0].external_id) <= 200
    assert got.refused[0].problems[0].field == column


def test_a_row_that_names_no_order_is_refused_without_ids() -> None:
    got = read([row(1), row(2, po_number="", dsco_order_id="", dsco_retailer_id="")])
    assert [order.cust_po_no for order in got.orders] == ["PO-1"]
    assert (got.refused[0].external_id, got.refused[0].cust_po_no) == ("", "")
    assert got.refused[0].problems[0].row == 3


def test_a_row_without_po_number_holds_the_order_of_its_id_back() -> None:
    got = read([row(1, po_number=""), row(2)])
    assert [order.cust_po_no for order in got.orders] == ["PO-2"]
    assert got.refused[0].external_id == "90001"
    assert "po_number is empty" in got.words


def test_a_row_with_nothing_but_a_po_number_holds_the_order_of_that_number_back() -> None:
    got = read([row(1), row(1, 2, dsco_order_id="", dsco_retailer_id=""), row(2)])
    assert [order.cust_po_no for order in got.orders] == ["PO-2"]
    assert [problem.row for problem in got.refused[0].problems] == [3]


def test_a_file_that_names_no_retailers_is_read_by_po_number_with_a_note() -> None:
    rows = [{key: value for key, value in row(n).items() if not key.startswith("dsco_")} for n in (1, 2)]
    got = read(table(rows, columns=tuple(rows[0])))
    assert [order.external_id for order in got.orders] == ["|PO-1", "|PO-2"]
    assert "dsco_retailer_id" in got.summary.notes[0]


def test_rows_of_one_order_that_go_to_two_addresses_hold_it_back() -> None:
    got = read([row(1), row(1, 2, ship_city="Austin", ship_postal="73301")])
    assert {problem.field for problem in got.refused[0].problems} == {"ship_city", "ship_postal"}


def test_what_only_a_later_row_says_of_the_order_is_taken() -> None:
    order = read([row(1, ship_city="", channel=""), row(1, 2, channel="web")]).order
    assert order.ship_to.city == "Boise"
    assert order.extra["channel"] == "web"


# --- repeated lines ----------------------------------------------------------------------------------------------------------


def test_a_line_that_is_there_twice_counts_once() -> None:
    order = read([row(1), row(1, 2), row(1, dsco_order_status="shipment_pending")]).order
    assert [line.line_id for line in order.lines] == ["1", "2"]


def test_a_line_that_is_there_twice_and_differs_holds_its_order_back() -> None:
    assert "twice" in read([row(1), row(1, line_item_quantity="3")]).words


def test_one_sku_on_two_numbered_lines_is_two_lines() -> None:
    order = read([row(1, 1, line_item_sku="A"), row(1, 2, line_item_sku="A")]).order
    assert [line.line_id for line in order.lines] == ["1", "2"]


@pytest.mark.parametrize(("expected", "lines"), [("2", 2), ("1", 1)])
def test_without_line_numbers_the_orders_own_count_decides(expected: str, lines: int) -> None:
    order = read([row(1, line_item_line_number="", number_of_line_items=expected)] * 2).order
    assert len(order.lines) == lines


def test_without_line_numbers_and_count_equal_rows_hold_their_order_back() -> None:
    assert "without line numbers" in read([row(1, line_item_line_number="")] * 2).words


# --- content hash ------------------------------------------------------------------------------------------------------------


def hash_of(**changes: str) -> str:
    return read([row(**changes)]).order.content_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"dsco_order_status": "shipment_pending"},
        {"dsco_last_update_date": "2026-01-01T00:00:00+00:00"},
        {"dsco_lifecycle": "acknowledged"},
        {"line_item_expected_cost": "13.3"},
        {"new_column_of_next_year": "x"},
        {"line_item_title": "Better words"},
    ],
)
def test_what_does_not_matter_to_delivery_leaves_the_hash(changes: dict[str, str]) -> None:
    assert hash_of(**changes) == hash_of()


@pytest.mark.parametrize(
    "changes",
    [
        {"ship_address_1": "2 Main St"},
        {"line_item_quantity": "3"},
        {"line_item_sku": "OTHER"},
        {"line_item_expected_cost": "13.31"},
        {"shipping_service_level_code": "FE2D"},
        {"dsco_order_status": "cancelled"},
        {"gift_message": "Happy birthday"},
        {"line_item_personalization": "A.L."},
        {"ship_by_date": "2025-05-20"},
        {"message": "Ring twice"},
    ],
)
def test_what_matters_to_delivery_changes_the_hash(changes: dict[str, str]) -> None:
    assert hash_of(**changes) != hash_of()


def test_the_order_of_rows_leaves_the_hash() -> None:
    assert read([row(1, 1), row(1, 2)]).order.content_hash == read([row(1, 2), row(1, 1)]).order.content_hash
