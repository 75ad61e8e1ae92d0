"""Lists as a person uses them: rows open at a click, heads stay in sight, figures stand under each other."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from cartrover.accounts.models import Role, User
from connectors.models import ServiceName
from tests.browser.visitor import Visitor
from tests.factories import MembershipFactory
from tests.hub import Hub

Visit = Callable[..., Visitor]
HIGH = 40
"""Pixels of a row with one line."""


@pytest.fixture
def viewer(hub: Hub) -> User:
    return MembershipFactory.create(account=hub.account, user__email="vera@example.com", role=Role.VIEWER).user


def test_row_opens_where_it_is_clicked_and_what_is_in_it_works_by_itself(hub: Hub, viewer: User, visit: Visit) -> None:
    hub.place(count=1, skus=["CAP-001"])
    hub.run()
    for act in ("finalize", "pack_and_ship"):
        hub.commerce.drive(act, order_id=hub.at_commerce()[0]["id"])
    hub.run()
    order = hub.order()
    page = visit(viewer, width=1440).open(f"/a/{hub.account.slug}/shipments/")
    row = page.get_by_role("row").filter(has_text=order.cust_ref)
    row.get_by_role("cell").nth(1).click(force=True)  # what lies over it is the link that a click anywhere follows
    expect(page.get_by_role("heading", level=1)).to_have_text(order.cust_ref)
    page.go_back()
    row.get_by_role("link", name=re.compile("^Shipment_")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Shipment_")


@pytest.mark.parametrize("path", ["inventory", "products"])
def test_head_stays_in_sight_and_rows_are_of_one_height(path: str, hub: Hub, viewer: User, visit: Visit) -> None:
    hub.run(ServiceName.INVENTORY_PICKUP)
    page = visit(viewer, width=1440, height=500).open(f"/a/{hub.account.slug}/{path}/")
    rows = page.locator("tbody tr")
    heights = {round(box["height"]) for row in rows.all()[:10] if (box := row.bounding_box())}
    assert heights == {HIGH}
    page.mouse.wheel(0, 900)
    head, bar = page.locator("thead th").first, page.get_by_role("banner")
    expect(head).to_be_in_viewport()
    page.wait_for_function("scrollY > 300")
    top, above = head.bounding_box(), bar.bounding_box()
    assert top is not None
    assert above is not None
    assert abs(top["y"] - above["height"]) <= 1
    if path == "inventory":
        figure = page.locator("td.num").first
        styles = figure.evaluate("one => [getComputedStyle(one).textAlign, getComputedStyle(one).fontVariantNumeric]")
        assert styles == ["right", "tabular-nums"]


@pytest.mark.parametrize("path", ["orders", "shipments", "inventory"])
def test_no_row_of_a_narrow_list_runs_into_the_next(path: str, hub: Hub, viewer: User, visit: Visit) -> None:
    hub.place(count=3, lines=[1, 3], skus=["CAP-001", "TEE-001"])
    hub.run()
    for order in hub.at_commerce():
        for act in ("finalize", "pack_and_ship"):
            hub.commerce.drive(act, order_id=order["id"])
    hub.run()
    page = visit(viewer, width=360).open(f"/a/{hub.account.slug}/{path}/")
    rows = page.locator("tbody tr")
    assert rows.count() >= 3
    assert rows.evaluate_all("rows => rows.filter(row => row.scrollHeight > row.clientHeight + 1).length") == 0
