"""The portal's pages of connections whose far side calls the hub."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from cartrover.accounts.models import Account, User
from connectors import actions
from connectors.contract import HoldReason
from orders.connecting.going_live import go_live
from orders.models import Order
from tests.api.conftest import Program, connect, order

pytestmark = pytest.mark.django_db

PAGES = ("", "settings/", "setup/", "setup/jobs/", "services/now/", "files/", "runs/")
GATE = ("go-live/", "go-live/stations/")


@pytest.mark.parametrize("kind", ["api_cart", "api_wms"])
def test_every_page_of_the_connection_opens(kind: str, alice: User, acme: Account, browser: Callable[..., Client]) -> None:
    connection = connect(acme, kind, "Own")
    client = browser(alice)
    for page in (*PAGES, *(GATE if kind == "api_cart" else ())):
        answer = client.get(f"/a/acme/connections/{connection.public_id}/{page}", follow=True)
        assert answer.status_code == 200, page
    assert client.get("/a/acme/").status_code == 200


def test_a_pushed_order_tells_its_story(
    alice: User, acme: Account, shop: Program, warehouse: Program, browser: Callable[..., Client]
) -> None:
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    warehouse.post("/v1/merchant/orders/update/A-1", {"order_status": "shipped", "shipments": [{"tracking_no": "T1"}]})
    shop.post("/v1/cart/orders/update/A-1", {"order_status": "confirmed"})
    made = Order.objects.for_account(acme).get()
    text = browser(alice).get(f"/a/acme/orders/{made.public_id}/").content.decode()
    for words in ("Taken by Warehouse East.", "Shipped as T1.", "has taken the tracking of 1 package", "API key cart 0"):
        assert words in text
    assert browser(alice).get(f"/a/acme/orders/{made.public_id}/preview/").status_code in (200, 302)


def test_going_live_without_a_test_lets_waiting_orders_go(acme: Account, shop: Program, warehouse: Program) -> None:
    cart = shop.key.cart
    assert cart is not None
    actions.connection_to_test_mode(connection=cart, actor="test")
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    assert Order.objects.for_account(acme).get().hold == HoldReason.NOT_LIVE
    assert go_live(cart=cart, actor="alice", skip_test=True).released == 1
    assert [one["cust_ref"] for one in warehouse.get("/v1/merchant/orders/list/new")["response"]] == ["A-1"]
