"""Pages, filters and order of lists."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from connectors.quickbooks_commerce.sandbox import Sandbox

from .conftest import Client


def ids(rows: list[Any]) -> list[int]:
    return [row["id"] for row in rows]


def pagination(api: Client, path: str, **params: Any) -> dict[str, Any]:
    return dict(json.loads(api.call("GET", path, params=params).headers["X-Pagination"]))


@pytest.fixture
def orders(sandbox: Sandbox, api: Client) -> list[int]:
    """Seven orders, a few milliseconds apart."""
    made = []
    for at in range(7):
        made.append(sandbox.drive("add_stranger_order", order_number=f"N{at}")["orders"][0]["id"])
        time.sleep(0.002)
    return made


def test_default_limit_is_50_and_the_most_250(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("add_stranger_order", count=260)
    assert len(api.get("/orders")["orders"]) == 50
    assert len(api.get("/orders", limit=1000)["orders"]) == 250
    assert len(api.get("/orders", limit=250, page=2)["orders"]) == 10
    sandbox.drive("set", over_limit="refuse")
    assert api.call("GET", "/orders", params={"limit": 251}).status_code == 400


def test_limit_0_counts_without_records(api: Client, orders: list[int]) -> None:
    assert api.get("/orders", limit=0) == {"orders": []}
    found = pagination(api, "/orders", limit=0)
    assert (found["total_records"], found["total_pages"], found["last_page"]) == (7, 1, True)


def test_pages_are_disjoint_and_end_with_an_empty_one(api: Client, orders: list[int]) -> None:
    pages = [ids(api.get("/orders", limit=3, page=page, order="id asc")["orders"]) for page in (1, 2, 3, 4)]
    assert pages == [orders[:3], orders[3:6], orders[6:], []]
    assert pagination(api, "/orders", limit=3, page=4)["out_of_bounds"] is True
    last = pagination(api, "/orders", limit=3, page=3)
    assert (last["last_page"], last["first_page"], last["offset"]) == (True, False, 6)


def test_link_header_names_next_and_last(api: Client, orders: list[int]) -> None:
    link = api.call("GET", "/orders", params={"limit": 3}).headers["Link"]
    assert link == f'<{api.base}/ajax/orders?limit=3&page=2>; rel="next", <{api.base}/ajax/orders?limit=3&page=3>; rel="last"'
    assert "next" not in api.call("GET", "/orders", params={"limit": 3, "page": 3}).headers["Link"]


def test_newest_come_first_unless_ordered(api: Client, orders: list[int]) -> None:
    assert ids(api.get("/orders")["orders"]) == orders[::-1]
    for order in ("id asc", "created_at asc", "updated_at asc", "updated_at", "order_number asc"):
        assert ids(api.get("/orders", order=order)["orders"]) == orders, order
    for order in ("id desc", "updated_at desc", "order_number desc"):
        assert ids(api.get("/orders", order=order)["orders"]) == orders[::-1], order


def test_changed_records_move_to_the_end_of_a_walk_by_updated_at(api: Client, orders: list[int]) -> None:
    api.put(f"/orders/{orders[2]}", "order", notes="changed")
    walked = api.get("/orders", order="updated_at asc")["orders"]
    assert ids(walked) == [*orders[:2], *orders[3:], orders[2]]
    stamp = walked[-1]["updated_at"]
    assert ids(api.get("/orders", updated_at_min=stamp)["orders"]) == [orders[2]], "the bound is inclusive"


def test_time_bounds(api: Client, orders: list[int]) -> None:
    rows = api.get("/orders", order="id asc")["orders"]
    third, fifth = rows[2]["created_at"], rows[4]["created_at"]
    found = api.get("/orders", created_at_min=third, created_at_max=fifth, order="created_at asc")
    assert ids(found["orders"]) == orders[2:5]
    found = api.get("/orders", updated_at_min=third, updated_at_max=fifth, order="id asc", limit=2)
    assert ids(found["orders"]) == orders[2:4]
    assert pagination(api, "/orders", updated_at_min=third, updated_at_max=fifth)["total_records"] == 3
    assert ids(api.get("/orders", updated_at_min="2020-01-01", limit=1)["orders"]) == orders[-1:]
    assert api.get("/orders", updated_at_min="2999-12-31T00:00:00+02:00") == {"orders": []}
    undone = api.call("GET", "/orders?updated_at_min=2020-01-01T00:00:00+02:00")
    assert len(undone.json()["orders"]) == 7, "a plus sign that a client forgot to encode"
    assert api.call("GET", "/orders", params={"updated_at_min": "soon"}).status_code == 400


def test_ids_as_array_and_as_comma_list(api: Client, orders: list[int]) -> None:
    wanted = [orders[1], orders[4]]
    assert sorted(ids(api.get("/orders", **{"ids[]": [*wanted, 1]})["orders"])) == wanted
    assert sorted(ids(api.get("/orders", ids=f"{orders[1]},{orders[4]},x")["orders"])) == wanted


def test_status_arrays(sandbox: Sandbox, api: Client, orders: list[int]) -> None:
    sandbox.drive("void", order_id=orders[0])
    sandbox.drive("finalize", order_id=orders[1])
    assert ids(api.get("/orders", status="void")["orders"]) == [orders[0]]
    found = api.get("/orders", **{"status[]": ["void", "finalized"], "order": "id asc"})["orders"]
    assert ids(found) == orders[:2]
    everything = ["draft", "active", "finalized", "fulfilled", "void", "deleted"]
    found = api.get("/orders", **{"status[]": everything, "order": "updated_at asc", "limit": 2})["orders"]
    assert ids(found) == orders[2:4]
    assert api.get("/orders", status="archived") == {"orders": []}


def test_lists_hide_void_orders_where_the_account_is_set_so(sandbox: Sandbox, api: Client, orders: list[int]) -> None:
    sandbox.drive("void", order_id=orders[0])
    assert len(api.get("/orders")["orders"]) == 7
    sandbox.drive("set", list_voided=False)
    assert orders[0] not in ids(api.get("/orders")["orders"])
    assert ids(api.get("/orders", **{"status[]": ["active", "void"]})["orders"]) == orders[::-1]


def test_exact_filters_combine(api: Client) -> None:
    company = api.company("One", company_code="DSCO-1", email="one@example.com")
    order = api.order(company_id=company, order_number="S1", reference_number="PO-1")
    api.order(company_id=company, order_number="S1", reference_number="PO-2")
    api.order(order_number="S3", reference_number="PO-1")
    assert ids(api.get("/orders", order_number="S1", reference_number="PO-1")["orders"]) == [order["id"]]
    assert len(api.get("/orders", order_number="S1", company_id=company)["orders"]) == 2
    assert len(api.get("/orders", **{"order_number[]": ["S1", "S3"]})["orders"]) == 3
    assert api.get("/orders", order_number="s1") == {"orders": []}
    assert ids(api.get("/companies", company_code="DSCO-1", email="one@example.com")["companies"]) == [company]
    assert api.get("/companies", company_code="DSCO") == {"companies": []}


def test_variants_by_several_skus(sandbox: Sandbox, api: Client) -> None:
    found = api.get("/variants", **{"sku[]": ["CAP-001", "MUG-002", "NONE"]})["variants"]
    assert sorted(row["sku"] for row in found) == ["CAP-001", "MUG-002"]
    sandbox.drive("add_products", products=[{"sku": "CAP-001", "name": "Twin"}])
    assert len(api.get("/variants", sku="CAP-001")["variants"]) == 2, "SKUs needn't be unique"
    sandbox.drive("archive_products", skus=["MUG-002"])
    assert api.get("/variants", sku="MUG-002") == {"variants": []}
    assert len(api.get("/variants", sku="MUG-002", status="archived")["variants"]) == 1


def test_addresses_by_company_and_label(api: Client) -> None:
    company = api.company()
    wanted = api.address(company, "A-1")
    api.address(company, "A-2")
    api.address(api.company("Two"), "A-1")
    assert ids(api.get("/addresses", company_id=company, label="A-1")["addresses"]) == [wanted]


def test_children_of_several_orders_come_by_position(api: Client) -> None:
    first = api.order(lines={"CAP-001": 1, "CAP-002": 2})
    second = api.order(lines={"MUG-001": 1})
    rows = api.get("/order_line_items", order_id=f"{first['id']},{second['id']}")["order_line_items"]
    assert [row["position"] for row in rows] == [0, 0, 1]
    assert {row["order_id"] for row in rows} == {first["id"], second["id"]}


def test_fulfillments_by_order_lists(sandbox: Sandbox, api: Client, orders: list[int]) -> None:
    for order_id in orders[:3]:
        sandbox.drive("pack_and_ship", order_id=order_id)
    found = api.get("/fulfillments", order_id=f"{orders[0]},{orders[2]}", status="fulfilled", order="updated_at asc")
    assert [row["order_id"] for row in found["fulfillments"]] == [orders[0], orders[2]]
    assert {row["fulfillment_id"] for row in found["fulfillment_line_items"]} == set(ids(found["fulfillments"]))


def test_sideloading_works_on_lists_of_products_and_not_of_orders(api: Client, orders: list[int]) -> None:
    found = api.get("/products", include="variants", limit=2)
    assert list(found) == ["variants", "products"]
    assert list(api.get("/orders", include="order_line_items")) == ["orders"]
    assert list(api.get("/fulfillments")) == ["fulfillments"], "no child array beside an empty list"


def test_included_records_stand_beside_a_single_order(api: Client) -> None:
    company = api.company()
    shipping, billing = api.address(company, "Ship"), api.address(company, "Bill")
    order = api.order(company_id=company, shipping_address_id=shipping, billing_address_id=billing)
    asked = "order_line_items,shipping_address,billing_address,company"
    found = api.get(f"/orders/{order['id']}", include=asked)
    assert sorted(found) == ["addresses", "companies", "order", "order_line_items"]
    assert ids(found["addresses"]) == [shipping, billing]
    assert ids(found["companies"]) == [company]
    assert ids(found["order_line_items"]) == order["order_line_item_ids"]
    api.put(f"/orders/{order['id']}", "order", billing_address_id=shipping)
    assert ids(api.get(f"/orders/{order['id']}", include=asked)["addresses"]) == [shipping]


def test_search_words(api: Client) -> None:
    assert {row["sku"] for row in api.get("/variants", q="mug-00")["variants"]} == {f"MUG-{at:03d}" for at in range(1, 9)}
    company = api.company("Faraway Stores")
    assert ids(api.get("/companies", q="faraway")["companies"]) == [company]


def test_long_walks_see_every_change_exactly_once(sandbox: Sandbox, api: Client) -> None:
    """More records than a block of the index holds, changed in between."""
    sandbox.drive("add_stranger_order", count=1200)
    rows = api.get("/orders", order="id asc", limit=250)["orders"]
    for row in rows[::50]:
        api.put(f"/orders/{row['id']}", "order", notes="again")
    seen: list[int] = []
    for page in range(1, 7):
        seen += ids(api.get("/orders", order="updated_at asc", limit=250, page=page)["orders"])
    assert len(seen) == len(set(seen)) == 1200
    assert seen[-5:] == ids(rows[::50])
    found = pagination(api, "/orders", status="active", order="updated_at desc", page=2, limit=100)
    assert (found["total_records"], found["offset"]) == (1200, 100)
