"""Takes the pictures of docs/screens: `make screens`. Not a test of its own; it uses what the tests have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.urls import reverse

from cartrover.accounts.models import Role
from connectors import actions
from connectors.models import ServiceName
from orders.connecting import going_live
from orders.health import clock
from orders.models import Order
from tests.browser.visitor import Visitor
from tests.browser.worker import work
from tests.factories import MembershipFactory, UserFactory
from tests.hub import Hub

FOLDER = Path(__file__).parents[2] / "docs" / "screens"
LARGEST = 150 * 1024
"""Bytes of one picture: the folder lies in the repository."""

WIDE, PHONE = (1120, 720), (390, 780)
SKUS = ["CAP-001", "CAP-004", "TEE-002", "TEE-005", "MUG-003", "BAG-002"]


@pytest.mark.timeout(300)
def test_pictures_of_the_main_pages(
    make_hub: Callable[..., Hub], visit: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCREENS_FOLDER", str(FOLDER))
    hub = make_hub(live=False)
    owner = MembershipFactory.create(account=hub.account, user__email="olga@example.com", role=Role.OWNER).user
    staff = UserFactory.create(email="sam@example.com", is_staff=True, is_superuser=True)
    wide = visit(owner, width=WIDE[0], height=WIDE[1])
    cart = {"public_id": hub.cart.public_id}

    _test_order_goes_round(hub)
    _picture(wide, hub, "guide", "connection_guide", **cart)
    _picture(wide, hub, "jobs", "connection_guide", "?step=4", **cart)
    _picture(wide, hub, "go-live", "connection_go_live", **cart)

    going_live.go_live(cart=hub.cart, actor="olga@example.com")
    shown = _some_days_of_work(hub)
    windows = {
        "": wide,
        "-dark": visit(owner, width=WIDE[0], height=WIDE[1], dark=True),
        "-phone": visit(owner, width=PHONE[0], height=PHONE[1]),
    }
    for suffix, window in windows.items():
        for name, page in (("home", "account_home"), ("orders", "orders"), ("alerts", "alerts")):
            _picture(window, hub, f"{name}{suffix}", page)
        _picture(window, hub, f"order{suffix}", "order", public_id=shown.public_id)
    _picture(wide, hub, "connection", "connection", **cart)
    for name in ("inventory", "aliases"):
        _picture(wide, hub, name, name)
    _picture(wide, hub, "settings", "notifications")

    clock.note_tick()
    console = visit(staff, width=WIDE[0], height=WIDE[1])
    console.open(reverse("admin:index"))
    console.screenshot("staff")
    sizes = {picture.name: picture.stat().st_size for picture in FOLDER.glob("*.png")}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


def _picture(window: Visitor, hub: Hub, name: str, page: str, query: str = "", **ids: object) -> None:
    window.open(reverse(page, kwargs={"slug": hub.account.slug, **ids}) + query)
    window.page.wait_for_load_state("networkidle")
    window.screenshot(name)


def _test_order_goes_round(hub: Hub) -> None:
    """A test order comes, is shipped and told, while live ones wait."""
    hub.run(ServiceName.INVENTORY_PICKUP)
    hub.place(count=1, skus=["CAP-001"], test=True)
    hub.place(count=3, retailers=3, skus=SKUS, seed=1)
    hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    _ship(hub, len(hub.at_commerce()))
    hub.run(ServiceName.SHIPMENT_PICKUP, ServiceName.SHIPMENT_UPLOAD)


def _some_days_of_work(hub: Hub) -> Order:
    """Orders come; some are shipped and invoiced, some wait for a person. Return one that has been all the way."""
    hub.place(count=18, retailers=4, lines=[1, 3], quantity=[1, 4], skus=SKUS, seed=2)
    hub.place(count=2, items=[{"sku": "CAP004", "quantity": 2, "cost": "12.50"}])
    hub.place(count=1, items=[{"sku": "POSTER-XL", "quantity": 1, "cost": "8.00"}])
    hub.run()
    _ship(hub, 12)
    work(hub.account)
    hub.run()
    hub.dsco.drive("wait")
    hub.run(ServiceName.SHIPMENT_UPLOAD)
    hub.place(count=4, retailers=3, skus=SKUS, seed=4)
    hub.run(ServiceName.ORDER_DOWNLOAD)
    actions.services_set(connection=hub.wms, schedules={ServiceName.SHIPMENT_PICKUP: "5"}, actor="olga@example.com")
    done = Order.objects.for_account(hub.account).filter(shipments__document__isnull=False, is_test=False)
    return done.order_by("pk")[2]


def _ship(hub: Hub, most: int) -> None:
    for order in [one for one in hub.at_commerce() if one["fulfillment_status"] != "shipped"][:most]:
        hub.commerce.drive("finalize", order_id=order["id"])
        hub.commerce.drive("pack_and_ship", order_id=order["id"])
        hub.commerce.drive("invoice", order_id=order["id"])
