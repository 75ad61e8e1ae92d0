"""Each release is held against the clients of CartRover's API that are known: what they send, and how they read the answer.

None of them is in a package registry, and their code isn't ours to copy. So what each one does on the wire, and what it
takes for success, is written down here in our own words from its published source, and sent in its own language's way.
Source: CartRover reference 1.11, which names them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from cartrover.accounts.models import Account, OrganizationKind
from connectors.models import Connection
from orders.models import ApiLevel, Order
from tests.api.clients.stacks import Call, Client, Reply
from tests.api.conftest import Program, order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

NEW_ORDER = "/v1/cart/orders/cartrover"
PHP = ("User-Agent: CartRover PhpClient/v1", "Content-type: application/json")
PHP_ORDER = {
    "cust_ref": "TEST1",
    "ship_first_name": "Ada",
    "ship_last_name": "Example",
    "ship_address_1": "1 Main Street",
    "ship_city": "Santa Barbara",
    "ship_state": "California",
    "ship_zip": "93105",
    "ship_country": "USA",
    "ship_is_billing": True,
    "items": [
        {"item": "C100", "quantity": 1, "price": 23.15, "extended_amount": 23.15},
        {"item": "C200", "quantity": 6, "price": 4.99, "extended_amount": 29.94},
    ],
}
PACKAGE = {"carrier": "UPS", "method": "09", "tracking_no": "1Z001", "total_cost": 1.5, "package_weight_lbs": "0.5"}


class Refused(Exception):
    """The client raised."""


def php_reads(reply: Reply) -> Any:
    """The official PHP client, all versions: an empty success_code or a status over 400 is an error, no response is `true`."""
    data = reply.data
    if not data or not data.get("success_code") or reply.status > 400:
        raise Refused(data["message"], reply.status)
    return data.get("response") or True


def narch_reads(reply: Reply) -> Any:
    """extensiv_ruby 0.1.0: parses what says that it is application/json; another status than 200 is the server's trouble."""
    assert reply.headers["content-type"].split(";")[0] == "application/json"
    if reply.status != 200:
        raise Refused("server-side problems")
    if reply.data["success_code"] is False:
        raise Refused(reply.data["message"])
    return reply.data


def sifourteen_reads(reply: Reply) -> tuple[bool, Any]:
    """cartrover-ruby-client of 2016: with status 200 the old name of the message comes first."""
    data = reply.data
    if reply.status != 200:
        return False, reply.status
    if data["success_code"]:
        return True, data.get("response")
    return False, (data["error_code"], data.get("status_message") or data.get("message"))


@pytest.fixture
def shipped(shop: Program, warehouse: Program) -> str:
    """The number of an order that the warehouse has shipped, and posted stock and products for."""
    items = [{"item": "CAP-1", "quantity": 2, "price": 8}]
    shop.post(NEW_ORDER, order("S-1", items=items, extra_fields={"note": "x"}))
    package = {**PACKAGE, "items": [{"item": "CAP-1", "quantity": 2}]}
    warehouse.post("/v1/merchant/orders/update/S-1", {"order_status": "shipped", "shipments": [package]})
    level = {"sku": "CAP-1", "warehouse": "EAST", "qty_available": 10, "qty_on_hand": 15}
    warehouse.post("/v1/merchant/inventory", [level, {"sku": "CAP 2", "qty_available": 1}])
    warehouse.post("/v1/merchant/product", {"sku": "CAP-1", "name": "Cap", "upc": "012345678905"})
    warehouse.post("/v1/wms/shipmethod", [{"carrier": "UPS", "code": "20", "description": "UPS Ground"}])
    return "S-1"


# --- PHP ---------------------------------------------------------------------------------------------------------------------


