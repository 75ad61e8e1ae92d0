"""Companies, addresses, small tables, products, stock."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.quickbooks_commerce.sandbox import Sandbox

from .conftest import Client


def upc_is_valid(upc: str) -> bool:
    digits = [int(digit) for digit in upc]
    return len(digits) == 12 and (3 * sum(digits[::2]) + sum(digits[1::2])) % 10 == 0


def test_seed_has_forty_products_with_valid_upcs_in_two_warehouses(api: Client) -> None:
    variants = api.get("/variants", limit=250)["variants"]
    assert len({row["sku"] for row in variants}) == len(variants) == 40
    assert all(upc_is_valid(row["upc"]) for row in variants)
    assert [row["label"] for row in api.get("/locations", order="id asc")["locations"]] == ["Main", "Overflow"]
    cap = api.variant("CAP-001")
    assert [(row["location_id"], row["available"]) for row in cap["locations"]] == [(1, "100"), (2, "20")]
    assert cap["product_name"] == "Harbor Cap"


def test_stock_levels_are_a_lighter_view(api: Client) -> None:
    api.order()
    variant = api.variant_id()
    found = api.get("/stock_levels", ids=variant)["stock_levels"]
    assert found == [
        {
            "variant_id": variant,
            "committed_stock": "2",
            "locations": [
                {"location_id": 1, "committed": "2", "incoming": 0, "stock_on_hand": "100"},
                {"location_id": 2, "committed": 0, "incoming": 0, "stock_on_hand": "20"},
            ],
            "stock_on_hand": "120",
            "available_stock": "118",
            "incoming_stock": "0",
        }
    ]
    assert api.get(f"/stock_levels/{variant}")["stock_level"] == found[0]
    assert len(api.get("/stock_levels", limit=250)["stock_levels"]) == 40


def test_stock_is_set_by_adjustments_and_given_back_by_deleting_them(api: Client) -> None:
    variant = api.variant("MUG-001")
    lines = [{"variant_id": variant["id"], "quantity": "60", "price": "9.70"}]
    body: dict[str, Any] = {"stock_location_id": 2, "reason": "supplier", "stock_adjustment_line_items": lines}
    made = api.post("/stock_adjustments", "stock_adjustment", **body)
    assert (made["adjustment_number"], made["cached_quantity"], made["cached_total"]) == ("SA0001", "60.0", "582.0")
    changed = api.variant("MUG-001")
    assert (changed["stock_on_hand"], changed["locations"][1]["stock_on_hand"]) == ("180", "80")
    assert (changed["moving_average_cost"], changed["last_cost_price"]) == ("7.0333", "9.7")
    assert changed["updated_at"] == variant["updated_at"], "stock moves don't touch a variant"
    rows = api.get("/stock_adjustment_line_items", stock_adjustment_id=made["id"])["stock_adjustment_line_items"]
    assert [row["quantity"] for row in rows] == ["60.0"]
    api.delete(f"/stock_adjustments/{made['id']}")
    assert api.variant("MUG-001")["stock_on_hand"] == "120"
    assert api.get("/stock_adjustments") == {"stock_adjustments": []}


def test_stock_moves_touch_variants_where_the_sandbox_is_set_so(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("set", stock_touches_variant=True)
    before = api.variant("MUG-001")["updated_at"]
    sandbox.drive("advance", seconds=5)
    sandbox.drive("set_stock", sku="MUG-001", quantity=3)
    assert api.variant("MUG-001")["updated_at"] > before


@pytest.mark.parametrize(
    ("line", "attribute"),
    [
        ({"variant_id": 1, "quantity": 1, "price": 1}, "variant"),
        ({"quantity": "x"}, "quantity"),
        ({"quantity": 1}, "price"),
    ],
)
def test_wrong_adjustments_are_refused(api: Client, line: dict[str, Any], attribute: str) -> None:
    item = {"variant_id": api.variant_id(), **line}
    refused = api.post("/stock_adjustments", "stock_adjustment", 422, stock_adjustment_line_items=[item])
    assert list(refused["errors"]) == [f"stock_adjustment_line_items.{attribute}"]


def test_composition_of_bundles(sandbox: Sandbox, api: Client) -> None:
    cap, bundle = api.variant_id("CAP-001"), api.variant_id("SET-001")
    rows = api.get(f"/variants/composition/{bundle}")["composition"]
    assert [(row["component_sku"], row["quantity"]) for row in rows] == [("CAP-001", "1.0"), ("TEE-001", "2.0")]
    assert len(api.get("/variants/composition", component_id=cap)["composition"]) == 1
    assert len(api.get("/variants/composition", sku="SET-001", limit=1)["composition"]) == 1
    assert api.get("/variants/composition", sku="CAP-001")["composition"] == []
    assert api.get("/variants/composition", ids=5)["composition"] == []
    assert api.call("GET", f"/variants/composition/{cap}").status_code == 404
    assert [row["sku"] for row in api.get("/variants", composite="true")["variants"]] == ["SET-001"]


def test_products_and_variants_are_made_changed_and_archived(api: Client) -> None:
    product = api.post("/products", "product", name="Bowl", product_type="Kitchen", tags=["a", "b"])
    assert (product["tags"], product["variant_ids"], product["quantity"]) == ("a,b", [], "0")
    body = {
        "product_id": product["id"],
        "sku": "BOWL",
        "retail_price": "10",
        "initial_stock_level": "7",
        "initial_cost_price": 3,
    }
    variant = api.post("/variants", "variant", **body)
    assert (variant["stock_on_hand"], variant["moving_average_cost"], variant["retail_price"]) == ("7", "3.0", "10.0")
    assert api.get(f"/products/{product['id']}")["product"]["quantity"] == "7"
    api.put(f"/variants/{variant['id']}", "variant", keep_selling=True, max_online=5, manage_stock=False)
    changed = api.get(f"/variants/{variant['id']}")["variant"]
    assert (changed["keep_selling"], changed["max_online"], changed["manage_stock"]) == (True, 5, False)
    assert api.post("/variants", "variant", 422, sku="X", product_id=1)["errors"] == {"product": ["can't be blank"]}
    api.delete(f"/products/{product['id']}")
    assert api.get("/variants", sku="BOWL") == {"variants": []}
    assert api.get(f"/variants/{variant['id']}")["variant"]["status"] == "archived"


def test_companies_are_checked_changed_and_archived(api: Client) -> None:
    blank = api.post("/companies", "company", 422, name="")["errors"]
    assert blank == {"name": ["can't be blank"], "company_type": ["can't be blank"]}
    refused = api.post("/companies", "company", 422, name="A", company_type="friend")
    assert refused["errors"] == {"company_type": ["is not included in the list"]}
    company = api.company("A", email="a@example.com", unknown="ignored", default_discount_rate="5.5")
    shown = api.get(f"/companies/{company}")["company"]
    assert (shown["default_discount_rate"], "unknown" in shown) == (5.5, False)
    api.put(f"/companies/{company}", "company", status="disabled")
    assert api.get("/companies") == {"companies": []}
    assert len(api.get("/companies", status="disabled")["companies"]) == 1
    assert "errors" in api.put(f"/companies/{company}", "company", 422, name="")


def test_default_location_of_a_company_is_used(api: Client) -> None:
    company = api.company(default_stock_location_id=2)
    assert api.order(company_id=company)["stock_location_id"] == 2


def test_addresses_belong_to_a_company(api: Client) -> None:
    refused = api.post("/addresses", "address", 422, company_id=1, address1="x")
    assert refused["errors"] == {"company": ["can't be blank"]}
    company = api.company()
    refused = api.post("/addresses", "address", 422, company_id=company, label="A")
    assert refused["errors"] == {"address1": ["can't be blank"]}
    first, second = api.address(company, "A", country="Canada"), api.address(company, "B", country="gb")
    shown = {row["id"]: row["country_code"] for row in api.get("/addresses", company_id=company)["addresses"]}
    assert shown == {first: "CA", second: "GB"}
    refused = api.put(f"/addresses/{second}", "address", 422, label="A")
    assert refused["errors"] == {"label": ["has already been taken"]}
    api.put(f"/addresses/{second}", "address", 200, label="B", city="York")
    api.delete(f"/addresses/{first}")
    assert api.get(f"/companies/{company}")["company"]["address_ids"] == [second]
    api.put(f"/addresses/{second}", "address", 200, label="A")
    other = api.company("Other")
    refused = api.order(expect=422, company_id=other, shipping_address_id=second)
    assert refused["errors"] == {"shipping_address": ["can't be blank"]}


def test_small_tables_can_be_read_and_written(api: Client) -> None:
    assert {row["iso"] for row in api.get("/currencies")["currencies"]} == {"USD", "CAD", "EUR"}
    assert api.order(currency_iso="CAD")["currency_id"] == 2
    assert [row["id"] for row in api.get("/price_lists", order="id asc")["price_lists"]] == ["retail", "wholesale", "buy"]
    made = api.post("/price_lists", "price_list", currency_id=2, name="Canada", code="CA")
    assert (made["id"], made["currency_iso"]) == (4, "CAD")
    assert api.get("/price_lists/retail")["price_list"]["name"] == "Retail"
    tax = api.post(
        "/tax_types", "tax_type", name="County", tax_components=[{"label": "C", "rate": 7}, {"label": "S", "rate": "1.5"}]
    )
    assert (tax["effective_rate"], len(tax["tax_component_ids"])) == ("8.5", 2)
    assert list(api.get("/tax_types")) == ["tax_components", "tax_types"]
    location = api.post("/locations", "location", label="Annex", address1="9 Quay", country="US")
    assert location["status"] == "active"
    refused = api.post("/locations", "location", 422, label="Annex", address1="9 Quay", country="US")
    assert refused["errors"] == {"label": ["has already been taken"]}
    term = api.post("/payment_terms", "payment_term", name="NET7", due_in_days="7")
    assert (term["due_in_days"], "created_at" in term) == (7, False)
    company = api.company()
    contact = api.post("/contacts", "contact", company_id=company, first_name="Ann")
    api.put(f"/contacts/{contact['id']}", "contact", last_name="Lee", company_id=5)
    shown = api.get(f"/contacts/{contact['id']}")["contact"]
    assert (shown["last_name"], shown["company_id"]) == ("Lee", company)
    assert api.post("/contacts", "contact", 422, company_id=5, first_name="A")["errors"] == {"company": ["can't be blank"]}
    api.delete(f"/contacts/{contact['id']}")
    assert api.get("/contacts") == {"contacts": []}


def test_account_and_user_name_each_other(api: Client) -> None:
    account, user = api.get("/accounts/current")["account"], api.get("/users/current")["user"]
    assert (account["location_ids"], account["user_ids"], user["account_id"]) == ([1, 2], [1, 2], account["id"])
    assert {"write_orders", "write_stocks"} <= set(user["permissions"])
    api.put(f"/accounts/{account['id']}", "account", name="New name")
    assert api.get("/accounts/current")["account"]["name"] == "New name"
