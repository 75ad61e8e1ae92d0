"""What comes back: orders, packages, invoices, stock."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import RemoteLine, RemoteState, ShipmentState
from connectors.quickbooks_commerce.countries import two_letters
from connectors.quickbooks_commerce.parse import (
    active_ids,
    invoice_of,
    levels_of,
    line_numbers,
    readable,
    receipt_of,
    remote_order_of,
    shipment_of,
    stock_item_of,
)
from connectors.quickbooks_commerce.wire import BadValue, decimal_of, paging_of, stamp_of, stamp_text, whole_of
from tests.connectors.quickbooks_commerce.rig import sample

LOCATIONS = {"1": "Main", "2": "Overflow"}


def of(rows: list[dict[str, Any]], name: str, key: int) -> list[dict[str, Any]]:
    return [row for row in rows if row[name] == key]


# --- values ------------------------------------------------------------------------------------------------------------------


def test_decimals_come_as_text_or_numbers() -> None:
    assert [decimal_of(value) for value in ("166.75", "50.0", 0, 7.0, None, "", "-0.0")] == [
        Decimal("166.75"), Decimal("50.0"), Decimal(0), Decimal("7.0"), None, None, Decimal(0),
    ]  # fmt: skip
    for nonsense in ("many", "NaN", "Infinity", [1]):
        with pytest.raises(BadValue):
            decimal_of(nonsense)


def test_quantities_are_whole_pieces() -> None:
    assert [whole_of(value) for value in ("2.0", 3, "1200.0")] == [2, 3, 1200]
    for broken in ("1.5", None, "two"):
        with pytest.raises(BadValue):
            whole_of(broken)


def test_stamps_are_utc_and_written_with_milliseconds_rounded_down() -> None:
    assert stamp_of("2026-11-18T08:07:23.404Z") == datetime(2026, 11, 18, 8, 7, 23, 404000, UTC)
    assert stamp_of("2026-11-18T08:07:23+02:00") == datetime(2026, 11, 18, 6, 7, 23, tzinfo=UTC)
    assert stamp_text(datetime(2026, 11, 18, 8, 7, 23, 404999, UTC)) == "2026-11-18T08:07:23.404Z"


@pytest.mark.parametrize(
    ("header", "total", "last"),
    [
        (
            '{"total_records":3103,"total_pages":32,"first_page":true,"last_page":false,"out_of_bounds":false,"offset":0}',
            3103,
            False,
        ),
        ('{"first_page":true,"last_page":true,"out_of_bounds":false,"offset":0}', None, True),
        ('{"total_records":3,"last_page":false,"out_of_bounds":true}', 3, True),
        ("no json", None, None),
        (None, None, None),
    ],
)
def test_the_pagination_header_is_read_as_far_as_it_goes(header: str | None, total: int | None, last: bool | None) -> None:
    paging = paging_of(header)
    assert (paging.total, paging.is_last) == (total, last)


def test_countries_become_two_letters() -> None:
    names = ("US", "usa", "U.S.A.", " United  States ", "CAN", "Deutschland", "Atlantis", "")
    assert [two_letters(name) for name in names] == [
        "US", "US", "US", "US", "CA", "DE", "", "",
    ]  # fmt: skip


# --- orders ------------------------------------------------------------------------------------------------------------------


def test_orders_come_with_their_lines_and_states() -> None:
    orders, lines = sample("orders.json")["orders"], sample("order_line_items.json")["order_line_items"]
    first, voided, draft = (remote_order_of(order, of(lines, "order_id", order["id"])) for order in orders)
    assert first.state is RemoteState.OPEN
    assert sorted(first.lines, key=lambda each: each.line_no) == [
        RemoteLine(external_id="12433", line_no=1, quantity=2),
        RemoteLine(external_id="12434", line_no=2, quantity=1),
        RemoteLine(external_id="12435", line_no=3, quantity=3),
    ]
    assert (first.number, first.reference) == ("PO-88121", "PO-88121-ACME-0001")
    assert first.updated_at == datetime(2026, 11, 18, 8, 7, 23, 404000, UTC)
    assert (voided.state, voided.reference, voided.lines[0].quantity) == (RemoteState.VOID, "", 50)
    assert (draft.state, draft.lines) == (RemoteState.DRAFT, ())


def test_a_receipt_knows_its_lines_only_when_they_came_along() -> None:
    order = sample("orders.json")["orders"][0]
    assert receipt_of(order).lines is None
    lines = of(sample("order_line_items.json")["order_line_items"], "order_id", 5706)
    known = receipt_of({**order, "order_line_items": lines}).lines
    assert known is not None
    assert {one.line_no: one.external_id for one in known} == {1: "12433", 2: "12434", 3: "12435"}


def rows(*positions: int | None, first_id: int = 100) -> list[dict[str, Any]]:
    return [{"id": first_id + at, "position": position} for at, position in enumerate(positions)]


@pytest.mark.parametrize(
    ("positions", "numbers"),
    [
        ((1, 2, 3), [1, 2, 3]),
        ((2, 3), [2, 3]),
        ((0, 1, 2), [1, 2, 3]),
        ((0, 0, 0), [1, 2, 3]),
        ((None, None), [1, 2]),
        ((None,), [1]),
        ((0,), [1]),
        ((3,), [3]),
        ((1, 2, 2), [1, 2, 0]),
        ((1, 2, 0), [1, 2, 0]),
        ((3, 1, 2), [3, 1, 2]),
        ((), []),
    ],
)
def test_lines_are_told_by_position_and_never_by_sku(positions: tuple[int | None, ...], numbers: list[int]) -> None:
    assert list(line_numbers(rows(*positions)).values()) == numbers


# --- packages and invoices ---------------------------------------------------------------------------------------------------


def test_packages_come_with_tracking_and_lines() -> None:
    body = sample("fulfillments.json")
    packed, shipped = (
        shipment_of(row, of(body["fulfillment_line_items"], "fulfillment_id", row["id"])) for row in body["fulfillments"]
    )
    assert (packed.state, packed.tracking_number, packed.service) == (ShipmentState.PACKED, "", "Courier")
    assert packed.shipped_at is None
    assert (shipped.state, shipped.carrier, shipped.service) == (ShipmentState.SHIPPED, "UPS", "Ground")
    assert shipped.tracking_number == "1Z999AA10123456784"
    assert shipped.shipped_at == datetime(2026, 11, 19, 2, 39, 28, tzinfo=UTC)
    assert [(one.external_line_id, one.quantity) for one in shipped.lines] == [("12433", 2), ("12434", 1)]


def test_a_shipped_package_without_time_was_shipped_when_it_last_changed() -> None:
    row = {**sample("fulfillments.json")["fulfillments"][1], "shipped_at": None}
    assert shipment_of(row, []).shipped_at == datetime(2026, 11, 19, 3, 1, 47, 495000, UTC)


@pytest.mark.parametrize("status", ["void", "deleted"])
def test_dead_packages_are_void(status: str) -> None:
    assert shipment_of({**sample("fulfillments.json")["fulfillments"][1], "status": status}, []).state is ShipmentState.VOID


def test_half_a_piece_leaves_one_package_out_and_says_so() -> None:
    body = sample("fulfillments.json")
    half = {**body["fulfillment_line_items"][0], "quantity": "1.5"}
    lines = {99232: [half], 99216: []}
    items, problems = readable(body["fulfillments"], lambda row: shipment_of(row, lines[row["id"]]), "package")
    assert [item.external_id for item in items] == ["99216"]
    assert len(problems) == 1
    assert all(word in problems[0] for word in ("99232", "PO-88121", "1.5"))


def test_invoices_come_with_total_dates_and_lines() -> None:
    body = sample("invoices.json")
    invoice = invoice_of(body["invoices"][0], body["invoice_line_items"], {"1": "USD"})
    assert (invoice.number, invoice.total, invoice.currency, invoice.is_void) == ("INV-0063", Decimal(30), "USD", False)
    assert (invoice.date, invoice.due) == (date(2026, 11, 19), date(2026, 12, 19))
    assert [(one.external_line_id, one.quantity) for one in invoice.lines] == [("12433", 2), ("12436", 1)]
    old = {key: value for key, value in body["invoices"][0].items() if key not in ("cached_total", "status", "currency_id")}
    assert invoice_of({**old, "total": 12}, [], {}).total == Decimal(12)
    assert invoice_of(old, [], {}).total is None
    assert invoice_of({**old, "status": "void"}, [], {}).is_void


# --- stock -------------------------------------------------------------------------------------------------------------------


def test_stock_is_what_is_available_by_location_name() -> None:
    cap, card, tee = sample("variants.json")["variants"]
    item = stock_item_of(cap, LOCATIONS, None)
    assert (item.sku, item.upc, item.name, item.levels) == ("CAP-001", "036000291452", "Cap", {"Main": 7, "Overflow": 2})
    assert stock_item_of(card, LOCATIONS, None).levels is None
    assert stock_item_of(tee, LOCATIONS, None).name == "Tee / Red / L"
    assert stock_item_of(tee, LOCATIONS, None).levels == {"Main": 5, "Overflow": 0}
    assert stock_item_of(cap, LOCATIONS, {"2"}).levels == {"Overflow": 2}


def test_a_wanted_location_without_a_row_has_none_and_not_nothing() -> None:
    cap = {**sample("variants.json")["variants"][0], "locations": []}
    assert levels_of(cap, LOCATIONS, {"2"}) == {"Overflow": 0}
    assert levels_of(cap, LOCATIONS, None) == {"": 9}


def test_oversold_stock_stays_below_zero_and_keep_selling_promises_nothing() -> None:
    row = {"location_id": 1, "stock_on_hand": "-12", "committed": "17"}
    assert levels_of({"keep_selling": True, "locations": [row]}, LOCATIONS, None) == {"Main": -29}


def test_only_live_variants_with_just_this_sku_count() -> None:
    variants: list[dict[str, Any]] = [
        {"id": 1, "sku": "CAP", "status": "active"},
        {"id": 2, "sku": "cap", "status": "active"},
        {"id": 3, "sku": "CAP", "status": "archived"},
        {"id": 4, "sku": "TEE", "status": "active"},
        {"id": 5, "sku": "TEE", "status": "active"},
        {"id": 6, "sku": None, "status": "active"},
    ]
    assert active_ids(variants, {"CAP", "TEE"}) == {"CAP": ["1"], "TEE": ["4", "5"]}
