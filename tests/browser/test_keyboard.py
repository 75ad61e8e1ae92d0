"""The whole way on a phone's width, in the dark, without touching anything but keys."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from cartrover.accounts.models import Role
from connectors.models import ServiceName
from tests.browser.visitor import Visitor
from tests.browser.worker import work
from tests.factories import PASSWORD, MembershipFactory
from tests.hub import Hub

MOST_TABS = 40

FOCUS = """() => {
  const element = document.activeElement, box = element.getBoundingClientRect();
  const ring = (part) => {
    const style = getComputedStyle(element, part);
    return style.outlineStyle === "none" || style.content === "none" ? 0 : parseFloat(style.outlineWidth);
  };
  const called = [element.getAttribute("aria-label"), element.labels?.[0]?.textContent, element.textContent, element.name];
  return {
    name: called.find((one) => one)?.trim().replace(/:$/, "") ?? "",
    ring: Math.max(ring(null), ring("::after")),
    isBare: element === document.body,
    isThere: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


def test_order_is_found_held_and_released_with_keys_alone_on_a_narrow_dark_window(
    hub: Hub, visit: Callable[..., Visitor]
) -> None:
    person = MembershipFactory.create(account=hub.account, user__email="omar@example.com", role=Role.OPERATOR).user
    [placed, _] = hub.place(count=2, skus=["CAP-001"])
    hub.run(ServiceName.INVENTORY_PICKUP, ServiceName.ORDER_DOWNLOAD)
    order = hub.order(cust_po_no=placed["po_number"])
    visitor = visit(None, width=360, height=740, dark=True)
    page = visitor.open("/")
    assert _brightness(page) < 60

    _tab_to(page, "Sign in")
    visitor.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    _tab_to(page, "E-mail address")
    page.keyboard.type(person.email)
    _tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    visitor.press("Enter")
    expect(page.get_by_role("region", name="Needs you")).to_be_visible()
    assert not visitor.overflows()

    visitor.press("/")
    page.keyboard.type("CAP-001")
    visitor.press("Enter")
    expect(page.locator("main .row-link")).to_have_count(2)
    visitor.press("j")
    if _focus(page) != order.cust_ref:
        visitor.press("j")
    assert _focus(page) == order.cust_ref
    visitor.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(order.cust_ref)

    visitor.press("h")
    expect(page.get_by_role("region", name="Why this order is held")).to_be_visible()
    order.refresh_from_db()
    assert order.hold == "by_person"
    visitor.screenshot("held-by-key", whole=True)
    work(hub.account)
    assert len(hub.at_commerce()) == 1, "the other order alone has gone out"

    visitor.press("r")
    expect(page.get_by_role("region", name="Why this order is held")).to_have_count(0)
    work(hub.account)
    order.refresh_from_db()
    assert (order.hold, order.status) == ("", "at_wms")
    assert len(hub.at_commerce()) == 2

    help_of_keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    visitor.press("?")
    expect(help_of_keys).to_be_visible()
    assert not visitor.violations()
    visitor.press("Escape")
    expect(help_of_keys).to_be_hidden()
    visitor.press("?")
    expect(help_of_keys).to_be_visible()
    visitor.press("?")
    expect(help_of_keys).to_be_hidden()
    assert not visitor.overflows()

    visitor.press("g")
    visitor.press("h")
    expect(page.get_by_role("region", name="Flow")).to_be_visible()
    _tab_to(page, "Your menu")
    visitor.press("Enter")
    _tab_to(page, "Sign out")
    visitor.press("Enter")
    expect(page.get_by_role("link", name="Sign in").or_(page.get_by_role("button", name="Sign in", exact=True))).to_be_visible()


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called so has the focus; on the way everything that has it must show it."""
    passed: list[str] = []
    while len(passed) < MOST_TABS:
        if page.evaluate(FOCUS)["name"] == name:
            return
        page.keyboard.press("Tab")
        passed.append(_focus(page))
    raise AssertionError(f"{MOST_TABS} tabs don't lead to “{name}” but over {', '.join(passed)}")


def _focus(page: Page) -> str:
    """Return the name of what has the focus, which must be in the window and have a ring that is seen."""
    focus = page.evaluate(FOCUS)
    assert focus["isBare"] or (focus["ring"] >= 2 and focus["isThere"]), focus
    name: str = focus["name"]
    return name


def _brightness(page: Page) -> float:
    """Return how bright the background is, of 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(float(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) / 3
