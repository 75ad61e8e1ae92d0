"""Packages: each told once, never more than was ordered, and only with tracking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import ServiceName
from orders import actions
from orders.models import OrderEvent, Shipment
from orders.upkeep.housekeeping import keep
from tests.hub import Hub
from tests.orders.returning.warehouse import (
    again,
    delivered,
    go_back,
    line_of,
    open_alerts,
    problems_at_dsco,
    ship,
    shipped_at_dsco,
)


def test_partial_shipments_are_told_as_they_come_and_the_order_is_partial_in_between(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 3), ("TEE-001", 2)])
    ship(hub, order, lines={"CAP-001": 2}, tracking="1ZFIRST")
    go_back(hub)
    assert again(order).status == "partial"
    ship(hub, order, tracking="1ZREST")
    go_back(hub)
    assert again(order).status == "confirmed"
    told = [
        (row["line_item_line_number"], row["line_item_quantity"], row["package_tracking_number"])
        for row in hub.told("shipments")
    ]
    assert told == [("1", "2", "1ZFIRST"), ("1", "1", "1ZREST"), ("2", "2", "1ZREST")]
    assert shipped_at_dsco(hub, order) == {"1": 3, "2": 2}
    assert problems_at_dsco(hub) == []


def test_one_line_in_several_packages_is_a_row_per_package(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 5)])
    ship(hub, order, packages=3)
    go_back(hub)
    rows = hub.told("shipments")
    assert sorted(int(row["line_item_quantity"]) for row in rows) == [1, 2, 2]
    assert len({row["package_tracking_number"] for row in rows}) == 3
    assert shipped_at_dsco(hub, order) == {"1": 5}


def test_several_lines_in_one_package_share_its_tracking(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 1), ("TEE-001", 1)])
    ship(hub, order, tracking="1ZBOTH")
    go_back(hub)
    assert [row["package_tracking_number"] for row in hub.told("shipments")] == ["1ZBOTH", "1ZBOTH"]


def test_lines_with_one_sku_are_told_apart(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 1), ("CAP-001", 3)])
    second = next(line for line in hub.at_commerce()[0]["lines"] if line["quantity"] in ("3", "3.0"))
    ship(hub, order, lines=[{"line": second["id"], "quantity": 2}])
    go_back(hub)
    assert (line_of(order, 1).shipped, line_of(order, 2).shipped) == (0, 2)
    ship(hub, order)
    go_back(hub)
    assert shipped_at_dsco(hub, order) == {"1": 1, "2": 3}
    assert problems_at_dsco(hub) == []


def test_two_boxes_under_one_tracking_number_are_one_row(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 4)])
    boxes = [{"lines": {"CAP-001": 1}, "tracking": "1ZSAME"}, {"lines": {"CAP-001": 3}, "tracking": "1ZSAME"}]
    ship(hub, order, packages=boxes)
    go_back(hub)
    assert [row["line_item_quantity"] for row in hub.told("shipments")] == ["4"]
    assert problems_at_dsco(hub) == []
    assert again(order).status == "confirmed"


def test_a_package_without_tracking_waits_and_is_told_when_the_number_comes(hub: Hub) -> None:
    order = delivered(hub)
    (box,) = ship(hub, order, without_tracking=True)
    go_back(hub)
    assert hub.told("shipments") == []
    assert again(order).status == "shipped"
    hub.commerce.drive("set_tracking", fulfillment_id=box["id"], tracking="1ZLATE")
    go_back(hub)
    assert [row["package_tracking_number"] for row in hub.told("shipments")] == ["1ZLATE"]
    assert again(order).status == "confirmed"


def test_a_packed_package_is_not_told_before_it_ships(hub: Hub) -> None:
    order = delivered(hub)
    (box,) = ship(hub, order, pack_only=True)
    go_back(hub)
    assert hub.told("shipments") == []
    assert again(order).status == "at_wms"
    hub.commerce.drive("ship", fulfillment_id=box["id"], tracking="1ZNOW")
    go_back(hub)
    assert [row["package_tracking_number"] for row in hub.told("shipments")] == ["1ZNOW"]


@pytest.mark.parametrize(("hours", "alerts"), [(3, 0), (5, 1)])
def test_missing_tracking_is_an_alert_after_four_hours(hub: Hub, hours: int, alerts: int) -> None:
    order = delivered(hub)
    ship(hub, order, without_tracking=True)
    go_back(hub)
    then = timezone.now() - timedelta(hours=hours)
    Shipment.objects.for_account(hub.account).update(seen_at=then, shipped_at=then)
    keep()
    keep()
    assert len(open_alerts(hub, "no_tracking")) == alerts


def test_the_hours_without_tracking_count_from_the_shipping_and_not_from_the_packing(hub: Hub) -> None:
    order = delivered(hub)
    (box,) = ship(hub, order, pack_only=True, without_tracking=True)
    go_back(hub)
    Shipment.objects.for_account(hub.account).update(seen_at=timezone.now() - timedelta(days=2))
    hub.commerce.drive("ship", fulfillment_id=box["id"], without_tracking=True)
    go_back(hub)
    keep()
    assert open_alerts(hub, "no_tracking") == []


def test_the_alert_on_missing_tracking_ends_when_the_number_comes(hub: Hub) -> None:
    order = delivered(hub)
    (box,) = ship(hub, order, without_tracking=True)
    go_back(hub)
    then = timezone.now() - timedelta(hours=5)
    Shipment.objects.for_account(hub.account).update(seen_at=then, shipped_at=then)
    keep()
    (alert,) = open_alerts(hub, "no_tracking")
    assert order.cust_ref in alert.words
    hub.commerce.drive("set_tracking", fulfillment_id=box["id"], tracking="1ZLATE")
    hub.run(ServiceName.SHIPMENT_PICKUP)
    assert open_alerts(hub, "no_tracking") == []


def test_a_person_may_send_a_package_without_tracking(hub: Hub) -> None:
    order = delivered(hub)
    ship(hub, order, without_tracking=True)
    go_back(hub)
    actions.shipment_send_without_tracking(Shipment.objects.for_account(hub.account).get(), actor="bob@example.com")
    go_back(hub)
    (row,) = hub.told("shipments")
    assert (row["package_tracking_number"], row["line_item_quantity"]) == ("", "2")
    assert again(order).status == "confirmed"


@pytest.mark.parametrize("change", ["void", "tracking"])
def test_a_package_that_changes_after_it_was_told_is_an_alert_and_never_a_second_row(hub: Hub, change: str) -> None:
    order = delivered(hub)
    (box,) = ship(hub, order, tracking="1ZTOLD")
    go_back(hub)
    if change == "void":
        hub.commerce.drive("void_fulfillment", fulfillment_id=box["id"])
    else:
        hub.commerce.drive("set_tracking", fulfillment_id=box["id"], tracking="1ZOTHER")
    for _ in range(3):
        go_back(hub)
    assert [row["package_tracking_number"] for row in hub.told("shipments")] == ["1ZTOLD"]
    (alert,) = open_alerts(hub, "changed_after_telling")
    assert alert.order_id == order.pk
    assert OrderEvent.objects.for_account(hub.account).filter(kind="shipment.changed_after_telling").count() == 1


def test_a_box_packed_anew_after_it_was_told_is_not_told_again(hub: Hub) -> None:
    order = delivered(hub)
    (box,) = ship(hub, order, tracking="1ZTOLD")
    go_back(hub)
    hub.commerce.drive("void_fulfillment", fulfillment_id=box["id"])
    ship(hub, order, tracking="1ZANEW")
    go_back(hub)
    assert [row["package_tracking_number"] for row in hub.told("shipments")] == ["1ZTOLD"]
    assert line_of(order).told == 2
    assert OrderEvent.objects.for_account(hub.account).filter(kind="shipment.nothing_to_tell").count() == 1
    assert again(order).status == "confirmed"


def test_an_order_whose_untold_package_is_voided_is_not_shipped_any_more(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 3)])
    ship(hub, order, lines={"CAP-001": 2}, tracking="1ZTOLD")
    (box,) = ship(hub, order, without_tracking=True)
    go_back(hub)
    assert again(order).status == "shipped"
    hub.commerce.drive("void_fulfillment", fulfillment_id=box["id"])
    go_back(hub)
    assert again(order).status == "partial"
    ship(hub, order, tracking="1ZANEW")
    go_back(hub)
    assert again(order).status == "confirmed"
    assert shipped_at_dsco(hub, order) == {"1": 3}


def test_more_than_was_ordered_is_never_told(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 2)])
    hub.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=5)
    ship(hub, order, tracking="1ZMUCH")
    go_back(hub)
    assert [row["line_item_quantity"] for row in hub.told("shipments")] == ["2"]
    (alert,) = open_alerts(hub, "shipped_too_many")
    assert "5 pieces" in alert.words
    assert problems_at_dsco(hub) == []


def test_what_the_wms_adds_to_an_order_is_not_told(hub: Hub) -> None:
    order = delivered(hub)
    hub.commerce.drive("add_line", order_number=order.cust_ref, sku="MUG-001", quantity=1)
    ship(hub, order)
    go_back(hub)
    assert [row["line_item_sku"] for row in hub.told("shipments")] == ["CAP-001"]
    assert again(order).status == "confirmed"


def test_a_second_pickup_and_upload_tell_nothing_more(hub: Hub) -> None:
    ship(hub, delivered(hub))
    go_back(hub)
    hub.run(ServiceName.SHIPMENT_PICKUP)
    hub.run(ServiceName.SHIPMENT_UPLOAD)
    assert len(hub.told("shipments")) == 1
