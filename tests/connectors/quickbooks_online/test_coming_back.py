"""What comes back: tracking numbers that people type, lines that they change, invoices and stock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import chain

import pytest

from connectors.contract import RemoteState, ShipmentDraft, ShipmentState
from connectors.quickbooks_online.lines import SentLines, line_numbers
from connectors.quickbooks_online.parse import spread, tracking_numbers, way_of
from connectors.quickbooks_online.session import QuickBooksOnlineSession
from tests.connectors.quickbooks_online.conftest import Desk, an_order, line
from tests.servers.hub import utc_now

Send = Callable[..., QuickBooksOnlineSession]


def shipments(session: QuickBooksOnlineSession) -> list[ShipmentDraft]:
    return list(chain.from_iterable(page.items for page in session.list_shipments(utc_now() - timedelta(hours=1))))


def pieces(drafts: list[ShipmentDraft]) -> dict[str, dict[str, int]]:
    return {one.tracking_number: {row.external_line_id: row.quantity for row in one.lines} for one in drafts}


# --- pure --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("1Z999AA10123456784", ["1Z999AA10123456784"]),
        ("771234567890, 771234567891", ["771234567890", "771234567891"]),
        ("771234567890;771234567891/771234567890", ["771234567890", "771234567891"]),
        ("771234567890 and 771234567891", ["771234567890", "771234567891"]),
        ("771234567890 771234567891", ["771234567890", "771234567891"]),
        ("9400 1000 0000 0000 0000 00", ["9400100000000000000000"]),
        ("  ,  ", []),
    ],
)
def test_numbers_are_read_as_people_type_them(typed: str, numbers: list[str]) -> None:
    assert tracking_numbers(typed) == numbers


@pytest.mark.parametrize(
    ("method", "number", "way"),
    [
        ("FedEx Ground", "771234567890", ("FedEx", "Ground")),
        ("ups", "771234567890", ("UPS", "")),
        ("UPSG", "1Z999AA10123456784", ("UPS", "")),
        ("", "9400100000000000000000", ("USPS", "")),
        ("Pigeon", "abc", ("", "")),
    ],
)
def test_the_carrier_is_told_by_the_way_to_ship_or_by_the_number(method: str, number: str, way: tuple[str, str]) -> None:
    assert way_of(method, number) == way


@pytest.mark.parametrize("packages", [1, 2, 3, 5])
def test_all_pieces_are_dealt_out_once(packages: int) -> None:
    counts = [("1", 2), ("2", 0), ("3", 5)]
    dealt = spread(counts, packages)
    assert len(dealt) == packages
    assert {key: sum(count for name, count in chain.from_iterable(dealt) if name == key) for key in ("1", "3")} == {
        "1": 2,
        "3": 5,
    }
    sizes = [sum(count for _, count in package) for package in dealt]
    assert max(sizes) - min(sizes) <= 1


def rows(*pairs: tuple[str, str]) -> list[dict[str, object]]:
    return [
        {"Id": key, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": item}}}
        for key, item in pairs
    ]


def test_lines_are_told_by_their_ids_and_by_their_items_when_all_ids_are_new() -> None:
    sent = SentLines(4, ("7", "8", "7"))
    assert SentLines.of(sent.kept()) == sent
    assert line_numbers(rows(("1", "7"), ("3", "7"), ("5", "9")), sent) == [1, 3, 0]
    assert line_numbers(rows(("5", "8"), ("6", "9"), ("7", "7")), sent) == [2, 0, 3]
    assert line_numbers(rows(("5", "7"), ("6", "8"), ("7", "7")), sent) == [1, 2, 3]
    assert line_numbers(rows(("1", "8"), ("2", "7")), sent, is_copy=True) == [2, 3]
    assert line_numbers(rows(("1", "7"), ("2", "8")), None) == [1, 2]


# --- packages ----------------------------------------------------------------------------------------------------------------


def test_several_numbers_are_several_packages_and_one_that_is_removed_is_void(desk: Desk, sent: Send) -> None:
    session = sent(an_order("PO-1", line(1, "CAP-001", 2), line(2, "CAP-001", 3)))
    assert shipments(session) == []
    desk.box.drive("set_tracking", order_number="PO-1", tracking="771234567890, 771234567891", ship_date="2026-11-20")
    first = shipments(session)
    assert pieces(first) == {"771234567890": {"1": 2}, "771234567891": {"2": 3}}
    assert {one.state for one in first} == {ShipmentState.SHIPPED}
    assert {one.shipped_at.date().isoformat() for one in first if one.shipped_at} == {"2026-11-20"}
    desk.box.drive("set_tracking", order_number="PO-1", tracking="771234567890")
    one, gone = shipments(session)
    assert (one.external_id, gone.external_id) == (first[0].external_id, first[1].external_id)
    assert (one.state, gone.state) == (ShipmentState.SHIPPED, ShipmentState.VOID)


def test_a_shipping_date_alone_ships_only_where_the_setting_says_so(desk: Desk, sent: Send) -> None:
    session = sent(an_order())
    desk.box.drive("set_tracking", order_number="PO-1", tracking="", ship_date="2026-11-20")
    assert shipments(session) == []
    (one,) = shipments(desk.open(shipped_when="date"))
    assert (one.state, one.tracking_number) == (ShipmentState.SHIPPED, "")


def test_more_numbers_than_pieces_are_said_once(desk: Desk, sent: Send) -> None:
    session = sent(an_order())
    desk.box.drive("set_tracking", order_number="PO-1", tracking="771234567890, 771234567891")
    since = utc_now() - timedelta(hours=1)
    (page,) = session.list_shipments(since)
    assert [one.tracking_number for one in page.items] == ["771234567890"]
    assert "2 tracking numbers for 1 pieces" in page.problems[0]
    assert [page.problems for page in session.list_shipments(since)] == [()]


def test_an_estimate_ships_and_bills_on_the_invoice_that_is_made_of_it(desk: Desk, sent: Send) -> None:
    session = sent(an_order("PO-1", line(1, "CAP-001", 2), line(2, "TEE-001")), order_becomes="estimate")
    (estimate,) = desk.orders()
    desk.box.drive("pack_and_ship", order_number="PO-1")
    (package,) = shipments(session)
    assert package.external_order_id == str(estimate["id"])
    assert list(pieces([package]).values()) == [{"1": 2, "2": 1}]
    assert [one.external_id for one in session.read_shipments([str(estimate["id"])])] == [package.external_id]
    since = utc_now() - timedelta(hours=1)
    (order,) = chain.from_iterable(page.items for page in session.list_orders_changed(since))
    assert (order.external_id, order.state) == (str(estimate["id"]), RemoteState.OPEN)
    (invoice,) = chain.from_iterable(page.items for page in session.list_invoices(since))
    assert invoice.external_order_id == str(estimate["id"])


# --- lines -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new_ids", [False, True])
def test_lines_that_people_cut_remove_and_add_are_told_apart(desk: Desk, sent: Send, new_ids: bool) -> None:
    session = sent(an_order("PO-1", line(1, "CAP-001", 2), line(2, "TEE-001", 2), line(3, "MUG-001", 2)))
    key = str(desk.orders()[0]["id"])
    desk.box.drive("set", new_line_ids=new_ids)
    desk.box.drive("cut_line", order_number="PO-1", line=3, quantity=1)
    desk.box.drive("delete_line", order_number="PO-1", line=1)
    desk.box.drive("add_line", order_number="PO-1", sku="BAG-001")
    (order,) = session.read_orders([key])
    assert {row.line_no: row.quantity for row in order.lines if row.line_no} == {2: 2, 3: 1}
    assert [row.quantity for row in order.lines if not row.line_no] == [1]


def test_a_voided_form_and_a_deleted_one_are_told(desk: Desk, sent: Send) -> None:
    for number in (1, 2):
        session = sent(an_order(f"PO-{number}"))
    desk.box.drive("void", order_number="PO-1")
    desk.box.drive("delete_order", order_number="PO-2")
    pages = session.list_orders_changed(utc_now() - timedelta(hours=1))
    assert [one.state for page in pages for one in page.items] == [RemoteState.VOID, RemoteState.DELETED]


def test_a_walk_from_long_ago_asks_by_the_time_of_change(desk: Desk, sent: Send) -> None:
    session = sent(an_order())
    desk.box.drive("clear_requests")
    pages = list(session.list_orders_changed(utc_now() - timedelta(days=90)))
    assert [one.number for page in pages for one in page.items] == ["PO-1"]
    assert set(desk.box.drive("requests")["counters"]["by_route"]) == {"GET /query"}


# --- stock -------------------------------------------------------------------------------------------------------------------


def test_a_large_catalogue_is_read_by_the_thousand(desk: Desk) -> None:
    desk.box.drive("add_products", products=[{"sku": f"BULK-{number:04}", "name": f"Bulk {number}"} for number in range(2100)])
    session = desk.open()
    desk.box.drive("clear_requests")
    skus = {item.sku for page in session.list_stock() for item in page.items}
    assert {f"BULK-{number:04}" for number in range(2100)} < skus
    assert desk.box.drive("requests")["counters"]["total"] <= 2100 // 1000 + 2  # the pages, and one question beside them


def test_stock_counts_bundles_by_components_and_leaves_out_what_nobody_counts(desk: Desk) -> None:
    desk.box.drive("set_stock", sku="TEE-001", quantity=7)
    desk.box.drive("set_product", sku="MUG-001", QtyOnSalesOrder=5)
    session = desk.open()
    items = {item.sku: item.levels for page in session.list_stock() for item in page.items}
    assert items["SET-001"] == {"QuickBooks Online": 3}
    assert items["MUG-001"] == {"QuickBooks Online": 115}
    assert items["GIFT-CARD"] is None
    desk.box.drive("set_product", sku="CAP-001", Active=False)
    asked = {item.sku: item.levels for item in session.ask_stock(["SET-001", "CAP-001", "TEE-001"])}
    assert asked == {"SET-001": {"QuickBooks Online": 0}, "TEE-001": {"QuickBooks Online": 7}}
