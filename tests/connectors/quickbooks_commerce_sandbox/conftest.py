"""A fresh sandbox for each test, and a client that talks to it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.quickbooks_commerce.sandbox import Sandbox, start_sandbox


class Client:
    """A small API client; `token` is what it signs in with."""

    def __init__(self, sandbox: Sandbox, token: str = "") -> None:
        self.base = sandbox.settings["api_url"]
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"Bearer {token or sandbox.secrets['access_token']}"

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.http.request(method, self.base + path, **{"timeout": 10, **more})

    def get(self, path: str, **params: Any) -> Any:
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, root: str, expect: int = 201, key: str = "", **values: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.call("POST", path, json={root: values}, headers=headers)
        assert answer.status_code == expect, answer.text
        return answer.json()[root] if expect == 201 else answer.json()

    def put(self, path: str, root: str, expect: int = 204, **values: Any) -> Any:
        answer = self.call("PUT", path, json={root: values})
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    def delete(self, path: str, expect: int = 204) -> Any:
        answer = self.call("DELETE", path)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    def action(self, order_id: int, name: str, expect: int = 201, **body: Any) -> Any:
        answer = self.call("POST", f"/orders/{order_id}/actions/{name}", json=body)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def variant(self, sku: str) -> Any:
        return self.get("/variants", sku=sku)["variants"][0]

    def variant_id(self, sku: str = "CAP-001") -> int:
        return int(self.variant(sku)["id"])

    def company(self, name: str = "North Retail", **values: Any) -> int:
        return int(self.post("/companies", "company", name=name, company_type="business", **values)["id"])

    def address(self, company_id: int, label: str = "Dock", **values: Any) -> int:
        return int(self.post("/addresses", "address", company_id=company_id, label=label, address1="5 Pier", **values)["id"])

    def order(self, lines: dict[str, Any] | None = None, expect: int = 201, key: str = "", **values: Any) -> Any:
        """Create an order for a company of its own, unless one is named."""
        items = [
            {"variant_id": self.variant_id(sku), "quantity": quantity, "price": "10.00"}
            for sku, quantity in ({"CAP-001": 2} if lines is None else lines).items()
        ]
        body = {"issued_at": "2026-11-20", "status": "active", "order_line_items": items, **values}
        if "company_id" not in body and "company" not in body:
            body["company_id"] = self.company()
        if "shipping_address_id" not in body and "shipping_address" not in body:
            body["shipping_address"] = {"address1": "5 Pier", "city": "Portland", "country": "US"}
        return self.post("/orders", "order", expect, key, **body)

    def lines(self, order_id: int) -> list[Any]:
        return list(self.get("/order_line_items", order_id=order_id)["order_line_items"])


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    running = start_sandbox(str(tmp_path / "qbc"), {})
    running.drive("set", rate_limit=100_000)
    yield running
    running.stop()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Client]:
    client = Client(sandbox)
    yield client
    client.http.close()
