"""Orders that the cart canceled by itself: whatever the WMS says of them afterwards, the cart isn't told what it said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.models import ServiceName
from orders.acts.order_acts import act_on
from orders.models import LineCancellation, Order
from tests.hub import Hub
from tests.orders.returning.warehouse import again, delivered, go_back, line_of, open_alerts, problems_at_dsco


@pytest.fixture
def coded(make_hub: Callable[..., Hub]) -> Hub:
    """A hub whose cart is told cancellations as out of stock."""
    return make_hub(cart_settings={"cancel_code": "CXSS"})


def _retailer_cancels(hub: Hub, order: Order) -> None:
    hub.dsco.drive("cancel_orders", orders=[order.external_id])
    hub.dsco.drive("export", orders=[order.external_id])
    hub.run(ServiceName.ORDER_DOWNLOAD)


def _void_answers_are_lost(hub: Hub) -> None:
    hub.commerce.drive("fault", name="drop_after", path="/orders/*/actions/void", method="POST", times=1)


def test_cart_is_not_told_what_it_canceled_when_the_pickup_sees_the_void_first(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 2), ("TEE-001", 1)])
    _retailer_cancels(coded, order)
    _void_answers_are_lost(coded)
    coded.run(ServiceName.ORDER_DELIVERY)
    assert [one["status"] for one in coded.at_commerce()] == ["void"]
    assert again(order).state == "sent"
    go_back(coded)
    assert again(order).status == "canceled"
    coded.run()
    assert coded.told("cancels") == []
    assert problems_at_dsco(coded) == []
    assert open_alerts(coded, "cancel_wanted") == []


def test_cart_is_not_told_what_the_wms_cuts_after_the_cart_canceled(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(cart_settings={"cancel_code": "CXSS", "send_cancels_to_wms": "no"})
    order = delivered(hub, [("CAP-001", 5)])
    _retailer_cancels(hub, order)
    assert len(open_alerts(hub, "cancel_wanted")) == 1
    hub.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=2)
    go_back(hub)
    assert (again(order).state, line_of(order).canceled) == ("sent", 3)
    hub.commerce.drive("void", order_number=order.cust_ref)
    go_back(hub)
    assert (again(order).status, line_of(order).canceled) == ("canceled", 5)
    assert hub.told("cancels") == []
    assert problems_at_dsco(hub) == []


def test_what_was_still_to_be_told_is_dropped_once_the_cart_cancels_too(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 2)])
    hub.commerce.drive("void", order_number=order.cust_ref)
    go_back(hub)
    assert LineCancellation.objects.for_account(hub.account).count() == 1
    assert len(open_alerts(hub, "no_cancel_code")) == 1
    _retailer_cancels(hub, order)
    assert not LineCancellation.objects.for_account(hub.account).exists()
    hub.run()
    assert open_alerts(hub, "no_cancel_code") == []
    assert (again(order).status, line_of(order).canceled) == ("canceled", 2)


def test_cart_is_told_nothing_of_what_a_person_canceled_without_saying_so_when_the_answer_is_lost(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 2)])
    act_on(order, "cancel", "bob", {"tell": "no"})
    _void_answers_are_lost(coded)
    coded.run(ServiceName.ORDER_DELIVERY)
    go_back(coded)
    assert again(order).status == "canceled"
    coded.run()
    assert coded.told("cancels") == []


def test_cart_is_told_the_reason_that_a_person_chose_when_the_answer_is_lost(coded: Hub) -> None:
    order = delivered(coded, [("CAP-001", 2)])
    act_on(order, "cancel", "bob", {"tell": "yes", "code": "CXSD", "reason": "Discontinued"})
    _void_answers_are_lost(coded)
    coded.run(ServiceName.ORDER_DELIVERY)
    go_back(coded)
    coded.run()
    assert [(row["line_item_cancel_code"], row["line_item_cancel_reason"]) for row in coded.told("cancels")] == [
        ("CXSD", "Discontinued")
    ]
    assert problems_at_dsco(coded) == []
