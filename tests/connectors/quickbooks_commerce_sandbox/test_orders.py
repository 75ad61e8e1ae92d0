"""Orders: creating them, their lines, their stock, their statuses, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.quickbooks_commerce.sandbox import Sandbox

from .conftest import Client


def stock(sandbox: Sandbox, sku: str = "CAP-001", location: str = "Main") -> tuple[str, str, str]:
    level = sandbox.drive("state")["stock"][sku][location]
    return level["on_hand"], level["committed"], level["available"]


def errors(api: Client, **values: Any) -> Any:
    return api.order(expect=422, **values)["errors"]


def test_order_with_nested_company_and_address(api: Client) -> None:
    order = api.order(
        company={"name": "Acme", "company_type": "business", "company_code": "DSCO-9"},
        shipping_address={
            "label": "ORD-1",
            "first_name": "Ann",
            "last_name": "Lee",
            "address1": "1 Elm",
            "city": "Salem",
            "state": "OR",
            "zip_code": "97301",
            "country": "United States",
        },
        order_number="ORD-1",
        reference_number="PO-1",
        ship_at="2026-11-25",
        email="ann@example.com",
        phone_number="555-0100",
        notes="Leave at door",
        source_url="https://example.com/1",
    )
    assert order["billing_address_id"] == order["shipping_address_id"]
    assert (order["order_number"], order["reference_number"], order["ship_at"]) == ("ORD-1", "PO-1", "2026-11-25")
    assert (order["status"], order["source_id"], order["default_price_list_id"]) == ("active", 1, "wholesale")
    company = api.get(f"/companies/{order['company_id']}")["company"]
    assert (company["company_code"], company["address_ids"]) == ("DSCO-9", [order["shipping_address_id"]])
    address = api.get(f"/addresses/{order['shipping_address_id']}")["address"]
    assert (address["country"], address["country_code"], address["label"]) == ("United States", "US", "ORD-1")


def test_label_of_a_nested_address_is_unique_in_the_company(sandbox: Sandbox, api: Client) -> None:
    company = api.company()
    address = {"address1": "1 Elm", "label": "ORD-1"}
    api.order(company_id=company, shipping_address=address)
    assert errors(api, company_id=company, shipping_address=address) == {"shipping_address.label": ["has already been taken"]}
    api.order(company_id=api.company("Other"), shipping_address=address)
    refused = api.post("/addresses", "address", 422, company_id=company, label="ORD-1", address1="2 Elm")
    assert refused["errors"] == {"label": ["has already been taken"]}
    assert sandbox.drive("counts")["orders"] == 2


def test_refused_order_leaves_nothing_behind(sandbox: Sandbox, api: Client) -> None:
    before = sandbox.drive("counts")
    refused = errors(
        api,
        company={"name": "Acme", "company_type": "business"},
        shipping_address={"address1": "1 Elm", "label": "X"},
        order_line_items=[{"variant_id": 999, "quantity": 1, "price": 1}],
    )
    assert refused == {"order_line_items.variant": ["can't be blank"]}
    assert sandbox.drive("counts") == before


def test_unknown_missing_and_archived_variants_are_blank(sandbox: Sandbox, api: Client) -> None:
    blank = {"order_line_items.variant": ["can't be blank"]}
    archived, removed = api.variant_id("MUG-001"), api.variant_id("MUG-002")
    sandbox.drive("archive_products", skus=["MUG-001"])
    sandbox.drive("remove_products", skus=["MUG-002"])
    for variant_id in (1, None, "x", archived, removed):
        assert errors(api, order_line_items=[{"variant_id": variant_id, "quantity": 1, "price": "2"}]) == blank
    assert errors(api, order_line_items=[{"quantity": 1, "price": "2"}]) == blank


def test_what_an_order_must_have(api: Client) -> None:
    refused = api.post("/orders", "order", 422, status="active")["errors"]
    assert refused == {
        "company": ["can't be blank"],
        "shipping_address": ["can't be blank"],
        "issued_at": ["can't be blank"],
    }
    assert "company" in errors(api, company_id=1)
    assert errors(api, status="shipped") == {"status": ["is not included in the list"]}
    assert errors(api, currency_iso="XYZ") == {"currency": ["can't be blank"]}
    assert errors(api, shipping_address={"city": "Salem"}) == {"shipping_address.address1": ["can't be blank"]}
    assert errors(api, company={"name": ""}) == {
        "company.name": ["can't be blank"],
        "company.company_type": ["can't be blank"],
    }


@pytest.mark.parametrize(
    ("line", "attribute"),
    [
        ({"quantity": "many"}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"price": "free"}, "price"),
        ({"discount": "101"}, "discount"),
        ({"line_type": "bribe"}, "line_type"),
        ({"quantity": float("1e300")}, "quantity"),
    ],
)
def test_wrong_lines_are_refused_by_attribute(api: Client, line: dict[str, Any], attribute: str) -> None:
    item = {"variant_id": api.variant_id(), "quantity": 1, "price": "2", **line}
    assert list(errors(api, order_line_items=[item])) == [f"order_line_items.{attribute}"]


def test_missing_price_comes_from_the_price_list_unless_one_is_demanded(sandbox: Sandbox, api: Client) -> None:
    item = {"variant_id": api.variant_id(), "quantity": 1}
    order = api.order(order_line_items=[item])
    assert api.lines(order["id"])[0]["price"] == "14.4"
    sandbox.drive("set", price_required=True)
    assert errors(api, order_line_items=[item]) == {"order_line_items.price": ["can't be blank"]}


@pytest.mark.parametrize(
    "text", ["2018-02-21T23:30:00-08:00", "21-02-2018", "Wed, 21 Feb 2018 09:50:56 GMT", "21 Feb 2018", "Feb 21 2018"]
)
def test_dates_are_read_leniently(api: Client, text: str) -> None:
    assert api.order(issued_at=text)["issued_at"] == "2018-02-21"


def test_freeform_lines_count_in_the_total_and_take_no_stock(sandbox: Sandbox, api: Client) -> None:
    lines = [
        {"variant_id": api.variant_id(), "quantity": 2, "price": "10.50", "discount": "10"},
        {"freeform": True, "line_type": "shipping", "label": "Ground", "quantity": 1, "price": "5.00"},
        {"freeform": True, "line_type": "discount", "label": "Spring", "quantity": 1, "price": "-2.00"},
    ]
    order = api.order(order_line_items=lines)
    assert order["total"] == "21.9"
    shown = api.lines(order["id"])
    assert [(line["freeform"], line["variant_id"] is None, line["position"]) for line in shown] == [
        (False, False, 0),
        (True, True, 1),
        (True, True, 2),
    ]
    assert stock(sandbox) == ("100", "2", "98")


def test_tax_is_added_where_prices_are_without(api: Client) -> None:
    line = {"variant_id": api.variant_id(), "quantity": 1, "price": "100", "tax_rate_override": "8.25"}
    assert api.order(order_line_items=[line])["total"] == "108.25"
    assert api.order(order_line_items=[line], tax_treatment="inclusive")["total"] == "100.0"
    line = {"variant_id": api.variant_id(), "quantity": 1, "price": "100", "tax_type_id": 2}
    assert api.order(order_line_items=[line])["total"] == "108.5"


def test_blank_order_numbers_continue_the_account_s_series(api: Client) -> None:
    assert [api.order()["order_number"] for _ in range(2)] == ["SO0001", "SO0002"]
    assert api.order(order_number="")["order_number"] == "SO0003"


def test_order_numbers_may_repeat_unless_the_account_is_strict(sandbox: Sandbox, api: Client) -> None:
    api.order(order_number="D1")
    api.order(order_number="D1")
    assert len(api.get("/orders", order_number="D1")["orders"]) == 2
    sandbox.drive("set", strict_order_numbers=True)
    assert errors(api, order_number="D1") == {"order_number": ["has already been taken"]}
    sandbox.drive("void", order_id=api.get("/orders", order_number="D1")["orders"][0]["id"])
    assert "order_number" in errors(api, order_number="D1"), "void orders keep their number"
    other = api.order(order_number="D2")
    refused = api.put(f"/orders/{other['id']}", "order", 422, order_number="D1")
    assert refused["errors"] == {"order_number": ["has already been taken"]}
    api.put(f"/orders/{other['id']}", "order", order_number="D2", notes="same")


def test_company_codes_may_repeat_unless_the_account_is_strict(sandbox: Sandbox, api: Client) -> None:
    api.company(company_code="DSCO-1")
    api.company(company_code="DSCO-1")
    sandbox.drive("set", unique_company_codes=True)
    refused = api.post("/companies", "company", 422, name="X", company_type="business", company_code="DSCO-1")
    assert refused["errors"] == {"company_code": ["has already been taken"]}


# --- stock and statuses ------------------------------------------------------------------------------------------------------


def test_drafts_commit_nothing_active_orders_do(sandbox: Sandbox, api: Client) -> None:
    order = api.order(status="draft")
    assert stock(sandbox) == ("100", "0", "100")
    api.put(f"/orders/{order['id']}", "order", status="active")
    assert stock(sandbox) == ("100", "2", "98")
    api.put(f"/orders/{order['id']}", "order", status="draft")
    assert stock(sandbox) == ("100", "0", "100")


def test_stock_is_taken_at_the_order_s_location(sandbox: Sandbox, api: Client) -> None:
    order = api.order(stock_location_id=2)
    assert stock(sandbox, location="Overflow") == ("20", "2", "18")
    assert stock(sandbox) == ("100", "0", "100")
    api.put(f"/orders/{order['id']}", "order", stock_location_id=1)
    assert stock(sandbox, location="Overflow") == ("20", "0", "20")
    assert stock(sandbox) == ("100", "2", "98")
    assert errors(api, stock_location_id=9) == {"stock_location": ["can't be blank"]}


def test_void_and_delete_release_the_stock(sandbox: Sandbox, api: Client) -> None:
    active, draft = api.order(), api.order(status="draft")
    answer = api.action(active["id"], "void")
    assert answer["order"]["status"] == "void"
    assert stock(sandbox) == ("100", "0", "100")
    api.delete(f"/orders/{draft['id']}")
    assert api.get(f"/orders/{draft['id']}")["order"]["status"] == "deleted"
    other = api.order()
    api.delete(f"/orders/{other['id']}")
    assert api.get(f"/orders/{other['id']}")["order"]["status"] == "void"
    assert "base" in api.action(active["id"], "void", expect=422)["errors"]
    assert "base" in api.put(f"/orders/{active['id']}", "order", 422, notes="late")["errors"]


def test_bundles_take_their_components(sandbox: Sandbox, api: Client) -> None:
    bundle = api.variant("SET-001")
    assert (bundle["composite"], bundle["locations"][0]["available"]) == (True, "50")
    api.order(lines={"SET-001": 10})
    assert stock(sandbox, "CAP-001") == ("100", "10", "90")
    assert stock(sandbox, "TEE-001") == ("100", "20", "80")
    assert stock(sandbox, "SET-001") == ("50", "10", "40")
    sandbox.drive("pack_and_ship", all=True)
    assert stock(sandbox, "TEE-001") == ("80", "0", "80")


def test_untracked_products_take_no_stock(sandbox: Sandbox, api: Client) -> None:
    api.order(lines={"GIFT-CARD": 3, "CAP-003": 4})
    card = api.variant("GIFT-CARD")
    assert (card["manage_stock"], card["committed_stock"]) == (False, "0")
    sandbox.drive("set_product", sku="CAP-003", manage_stock=False)
    assert stock(sandbox, "CAP-003") == ("100", "0", "100")
    sandbox.drive("set_product", sku="CAP-003", manage_stock=True)
    assert stock(sandbox, "CAP-003") == ("100", "4", "96")


def test_more_may_be_sold_than_there_is(sandbox: Sandbox, api: Client) -> None:
    order = api.order(lines={"SOX-001": 130}, status="finalized")
    assert api.variant("SOX-001")["available_stock"] == "-10"
    api.action(order["id"], "fulfil")
    assert stock(sandbox, "SOX-001") == ("-30", "0", "-30")


# --- changing ----------------------------------------------------------------------------------------------------------------


def test_put_with_lines_adds_them(sandbox: Sandbox, api: Client) -> None:
    order = api.order()
    fresh = {"variant_id": api.variant_id("MUG-001"), "quantity": 3, "price": "4"}
    api.put(f"/orders/{order['id']}", "order", order_line_items=[fresh])
    lines = api.lines(order["id"])
    assert [(line["position"], line["quantity"]) for line in lines] == [(0, "2.0"), (1, "3.0")]
    assert api.get(f"/orders/{order['id']}")["order"]["total"] == "32.0"
    assert stock(sandbox, "MUG-001") == ("100", "3", "97")
    api.put(f"/orders/{order['id']}", "order", order_line_items=[{"id": lines[0]["id"], "quantity": 1}])
    assert [line["quantity"] for line in api.lines(order["id"])] == ["1.0", "3.0"]
    answer = api.call("PUT", f"/orders/{order['id']}", json={"order": {"order_line_items": [{"id": 5}]}})
    assert (answer.status_code, answer.json()["message"]) == (404, "Couldn't find OrderLineItem with id=5")


def test_lines_are_changed_and_deleted_one_by_one(sandbox: Sandbox, api: Client) -> None:
    order = api.order(lines={"CAP-001": 2, "CAP-002": 3})
    first, second = api.lines(order["id"])
    before = api.get(f"/orders/{order['id']}")["order"]["updated_at"]
    sandbox.drive("advance", seconds=5)
    api.put(f"/order_line_items/{first['id']}", "order_line_item", quantity="1.0", price="12")
    changed = api.get(f"/orders/{order['id']}")["order"]
    assert (changed["total"], changed["updated_at"] > before) == ("42.0", True)
    assert stock(sandbox) == ("100", "1", "99")
    api.delete(f"/order_line_items/{second['id']}")
    assert api.get(f"/orders/{order['id']}")["order"]["order_line_item_ids"] == [first["id"]]
    assert stock(sandbox, "CAP-002") == ("100", "0", "100")
    added = api.post(
        "/order_line_items",
        "order_line_item",
        order_id=order["id"],
        variant_id=api.variant_id("CAP-003"),
        quantity=1,
        price=1,
    )
    assert added["position"] == 1
    assert stock(sandbox, "CAP-003") == ("100", "1", "99")


def test_shipped_lines_can_t_be_deleted_or_cut_below_what_shipped(sandbox: Sandbox, api: Client) -> None:
    order = api.order(lines={"CAP-001": 3})
    sandbox.drive("pack_and_ship", order_id=order["id"], lines={"CAP-001": 2})
    line = api.lines(order["id"])[0]
    assert "base" in api.delete(f"/order_line_items/{line['id']}", expect=422)["errors"]
    refused = api.put(f"/order_line_items/{line['id']}", "order_line_item", 422, quantity=1)
    assert refused["errors"] == {"quantity": ["must be greater than or equal to 2"]}
    refused = api.put(f"/order_line_items/{line['id']}", "order_line_item", 422, quantity=0)
    assert list(refused["errors"]) == ["quantity"]
    api.put(f"/order_line_items/{line['id']}", "order_line_item", quantity=2)
    assert api.get(f"/orders/{order['id']}")["order"]["status"] == "fulfilled"


def test_another_variant_on_a_line_moves_the_commitment(sandbox: Sandbox, api: Client) -> None:
    order = api.order()
    line = api.lines(order["id"])[0]
    api.put(f"/order_line_items/{line['id']}", "order_line_item", variant_id=api.variant_id("CAP-002"))
    assert (stock(sandbox)[1], stock(sandbox, "CAP-002")[1]) == ("0", "2")


def test_order_of_many_lines_keeps_their_order(api: Client) -> None:
    variant = api.variant_id()
    items = [{"variant_id": variant, "quantity": at + 1, "price": at} for at in range(120)]
    order = api.order(order_line_items=items)
    assert [line["quantity"] for line in api.get("/order_line_items", order_id=order["id"], limit=250)["order_line_items"]] == [
        f"{at + 1}.0" for at in range(120)
    ]
