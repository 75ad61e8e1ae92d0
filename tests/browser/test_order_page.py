"""An order's page as a person reads it: its numbers, and what its story opens to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from cartrover.accounts.models import Role, User
from connectors.models import ServiceName
from orders.models import Order
from tests.browser.visitor import Visitor
from tests.factories import MembershipFactory
from tests.hub import Hub

Visit = Callable[..., Visitor]


@pytest.fixture
def viewer(hub: Hub) -> User:
    return MembershipFactory.create(account=hub.account, user__email="vera@example.com", role=Role.VIEWER).user


@pytest.fixture
def sent(hub: Hub) -> Order:
    [placed] = hub.place(count=1, skus=["CAP-001"])
    hub.run(ServiceName.INVENTORY_PICKUP, ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    return hub.order(cust_po_no=placed["po_number"])


def test_both_numbers_and_their_copy_buttons_stand_on_one_line(hub: Hub, viewer: User, sent: Order, visit: Visit) -> None:
    window = visit(viewer, width=1440)
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = window.open(f"/a/{hub.account.slug}/orders/{sent.public_id}/")
    copies = [page.get_by_role("button", name=f"Copy the {name} number") for name in ("order", "full")]
    numbers = [page.get_by_role("heading", level=1), page.get_by_text(sent.cust_po_no, exact=True)]
    middles = [_middle(one) for one in (*numbers, *copies)]
    assert max(middles) - min(middles) < 4, middles
    assert max(_height(one) for one in numbers) < 40, "no number is broken over two lines"
    for copy, number in zip(copies, (sent.cust_ref, sent.cust_po_no), strict=True):
        copy.click()
        expect(copy).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == number


def test_entry_of_the_story_opens_what_was_asked_and_answered_and_the_file(
    hub: Hub, viewer: User, sent: Order, visit: Visit
) -> None:
    window = visit(viewer)
    page = window.open(f"/a/{hub.account.slug}/orders/{sent.public_id}/")
    story = page.get_by_role("region", name="Story")
    asked = page.get_by_role("region", name="Messages").locator("pre").first
    expect(asked).to_be_hidden()
    story.get_by_role("link", name="what was asked and answered").click()
    expect(asked).to_be_visible()
    expect(asked).to_contain_text(sent.cust_ref)
    assert not window.violations()

    assert sent.document is not None
    story.get_by_role("link", name=sent.document.name).click()
    expect(page.get_by_role("region", name="What it holds")).to_contain_text(sent.cust_po_no)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == sent.document.name


def _middle(one: Locator) -> float:
    box = one.bounding_box()
    assert box is not None
    return box["y"] + box["height"] / 2


def _height(one: Locator) -> float:
    box = one.bounding_box()
    assert box is not None
    return box["height"]
