"""Whatever the description allows, and more: no server error, and every answer is as it says."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cartrover.accounts.models import OrganizationKind
from cartrover.wsgi import application
from orders.api.openapi import description
from orders.models import ApiKey, ApiLevel
from tests.api.conftest import Program, order

pytestmark = pytest.mark.django_db

# Without the phase that tries every bound of every field: an order has a hundred and fifty.
ONLY_DRAWN = schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": False}, "examples": {"enabled": False}}})
SCHEMA = schemathesis.openapi.from_dict(copy.deepcopy(description()), config=ONLY_DRAWN)
SCHEMA.app = application

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
"""Not that bad data is refused with another status: programs expect 200."""


@pytest.fixture
def keys(acme: Any, cart: Any, shop: Program, warehouse: Program, program: Any) -> Iterator[dict[str, Program]]:
    """A key of each level, and something to be found."""
    shop.post("/v1/cart/orders/cartrover", order("0"))
    warehouse.post("/v1/merchant/inventory", {"sku": "0", "qty_available": 1})
    made = {"cart": shop, "merchant": warehouse}
    for level, kind in ((ApiLevel.WAREHOUSE, OrganizationKind.FULFILLMENT), (ApiLevel.MASTER, OrganizationKind.MASTER)):
        acme.organization.kind = kind
        acme.organization.save()
        made[level] = program(acme, level)
    # Else a request's end closes the database's connection, and with it the test's transaction.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield made
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@SCHEMA.parametrize()
@settings(
    max_examples=4,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_no_request_breaks_the_hub_and_every_answer_is_as_described(case: schemathesis.Case, keys: dict[str, Program]) -> None:
    ApiKey.objects.across_accounts("the bucket is another test's").update(bucket_empty_ms=0)
    one = keys[case.operation.definition.raw["x-levels"][0]]
    pair = base64.b64encode(f"{one.key.api_user}:{one.secret}".encode()).decode()
    case.call_and_validate(headers={"Authorization": f"Basic {pair}"}, checks=CHECKS)
