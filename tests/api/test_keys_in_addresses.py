"""Keys in addresses: older programs know no other way, and an account can end it, knowing who still sends them so."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Account, AuditEntry, OrganizationKind, User
from orders.models import ApiKey, ApiLevel, ApiRequest
from orders.programs.api_keys import URL_USE_SHOWN, allow_in_url
from tests.api.conftest import Program, connect, order
from tests.factories import AccountFactory

pytestmark = pytest.mark.django_db
Make = Callable[..., Program]
KEYS = "/a/acme/settings/keys/"
NEW_ORDER = "/v1/cart/orders/cartrover"


def in_url(program: Program, path: str, body: Any = None, **headers: str) -> Any:
    """Call with the key in the address, as old programs do."""
    query = f"api_user={program.key.api_user}&api_key={program.secret}"
    method, raw = ("GET", "") if body is None else ("POST", json.dumps(body))
    return Client().generic(method, f"{path}?{query}", raw, content_type="application/json", headers=headers)


def test_they_are_taken_until_the_account_refuses_them_and_again_when_it_takes_them(shop: Program, acme: Account) -> None:
    answer = in_url(shop, NEW_ORDER, order("A-1"))
    assert answer.json()["success_code"] is True
    assert shop.secret not in ApiRequest.objects.for_account(acme).get(public_id=answer["X-CartRover-Process-ID"]).query
    allow_in_url(acme, allowed=False, actor="alice")
    refused = in_url(shop, NEW_ORDER, order("A-2"))
    assert (refused.status_code, refused.json()["error_code"]) == (401, "Failure")
    assert "refuses keys in addresses" in refused.json()["message"]
    assert shop.get("/v1/cart/orders/A-2")["success_code"] is False, "a refused request changes nothing"
    assert shop.post(NEW_ORDER, order("A-3"))["success_code"] is True, "the header is taken as ever"
    allow_in_url(acme, allowed=True, actor="alice")
    assert in_url(shop, NEW_ORDER, order("A-4")).json()["success_code"] is True


@pytest.mark.parametrize("level", [ApiLevel.WAREHOUSE, ApiLevel.MASTER])
@pytest.mark.parametrize(
    ("own", "merchants", "status"), [(True, True, 200), (True, False, 200), (False, True, 401), (False, False, 401)]
)
def test_the_account_that_a_key_was_made_in_decides_whichever_merchant_it_acts_for(
    level: ApiLevel, own: bool, merchants: bool, status: int, acme: Account, program: Make
) -> None:
    kind = {ApiLevel.WAREHOUSE: OrganizationKind.FULFILLMENT, ApiLevel.MASTER: OrganizationKind.MASTER}[level]
    acme.organization.kind = kind
    acme.organization.save()
    other = AccountFactory.create(organization=acme.organization, name="Second")
    wide = program(acme, level)
    allow_in_url(acme, allowed=own, actor="alice")
    allow_in_url(other, allowed=merchants, actor="alice")
    answer = in_url(wide, "/v1/merchant/inventory", **{"X-Merchant-Pk": str(other.pk)})
    assert answer.status_code == status
    assert wide.call("GET", "/v1/merchant/inventory", **{"X-Merchant-Pk": str(other.pk)}).status_code == 200
    wide.key.refresh_from_db()
    assert wide.key.url_used_at is not None


def test_an_account_s_choice_is_no_other_account_s(shop: Program, globex: Account, program: Make) -> None:
    theirs = program(globex, ApiLevel.CART, cart=connect(globex, "api_cart", "Theirs"))
    allow_in_url(globex, allowed=False, actor="charlie")
    assert in_url(shop, "/v1/cart/list").status_code == 200
    assert in_url(theirs, "/v1/cart/list").status_code == 401


def test_owners_see_who_still_sends_them_before_and_after_they_refuse(
    shop: Program, warehouse: Program, acme: Account, alice: User, browser: Callable[..., Client]
) -> None:
    client = browser(alice)

    def shown() -> str:
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", client.get(KEYS).content.decode())).split())

    assert "No key came in an address in the last 90 days" in shown()
    warehouse.get("/v1/merchant/inventory")
    assert "No key came in an address in the last 90 days" in shown(), "one in the header is none in the address"
    in_url(shop, "/v1/cart/list")
    assert f"{shop.key.name} {shop.key.api_user} , of APIAccess1: just now" in shown()
    assert "1 key will stop working" in shown()
    client.post(f"{KEYS}addresses/refuse/")
    acme.refresh_from_db()
    assert not acme.api_keys_in_url
    in_url(shop, "/v1/cart/list")
    assert "Requests that still do are refused" in shown()
    client.post(f"{KEYS}addresses/take/")
    client.post(f"{KEYS}addresses/take/")
    assert "1 key will stop working" in shown()
    old = timezone.now() - URL_USE_SHOWN - timedelta(days=1)
    ApiKey.objects.for_account(acme).update(url_used_at=old)
    assert "No key came in an address in the last 90 days" in shown()
    trail = AuditEntry.objects.filter(account=acme, verb="api_key.in_addresses").order_by("pk")
    assert list(trail.values_list("actor", "words")) == [
        (alice.email, "They are refused in addresses."),
        (alice.email, "They may stand in addresses."),
    ]


def test_a_wrong_or_revoked_key_in_an_address_is_no_use_of_it(shop: Program) -> None:
    wrong = Program(shop.key, "wrong")
    assert in_url(wrong, "/v1/cart/list").status_code == 401
    shop.key.revoked_at = timezone.now()
    shop.key.save()
    assert in_url(shop, "/v1/cart/list").status_code == 401
    shop.key.refresh_from_db()
    assert shop.key.url_used_at is None


def test_only_owners_choose(acme: Account, globex: Account, bob: User, charlie: User, browser: Callable[..., Client]) -> None:
    for word in ("refuse", "take"):
        assert browser(bob).post(f"{KEYS}addresses/{word}/").status_code == 403
        assert browser(charlie).post(f"{KEYS}addresses/{word}/").status_code == 404
    for account in (acme, globex):
        account.refresh_from_db()
        assert account.api_keys_in_url


@pytest.mark.django_db(transaction=True)
def test_an_account_takes_over_what_its_keys_said_before() -> None:
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    try:
        executor.migrate([("orders", "0007_when_keys_came_in_addresses")])
        apps = executor.loader.project_state([("orders", "0007_when_keys_came_in_addresses")]).apps
        accounts, keys = apps.get_model("accounts", "Account"), apps.get_model("orders", "ApiKey")
        organization = apps.get_model("accounts", "Organization").objects.create(name="Old", kind="merchant")
        at = timezone.now()
        for slug, said in {"all": [False, False], "some": [True, False], "none": [True], "no-keys": []}.items():
            account = accounts.objects.create(organization=organization, slug=slug, name=slug)
            for number, allowed in enumerate(said):
                user = f"{slug}-{number}"
                keys.objects.create(account=account, name=user, level="merchant", api_user=user, allow_in_url=allowed)
        first = {"method": "GET", "path": "/v1/cart/list", "status": 200}
        kept = apps.get_model("orders", "ApiRequest").objects
        kept.create(api_user="some-0", query="api_user=some-0&api_key=%2A%2A%2A", at=at - timedelta(days=2), **first)
        kept.create(api_user="some-0", query="api_user=some-0&api_key=%2A%2A%2A", at=at - timedelta(days=1), **first)
        kept.create(api_user="none-0", query="limit=1", **first)
        executor = MigrationExecutor(connection)
        executor.migrate(leaves)
        said_now = dict(Account.objects.values_list("slug", "api_keys_in_url"))
        assert said_now == {"all": False, "some": True, "none": True, "no-keys": True}
        used = ApiKey.objects.across_accounts("all").filter(url_used_at__isnull=False)
        assert list(used.values_list("api_user", "url_used_at")) == [("some-0", at - timedelta(days=1))]
        words = dict(AuditEntry.objects.values_list("account__slug", "words"))
        assert words.keys() == {"all", "some"}
        assert "which were refused: some-1." in words["some"]
        executor = MigrationExecutor(connection)
        executor.migrate([("orders", "0007_when_keys_came_in_addresses")])
        assert dict(keys.objects.values_list("api_user", "allow_in_url")) == {
            "all-0": False, "all-1": False, "some-0": True, "some-1": True, "none-0": True,
        }  # fmt: skip
    finally:
        MigrationExecutor(connection).migrate(leaves)
