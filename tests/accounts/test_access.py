"""Who may open which page: every address of the portal, by everybody, with their own ids and foreign ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLResolver, get_resolver, reverse

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Account, Role, User
from connectors.models import Connection
from orders.acts.bulk_work import ORDERS
from orders.models import Job, NotificationChannel, Order, ProductAlias, SupportRequest
from tests.factories import PASSWORD, ConnectionFactory, OrderFactory

Browser = Callable[[User | None], Client]


@dataclass(frozen=True)
class Page:
    """A page of an account and the least role that opens it. `ids` makes what its address needs from an account."""

    name: str
    at_least: Role = Role.VIEWER
    ids: Callable[[Account], dict[str, Any]] = lambda account: {}


def _order_id(account: Account) -> dict[str, Any]:
    order = Order.objects.for_account(account).first() or OrderFactory.create(account=account)
    return {"public_id": order.public_id}


def _alias_id(account: Account) -> dict[str, Any]:
    rows = ProductAlias.objects.for_account(account)
    return {"public_id": (rows.first() or rows.create(cart_sku="CAP-9", wms_sku="CAP-009")).public_id}


def _connection_id(account: Account) -> dict[str, Any]:
    row = Connection.objects.for_account(account).filter(side="cart").first() or ConnectionFactory.create(account=account)
    return {"public_id": row.public_id}


def _channel_id(account: Account) -> dict[str, Any]:
    rows = NotificationChannel.objects.for_account(account)
    return {"public_id": (rows.first() or rows.create(name="Ops", address="ops@example.com")).public_id}


def _job_id(account: Account) -> dict[str, Any]:
    rows = Job.objects.for_account(account)
    return {"public_id": (rows.first() or rows.create(kind=ORDERS, asked={"act": "hold", "query": {}}, actor="bob")).public_id}


def _request_id(account: Account) -> dict[str, Any]:
    rows, own = SupportRequest.objects.for_account(account), ConnectionFactory.create(account=account)
    return {"public_id": (rows.first() or rows.create(connection=own, number=1, fee="none", created_by="x")).public_id}


MAPPINGS = ("products", "aliases", "ship_methods")
PAGES = [
    Page("account_home"),
    Page("orders"),
    Page("orders_export"),
    Page("order", ids=_order_id),
    Page("connection_backfill", Role.OPERATOR, ids=_connection_id),
    Page("order_edit", Role.OPERATOR, ids=_order_id),
    Page("orders_bulk_all", Role.OPERATOR),
    *(Page(name, ids=_job_id) for name in ("work", "work_now")),
    Page("alerts"),
    Page("skipped"),
    Page("shipments"),
    Page("invoices"),
    Page("inventory"),
    *(Page(kind) for kind in MAPPINGS),
    *(Page(f"{kind}_export") for kind in MAPPINGS),
    *(Page(f"{kind}_{act}", Role.OPERATOR) for kind in MAPPINGS for act in ("add", "import")),
    Page("aliases_change", Role.OPERATOR, ids=_alias_id),
    *(Page(name) for name in ("account_settings", "notifications")),
    *(Page(name, Role.OWNER) for name in ("api_keys", "audit_log", "account_export")),
    *(Page(f"channel_new_{kind}", Role.OWNER) for kind in ("email", "slack", "webhook")),
    *(Page(name, Role.OWNER, ids=_channel_id) for name in ("channel", "channel_log")),
    Page("connections"),
    *(Page(name, ids=_connection_id) for name in ("connection", "connection_services", "connection_files", "connection_runs")),
    Page("connection_new", Role.OWNER),
    *(
        Page(f"connection_{name}", Role.OWNER, ids=_connection_id)
        for name in ("settings", "guide", "jobs", "go_live", "stations")
    ),
    Page("connection_test_steps", ids=_connection_id),
    Page("connection_help", Role.OWNER, ids=_connection_id),
    Page("help"),
    Page("help_request", ids=_request_id),
    Page("order_preview", Role.OPERATOR, ids=_order_id),
    Page("members"),
]
PERSONAL = [
    *("you", "change_password", "account_email", "account_reauthenticate", "mfa_index"),
    *("mfa_activate_totp", "mfa_add_webauthn"),
]
PEOPLE = {"vera": Role.VIEWER, "bob": Role.OPERATOR, "alice": Role.OWNER}
EVERYBODY = [None, "charlie", "staff", *PEOPLE]
BY_NAME = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


@pytest.fixture
def people(alice: User, bob: User, vera: User, charlie: User, staff: User) -> dict[str | None, User | None]:
    return {"alice": alice, "bob": bob, "vera": vera, "charlie": charlie, "staff": staff, None: None}


@pytest.mark.parametrize("who", EVERYBODY)
@BY_NAME
def test_page_opens_to_members_alone(
    page: Page, who: str | None, people: dict[str | None, User | None], acme: Account, browser: Browser
) -> None:
    address = reverse(page.name, kwargs={"slug": acme.slug, **page.ids(acme)})
    answer = browser(people[who]).get(address)
    if who is None:
        assert (answer.status_code, answer["Location"]) == (302, f"{reverse('login')}?next={address}")
    elif who not in PEOPLE:
        assert answer.status_code == 404
    else:
        assert answer.status_code == (200 if PEOPLE[who].rank >= page.at_least.rank else 403)


@pytest.mark.parametrize("page", [page for page in PAGES if page.ids.__name__.endswith("_id")], ids=lambda page: page.name)
def test_foreign_ids_are_unknown_in_the_own_account(
    page: Page, alice: User, acme: Account, globex: Account, browser: Browser
) -> None:
    address = reverse(page.name, kwargs={"slug": acme.slug, **page.ids(globex)})
    assert browser(alice).get(address).status_code == 404


@BY_NAME
def test_page_of_a_member_is_kept_by_no_cache(page: Page, alice: User, acme: Account, browser: Browser) -> None:
    answer = browser(alice).get(reverse(page.name, kwargs={"slug": acme.slug, **page.ids(acme)}))
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize("name", PERSONAL)
def test_own_page_opens_to_who_is_signed_in_and_is_kept_by_no_cache(name: str, alice: User, browser: Browser) -> None:
    address = reverse(name)
    answer = browser(None).get(address)
    assert (answer.status_code, unquote(answer["Location"])) == (302, f"{reverse('login')}?next={address}")
    client = browser(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    answer = client.get(address)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_unknown_account_and_a_foreign_one_look_the_same(alice: User, globex: Account, browser: Browser) -> None:
    unknown, foreign = browser(alice).get("/a/nowhere/"), browser(alice).get(f"/a/{globex.slug}/")
    assert (unknown.status_code, unknown.content) == (foreign.status_code, foreign.content) == (404, foreign.content)


def test_outsider_gets_404_for_an_order_of_another_account(
    charlie: User, acme: Account, globex: Account, browser: Browser
) -> None:
    order = OrderFactory.create(account=acme)
    for slug in (acme.slug, globex.slug):
        assert browser(charlie).get(f"/a/{slug}/orders/{order.public_id}/").status_code == 404


def test_former_member_is_an_outsider(alice: User, acme: Account, browser: Browser) -> None:
    client = browser(alice)
    assert client.get("/a/acme/").status_code == 200
    alice.memberships.all().delete()
    assert client.get("/a/acme/").status_code == 404


@pytest.mark.parametrize("role", list(Role))
def test_role_that_is_too_low_gets_403(role: Role, people: dict[str | None, User | None], acme: Account) -> None:
    @account_page(role)
    def view(request: AccountRequest, /, **rest: Any) -> HttpResponse:
        assert "slug" not in rest
        return HttpResponse(f"{request.account.slug} {request.membership.role}")

    for who, own in PEOPLE.items():
        request: Any = RequestFactory().get("/")
        request.user = people[who]
        if own.rank >= role.rank:
            answer: Any = view(request, slug="acme")
            assert answer.content.decode() == f"acme {own}"
        else:
            with pytest.raises(PermissionDenied, match=f"Only an {role}"):
                view(request, slug="acme")


def _pages(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _pages(pattern.url_patterns, address)
        else:
            yield address, pattern


def test_every_page_of_an_account_has_a_door() -> None:
    below_accounts = {address: page for address, page in _pages(get_resolver().url_patterns) if address.startswith("a/<")}
    assert below_accounts
    open_ones = [address for address, page in below_accounts.items() if not hasattr(page.callback, "least_role")]
    assert not open_ones, "put account_page() on their views"
