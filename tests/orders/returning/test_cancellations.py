"""What the WMS will not send is told to the cart with its code, and decides with what shipped where the order stands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.models import ServiceName, ServiceRun
from orders.models import LineCancellation
from tests.hub import Hub
from tests.orders.returning.warehouse import (
    again,
    delivered,
    go_back,
    line_of,
    open_alerts,
    problems_at_dsco,
    run_by_itself,
    ship,
)


@pytest.fixture
def coded(make_hub: Callable[..., Hub]) -> Hub:
    """A hub whose cart is told cancellations as out of stock."""
    return make_hub(cart_settings={"cancel_code": "CXSS"})


def _told(hub: Hub) -> list[tuple[str, str, str]]:
    return [
        (row["line_item_line_number"], row["line_item_status_quantity"], row["line_item_cancel_code"])
        for row in hub.told("cancels")
    ]


def test_an_order_voided_at_the_wms_before_anything_shipped_is_canceled(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 2), ("TEE-001", 1)])
    coded.commerce.drive("void", order_number=order.cust_ref)
    go_back(coded)
    assert again(order).status == "canceled"
    assert _told(coded) == [("1", "2", "CXSS"), ("2", "1", "CXSS")]
    assert problems_at_dsco(coded) == []
    assert [line["cancelled"] for line in coded.at_dsco()[order.external_id]["lines"]] == [2, 1]


def test_a_draft_deleted_at_the_wms_is_canceled(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(cart_settings={"cancel_code": "CXSO"}, wms_settings={"order_status": "draft"})
    order = delivered(hub)
    hub.commerce.drive("delete_order", order_number=order.cust_ref)
    go_back(hub)
    assert again(order).status == "canceled"
    assert _told(hub) == [("1", "2", "CXSO")]


def test_a_line_that_was_cut_is_told_and_the_rest_ships(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 5)])
    coded.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=3)
    go_back(coded)
    assert _told(coded) == [("1", "2", "CXSS")]
    assert again(order).status == "at_wms"
    ship(coded, order)
    go_back(coded)
    assert again(order).status == "confirmed"
    assert [row["line_item_quantity"] for row in coded.told("shipments")] == ["3"]
    assert problems_at_dsco(coded) == []


def test_a_line_that_was_removed_is_told_whole(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 1), ("TEE-001", 4)])
    coded.run(ServiceName.SHIPMENT_PICKUP)
    coded.commerce.drive("delete_line", order_number=order.cust_ref, line="TEE-001")
    go_back(coded)
    assert _told(coded) == [("2", "4", "CXSS")]
    ship(coded, order)
    go_back(coded)
    assert again(order).status == "confirmed"


def test_shipped_and_canceled_together_end_an_order(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 3)])
    ship(coded, order, lines={"CAP-001": 1})
    go_back(coded)
    coded.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=1)
    go_back(coded)
    assert _told(coded) == [("1", "2", "CXSS")]
    assert again(order).status == "confirmed"
    assert problems_at_dsco(coded) == []


def test_an_order_is_not_confirmed_before_its_cancellations_are_told(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 3)])
    coded.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=1)
    ship(coded, order)
    coded.run(ServiceName.SHIPMENT_PICKUP, ServiceName.SHIPMENT_UPLOAD)
    assert again(order).status == "shipped"
    coded.run(ServiceName.CANCEL_UPLOAD)
    assert again(order).status == "confirmed"


def test_a_line_cut_twice_is_told_in_all_and_never_twice(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 5)])
    for left in (4, 2):
        coded.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=left)
        coded.run(ServiceName.SHIPMENT_PICKUP)
    coded.run(ServiceName.CANCEL_UPLOAD)
    coded.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=1)
    go_back(coded)
    assert _told(coded) == [("1", "3", "CXSS"), ("1", "1", "CXSS")]
    assert problems_at_dsco(coded) == []


def test_a_cancellation_that_was_not_told_is_taken_back_when_the_line_ships_after_all(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 5)])
    hub.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=3)
    hub.run(ServiceName.SHIPMENT_PICKUP)
    assert line_of(order).canceled == 2
    hub.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=4)
    ship(hub, order)
    go_back(hub)
    assert (line_of(order).shipped, line_of(order).canceled) == (4, 1)
    assert LineCancellation.objects.for_account(hub.account).get().quantity == 1


def test_what_ships_after_it_was_told_as_canceled_is_an_alert_and_not_told(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 5)])
    coded.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=3)
    go_back(coded)
    coded.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=5)
    ship(coded, order)
    go_back(coded)
    assert [row["line_item_quantity"] for row in coded.told("shipments")] == ["3"]
    assert len(open_alerts(coded, "shipped_after_cancel")) == 1
    assert problems_at_dsco(coded) == []


def test_without_a_code_cancellations_wait_with_an_alert_and_the_order_is_not_confirmed(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 3)])
    hub.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=1)
    ship(hub, order)
    finished = go_back(hub)
    assert finished[ServiceName.CANCEL_UPLOAD].outcome == "problems"
    assert hub.told("cancels") == []
    assert again(order).status == "shipped"
    (alert,) = open_alerts(hub, "no_cancel_code")
    assert "Choose one" in alert.words

    hub.cart.settings = {**hub.cart.settings, "cancel_code": "CXSD"}
    hub.cart.save()
    go_back(hub)
    assert _told(hub) == [("1", "2", "CXSD")]
    assert open_alerts(hub, "no_cancel_code") == []
    assert again(order).status == "confirmed"


def test_waiting_for_a_code_is_said_once_and_not_at_every_sweep(hub: Hub) -> None:
    order = delivered(hub)
    hub.commerce.drive("void", order_number=order.cust_ref)
    hub.run(ServiceName.SHIPMENT_PICKUP)
    outcomes = [run_by_itself(hub, ServiceName.CANCEL_UPLOAD) for _ in range(3)]
    assert outcomes == ["problems", "nothing", "nothing"]
    assert ServiceRun.objects.for_account(hub.account).filter(service__name=ServiceName.CANCEL_UPLOAD).count() == 1


def test_an_order_that_the_cart_canceled_itself_is_not_told_back(coded: Hub) -> None:
    order = delivered(coded)
    coded.dsco.drive("cancel_orders", orders=[order.external_id])
    coded.dsco.drive("export", orders=[order.external_id])
    coded.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    go_back(coded)
    assert again(order).status == "canceled"
    assert coded.told("cancels") == []


def test_lines_that_could_not_be_read_are_not_taken_for_removed(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 1), ("TEE-001", 1)])
    coded.run(ServiceName.SHIPMENT_PICKUP)
    coded.commerce.drive("finalize", order_number=order.cust_ref)
    coded.commerce.drive("fault", name="empty", path="/order_line_items", times=2)
    coded.run(ServiceName.SHIPMENT_PICKUP)
    coded.commerce.drive("clear_faults")
    assert [line_of(order, number).canceled for number in (1, 2)] == [0, 0]
    go_back(coded)
    assert again(order).status == "at_wms"
