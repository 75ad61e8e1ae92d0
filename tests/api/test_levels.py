"""Four levels of keys, what each may do, and how often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connections
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Account, Organization, OrganizationKind, Role, User
from connectors.models import Connection
from connectors.refusals import Refused
from orders.api import bucket
from orders.models import ApiKey, ApiLevel, ApiRequest, ShipMethodMap
from orders.programs.api_keys import key_make, wide_level_of
from orders.upkeep.housekeeping import forget_requests
from tests.api.conftest import Program, connect, order
from tests.factories import AccountFactory, MembershipFactory

pytestmark = pytest.mark.django_db
Make = Callable[..., Program]


@pytest.fixture
def company(acme: Account) -> Organization:
    acme.organization.kind = OrganizationKind.FULFILLMENT
    acme.organization.save()
    return acme.organization


def test_a_warehouse_acts_for_the_merchant_that_it_names(
    acme: Account, globex: Account, company: Organization, cart: Connection, shop: Program, program: Make
) -> None:
    connect(acme, "api_wms", "East")
    other = AccountFactory.create(organization=company, name="Second")
    warehouse = program(acme, ApiLevel.WAREHOUSE)
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    listed = warehouse.get("/v1/wms/merchant/list")["response"]
    assert [(one["merchant_pk"], one["name"]) for one in listed] == [(acme.pk, "Acme"), (other.pk, "Second")]
    new = "/v1/merchant/orders/list/new"
    assert len(warehouse.get(new, **{"X-Merchant-Pk": str(acme.pk)})["response"]) == 1
    assert warehouse.get(new, **{"X-Merchant-Pk": str(other.pk)})["response"] == []
    assert warehouse.get(new)["error_code"] == "Invalid"
    for strange in (str(globex.pk), "0", "x", "9" * 30, "-1"):
        assert warehouse.call("GET", new, **{"X-Merchant-Pk": strange}).status_code == 403
    made = warehouse.post("/v1/wms/merchant", {"name": "Corner Shop"})["response"]
    assert warehouse.get(new, **{"X-Merchant-Pk": str(made["merchant_pk"])})["response"] == []


def test_a_merchant_s_header_opens_nobody_else(acme: Account, globex: Account, warehouse: Program, shop: Program) -> None:
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    answer = warehouse.get("/v1/merchant/orders/A-1", **{"X-Merchant-Pk": str(globex.pk)})
    assert answer["response"]["cust_ref"] == "A-1"
    assert warehouse.call("GET", "/v1/wms/merchant/list").status_code == 403


def test_a_master_sees_and_makes_what_is_below_it(acme: Account, globex: Account, program: Make) -> None:
    acme.organization.kind = OrganizationKind.MASTER
    acme.organization.save()
    master = program(acme, ApiLevel.MASTER)
    made = master.post("/v1/master/account", {"name": "East Coast", "organization_type": "fulfillment"})["response"]
    assert made["organization_type"] == "fulfillment"
    pks = [one["merchant_pk"] for one in master.get("/v1/master/account/list")["response"]]
    assert pks == [acme.pk, made["merchant_pk"]]
    assert master.get("/v1/merchant/inventory", **{"X-Merchant-Pk": str(made["merchant_pk"])})["response"] == []
    assert master.call("GET", "/v1/merchant/inventory", **{"X-Merchant-Pk": str(globex.pk)}).status_code == 403


def test_only_who_owns_every_account_may_make_a_key_for_all(acme: Account, alice: User, company: Organization) -> None:
    assert wide_level_of(acme, alice) == ApiLevel.WAREHOUSE
    other = AccountFactory.create(organization=company)
    assert wide_level_of(acme, alice) is None
    MembershipFactory.create(account=other, user=alice, role=Role.OWNER)
    assert wide_level_of(acme, alice) == ApiLevel.WAREHOUSE
    with pytest.raises(Refused):
        key_make(account=acme, name="x", level=ApiLevel.MASTER, actor="alice")


def test_the_owner_makes_a_warehouse_key_in_the_portal(
    alice: User, company: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(alice)
    assert "Warehouse: all merchants" in client.get("/a/acme/settings/keys/").content.decode()
    client.post("/a/acme/settings/keys/", {"name": "WMS", "opens": "warehouse"})
    assert ApiKey.objects.across_accounts("the only one").get().level == ApiLevel.WAREHOUSE


def test_carts_and_their_shipping_codes(shop: Program, warehouse: Program, cart: Connection, acme: Account) -> None:
    assert shop.get("/v1/cart/list")["response"][0]["order_source"] == "APIAccess1"
    assert {"cart_type": "api_cart", "name": "API Access"} in warehouse.get("/v1/cart/listall")["response"]
    methods = [{"carrier": "USPS", "code": "01", "description": "USPS First Class Parcel"}, {"code": "20"}]
    assert warehouse.post("/v1/wms/shipmethod", methods) == {"success_code": True, "count": 2}
    assert shop.get("/v1/wms/shipmethod/list")["response"][0] == methods[0]
    codes = [{"cart_code": "Express", "wms_code": "20"}, {"cart_code": "Slow", "wms_code": None}]
    assert warehouse.post("/v1/cart/shipmethod/APIAccess1", codes) == {"success_code": True}
    assert shop.get("/v1/cart/shipmethod/list/apiaccess1")["response"] == codes
    bad = [{"cart_code": "Slow", "wms_code": "20"}, {"cart_code": "Fast", "wms_code": "99"}]
    assert warehouse.post("/v1/cart/shipmethod/APIAccess1", bad)["error_code"] == "Invalid"
    assert ShipMethodMap.objects.for_account(acme).get(cart_code="Slow").wms_code == ""
    assert warehouse.get("/v1/cart/shipmethod/list/Nobody")["error_code"] == "Failure"


def test_a_hundred_calls_at_once_and_one_more_every_600_ms(shop: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    # The bucket goes by the database's clock, which stands still for nobody.
    monkeypatch.setattr(bucket, "database_now", timezone.now)
    with time_machine.travel("2026-11-30T08:00:00Z", tick=False) as clock:
        remaining = [shop.call("GET", "/v1/cart/list")["X-CartRover-Api-Minute-Hits-Remaining"] for _ in range(100)]
        assert remaining == [str(left) for left in range(99, -1, -1)]
        over = shop.call("GET", "/v1/cart/list")
        assert over.status_code == 200
        assert over.data == {
            "success_code": False,
            "error_code": "RateLimit",
            "message": "Over API Limit. Please slow down requests.",
            "status_message": "Over API Limit. Please slow down requests.",
        }
        new = shop.call("POST", "/v1/cart/orders/cartrover", order())
        assert new.data["success_code"] is True
        assert "X-CartRover-Api-Minute-Hits-Remaining" not in new
        clock.shift(timedelta(milliseconds=599))
        assert shop.get("/v1/cart/list")["error_code"] == "RateLimit"
        clock.shift(timedelta(milliseconds=1))
        assert shop.get("/v1/cart/list")["success_code"] is True
        clock.shift(timedelta(minutes=5))
        assert shop.call("GET", "/v1/cart/list")["X-CartRover-Api-Minute-Hits-Remaining"] == "99"


@pytest.mark.django_db(transaction=True)
def test_threads_that_call_at_once_get_a_hundred_together(shop: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    still = timezone.now()
    monkeypatch.setattr(bucket, "database_now", lambda: still)
    poured: list[int | None] = []

    def call() -> None:
        try:
            poured.extend(bucket.pour(shop.key) for _ in range(30))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(poured) == 120
    assert sum(left is not None for left in poured) == 100
    assert min(left for left in poured if left is not None) == 0


def test_requests_are_forgotten_those_of_strangers_first(acme: Account) -> None:
    now = timezone.now()
    for account, days in ((acme, 80), (acme, 100), (None, 1), (None, 8)):
        ApiRequest(account=account, method="GET", path="/v1/x", status=200, at=now - timedelta(days=days)).save()
    forget_requests(now)
    assert ApiRequest.objects.across_accounts("all of them").count() == 2
