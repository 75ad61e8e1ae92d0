"""Orders on their way out: the body of POST /orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Address
from connectors.errors import FixOrder
from connectors.field_values import typed
from connectors.quickbooks_commerce.fields import FIELDS
from connectors.quickbooks_commerce.render import Resolved, render_order, scrubbed
from tests.connectors.quickbooks_commerce.rig import an_order, line, sample

SETTINGS = typed(FIELDS, {})
RESOLVED = Resolved(
    company_id="106", variants={"CAP-001": "2144056", "TEE-001": "2144057"}, today=date(2026, 11, 20), ship_label="PO-88121",
    bill_label="PO-88121-B",
)  # fmt: skip


def body(order: Any, resolved: Resolved = RESOLVED, **settings: str) -> dict[str, Any]:
    rendered: dict[str, Any] = render_order(order, typed(FIELDS, settings), resolved)["order"]
    return rendered


def full_order(**changes: Any) -> Any:
    order = an_order(
        "PO-88121",
        line(1, "CAP-001", 2, "12.5"),
        line(2, "TEE-001", 1, "7.125"),
        line(3, "CAP-001", 3, "12"),
        cust_po_no="PO-88121-ACME-0001",
        notes="Leave at the side door",
        shipping_charge=Decimal(5),
        discount=Decimal("2.50"),
        bill_to=Address(
            company="Hearth & Home", address_1="9 Sample Avenue", city="Austin", state="TX", zip="73301", country="USA"
        ),
    )
    ship_to = replace(order.ship_to, company="Doe & Co", address_2="Unit 4", address_3="Floor 2")
    return replace(order, **{"ship_to": ship_to, **changes})


def test_a_full_order_is_rendered_as_the_sample_says() -> None:
    assert render_order(full_order(), SETTINGS, RESOLVED) == sample("order_created.json")


def test_what_an_order_lacks_is_left_out() -> None:
    order = an_order(
        "PO-2", ship_by=None, ship_code="", ship_to=Address(last_name="Doe", address_1="1 A St", city="Reno", country="usa")
    )
    assert body(order) == {
        "order_number": "PO-2",
        "reference_number": "PO-2-FULL",
        "company_id": 106,
        "status": "active",
        "issued_at": "2026-11-18",
        "shipping_address": {"label": "PO-88121", "last_name": "Doe", "address1": "1 A St", "city": "Reno", "country": "US"},
        "order_line_items": [{"variant_id": 2144056, "quantity": 1, "price": "10.00", "position": 1}],
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"address_1": " "}, "ship_address_1"),
        ({"city": ""}, "ship_city"),
        ({"country": ""}, "ship_country"),
        ({"country": "Narnia"}, "ship_country"),
    ],
)
def test_an_address_that_the_far_side_cannot_take_holds_the_order(changes: dict[str, str], field: str) -> None:
    order = an_order("PO-3")
    with pytest.raises(FixOrder) as refused:
        body(replace(order, ship_to=replace(order.ship_to, **changes)))
    assert (refused.value.field, refused.value.reason) == (field, "bad_address")
    assert "PO-3" in refused.value.words
    assert "Sample Street" not in refused.value.words


def test_a_bill_to_that_says_nothing_new_is_not_sent() -> None:
    order = an_order("PO-4")
    assert "billing_address" not in body(order)
    assert "billing_address" not in body(replace(order, bill_to=replace(order.ship_to)))
    assert "billing_address" not in body(replace(order, bill_to=Address(company="Only a name")))


def test_known_addresses_are_referred_to_by_id() -> None:
    rendered = body(full_order(), replace(RESOLVED, ship_address_id="41", bill_address_id="42"))
    assert (rendered["shipping_address_id"], rendered["billing_address_id"]) == (41, 42)
    assert not {"shipping_address", "billing_address"} & set(rendered)


def test_settings_shape_the_order() -> None:
    rendered = body(
        full_order(),
        replace(RESOLVED, currency_iso="CAD"),
        order_status="finalized",
        tax_treatment="inclusive",
        send_order_discount="false",
        shipping_line_label="",
        ship_code_tag="false",
    )
    assert (rendered["status"], rendered["tax_treatment"], rendered["currency_iso"]) == ("finalized", "inclusive", "CAD")
    assert "tags" not in rendered
    assert [row["position"] for row in rendered["order_line_items"]] == [1, 2, 3]


def test_a_discount_is_taken_off_however_the_source_signs_it() -> None:
    rows = body(full_order(discount=Decimal("-2.50")))["order_line_items"]
    assert rows[-1]["price"] == "-2.50"


def test_a_line_without_price_takes_the_price_list_or_zero_but_never_a_silent_zero() -> None:
    order = an_order("PO-5", line(1, "CAP-001", price=None))
    assert "price" not in body(order)["order_line_items"][0]
    assert body(order, missing_price="zero")["order_line_items"][0]["price"] == "0.00"


def test_an_order_without_date_is_issued_today() -> None:
    assert body(an_order(order_date=None))["issued_at"] == "2026-11-20"


def test_money_keeps_its_digits_and_needs_no_exponent() -> None:
    rows = body(an_order("PO-6", line(1, "CAP-001", price="1E+3"), line(2, "TEE-001", price="0.00001")))["order_line_items"]
    assert [row["price"] for row in rows] == ["1000.00", "0.00001"]


def test_what_is_kept_for_the_story_names_no_buyer() -> None:
    kept = str(scrubbed(render_order(full_order(), SETTINGS, RESOLVED)))
    for secret in ("Pat", "Doe", "Sample", "555-0100", "example.com", "side door", "97201"):
        assert secret not in kept
    assert "PO-88121" in kept
    assert "2144057" in kept