def test_the_official_php_client_of_2023(address: str, shop: Program, warehouse: Program, shipped: str) -> None:
    cart = Client("php", address, shop, headers=PHP, asks_always=True)
    first, again, several, seen, listed, one, canceled, missing = cart.send(
        Call(NEW_ORDER, [PHP_ORDER]),
        Call(NEW_ORDER, [PHP_ORDER]),
        Call(NEW_ORDER, [{**PHP_ORDER, "cust_ref": "TEST2"}, PHP_ORDER]),
        Call("/v1/merchant/orders/TEST1"),
        Call("/v1/merchant/inventory", query={"limit": 20, "page": 1}),
        Call("/v1/merchant/inventory/CAP-1"),
        Call("/v1/cart/orders/cancel/cartrover", [{"cust_ref": "TEST1"}]),
        Call("/v1/merchant/orders/NOBODY"),
    )
    assert php_reads(first) is True, "a new order has no member response"
    with pytest.raises(Refused) as refused:
        php_reads(again)
    assert refused.value.args == ("OrderDuplicate", 200)
    assert [row["cust_ref"] for row in php_reads(several)["success"]] == ["TEST2"]
    found = php_reads(seen)
    assert (found["ship_state"], found["ship_country"], found["cust_city"]) == ("California", "USA", "Santa Barbara")
    assert [(line["price"], line["extended_amount"]) for line in found["items"]] == [("23.1500", "23.15"), ("4.9900", "29.94")]
    assert {row["sku"] for row in php_reads(listed)} == {"CAP-1", "CAP 2"}
    assert php_reads(one)["qty_available"] == "10"
    assert php_reads(canceled) is True
    with pytest.raises(Refused, match="Order not found"):
        php_reads(missing)

    merchant = Client("php", address, warehouse, headers=PHP, asks_always=True)
    carts, kinds, methods, none_mapped, changed, mapped = merchant.send(
        Call("/v1/cart/list"),
        Call("/v1/cart/listall"),
        Call("/v1/wms/shipmethod/list"),
        Call("/v1/cart/shipmethod/list/APIAccess1"),
        Call(
            "/v1/cart/shipmethod/APIAccess1",
            [{"cart_code": "Express", "wms_code": "20"}, {"cart_code": "Standard", "wms_code": None}],
        ),
        Call("/v1/cart/shipmethod/list/APIAccess1"),
    )
    assert [row["order_source"] for row in php_reads(carts)] == ["APIAccess1"]
    assert {"cart_type": "api_cart", "name": "API Access"} in php_reads(kinds)
    assert php_reads(methods) == [{"carrier": "UPS", "code": "20", "description": "UPS Ground"}]
    assert php_reads(none_mapped) is True, "an empty list reads as true"
    assert php_reads(changed) is True
    assert php_reads(mapped)[0] == {"cart_code": "Express", "wms_code": "20"}

    wrong = Client("php", address, Program(shop.key, "wrong"), headers=PHP, asks_always=True)
    with pytest.raises(Refused) as refused:
        php_reads(wrong.one("/v1/cart/list"))
    assert refused.value.args[1] == 401


def test_the_php_client_of_before_2023_and_its_fork_of_2021(
    address: str, shop: Program, warehouse: Program, shipped: str
) -> None:
    cart = Client("php", address, shop, in_url=True, headers=PHP)
    spaced = {**PHP_ORDER, "cust_ref": "A 7/1"}
    pushed, canceled, bare = cart.send(
        Call(NEW_ORDER, [PHP_ORDER, spaced]),
        Call("/v1/cart/orders/cancel/cartrover", {"cust_ref": "TEST1"}),
        Call(NEW_ORDER, {**PHP_ORDER, "cust_ref": "TEST3"}),
    )
    refs = {row["cust_po_no"]: row["cust_ref"] for row in php_reads(pushed)["success"]}
    assert php_reads(canceled) is True
    assert php_reads(bare) is True
    merchant = Client("php", address, warehouse, in_url=True, headers=PHP)
    new, seen, stock = merchant.send(
        Call("/v1/merchant/orders/list/new_or_at_wms"),
        Call(f"/v1/merchant/orders/{quote_plus(refs['A 7/1'])}"),
        Call(f"/v1/merchant/inventory/{quote_plus('CAP 2')}"),
    )
    assert {row["cust_ref"] for row in php_reads(new)} == {refs["A 7/1"], "TEST3"}
    assert php_reads(seen)["cust_po_no"] == "A 7/1"
    assert php_reads(stock)["sku"] == "CAP 2", "PHP's urlencode makes a plus of a space, also in a path"
    own = Client("php", address, shop, in_url=True, headers=PHP)
    assert php_reads(own.one(f"/v1/merchant/orders/{quote_plus('A 7/1')}"))["cust_ref"] == refs["A 7/1"]


