"""Orders that a person cancels in the portal: the cart is told when they said so, and only then."""

from __future__ import annotations

import pytest
from django.utils import timezone

from connectors.contract import HoldReason
from connectors.models import Service, ServiceName
from orders.actions import order_hold, order_release
from orders.acts.order_acts import act_on
from orders.models import LineCancellation, Order
from tests.hub import Hub
from tests.orders.returning.warehouse import again, delivered, problems_at_dsco

TOLD = {"tell": "yes", "code": "CXSD", "reason": "Discontinued"}


def _placed(hub: Hub) -> Order:
    hub.place(count=1, skus=["CAP-001"], lines=1, quantity=2)
    hub.run(ServiceName.ORDER_DOWNLOAD)
    return Order.objects.for_account(hub.account).select_related("source", "wms").latest("pk")


def _codes(hub: Hub) -> list[tuple[str, str]]:
    return [(row["line_item_status_quantity"], row["line_item_cancel_code"]) for row in hub.told("cancels")]


def test_cart_is_told_of_an_order_that_was_never_sent_with_the_code_that_was_chosen(hub: Hub) -> None:
    order = _placed(hub)
    good, said = act_on(order, "cancel", "bob", TOLD)
    assert good
    assert "DSCO is told" in said
    hub.run()
    assert again(order).status == "canceled"
    assert [code for _, code in _codes(hub)] == ["CXSD"] * len(order.lines.all())
    assert problems_at_dsco(hub) == []
    assert hub.at_commerce() == []
    hub.run()
    assert len(hub.told("cancels")) == order.lines.count()


def test_cart_is_told_once_the_wms_has_agreed(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 2)])
    act_on(order, "cancel", "bob", TOLD)
    assert not LineCancellation.objects.for_account(hub.account).exists()
    hub.run()
    assert again(order).status == "canceled"
    assert _codes(hub) == [("2", "CXSD")]
    assert problems_at_dsco(hub) == []


def test_cart_is_told_nothing_where_nobody_said_so(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 2)])
    act_on(order, "cancel", "bob", {"tell": "no", "code": "CXSD"})
    hub.run()
    hub.run()
    assert again(order).status == "canceled"
    assert hub.told("cancels") == []


def test_reason_is_one_of_the_carts_own(hub: Hub) -> None:
    order = _placed(hub)
    for options in ({"tell": "yes"}, {"tell": "yes", "code": "ODD"}):
        good, said = act_on(order, "cancel", "bob", options)
        assert not good
        assert "Choose the reason that DSCO is told" in said
    assert again(order).status == "new"


@pytest.mark.django_db
def test_holding_and_letting_go_wake_the_stock_upload(hub: Hub) -> None:
    order = _placed(hub)
    uploads = Service.objects.for_account(hub.account).filter(name=ServiceName.INVENTORY_UPLOAD)
    for act in (order_hold, order_release):
        uploads.update(every="automatic", due_at=None)
        act(again(order), actor="bob")
        due = uploads.get().due_at
        assert due is not None
        assert due <= timezone.now()
    assert again(order).hold != HoldReason.BY_PERSON
