"""Every page, as people with eyes, hands and windows of their own meet it: axe finds nothing, and all fits the window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse

from cartrover.accounts.models import Role, User
from orders.models import Alert, Order
from tests.accounts.test_access import PAGES, PERSONAL
from tests.browser.visitor import Visitor
from tests.factories import MembershipFactory
from tests.hub import Hub

FILES = {"orders_export", "products_export", "aliases_export", "ship_methods_export"}
"""Addresses that answer with a file."""

STRANGERS = ["home", "login", "account_signup", "account_email_verification_sent", "account_reset_password"]

STEPS = range(1, 8)
"""Steps of DSCO's guide."""


@pytest.fixture
def lived_in(hub: Hub) -> Hub:
    """A hub with some of everything: orders in all states, one held, files, runs, stock, alerts."""
    hub.place(count=6, retailers=2, lines=[1, 3], skus=["CAP-001", "TEE-001", "MUG-001"], seed=3)
    hub.place(count=1, items=[{"sku": "CAP-9-WITH-A-NAME-AS-LONG-AS-SOME-PEOPLE-MAKE-THEM", "quantity": 2, "cost": "5.00"}])
    hub.run()
    for order in hub.at_commerce()[:3]:
        hub.commerce.drive("finalize", order_id=order["id"])
        hub.commerce.drive("pack_and_ship", order_id=order["id"])
        hub.commerce.drive("invoice", order_id=order["id"])
    hub.run()
    assert Alert.objects.for_account(hub.account).exists()
    assert Order.objects.for_account(hub.account).count() == 7
    return hub


@pytest.fixture
def owner(hub: Hub) -> User:
    return MembershipFactory.create(account=hub.account, user__email="olga@example.com", role=Role.OWNER).user


@pytest.mark.timeout(300)
def test_everybody_can_use_every_page(lived_in: Hub, owner: User, visit: Callable[..., Visitor]) -> None:
    """On a wide window in the light, and on a phone in the dark."""
    slug = lived_in.account.slug
    ways = [reverse(page.name, kwargs={"slug": slug, **page.ids(lived_in.account)}) for page in PAGES if page.name not in FILES]
    guide = reverse("connection_guide", kwargs={"slug": slug, "public_id": lived_in.cart.public_id})
    ways += [*(f"{guide}?step={step}" for step in STEPS), *(reverse(name) for name in PERSONAL)]
    found: dict[str, list[str]] = {}
    for width, dark in ((1280, False), (360, True)):
        member, stranger = visit(owner, width=width, dark=dark), visit(None, width=width, dark=dark)
        for visitor, way in [*((stranger, reverse(name)) for name in STRANGERS), *((member, way) for way in ways)]:
            visitor.open(way)
            found[f"{way} at {width}"] = _problems(visitor)
        member.open("/nowhere/", expect=404)
        found[f"404 at {width}"] = _problems(member)
    assert not any(found.values()), "\n".join(f"{way}: {problem}" for way, problems in found.items() for problem in problems)


def _problems(visitor: Visitor) -> list[str]:
    """Return what is wrong with the page; a piece that is put into another page is looked at there."""
    if visitor.page.evaluate("document.doctype === null"):
        return []
    return [*visitor.violations(), *(["wider than its window"] if visitor.overflows() else [])]
