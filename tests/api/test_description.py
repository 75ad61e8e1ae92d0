"""The description is whole, its page opens to everybody and loads nothing from elsewhere, and every answer is as it says."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from orders.api.openapi import description

pytestmark = pytest.mark.django_db

SEEN = [
    ("post", "/v1/cart/orders/cartrover"),
    ("post", "/v1/cart/orders/batch"),
    ("get", "/v1/cart/orders/{cust_ref}"),
    ("get", "/v1/cart/orders/status/{cust_ref}"),
    ("get", "/v1/cart/orders/list/{status}"),
    ("get", "/v1/cart/orders/wms_cancel/{cust_ref}"),
    ("post", "/v1/cart/orders/cancel/cartrover"),
    ("post", "/v1/cart/orders/cancel"),
    ("post", "/v1/cart/orders/update/{cust_ref}"),
    ("get", "/v1/cart/list"),
    ("get", "/v1/cart/listall"),
    ("get", "/v1/cart/shipmethod/list/{order_source}"),
    ("post", "/v1/cart/shipmethod/{order_source}"),
    ("get", "/v1/wms/shipmethod/list"),
    ("get", "/v1/merchant/orders/{cust_ref}"),
    ("get", "/v1/merchant/orders/status/{cust_ref}"),
    ("get", "/v1/merchant/orders/list/{status}"),
    ("get", "/v1/merchant/inventory"),
    ("get", "/v1/merchant/inventory/{sku}"),
    ("get", "/v1/merchant/product/{sku}"),
    ("get", "/v1/wms/merchant/list"),
]
"""All endpoints that are known of CartRover. Source: CartRover reference 1.7."""


def test_every_known_endpoint_is_described_with_what_it_takes() -> None:
    paths = description()["paths"]
    assert [(method, path) for method, path in SEEN if method not in paths.get(path, {})] == []
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation["description"], path
            assert operation["x-levels"], path
            assert ("requestBody" in operation) == (method == "post"), path


def test_the_page_opens_to_everybody_and_loads_nothing_from_elsewhere() -> None:
    answer = Client().get("/api/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "/v1/cart/orders/cartrover" in text
    assert not re.findall(r'(?:src|href)="(?!/|#)', text)
    assert "<script" not in text
    assert "style=" not in text
    for language in ("curl", "Python", "PHP"):
        assert f"Example in {language}" in text
    assert Client().get("/api/openapi.json").json()["openapi"].startswith("3.1")