def test_the_php_script_of_a_warehouse(address: str, acme: Account, program: Any, shipped: str) -> None:
    acme.organization.kind = OrganizationKind.FULFILLMENT
    acme.organization.save()
    script = Client("php", address, program(acme, ApiLevel.WAREHOUSE))
    (merchants,) = script.send(Call("/v1/wms/merchant/list"))
    pk = merchants.data["response"][0]["merchant_pk"]
    product = script.one("/v1/merchant/product/CAP-1", headers=[f"X-Merchant-Pk:{pk}"]).data["response"]
    assert [(one["code_type"], one["code"]) for one in product["aliases"]] == [("UPC", "012345678905")]


def test_a_large_order_whose_php_waits_to_be_asked_for_it(address: str, shop: Program) -> None:
    """curl sends `Expect: 100-continue` before large bodies, and form data as the kind of a body where nobody says another."""
    items = [{"item": f"SKU-{at:05}", "quantity": 1, "description": "x" * 200} for at in range(4000)]
    careless = Client("php", address, shop, headers=["Expect: 100-continue"], keep=True)
    large, small, gzipped = careless.send(
        Call(NEW_ORDER, order("LARGE", items=items)),
        Call(NEW_ORDER, order("SMALL")),
        Call("/v1/cart/orders/LARGE", gzip=True),
    )
    assert [one.data["success_code"] for one in (large, small)] == [True, True]
    assert len(gzipped.data["response"]["items"]) == 4000
    assert [one.connections for one in (large, small, gzipped)] == [1, 0, 0], "one connection serves them all"


# --- Ruby --------------------------------------------------------------------------------------------------------------------


def test_extensiv_ruby(address: str, shop: Program, shipped: str) -> None:
    gem = Client("ruby", address, shop, headers=["Content-Type: application/json", "User-Agent: Faraday v2.7.4"])
    reading = Client("ruby", address, shop, headers=["User-Agent: Faraday v2.7.4"])
    created, batch, canceled, confirmed = gem.send(
        Call(NEW_ORDER, order("R-1")),
        Call("/v1/cart/orders/batch", [order("R-2"), order("R-1"), order("")]),
        Call("/v1/cart/orders/wms_cancel/R-2"),
        Call(f"/v1/cart/orders/update/{shipped}", {"order_status": "confirmed", "shipments": [{"tracking_no": "1Z001"}]}),
    )
    assert narch_reads(created) == {"success_code": True, "cust_ref": "R-1", "order_number": "R-1"}
    assert narch_reads(batch)["response"] == {
        "success": [{"cust_ref": "R-2", "cust_po_no": "R-2"}],
        "failed": [
            {"cust_ref": "R-1", "cust_po_no": None, "message": "OrderDuplicate"},
            {"cust_ref": None, "cust_po_no": None, "index_pos": 2, "message": "Order missing required field(s): cust_ref"},
        ],
    }
    assert narch_reads(canceled)["response"] == {"success": True, "message": ""}
    assert narch_reads(confirmed) == {"success_code": True}
    got = reading.send(
        Call("/v1/cart/orders/R-1"),
        Call(f"/v1/cart/orders/status/{shipped}"),
        Call("/v1/cart/orders/list/any", query={"page": 1}),
        Call("/v1/merchant/inventory"),
        Call("/v1/merchant/inventory/CAP-1"),
        Call("/v1/merchant/product/CAP-1"),
        Call("/v1/wms/shipmethod/list"),
    )
    whole, status, listed, stock, one, product, methods = (narch_reads(reply)["response"] for reply in got)
    assert whole["cust_ref"] == "R-1"
    assert (status["order_status"], status["shipments"][0]["total_cost"]) == ("confirmed", "1.50")
    assert [row["cust_ref"] for row in listed] == [shipped, "R-1", "R-2"]
    assert stock[1]["aliases"] == {"UPC": "012345678905"}
    assert "aliases" not in one
    assert product["name"] == "Cap"
    assert methods[0]["code"] == "20"
    with pytest.raises(Refused, match="OrderDuplicate"):
        narch_reads(gem.one(NEW_ORDER, order("R-1")))


