"""What came of an act: said where it is seen and heard, in nobody's way, and there without scripts as well."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from cartrover.accounts.models import Role, User
from connectors.models import ServiceName
from tests.browser.visitor import Visitor
from tests.factories import MembershipFactory
from tests.hub import Hub

Visit = Callable[..., Visitor]


@pytest.fixture
def owner(hub: Hub) -> User:
    return MembershipFactory.create(account=hub.account, user__email="olga@example.com", role=Role.OWNER).user


def _at(hub: Hub, path: str) -> str:
    return f"/a/{hub.account.slug}/{path}"


def _save_settings(page: Page) -> Locator:
    """Do something that goes well and leads to a page anew; return what is said of it."""
    page.get_by_label("Time zone").first.fill("Europe/Berlin")
    page.get_by_role("button", name="Save settings").click()
    said = page.get_by_role("status").filter(has_text="Saved.")
    expect(said).to_be_visible()
    return said


def _be_refused(page: Page) -> Locator:
    """Do something that can't be done; return what is said of it."""
    page.get_by_text("Remove olga@example.com").click()
    page.get_by_role("button", name="Remove yourself").click()
    said = page.get_by_role("alert").filter(has_text="owner")
    expect(said).to_be_visible()
    return said


def test_good_news_goes_by_itself_but_not_while_somebody_is_at_it(hub: Hub, owner: User, visit: Visit) -> None:
    window = visit(owner, width=1440)
    window.page.clock.install()
    page = window.open(_at(hub, "settings/"))
    said = _save_settings(page)
    toast = said.locator(".notice")
    expect(toast.get_by_role("button", name="Close this message")).to_be_visible()
    assert page.evaluate("document.activeElement === document.body"), "it takes the focus from nobody"
    assert _is_at_the_edge(toast)
    assert not window.violations()
    window.screenshot("good-news")

    toast.hover()
    page.clock.run_for(20_000)
    expect(toast).to_be_visible()
    toast.get_by_role("button").focus()
    page.mouse.move(0, 0)
    page.clock.run_for(20_000)
    expect(toast).to_be_visible()
    page.get_by_role("main").focus()
    page.clock.run_for(2_000)
    expect(toast).to_have_count(0)


def test_good_news_that_nobody_touches_stays_six_seconds(hub: Hub, owner: User, visit: Visit) -> None:
    window = visit(owner)
    window.page.clock.install()
    page = window.open(_at(hub, "settings/"))
    toast = _save_settings(page).locator(".notice")
    page.clock.run_for(5_000)
    expect(toast).to_be_visible()
    page.clock.run_for(2_000)
    expect(toast).to_have_count(0)


@pytest.mark.parametrize("width", [360, 1440])
def test_bad_news_stays_until_it_is_closed(width: int, hub: Hub, owner: User, visit: Visit) -> None:
    window = visit(owner, width=width, dark=width == 360)
    window.page.clock.install()
    page = window.open(_at(hub, "settings/members/"))
    toast = _be_refused(page).locator(".notice")
    assert toast.evaluate("one => getComputedStyle(one).animationName") == "none", "nothing moves for who wants no motion"
    page.clock.run_for(600_000)
    expect(toast).to_be_visible()
    assert not window.violations()
    assert not window.overflows()
    window.screenshot("bad-news")
    toast.get_by_role("button", name="Close this message").focus()
    window.press("Enter")
    expect(toast).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "content", "who closed it by key goes on where the page begins"


def test_act_in_place_says_how_it_went_and_leaves_the_page_as_it_is(hub: Hub, owner: User, visit: Visit) -> None:
    hub.run()
    window = visit(owner)
    page = window.open(_at(hub, f"connections/{hub.cart.public_id}/"))
    page.evaluate("window.isTheSamePage = true")
    page.get_by_role("button", name="Run Order download now").click()
    expect(page.get_by_role("status").filter(has_text="Order download runs as soon as a worker is free")).to_be_visible()
    expect(page.get_by_role("button", name="Run Order download now")).to_have_count(0)
    assert page.evaluate("window.isTheSamePage")
    assert hub.cart.services.get(name=ServiceName.ORDER_DOWNLOAD).due_at is not None
    page.reload()
    expect(page.locator(".notice")).to_have_count(0)


@pytest.mark.parametrize(
    ("answer", "words"), [(lambda route: route.abort(), "not be reached"), (lambda route: route.fulfill(status=503), "(503)")]
)
def test_act_in_place_that_fails_says_so(
    answer: Callable[[Route], None], words: str, hub: Hub, owner: User, visit: Visit
) -> None:
    hub.run()
    window = visit(owner)
    page = window.open(_at(hub, f"connections/{hub.cart.public_id}/"))
    window.expected.add(503)
    page.route("**/run/", answer)
    page.get_by_role("button", name="Run Order download now").click()
    said = page.get_by_role("alert").filter(has_text=words)
    expect(said).to_contain_text("Load this page anew to see whether it was done.")
    window.troubles.clear()  # the script writes into the console that it failed


def test_without_scripts_it_stands_at_the_top_of_the_page(hub: Hub, owner: User, visit: Visit) -> None:
    hub.run()
    page = visit(owner, scripts=False).open(_at(hub, "settings/"))
    said = _save_settings(page)
    assert not _is_at_the_edge(said)
    notice, heading = said.bounding_box(), page.get_by_role("heading", level=1).bounding_box()
    assert notice is not None
    assert heading is not None
    assert notice["y"] + notice["height"] <= heading["y"]
    page.goto(_at(hub, f"connections/{hub.cart.public_id}/"))
    page.get_by_role("button", name="Run Order download now").click()
    expect(page.get_by_role("status").filter(has_text="Order download runs")).to_be_visible()


def _is_at_the_edge(one: Locator) -> bool:
    """Whether it lies over the page, at the window's edge."""
    return bool(one.evaluate("one => getComputedStyle(one.closest('.notices')).position === 'fixed'"))
