"""Examples of calls in curl, Python and PHP: pure. Numbers, names and addresses are made up."""

from __future__ import annotations

import json
from typing import Any

ORDER = {
    "cust_ref": "WEB-1001",
    "order_date": "2026-11-30",
    "ship_first_name": "Ada",
    "ship_last_name": "Example",
    "ship_address_1": "1 Main Street",
    "ship_city": "Springfield",
    "ship_state": "IL",
    "ship_zip": "62701",
    "ship_country": "US",
    "ship_is_billing": True,
    "ship_code": "GROUND",
    "items": [{"item": "CAP-RED", "quantity": 2, "price": "19.95"}],
}

BODIES: dict[str, Any] = {
    "/v1/cart/orders/cartrover": ORDER,
    "/v1/cart/orders/batch": [ORDER],
    "/v1/cart/orders/cancel/cartrover": {"cust_ref": "WEB-1001"},
    "/v1/cart/orders/cancel": {"cust_ref": "WEB-1001"},
    "/v1/cart/orders/update/{cust_ref}": {"order_status": "confirmed", "shipments": [{"tracking_no": "1Z0001"}]},
    "/v1/merchant/orders/update/{cust_ref}": {
        "order_status": "shipped",
        "shipments": [
            {"carrier": "UPS", "method": "09", "tracking_no": "1Z0001", "items": [{"item": "CAP-RED", "quantity": 2}]}
        ],
    },
    "/v1/merchant/inventory": [{"sku": "CAP-RED", "qty_available": 10, "qty_on_hand": 12, "warehouse": "EAST"}],
    "/v1/merchant/product": [{"sku": "CAP-RED", "name": "Red cap", "upc": "012345678905", "weight_lbs": 0.4}],
    "/v1/cart/shipmethod/{order_source}": [{"cart_code": "GROUND", "wms_code": "09"}],
    "/v1/wms/shipmethod": [{"code": "09", "carrier": "UPS", "description": "UPS Ground"}],
    "/v1/wms/merchant": {"name": "Corner Shop"},
    "/v1/master/account": {"name": "East Coast Fulfillment", "organization_type": "fulfillment"},
}

IN_PATHS = {"cust_ref": "WEB-1001", "status": "new", "sku": "CAP-RED", "order_source": "APIAccess1"}
USER, KEY = "1234abcdefgh", "YOUR-API-KEY"


def path_example(path: str) -> str:
    """Return the address with something in place of each parameter."""
    return path.format(**IN_PATHS)


def samples(method: str, path: str, host: str, levels: list[str]) -> dict[str, str]:
    """Return the call of an endpoint by language."""
    body, url = BODIES.get(path) if method == "post" else None, host + path_example(path)
    merchant = "cart" not in levels and "merchant" not in levels and not path.startswith(("/v1/wms/merchant", "/v1/master"))
    return {"curl": _curl(url, body, merchant), "Python": _python(method, url, body), "PHP": _php(url, body)}


def _curl(url: str, body: Any, merchant: bool) -> str:
    parts = [f"curl -u {USER}:{KEY}"]
    if merchant:
        parts.append("-H 'X-Merchant-Pk: 17'")
    if body is not None:
        parts += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(body)}'"]
    return " \\\n  ".join([*parts, f"'{url}'"])


def _python(method: str, url: str, body: Any) -> str:
    sent = "" if body is None else f",\n    json={body!r}"
    return (
        "import requests\n\n"
        f'answer = requests.{method}(\n    "{url}",\n    auth=("{USER}", "{KEY}"){sent},\n    timeout=30,\n).json()\n'
        'if not answer["success_code"]:\n    raise RuntimeError(answer["message"])'
    )


def _php(url: str, body: Any) -> str:
    sent = (
        ""
        if body is None
        else (
            "curl_setopt($call, CURLOPT_HTTPHEADER, ['Content-Type: application/json']);\n"
            f"curl_setopt($call, CURLOPT_POSTFIELDS, '{json.dumps(body)}');\n"
        )
    )
    return (
        f"$call = curl_init('{url}');\n"
        f"curl_setopt($call, CURLOPT_USERPWD, '{USER}:{KEY}');\n"
        "curl_setopt($call, CURLOPT_RETURNTRANSFER, true);\n"
        f"{sent}"
        "$answer = json_decode(curl_exec($call), true);\n"
        "if (!$answer['success_code']) {\n    throw new RuntimeException($answer['message']);\n}"
    )