def test_cartrover_ruby_client_of_2016(address: str, shop: Program, shipped: str) -> None:
    """rest-client names no kind for a body that is a text: Ruby then says form data, and JSON stands in it."""
    old = Client("ruby", address, shop, in_url=True, headers=["User-Agent: rest-client/1.8.0", "Accept: */*; q=0.5"])
    created, again, canceled, late = old.send(
        Call(NEW_ORDER, order("O-1")),
        Call(NEW_ORDER, order("O-1")),
        Call("/v1/cart/orders/cancel", {"cust_ref": "O-1"}),
        Call("/v1/cart/orders/cancel", {"cust_ref": shipped}),
    )
    assert sifourteen_reads(created) == (True, None)
    assert sifourteen_reads(again) == (False, ("Failure", "OrderDuplicate"))
    assert sifourteen_reads(canceled) == (True, None)
    assert sifourteen_reads(late)[1][0] == "Failure"
    replies = old.send(
        Call(f"/v1/cart/orders/{shipped}"),
        Call(f"/v1/merchant/orders/{shipped}"),
        Call(f"/v1/merchant/orders/status/{shipped}"),
        Call("/v1/merchant/inventory/CAP-1"),
        Call("/v1/merchant/inventory", query={"limit": 250}),
        Call("/v1/wms/shipmethod/list"),
    )
    assert [sifourteen_reads(reply)[0] for reply in replies] == [True] * 6
    assert int(replies[0].headers["x-cartrover-api-minute-hits-remaining"]) < 100


# --- Python ------------------------------------------------------------------------------------------------------------------


def test_the_python_client_pages_until_a_short_page(address: str, shop: Program, warehouse: Program, shipped: str) -> None:
    cart = Client("python", address, shop, headers=["Accept: application/json", "Content-Type: application/json"])
    assert cart.one(NEW_ORDER, order("P 1/a&b")).data["success_code"] is True
    shop.post("/v1/cart/orders/batch", [order(f"P-{at}") for at in range(103)])
    reading = Client("python", address, shop, headers=["Accept: application/json"])
    since = {"limit": 100, "from_date": "2021-03-18T00:00:00+00:00"}
    first, second, third, one, status, nobody = reading.send(
        Call("/v1/cart/orders/list/any", query={**since, "page": 1}),
        Call("/v1/cart/orders/list/any", query={**since, "page": 2}),
        Call("/v1/cart/orders/list/any", query={**since, "page": 3}),
        Call(f"/v1/cart/orders/{quote('P 1/a&b', safe='')}"),
        Call(f"/v1/cart/orders/status/{quote('P 1/a&b', safe='')}"),
        Call("/v1/cart/orders/NOBODY"),
    )
    assert [len(page.data["response"]) for page in (first, second, third)] == [100, 5, 0]
    assert len({row["cust_ref"] for page in (first, second) for row in page.data["response"]}) == 105
    assert first.headers["x-cartrover-process-id"]
    assert int(first.headers["x-cartrover-api-minute-hits-remaining"]) <= 99
    assert one.data["response"]["cust_ref_original"] == "P 1/a&b"
    assert status.data["response"]["order_status"] == "new"
    assert (nobody.status, nobody.data["success_code"]) == (200, False)
    merchant = Client("python", address, warehouse, headers=["Accept: application/json"])
    open_ones = merchant.one("/v1/merchant/orders/list/shipped_or_confirmed", query=since)
    assert [row["cust_ref"] for row in open_ones.data["response"]] == [shipped]


