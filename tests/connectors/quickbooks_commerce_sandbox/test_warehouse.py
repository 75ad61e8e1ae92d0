"""What `drive` does for tests and demos: the merchant's own people, and other people's orders."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from connectors.quickbooks_commerce.sandbox import Sandbox
from tests.waiting import until

from .conftest import Client
from .test_orders import stock


def test_everything_open_is_packed_and_shipped_with_tracking(sandbox: Sandbox, api: Client) -> None:
    api.order(order_number="A", status="draft")
    api.order(order_number="B", lines={"CAP-001": 1, "MUG-001": 2})
    api.order(order_number="C")
    made = sandbox.drive("pack_and_ship", all=True)["fulfillments"]
    assert [box["order_number"] for box in made] == ["B", "C"], "drafts aren't anybody's work yet"
    assert all(box["status"] == "fulfilled" and box["tracking_number"] and box["shipped_at"] for box in made)
    assert made[0]["lines"][1]["sku"] == "MUG-001"
    assert sandbox.drive("state", order_number="B")["orders"][0]["status"] == "fulfilled"
    assert sandbox.drive("pack_and_ship", all=True) == {"fulfillments": []}


def test_orders_are_named_in_three_ways_and_must_be_one(sandbox: Sandbox, api: Client) -> None:
    order = api.order(order_number="A", reference_number="PO")
    api.order(order_number="A")
    with pytest.raises(ValueError, match="2 orders are called 'A'"):
        sandbox.drive("pack_and_ship", order_number="A")
    with pytest.raises(ValueError, match="0 orders"):
        sandbox.drive("void", order_number="Z")
    with pytest.raises(ValueError, match="Name the order"):
        sandbox.drive("pack_and_ship")
    assert sandbox.drive("finalize", reference_number="PO")["id"] == order["id"]
    assert sandbox.drive("pack_and_ship", order_id=order["id"])["fulfillments"][0]["order_id"] == order["id"]


def test_part_of_an_order_is_shipped(sandbox: Sandbox, api: Client) -> None:
    order = api.order(lines={"CAP-001": 5, "MUG-001": 2}, order_number="A")
    box = sandbox.drive(
        "pack_and_ship", order_number="A", lines={"CAP-001": 3}, tracking="T1", carrier="FedEx", service="2 Day"
    )
    shown = box["fulfillments"][0]
    assert (shown["tracking_number"], shown["tracking_company"], shown["service"]) == ("T1", "FedEx", "2 Day")
    assert sandbox.drive("state", order_number="A")["orders"][0]["fulfillment_status"] == "partial"
    second = order["order_line_item_ids"][1]
    sandbox.drive(
        "pack_and_ship", order_number="A", lines=[{"line": second, "quantity": 1}, {"line": {"position": 0}, "quantity": 1}]
    )
    lines = sandbox.drive("state", order_number="A")["orders"][0]["lines"]
    assert [line["shipped"] for line in lines] == ["4.0", "1.0"]
    with pytest.raises(ValueError, match="only 1 can be packed"):
        sandbox.drive("pack_and_ship", order_number="A", lines={"CAP-001": 2})
    with pytest.raises(ValueError, match="has no line 'X'"):
        sandbox.drive("pack_and_ship", order_number="A", lines={"X": 2})


def test_sku_on_two_lines_is_taken_from_both(sandbox: Sandbox, api: Client) -> None:
    variant = api.variant_id()
    items = [{"variant_id": variant, "quantity": quantity, "price": 1} for quantity in (1, 2)]
    api.order(order_line_items=items, order_number="A")
    box = sandbox.drive("pack_and_ship", order_number="A", lines={"CAP-001": 2})["fulfillments"][0]
    assert [line["quantity"] for line in box["lines"]] == ["1.0", "1.0"]


def test_several_packages(sandbox: Sandbox, api: Client) -> None:
    api.order(lines={"CAP-001": 5, "MUG-001": 1}, order_number="A")
    made = sandbox.drive("pack_and_ship", order_number="A", packages=3)["fulfillments"]
    assert sum(float(line["quantity"]) for box in made for line in box["lines"]) == 6
    assert len({box["tracking_number"] for box in made}) == 3
    api.order(lines={"CAP-001": 5}, order_number="B")
    packages = [{"lines": {"CAP-001": 2}, "tracking": "T1"}, {"lines": {"CAP-001": 3}, "tracking": "T2", "carrier": "USPS"}]
    made = sandbox.drive("pack_and_ship", order_number="B", packages=packages)["fulfillments"]
    assert [(box["tracking_number"], box["tracking_company"]) for box in made] == [("T1", "UPS"), ("T2", "USPS")]


def test_boxes_without_tracking_or_time_get_them_later(sandbox: Sandbox, api: Client) -> None:
    api.order(order_number="A")
    box = sandbox.drive("pack_and_ship", order_number="A", without_tracking=True, without_shipped_at=True)["fulfillments"][0]
    assert (box["status"], box["tracking_number"], box["tracking_company"], box["shipped_at"]) == (
        "fulfilled",
        None,
        None,
        None,
    )
    sandbox.drive("advance", seconds=2)
    later = sandbox.drive("set_tracking", fulfillment_id=box["id"], tracking="T9", carrier="UPS")
    assert (later["tracking_number"], later["updated_at"] > box["updated_at"]) == ("T9", True)
    api.order(order_number="B")
    packed = sandbox.drive("pack_and_ship", order_number="B", pack_only=True)["fulfillments"][0]
    assert (packed["status"], packed["tracking_number"]) == ("packed", None)
    shipped = sandbox.drive("ship", fulfillment_id=packed["id"], tracking="T10", shipped_at="2026-11-20T10:00:00Z")
    assert (shipped["status"], shipped["shipped_at"]) == ("fulfilled", "2026-11-20T10:00:00.000Z")
    assert sandbox.drive("void_fulfillment", fulfillment_id=packed["id"])["status"] == "void"


def test_invoicing_in_parts_and_all(sandbox: Sandbox, api: Client) -> None:
    api.order(lines={"CAP-001": 5}, order_number="A")
    api.order(order_number="B")
    made = sandbox.drive("invoice", order_number="A", lines={"CAP-001": 2}, invoice_number="I-1", invoiced_at="2026-11-01")
    shown = made["invoices"][0]
    assert (shown["invoice_number"], shown["invoiced_at"], shown["total"]) == ("I-1", "2026-11-01", "20.0")
    assert [row["order_number"] for row in sandbox.drive("invoice", all=True)["invoices"]] == ["A", "B"]
    assert sandbox.drive("void_invoice", invoice_number="I-1")["status"] == "void"
    assert sandbox.drive("pay", order_number="B")["payments"] == [1]
    with pytest.raises(ValueError, match="without line items"):
        sandbox.drive("invoice", order_number="B")


def test_orders_are_voided_cut_and_changed(sandbox: Sandbox, api: Client) -> None:
    api.order(lines={"CAP-001": 5, "MUG-001": 2}, order_number="A")
    cut = sandbox.drive("cut_line", order_number="A", line="CAP-001", quantity=3)
    assert [line["quantity"] for line in cut["lines"]] == ["3.0", "2.0"]
    assert [line["sku"] for line in sandbox.drive("delete_line", order_number="A", line="MUG-001")["lines"]] == ["CAP-001"]
    assert len(sandbox.drive("add_line", order_number="A", sku="SOX-001", quantity=2)["lines"]) == 2
    sandbox.drive("pack_and_ship", order_number="A", lines={"CAP-001": 1})
    with pytest.raises(ValueError, match="has been shipped"):
        sandbox.drive("void", order_number="A")
    assert sandbox.drive("void", order_number="A", force=True)["status"] == "void"
    assert stock(sandbox) == ("99", "0", "99")
    api.order(order_number="D", status="draft")
    assert sandbox.drive("delete_order", order_number="D")["status"] == "deleted"


def test_stranger_s_order_may_have_a_number_of_ours(sandbox: Sandbox, api: Client) -> None:
    api.order(order_number="A")
    made = sandbox.drive("add_stranger_order", order_number="A", reference_number="R", lines={"MUG-001": 2}, status="finalized")
    order = made["orders"][0]
    assert (order["order_number"], order["company_name"], order["by_stranger"]) == ("A", "Corner Shop", True)
    found = {row["source_id"] for row in api.get("/orders", order_number="A")["orders"]}
    assert found == {1, None}, "only ours came through the application"


def test_products_and_stock_are_changed_by_people(sandbox: Sandbox, api: Client) -> None:
    made = sandbox.drive(
        "add_products",
        products=[{"sku": "NEW-1", "upc": "1", "stock": {"Main": 4}}, {"sku": "KIT", "components": {"NEW-1": 2}}],
    )
    assert api.variant("NEW-1")["id"] == made[0]["variant_id"]
    assert stock(sandbox, "KIT") == ("2", "0", "2")
    assert sandbox.drive("set_stock", sku="NEW-1", quantity=9, location="Overflow")["Overflow"]["on_hand"] == "9"
    assert len(api.get("/stock_adjustments")["stock_adjustments"]) == 1
    assert sandbox.drive("set_product", sku="NEW-1", new_sku="NEW-2", max_online=3)["max_online"] == 3
    annex = sandbox.drive("add_location", label="Annex")
    assert sandbox.drive("set_stock", sku="NEW-2", quantity=1, location="Annex")["Annex"]["on_hand"] == "1"
    assert annex["id"] == 3
    assert sandbox.drive("archive_products", skus=["NEW-2"]) == 1
    assert sandbox.drive("remove_products", skus=["NEW-2"]) == 1
    assert api.call("GET", f"/variants/{made[0]['variant_id']}").status_code == 404
    for wrong in ({"sku": "NEW-2", "quantity": 1}, {"sku": "SET-001", "quantity": 1}, {"sku": "CAP-001", "quantity": "x"}):
        with pytest.raises(ValueError, match=r"no product|bundle|no quantity"):
            sandbox.drive("set_stock", **wrong)


def test_warehouse_works_by_itself(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("auto_ship", every=0.02)
    api.order(order_number="A")
    until(lambda: sandbox.drive("counts")["invoices"])
    shown = sandbox.drive("state", order_number="A")
    assert shown["fulfillments"][0]["tracking_number"].startswith("1Z")
    assert (shown["orders"][0]["status"], shown["orders"][0]["invoice_status"]) == ("fulfilled", "invoiced")
    sandbox.drive("auto_ship", every=0)
    api.order(order_number="B")
    time.sleep(0.06)
    assert sandbox.drive("state", order_number="B")["fulfillments"] == []


def test_wrong_commands_and_arguments_are_refused_with_words(sandbox: Sandbox) -> None:
    for command, arguments in (
        ("dance", {}),
        ("run", {}),
        ("_orders", {}),
        ("void", {"order": 1}),
        ("set", {"rate_limit": "many"}),
        ("set", {"idempotency": "sometimes"}),
        ("set", {"nothing": 1}),
        ("fault", {"name": "dance"}),
        ("fault", {"name": "500", "tines": 2}),
        ("chaos", {"seed": 1, "rates": {"500": 2}}),
        ("pack_and_ship", {"all": True, "boxes": 1}),
        ("authorize", {"redirect_uri": "nowhere"}),
        ("add_products", {"products": [{"name": "x"}]}),
    ):
        with pytest.raises(ValueError, match=r"[.:]"):
            sandbox.drive(command, **arguments)


def test_state_and_counts(sandbox: Sandbox, api: Client) -> None:
    api.order(order_number="A", shipping_address={"address1": "1 Elm", "label": "A", "city": "Salem"})
    state = sandbox.drive("state")
    assert state["counts"]["orders"] == sandbox.drive("counts")["orders"] == 1
    assert state["orders"][0]["shipping_address"]["city"] == "Salem"
    assert state["orders"][0]["lines"][0] == {
        "id": 500001,
        "position": 0,
        "variant_id": api.variant_id(),
        "sku": "CAP-001",
        "freeform": False,
        "line_type": None,
        "label": None,
        "quantity": "2.0",
        "price": "10.0",
        "discount": None,
        "packed": "0.0",
        "shipped": "0.0",
        "invoiced": "0.0",
    }
    assert state["stock"]["CAP-001"]["Main"] == {"on_hand": "100", "committed": "2", "available": "98"}
    assert state["options"]["rate_limit"] == 100_000


def test_reset_makes_the_merchant_fresh(sandbox: Sandbox, api: Client) -> None:
    api.order()
    sandbox.drive("set", idempotency="replay")
    sandbox.drive("archive_products", skus=["CAP-001"])
    sandbox.drive("fault", name="500", times=0)
    sandbox.drive("reset")
    assert api.get("/orders") == {"orders": []}
    assert stock(sandbox) == ("100", "0", "100")
    assert sandbox.drive("state")["options"]["idempotency"] == "refuse"
    assert api.order()["id"] > 100_000


def test_reset_puts_the_clock_right_and_stamps_move_on(sandbox: Sandbox, api: Client) -> None:
    sandbox.drive("advance", seconds=86_400)
    api.order()
    sandbox.drive("reset")
    first = api.order()
    assert abs(datetime.fromisoformat(first["created_at"]) - datetime.now(UTC)) < timedelta(minutes=5)
    time.sleep(0.005)
    assert api.order()["created_at"] > first["created_at"]
