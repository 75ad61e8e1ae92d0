"""Every page, as people with eyes, hands and windows of their own meet it: axe finds nothing, and all fits the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from django.urls import reverse

from cartrover.accounts.models import Account, Role, User
from connectors import registry
from connectors.models import Connection
from orders.listings.guide import steps_of
from orders.models import Alert, Order
from tests.accounts.test_access import PAGES, PERSONAL
from tests.browser.visitor import Visitor
from tests.factories import PASSWORD, AccountFactory, MembershipFactory, UserFactory
from tests.hub import Hub

FILES = {"orders_export", "products_export", "aliases_export", "ship_methods_export"}
"""Addresses that answer with a file."""

OF_ALL_ACCOUNTS = {
    *("account_home", "orders", "orders_bulk_all", "alerts", "skipped", "shipments", "invoices", "inventory"),
    *("products", "aliases", "ship_methods", "connections", "connection_new", "help"),
    *("members", "notifications", "api_keys", "audit_log", "account_export"),
}
"""Pages that an account has before it has anything else."""

STRANGERS = ["home", "login", "account_signup", "account_email_verification_sent", "account_reset_password"]


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


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)], ids=["wide and light", "narrow and dark"])
def test_everybody_can_use_every_page(
    width: int, dark: bool, lived_in: Hub, owner: User, visit: Callable[..., Visitor]
) -> None:
    slug = lived_in.account.slug
    ways = [reverse(page.name, kwargs={"slug": slug, **page.ids(lived_in.account)}) for page in PAGES if page.name not in FILES]
    ways += [*_steps_of_guides(lived_in), *(reverse(name) for name in PERSONAL)]
    member, stranger = visit(owner, width=width, dark=dark), visit(None, width=width, dark=dark)
    _prove_oneself(member)
    found = {name: _problems_at(stranger, reverse(name)) for name in STRANGERS}
    found |= {way: _problems_at(member, way) for way in ways}
    found["404"] = _problems_at(member, "/nowhere/", expect=404)
    _none(found)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER])
def test_everybody_can_use_every_page_of_an_account_without_anything(
    role: Role, transactional_db: None, visit: Callable[..., Visitor]
) -> None:
    account = AccountFactory.create(slug="new", name="New")
    MembershipFactory.create(account=account, user__email="olga@example.com", role=Role.OWNER)
    member = visit(MembershipFactory.create(account=account, role=role).user, width=768, dark=role == Role.VIEWER)
    pages = [page for page in PAGES if page.name in OF_ALL_ACCOUNTS and role.rank >= page.at_least.rank]
    _none({page.name: _problems_at(member, reverse(page.name, kwargs={"slug": account.slug})) for page in pages})
    assert not Order.objects.for_account(account).exists()


@pytest.mark.timeout(600)
def test_staff_can_use_the_pages_of_the_console(lived_in: Hub, visit: Callable[..., Visitor]) -> None:
    """The front page, health, and of the tables that staff read most a list and a row: the others are of the same make."""
    staff = visit(UserFactory.create(email="sam@example.com", is_staff=True, is_superuser=True))
    ways = [reverse("admin:index"), reverse("staff_health")]
    for model in (Order, Connection, Account, Alert):
        page = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        first = model._base_manager.first()
        assert first is not None
        ways += [reverse(f"{page}_changelist"), reverse(f"{page}_change", args=[first.pk])]
    _none({way: _problems_at(staff, way) for way in ways})


def _steps_of_guides(hub: Hub) -> list[str]:
    """Return the address of every step of every connection's guide."""
    ways: list[str] = []
    for connection in (hub.cart, hub.wms):
        guide = reverse("connection_guide", kwargs={"slug": hub.account.slug, "public_id": connection.public_id})
        ways += [f"{guide}?step={step.number}" for step in steps_of(connection, registry.get(connection.kind))]
    return ways


def _prove_oneself(visitor: Visitor) -> None:
    """Enter the password, which pages about one's own safety ask for."""
    page = visitor.open(reverse("account_reauthenticate"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_load_state("load")


def _problems_at(visitor: Visitor, way: str, *, expect: int = 200) -> list[str]:
    """Open the page and return what is wrong with it; a piece that is put into another page is looked at there."""
    page = visitor.open(way, expect=expect)
    if page.evaluate("document.doctype === null"):
        return []
    return [*visitor.violations(), *(["wider than its window"] if visitor.overflows() else [])]


def _none(found: Mapping[str, Sequence[str]]) -> None:
    assert not any(found.values()), "\n".join(f"{way}: {problem}" for way, problems in found.items() for problem in problems)
