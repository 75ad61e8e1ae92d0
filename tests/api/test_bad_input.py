"""Whatever is wrong with a request, every endpoint says so in the documented words and changes nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from cartrover.accounts.models import Account, OrganizationKind
from orders.api.examples import BODIES, IN_PATHS, ORDER, path_example
from orders.api.openapi import LEVELS, description
from orders.models import ApiKey, ApiLevel, ApiRequest, Order
from tests.api.conftest import Program, order

pytestmark = pytest.mark.django_db

NEW_ORDER = "/v1/cart/orders/cartrover"
OPERATIONS = [
    (method.upper(), path, tuple(one[LEVELS]))
    for path, methods in description()["paths"].items()
    for method, one in methods.items()
]
WRITES = [(path, levels) for method, path, levels in OPERATIONS if method == "POST"]
BY_LISTS = {"/v1/cart/orders/batch"}
"""Where each thing of a list is taken or refused by itself."""


@pytest.fixture
def keys(
    acme: Account, globex: Account, shop: Program, warehouse: Program, program: Callable[..., Program]
) -> dict[str, Program]:
    """A key of each level, that names the merchant where it must."""
    acme.organization.kind = OrganizationKind.FULFILLMENT
    acme.organization.save()
    wide = program(acme, ApiLevel.WAREHOUSE, merchant_pk=acme.pk)
    globex.organization.kind = OrganizationKind.MASTER
    globex.organization.save()
    master = program(globex, ApiLevel.MASTER, merchant_pk=globex.pk)
    return {"cart": shop, "merchant": warehouse, "warehouse": wide, "master": master}


@pytest.fixture
def known(shop: Program, warehouse: Program) -> None:
    """What the addresses of the examples lead to."""
    shop.post(NEW_ORDER, order(IN_PATHS["cust_ref"], items=ORDER["items"]))
    warehouse.post("/v1/wms/shipmethod", BODIES["/v1/wms/shipmethod"])
    warehouse.post("/v1/merchant/inventory", BODIES["/v1/merchant/inventory"])


def everything() -> dict[str, list[Any]]:
    """Return every row that the hub keeps, but for the requests themselves and how the keys were used."""
    models = [one for label in ("accounts", "connectors", "orders") for one in apps.get_app_config(label).get_models()]
    kept = [one for one in models if one not in (ApiRequest, ApiKey)]
    return {one.__name__: list(one._base_manager.order_by("pk").values_list()) for one in kept}


def chosen(keys: dict[str, Program], levels: tuple[str, ...]) -> Program:
    return next(keys[level] for level in keys if level in levels)


def refused(answer: Any, *, status: int, code: str) -> None:
    assert (answer.status_code, answer.data["success_code"], answer.data["error_code"]) == (status, False, code), answer.data
    assert answer.data["message"] == answer.data["status_message"] != ""


def call(program: Program, method: str, path: str, body: Any = None, **headers: str) -> Any:
    ApiKey.objects.across_accounts("the bucket is another test's").update(bucket_empty_ms=0)
    return program.call(method, path_example(path), body, **headers)


@pytest.mark.parametrize(("path", "levels"), WRITES)
def test_what_is_no_json_of_the_right_kind(path: str, levels: tuple[str, ...], keys: dict[str, Program], known: None) -> None:
    program, before = chosen(keys, levels), everything()
    for raw in (b"", b"  ", b"{", b"[", b'{"a": }', b"\xff\xfe", b'{"a": NaN}', b'"text"', b"7", b"true", b"null", b"[[]]"):
        answer = call(program, "POST", path, raw)
        if raw == b"[[]]" and path in BY_LISTS:
            assert answer.data["response"]["success"] == []
        else:
            refused(answer, status=200, code="Invalid")
    refused(call(program, "POST", path, b'{"x": "' + b"x" * 10_000_000 + b'"}'), status=413, code="Invalid")
    assert everything() == before


def _spoiled(value: Any) -> Iterator[Any]:
    """Yield the example over and over, each time with one of its values replaced by what can't stand there."""
    if isinstance(value, dict):
        for name, part in value.items():
            for other in ({"a": ["b"]}, "\x00", *(() if isinstance(part, bool) else (True,))):
                yield {**value, name: other}
            for inner in _spoiled(part):
                yield {**value, name: inner}
    elif isinstance(value, list):
        for at, part in enumerate(value):
            for inner in _spoiled(part):
                yield [*value[:at], inner, *value[at + 1 :]]


