"""Invoices: the WMS's or the hub's own, told once what they bill has shipped, and never more than that."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from connectors.models import ServiceName
from orders.models import Invoice
from orders.upkeep.housekeeping import keep
from tests.hub import Hub
from tests.orders.returning.warehouse import (
    again,
    delivered,
    go_back,
    invoice,
    line_of,
    open_alerts,
    problems_at_dsco,
    ship,
)


def _ids(hub: Hub) -> list[str]:
    return [row["invoice_id"] for row in hub.told("invoices")]


def _at_dsco(hub: Hub) -> dict[str, dict[str, object]]:
    hub.dsco.drive("process")
    invoices: dict[str, dict[str, object]] = hub.dsco.drive("state")["invoices"]
    return invoices


def test_an_invoice_of_the_wms_is_told_under_its_own_number_at_the_orders_prices(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 2), ("TEE-001", 1)])
    ship(hub, order, tracking="1ZALL")
    invoice(hub, order, invoice_number="INV-77", invoiced_at="2026-11-20")
    go_back(hub)
    rows = hub.told("invoices")
    assert _ids(hub) == ["INV-77", "INV-77"]
    assert [(row["line_item_sku"], row["line_item_quantity"], row["line_item_unit_price"]) for row in rows] == [
        ("CAP-001", "2", "5.25"),
        ("TEE-001", "1", "5.25"),
    ]
    assert {row["invoice_total_amount"] for row in rows} == {"15.75"}
    assert {row["invoice_date"] for row in rows} == {"2026-11-20T00:00:00+00:00"}
    assert {row["line_item_tracking_number"] for row in rows} == {"1ZALL"}
    assert list(_at_dsco(hub)) == ["INV-77"]
    assert problems_at_dsco(hub) == []


def test_an_invoice_that_comes_before_its_package_waits_for_it(hub: Hub) -> None:
    order = delivered(hub)
    invoice(hub, order)
    go_back(hub)
    assert hub.told("invoices") == []
    ship(hub, order)
    go_back(hub)
    assert len(hub.told("invoices")) == 1


def test_an_invoice_of_the_whole_waits_until_the_whole_has_shipped(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 3)])
    invoice(hub, order)
    ship(hub, order, lines={"CAP-001": 1})
    go_back(hub)
    assert hub.told("invoices") == []
    ship(hub, order)
    go_back(hub)
    assert [row["line_item_quantity"] for row in hub.told("invoices")] == ["3"]


def test_an_invoice_that_bills_more_than_will_ship_is_an_alert_until_it_is_voided(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 3)])
    hub.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=5)
    (wrong,) = invoice(hub, order, invoice_number="INV-WRONG")
    ship(hub, order)
    go_back(hub)
    keep()
    (alert,) = open_alerts(hub, "invoice_exceeds_shipped")
    assert "INV-WRONG" in alert.words
    hub.commerce.drive("void_invoice", invoice_id=wrong["id"])
    hub.run(ServiceName.SHIPMENT_PICKUP)
    assert open_alerts(hub, "invoice_exceeds_shipped") == []
    assert hub.told("invoices") == []


def test_many_invoices_that_wait_keep_no_other_from_being_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.pipeline.invoicing.AT_ONCE", 1)
    waiting = delivered(hub)
    invoice(hub, waiting)
    go_back(hub)
    ready = delivered(hub)
    ship(hub, ready)
    invoice(hub, ready, invoice_number="INV-READY")
    go_back(hub)
    assert _ids(hub) == ["INV-READY"]


def test_an_invoice_number_that_was_used_before_gets_another_id(hub: Hub) -> None:
    for number in (1, 2, 3):
        order = delivered(hub)
        ship(hub, order)
        invoice(hub, order, invoice_number="INV-1")
        if number < 3:
            go_back(hub)
    go_back(hub)
    assert _ids(hub) == ["INV-1", "INV-1-2", "INV-1-3"]
    assert len(_at_dsco(hub)) == 3
    assert problems_at_dsco(hub) == []


def test_equal_invoice_numbers_in_one_file_get_ids_of_their_own(hub: Hub) -> None:
    for _ in range(2):
        order = delivered(hub)
        ship(hub, order)
        invoice(hub, order, invoice_number="INV-1")
    go_back(hub)
    assert _ids(hub) == ["INV-1", "INV-1-2"]


def test_freeform_lines_count_in_the_total_only(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 2)], order={"shipping_surcharge": "4.00"})
    ship(hub, order)
    invoice(hub, order)
    go_back(hub)
    (row,) = hub.told("invoices")
    (made,) = hub.commerce.drive("state")["invoices"]
    assert row["line_item_sku"] == "CAP-001"
    assert row["invoice_total_amount"] == f"{Decimal(made['total']):.2f}"


def test_partial_invoices_of_one_line_are_each_told_once(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 3)])
    ship(hub, order)
    invoice(hub, order, lines={"CAP-001": 1}, invoice_number="INV-A")
    go_back(hub)
    invoice(hub, order, lines={"CAP-001": 2}, invoice_number="INV-B")
    go_back(hub)
    assert [(row["invoice_id"], row["line_item_quantity"]) for row in hub.told("invoices")] == [("INV-A", "1"), ("INV-B", "2")]
    assert line_of(order).invoiced == 3


def test_an_invoice_voided_before_it_was_told_is_not_told(hub: Hub) -> None:
    order = delivered(hub)
    (made,) = invoice(hub, order)
    go_back(hub)
    hub.commerce.drive("void_invoice", invoice_id=made["id"])
    ship(hub, order)
    go_back(hub)
    assert hub.told("invoices") == []
    assert Invoice.objects.for_account(hub.account).get().is_void


def test_an_invoice_voided_after_it_was_told_is_an_alert(hub: Hub) -> None:
    order = delivered(hub)
    ship(hub, order)
    (made,) = invoice(hub, order)
    go_back(hub)
    hub.commerce.drive("void_invoice", invoice_id=made["id"])
    for _ in range(2):
        go_back(hub)
    (alert,) = open_alerts(hub, "changed_after_telling")
    assert alert.times == 1
    assert len(hub.told("invoices")) == 1


# --- invoices that the hub makes ---------------------------------------------------------------------------------------------


@pytest.fixture
def billing(make_hub: Callable[..., Hub]) -> Hub:
    """A hub that makes an invoice of each package."""
    return make_hub(cart_settings={"invoices_from": "shipments"})


def test_the_hub_makes_an_invoice_per_package_numbered_after_the_order(billing: Hub) -> None:
    order = delivered(billing, [("CAP-001", 3), ("TEE-001", 1)])
    ship(billing, order, lines={"CAP-001": 2}, tracking="1ZONE")
    go_back(billing)
    ship(billing, order, tracking="1ZTWO")
    go_back(billing)
    first, second = f"{order.cust_ref}-1", f"{order.cust_ref}-2"
    rows = billing.told("invoices")
    assert [(row["invoice_id"], row["line_item_sku"], row["line_item_quantity"]) for row in rows] == [
        (first, "CAP-001", "2"),
        (second, "CAP-001", "1"),
        (second, "TEE-001", "1"),
    ]
    assert [row["invoice_total_amount"] for row in rows] == ["10.50", "10.50", "10.50"]
    assert [row["line_item_tracking_number"] for row in rows] == ["1ZONE", "1ZTWO", "1ZTWO"]
    assert problems_at_dsco(billing) == []
    assert again(order).status == "confirmed"


def test_invoices_of_the_wms_are_not_told_where_the_hub_makes_them(billing: Hub) -> None:
    order = delivered(billing)
    ship(billing, order)
    invoice(billing, order, invoice_number="INV-WMS")
    go_back(billing)
    assert _ids(billing) == [f"{order.cust_ref}-1"]


def test_the_hubs_invoices_never_bill_more_than_was_ordered(billing: Hub) -> None:
    order = delivered(billing, [("CAP-001", 2)])
    billing.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=5)
    ship(billing, order, lines={"CAP-001": 1})
    ship(billing, order, lines={"CAP-001": 4})
    go_back(billing)
    assert [row["line_item_quantity"] for row in billing.told("invoices")] == ["1", "1"]
    assert line_of(order).invoiced == 2


def test_changing_who_makes_the_invoices_bills_nothing_twice(billing: Hub) -> None:
    order = delivered(billing)
    ship(billing, order)
    go_back(billing)
    invoice(billing, order, invoice_number="INV-WMS")
    billing.cart.settings = {**billing.cart.settings, "invoices_from": "wms"}
    billing.cart.save()
    go_back(billing)
    assert _ids(billing) == [f"{order.cust_ref}-1"]
    assert line_of(order).invoiced == 2
