"""Fulfilments, returns, invoices, payments, and the actions of orders."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.quickbooks_commerce.sandbox import Sandbox

from .conftest import Client
from .test_orders import stock


@pytest.fixture
def order(api: Client) -> Any:
    return api.order(lines={"CAP-001": 3, "MUG-001": 1}, status="finalized")


def statuses(api: Client, order: Any) -> tuple[str, str, str, str, str]:
    now = api.get(f"/orders/{order['id']}")["order"]
    names = ("status", "packed_status", "fulfillment_status", "invoice_status", "payment_status")
    status, packed, shipped, invoiced, paid = (str(now[name]) for name in names)
    return status, packed, shipped, invoiced, paid


def fulfillment(api: Client, order: Any, parts: list[tuple[int, Any]], expect: int = 201, **values: Any) -> Any:
    items = [{"order_line_item_id": line_id, "quantity": quantity} for line_id, quantity in parts]
    values = {"order_id": order["id"], "fulfillment_line_items": items, **values}
    return api.post("/fulfillments", "fulfillment", expect, **values)


def test_packing_and_shipping_in_two_boxes(sandbox: Sandbox, api: Client, order: Any) -> None:
    cap, mug = order["order_line_item_ids"]
    box = fulfillment(api, order, [(cap, 2)])
    assert (box["status"], box["shipped_at"], box["tracking_number"]) == ("packed", None, None)
    assert statuses(api, order)[:3] == ("finalized", "partial", "unshipped")
    assert stock(sandbox) == ("100", "3", "97"), "packing leaves stock alone"
    way: dict[str, Any] = {
        "tracking_number": "1Z1",
        "tracking_company": "UPS",
        "service": "Ground",
        "tracking_url": "https://example.com",
    }
    api.put(f"/fulfillments/{box['id']}", "fulfillment", status="fulfilled", **way)
    shipped = api.get(f"/fulfillments/{box['id']}")["fulfillment"]
    assert shipped["shipped_at"]
    assert {name: shipped[name] for name in way} == way
    assert statuses(api, order)[:3] == ("finalized", "partial", "partial")
    assert stock(sandbox) == ("98", "1", "97")
    fulfillment(api, order, [(cap, 1), (mug, 1)], status="fulfilled", shipped_at="2026-11-21T10:00:00Z")
    assert statuses(api, order)[:3] == ("fulfilled", "packed", "shipped")
    assert stock(sandbox) == ("97", "0", "97")
    assert api.lines(order["id"])[0]["fulfillment_line_item_ids"] == [800001, 800002]


def test_fulfillments_need_lines_that_the_order_has(api: Client, order: Any) -> None:
    cap, _ = order["order_line_item_ids"]
    refused = api.post("/fulfillments", "fulfillment", 422, order_id=order["id"])
    assert refused["errors"] == {"base": ["Cannot create or update a Fulfillment without line items"]}
    refused = fulfillment(api, order, [(cap, 4)], 422)
    assert refused["errors"] == {"fulfillment_line_items.quantity": ["must be less than or equal to 3"]}
    assert "errors" in fulfillment(api, order, [(cap, 2), (cap, 2)], 422)
    assert "errors" in fulfillment(api, order, [(cap, 0)], 422)
    assert fulfillment(api, order, [(5, 1)], 404)["message"] == "Couldn't find OrderLineItem with id=5"
    assert fulfillment(api, {"id": 5}, [(cap, 1)], 422)["errors"] == {"order": ["can't be blank"]}
    assert api.get("/fulfillments") == {"fulfillments": []}


def test_only_finalized_orders_are_packed_shipped_or_invoiced(api: Client) -> None:
    active = api.order()
    line = active["order_line_item_ids"][0]
    for refused in (
        fulfillment(api, active, [(line, 1)], 422),
        api.action(active["id"], "fulfil", 422),
        api.action(active["id"], "pack", 422),
        api.action(active["id"], "invoice", 422),
        api.action(active["id"], "pay", 422),
    ):
        assert list(refused["errors"]) == ["base"]


def test_single_fulfillment_sideloads_on_request(sandbox: Sandbox, api: Client, order: Any) -> None:
    box = sandbox.drive("pack_and_ship", order_id=order["id"])["fulfillments"][0]
    assert list(api.get(f"/fulfillments/{box['id']}")) == ["fulfillment"]
    found = api.get(f"/fulfillments/{box['id']}", include="fulfillment_line_items")
    assert [line["variant_sku"] for line in found["fulfillment_line_items"]] == ["CAP-001", "MUG-001"]
    rows = api.get("/fulfillment_line_items", fulfillment_id=box["id"])["fulfillment_line_items"]
    assert [row["quantity"] for row in rows] == ["3.0", "1.0"]


def test_voided_fulfillment_gives_the_stock_back(sandbox: Sandbox, api: Client, order: Any) -> None:
    box = sandbox.drive("pack_and_ship", order_id=order["id"])["fulfillments"][0]
    assert stock(sandbox) == ("97", "0", "97")
    api.delete(f"/fulfillments/{box['id']}")
    assert api.get(f"/fulfillments/{box['id']}")["fulfillment"]["status"] == "void"
    assert statuses(api, order)[:3] == ("finalized", "unpacked", "unshipped")
    assert stock(sandbox) == ("100", "3", "97")
    assert "base" in api.delete(f"/fulfillments/{box['id']}", expect=422)["errors"]
    packed = sandbox.drive("pack_and_ship", order_id=order["id"], pack_only=True)["fulfillments"][0]
    api.delete(f"/fulfillments/{packed['id']}")
    assert api.get(f"/fulfillments/{packed['id']}")["fulfillment"]["status"] == "deleted"


def test_actions_ship_invoice_and_pay_what_is_open(sandbox: Sandbox, api: Client, order: Any) -> None:
    packed = api.action(order["id"], "pack", fulfillment={"tracking_number": "T1", "service": "Air"})["fulfillment"]
    assert (packed["status"], packed["tracking_number"], packed["service"]) == ("packed", "T1", "Air")
    shipped = api.action(order["id"], "fulfil", fulfillment={"tracking_company": "UPS"})["fulfillment"]
    assert (shipped["id"], shipped["status"], shipped["tracking_number"]) == (packed["id"], "fulfilled", "T1")
    invoice = api.action(order["id"], "invoice", invoice={"invoiced_at": "2026-11-22", "notes": "N"})["invoice"]
    assert (invoice["invoice_number"], invoice["due_at"], invoice["cached_total"]) == ("INV0001", "2026-12-22", "40.0")
    payment = api.action(order["id"], "pay", payment={"payment_method_name": "Credit Card", "paid_at": "2026-11-23"})["payment"]
    assert (payment["amount"], payment["paid_at"], payment["payment_method_id"]) == ("40.0", "2026-11-23T00:00:00.000Z", 2)
    assert statuses(api, order) == ("fulfilled", "packed", "shipped", "invoiced", "paid")
    for name in ("pack", "fulfil", "fulfill", "invoice", "pay", "void"):
        assert list(api.action(order["id"], name, 422)["errors"]) == ["base"]
    assert api.call("POST", f"/orders/{order['id']}/actions/dance").status_code == 404


def test_pay_invoices_what_is_not_yet(api: Client, order: Any) -> None:
    api.action(order["id"], "pay")
    assert statuses(api, order)[3:] == ("invoiced", "paid")
    assert "base" in api.action(order["id"], "void", 422)["errors"]


def test_void_takes_packed_boxes_and_open_invoices_along(sandbox: Sandbox, api: Client, order: Any) -> None:
    box = api.action(order["id"], "pack")["fulfillment"]
    invoice = api.action(order["id"], "invoice")["invoice"]
    api.action(order["id"], "void")
    assert api.get(f"/fulfillments/{box['id']}")["fulfillment"]["status"] == "void"
    assert api.get(f"/invoices/{invoice['id']}")["invoice"]["status"] == "void"
    assert stock(sandbox) == ("100", "0", "100")


def test_invoices_in_parts(api: Client, order: Any) -> None:
    cap, mug = order["order_line_item_ids"]
    items = [{"order_line_item_id": cap, "quantity": "2"}]
    first = api.post("/invoices", "invoice", order_id=order["id"], invoice_line_items=items, invoice_number="X-7")
    assert (first["invoice_number"], first["cached_total"], first["order_number"]) == ("X-7", "20.0", order["order_number"])
    assert statuses(api, order)[3] == "partial"
    refused = api.post("/invoices", "invoice", 422, order_id=order["id"], invoice_line_items=[*items])
    assert refused["errors"] == {"invoice_line_items.quantity": ["must be less than or equal to 1"]}
    items = [{"order_line_item_id": cap, "quantity": 1}, {"order_line_item_id": mug, "quantity": 1}]
    second = api.post("/invoices", "invoice", order_id=order["id"], invoice_line_items=items)
    shown = api.get(f"/orders/{order['id']}")["order"]
    assert (shown["invoice_status"], shown["invoice_ids"]) == ("invoiced", [first["id"], second["id"]])
    assert shown["invoice_numbers"] == {str(first["id"]): "X-7", str(second["id"]): second["invoice_number"]}
    listed = api.get("/invoices", order_id=order["id"], order="id asc")
    assert [row["id"] for row in listed["invoices"]] == [first["id"], second["id"]]
    assert len(listed["invoice_line_items"]) == 3
    api.delete(f"/invoices/{first['id']}")
    assert statuses(api, order)[3] == "partial"
    items = [{"order_line_item_id": 5, "quantity": 1}]
    assert "message" in api.post("/invoices", "invoice", 404, order_id=order["id"], invoice_line_items=items)


def test_payments_by_hand(api: Client, order: Any) -> None:
    invoice = api.action(order["id"], "invoice")["invoice"]
    paid = api.post("/payments", "payment", invoice_id=invoice["id"], amount="15.50", reference="wire")
    assert paid["amount"] == "15.5"
    assert statuses(api, order)[4] == "partial"
    api.post("/payments", "payment", invoice_id=invoice["id"], amount="24.50")
    assert api.get(f"/invoices/{invoice['id']}")["invoice"]["payment_status"] == "paid"
    assert "base" in api.delete(f"/invoices/{invoice['id']}", expect=422)["errors"]
    api.delete(f"/payments/{paid['id']}")
    assert statuses(api, order)[4] == "partial"
    assert api.post("/payments", "payment", 422, amount=1)["errors"] == {"invoice": ["can't be blank"]}


def test_returns_put_things_back(sandbox: Sandbox, api: Client, order: Any) -> None:
    sandbox.drive("pack_and_ship", order_id=order["id"])
    items = [{"order_line_item_id": order["order_line_item_ids"][0], "quantity": 2}]
    back = api.post("/fulfillment_returns", "fulfillment_return", order_id=order["id"], fulfillment_return_line_items=items)
    assert back["status"] == "returning"
    assert api.get(f"/orders/{order['id']}")["order"]["returning_status"] == "partial"
    listed = api.get("/fulfillment_returns", order_id=order["id"])
    assert list(listed) == ["fulfillment_return_line_items", "fulfillment_returns"]
    api.put(f"/fulfillment_returns/{back['id']}", "fulfillment_return", received_at="2026-11-25T00:00:00Z")
    assert stock(sandbox) == ("99", "0", "99")
    now = api.get(f"/orders/{order['id']}")["order"]
    assert (now["return_status"], now["returning_status"], now["status"]) == ("partial", "unreturning", "fulfilled")
    refused = api.post(
        "/fulfillment_returns", "fulfillment_return", 422, order_id=order["id"], fulfillment_return_line_items=items
    )
    assert "fulfillment_return_line_items.quantity" in refused["errors"]
    other = sandbox.drive("state", order_id=order["id"])["fulfillments"][0]
    assert "base" in api.delete(f"/fulfillments/{other['id']}", expect=422)["errors"]
