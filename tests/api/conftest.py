"""A merchant with an API cart and an API WMS, and programs that speak to the hub with their keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from cartrover.accounts.models import Account
from connectors import actions
from connectors.models import Connection
from orders.models import ApiKey, ApiLevel
from orders.programs.api_keys import key_make


@dataclass
class Program:
    """Somebody else's program with a key of its own."""

    key: ApiKey
    secret: str
    merchant_pk: int | None = None

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Return the answer, whatever it is; its JSON is in `data`."""
        pair = base64.b64encode(f"{self.key.api_user}:{self.secret}".encode()).decode()
        sent = {"Authorization": f"Basic {pair}", **headers}
        if self.merchant_pk is not None:
            sent.setdefault("X-Merchant-Pk", str(self.merchant_pk))
        raw = body if isinstance(body, bytes) else json.dumps(body) if body is not None else ""
        answer: Any = Client().generic(method, path, raw, content_type="application/json", headers=sent)
        assert "X-CartRover-Process-ID" in answer
        answer.data = json.loads(answer.content)
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers).data

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("POST", path, body, **headers).data


def order(cust_ref: str = "TEST-1", **changes: Any) -> dict[str, Any]:
    """Return the smallest order that is taken, with changes; None takes a field away."""
    given = {
        "cust_ref": cust_ref,
        "ship_company": "Example Outfitters",
        "ship_address_1": "1 Main Street",
        "ship_city": "Springfield",
        "ship_state": "IL",
        "ship_zip": "62701",
        "ship_country": "US",
        "ship_is_billing": True,
        "items": [{"item": "CAP-1", "quantity": 2}],
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def connect(account: Account, kind: str, name: str) -> Connection:
    connection = actions.connection_save(account=account, kind=kind, name=name, actor="test")
    actions.connection_activate(connection=connection, actor="test")
    connection.refresh_from_db()
    return connection


@pytest.fixture
def cart(acme: Account) -> Connection:
    return connect(acme, "api_cart", "APIAccess1")


@pytest.fixture
def wms(acme: Account) -> Connection:
    return connect(acme, "api_wms", "Warehouse East")


@pytest.fixture
def program() -> Callable[..., Program]:
    """Return what makes a key of a level and the program that has it."""

    def make(account: Account, level: ApiLevel, *, cart: Connection | None = None, merchant_pk: int | None = None) -> Program:
        name = f"{level} {ApiKey.objects.for_account(account).count()}"
        key, secret = key_make(account=account, name=name, level=level, cart=cart, actor="test")
        return Program(key, secret, merchant_pk)

    return make


@pytest.fixture
def shop(acme: Account, cart: Connection, program: Callable[..., Program]) -> Program:
    return program(acme, ApiLevel.CART, cart=cart)


@pytest.fixture
def warehouse(acme: Account, wms: Connection, program: Callable[..., Program]) -> Program:
    return program(acme, ApiLevel.MERCHANT)