def test_the_python_client_waits_where_the_bucket_is_full(address: str, shop: Program) -> None:
    reading = Client("python", address, shop, headers=["Accept: application/json"])
    shop.key.bucket_empty_ms = 2**53
    shop.key.save()
    reply = reading.one("/v1/cart/orders/list/any")
    assert (reply.status, reply.data["error_code"]) == (200, "RateLimit")
    assert reply.headers["x-cartrover-api-minute-hits-remaining"] == "0"


# --- JavaScript --------------------------------------------------------------------------------------------------------------


def test_the_typescript_client(address: str, shop: Program, shipped: str) -> None:
    """fetch writes headers in small letters, asks for compressed answers and sends a content type with GET as well."""
    service = Client("node", address, shop, headers=["Content-Type: application/json"])
    args = {"include_order_extras": "Y", "include_line_extras": "N", "include_aliases": "Y", "include_filtered_items": "N"}
    lists = {"status": "any", "limit": 1, "page": 1, "order_source": "APIAccess1"}
    created, again, seen, status, listed = service.send(
        Call(NEW_ORDER, order("T-1", items=[{"item": "CAP-1", "quantity": 1, "price": 4.5, "shipping_subcharge": 2}])),
        Call(NEW_ORDER, order("T-1")),
        Call(f"/v1/cart/orders/{shipped}", query=args),
        Call(f"/v1/cart/orders/status/{shipped}"),
        Call("/v1/cart/orders/list/any", query=lists),
    )
    assert created.data == {"success_code": True, "cust_ref": "T-1", "order_number": "T-1"}
    assert (again.status, again.data["error_code"], again.data["message"]) == (200, "Failure", "OrderDuplicate")
    assert seen.data["response"]["extra_fields"] == {"note": "x"}
    assert status.data["response"]["shipments"][0]["items"][0]["item"] == "CAP-1"
    assert listed.headers["total-records"].strip() == "2"
    assert len(listed.data["response"]) == 1
    line = service.one("/v1/cart/orders/T-1").data["response"]["items"][0]
    assert (line["price"], line["shipping_surcharge"]) == ("4.5000", "2.00")


def test_a_body_whose_length_nobody_says(address: str, shop: Program, acme: Account) -> None:
    """Streams, and .NET and Java by a setting, send it in chunks."""
    stream = Client("node", address, shop, headers=["Content-Type: application/json"])
    assert stream.one(NEW_ORDER, order("CHUNKED"), stream=True).data["success_code"] is True
    assert Order.objects.for_account(acme).get().cust_ref == "CHUNKED"
    large = stream.one(NEW_ORDER, text="[" + " " * 6_000_000 + "]", stream=True)
    assert (large.status, large.data["error_code"]) == (413, "Invalid")


# --- others ------------------------------------------------------------------------------------------------------------------


def test_the_dotnet_batch_asks_for_days_without_zeros(address: str, warehouse: Program, shipped: str) -> None:
    batch = Client("python", address, warehouse, in_url=True)
    got = batch.one("/v1/merchant/orders/list/shipped", query={"from_date": "2021-2-5", "to_date": "2099-1-9", "limit": 100})
    (found,) = got.data["response"]
    assert (found["cust_ref"], found["items"][0]["price"], found["record_no"]) == (shipped, "8.0000", None)
    assert int(found["items"][0]["quantity"]) == 2


def test_celigo_tries_a_connection_by_reading_stock(address: str, warehouse: Program, wms: Connection) -> None:
    ping = Client("node", address, warehouse, headers=["Accept: application/json"]).one("/v1/merchant/inventory")
    assert (ping.status, ping.data) == (200, {"success_code": True, "response": []})