@pytest.mark.parametrize(("path", "levels"), WRITES)
def test_values_of_a_wrong_type(path: str, levels: tuple[str, ...], keys: dict[str, Program], known: None) -> None:
    program, before = chosen(keys, levels), everything()
    spoiled = list(_spoiled(BODIES[path]))
    assert len(spoiled) > 2
    for body in spoiled:
        answer = call(program, "POST", path, body)
        if path in BY_LISTS and answer.data["success_code"]:
            assert answer.data["response"]["success"] == [], body
        else:
            refused(answer, status=200, code="Invalid")
    assert everything() == before


@pytest.mark.parametrize(("path", "levels"), WRITES)
def test_a_missing_field_is_named_and_an_unknown_one_is_taken(
    path: str, levels: tuple[str, ...], keys: dict[str, Program], known: None, acme: Account
) -> None:
    program, before = chosen(keys, levels), everything()
    answer = call(program, "POST", path, [{}] if isinstance(BODIES[path], list) else {})
    if path in BY_LISTS:
        assert "missing required field(s): cust_ref" in answer.data["response"]["failed"][0]["message"]
    else:
        refused(answer, status=200, code="Invalid")
    assert everything() == before
    if "update" in path:  # the cart confirms what has shipped
        keys["merchant"].post(
            path_example("/v1/merchant/orders/update/{cust_ref}"), BODIES["/v1/merchant/orders/update/{cust_ref}"]
        )
    body = copy.deepcopy(BODIES[path])
    for one in body if isinstance(body, list) else [body]:
        one["surprise"] = {"deep": [1, 2.5, None]}
        if one.get("cust_ref") and "items" in one:
            one["cust_ref"] = "WEB-2002"
    answer = call(program, "POST", path, body)
    assert answer.data["success_code"] is True, answer.data
    assert "surprise" not in str(Order.objects.for_account(acme).values_list("extra", flat=True))


@pytest.mark.timeout(400)
def test_who_may_not(keys: dict[str, Program], known: None, globex: Account) -> None:
    before = everything()
    for method, path, levels in OPERATIONS:
        program, body = chosen(keys, levels), BODIES[path] if method == "POST" else None
        refused(call(Program(program.key, "wrong"), method, path, body), status=401, code="Failure")
        for level, other in keys.items():
            if level not in levels:
                refused(call(other, method, path, body), status=403, code="Failure")
        if "warehouse" in levels and not path.startswith("/v1/wms/merchant"):
            for strange in (str(globex.pk), "0", "x", "-1", "9" * 30):
                answer = call(keys["warehouse"], method, path, body, **{"X-Merchant-Pk": strange})
                refused(answer, status=403, code="Failure")
            refused(call(keys["warehouse"], method, path, body, **{"X-Merchant-Pk": " "}), status=200, code="Invalid")
        this_key = ApiKey.objects.across_accounts("just this one").filter(pk=program.key.pk)
        this_key.update(revoked_at=program.key.created_at)
        refused(call(program, method, path, body), status=401, code="Failure")
        this_key.update(revoked_at=None)
        assert everything() == before, path


def test_over_the_limit(keys: dict[str, Program], known: None) -> None:
    before = everything()
    for method, path, levels in OPERATIONS:
        if path == NEW_ORDER:
            continue
        program = chosen(keys, levels)
        ApiKey.objects.across_accounts("just this one").filter(pk=program.key.pk).update(bucket_empty_ms=2**53)
        answer = program.call(method, path_example(path), BODIES[path] if method == "POST" else None)
        refused(answer, status=200, code="RateLimit")
        assert answer.data["message"] == "Over API Limit. Please slow down requests."
        assert answer["X-CartRover-Api-Minute-Hits-Remaining"] == "0"
        assert everything() == before, path


def test_strangers_who_guess_are_answered_alike_whatever_they_ask(db: None) -> None:
    answers = {
        Client().generic(method, path_example(path), headers={"Authorization": "Basic eDp5"}).content
        for method, path, _ in OPERATIONS
    }
    assert len(answers) == 1
