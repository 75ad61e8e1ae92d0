"""Aliases, order numbers and shipping codes: what the cart calls things and what the WMS gets."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract import HoldReason
from orders import actions
from orders.models import OrderLine, ProductAlias, ShipMethodMap
from orders.states import OrderState, Status
from tests.factories import ConnectionFactory
from tests.orders.outgoing.desk import Desk, draft, line

LONG = "RETAILER-2026-11-18-000000123456789"


# --- aliases -----------------------------------------------------------------------------------------------------------------


def test_a_carts_own_alias_wins_over_one_for_all_carts_and_the_sku_itself_is_the_last_resort(desk: Desk) -> None:
    other = ConnectionFactory.create(account=desk.account, name="Another cart")
    rows = [(None, "A", "CAP-001"), (desk.cart, "A", "CAP-002"), (other, "A", "CAP-003"), (None, "B", "CAP-004")]
    for cart, cart_sku, wms_sku in rows:
        ProductAlias.objects.create(account=desk.account, cart=cart, cart_sku=cart_sku, wms_sku=wms_sku)
    order = desk.load(draft("PO-1", line("1", "A"), line("2", "B"), line("3", "TEE-001")))
    desk.deliver()
    assert [row["sku"] for row in desk.there()[0]["lines"]] == ["CAP-002", "CAP-004", "TEE-001"]
    lines = OrderLine.objects.for_account(desk.account).filter(order=order).order_by("line_no")
    assert [(one.item, one.wms_item) for one in lines] == [("A", "CAP-002"), ("B", "CAP-004"), ("TEE-001", "TEE-001")]


def test_an_alias_that_comes_later_releases_what_waited_for_it(desk: Desk) -> None:
    desk.load(draft("PO-1", line("1", "SHOP-1")), draft("PO-2", line("1", "SHOP-1"), line("2", "SHOP-2")))
    desk.deliver()
    ProductAlias.objects.create(account=desk.account, cart=desk.cart, cart_sku="SHOP-1", wms_sku="CAP-001")
    assert desk.deliver().counts == {"released": 1, "sent": 1}
    assert [one["order_number"] for one in desk.there()] == ["PO-1"]
    assert [one.subject for one in desk.alerts()] == ["SHOP-2"]
    ProductAlias.objects.create(account=desk.account, cart=None, cart_sku="SHOP-2", wms_sku="CAP-002")
    desk.deliver()
    assert len(desk.there()) == 2
    assert desk.alerts() == []


def test_an_alias_that_leads_nowhere_holds_the_order_for_the_wms_sku(desk: Desk) -> None:
    ProductAlias.objects.create(account=desk.account, cart_sku="SHOP-1", wms_sku="NOWHERE")
    desk.load(draft("PO-1", line("1", "SHOP-1")))
    desk.deliver()
    assert "NOWHERE" in desk.order().hold_words
    ProductAlias.objects.for_account(desk.account).update(wms_sku="CAP-001")
    desk.deliver()
    assert desk.order().state == OrderState.SENT


# --- numbers -----------------------------------------------------------------------------------------------------------------


def test_a_long_number_goes_out_short_with_the_full_one_as_reference(desk: Desk) -> None:
    order = desk.load(draft(LONG))
    desk.deliver()
    (there,) = desk.there()
    assert (there["order_number"], there["reference_number"]) == (order.cust_ref, LONG)
    assert there["shipping_address"]["label"] == order.cust_ref
    assert len(order.cust_ref) <= 16
    assert desk.order(order.external_id).wms_number == order.cust_ref


def test_two_orders_with_one_number_get_two_short_ones_and_both_arrive(desk: Desk) -> None:
    twins = [
        draft("PO-1", external_id="one", customer_code="DSCO-1"),
        draft("PO-1", external_id="two", customer_code="DSCO-2"),
    ]
    desk.load(*twins)
    assert desk.deliver().counts == {"sent": 2}
    assert {one["reference_number"] for one in desk.there()} == {"PO-1"}
    assert len({one["order_number"].upper() for one in desk.there()}) == 2


@pytest.mark.parametrize(
    ("characters", "length", "fits"), [("digits", "8", str.isdigit), ("letters_digits", "10", str.isalnum)]
)
def test_short_numbers_keep_to_the_settings_of_the_wms(make_desk: Any, characters: str, length: str, fits: Any) -> None:
    desk = make_desk(cust_ref_length=length, cust_ref_characters=characters)
    desk.load(draft(LONG))
    desk.deliver()
    (there,) = desk.there()
    assert fits(there["order_number"])
    assert len(there["order_number"]) <= int(length)
    assert there["reference_number"] == LONG


def test_a_stricter_setting_later_holds_what_no_longer_fits_and_changes_no_number(desk: Desk) -> None:
    order = desk.load(draft("PO-123456"))
    actions.order_hold(order, actor="bob")
    desk.reconnect(cust_ref_length="6")
    assert not actions.order_release(desk.order(order.external_id), actor="bob")
    held = desk.order(order.external_id)
    assert (held.hold, held.cust_ref) == (HoldReason.NO_ROUTE, "PO-123456")
    assert "doesn't fit" in held.hold_words
    desk.deliver()
    assert desk.there() == []
    desk.reconnect(cust_ref_length="16")
    assert actions.order_release(held, actor="bob")
    assert desk.deliver().counts == {"sent": 1}
    assert desk.alerts() == []


# --- shipping codes ----------------------------------------------------------------------------------------------------------


def test_a_mapped_code_goes_out_as_the_wms_calls_it_and_an_unmapped_one_as_it_is(desk: Desk) -> None:
    ShipMethodMap.objects.create(account=desk.account, cart=desk.cart, cart_code="UPSG", wms_code="UPS Ground")
    desk.load(draft("PO-1", ship_code="upsg"), draft("PO-2", ship_code="FE2D"), draft("PO-3"))
    assert desk.deliver().counts == {"sent": 3}
    assert {one["order_number"]: one["tags"] for one in desk.there()} == {"PO-1": ["UPS Ground"], "PO-2": ["FE2D"], "PO-3": []}
    codes = ShipMethodMap.objects.for_account(desk.account).values_list("cart_code", "wms_code")
    assert set(codes) == {("UPSG", "UPS Ground"), ("FE2D", "")}


def test_a_cart_may_hold_what_is_not_mapped_and_mapping_releases_it(make_desk: Any) -> None:
    desk = make_desk(cart={"unmapped_ship_codes": "hold"})
    desk.load(draft("PO-1", ship_code="UPSG"), draft("PO-2", ship_code="upsg"), draft("PO-3", ship_code="FE2D"), draft("PO-4"))
    assert desk.deliver().counts == {"sent": 1}
    order = desk.order()
    assert (order.state, order.hold, order.status) == (OrderState.NEW, HoldReason.UNMAPPED_SHIP_METHOD, Status.ERROR)
    assert "UPSG" in order.hold_words
    assert sorted(one.subject for one in desk.alerts("hold.unmapped_ship_method")) == ["FE2D", "UPSG"]

    ShipMethodMap.objects.for_account(desk.account).filter(cart_code__iexact="UPSG").update(wms_code="UPS Ground")
    assert actions.after_mapping_change(desk.account.pk) == 2
    assert [one.subject for one in desk.alerts()] == ["FE2D"]
    assert desk.deliver().counts == {"sent": 2}
    assert [one["tags"] for one in desk.there()] == [[], ["UPS Ground"], ["UPS Ground"]]
    assert desk.order("dsco-PO-3").hold == HoldReason.UNMAPPED_SHIP_METHOD


def test_a_person_may_send_an_order_although_its_code_is_not_mapped(make_desk: Any) -> None:
    desk = make_desk(cart={"unmapped_ship_codes": "hold"})
    order = desk.load(draft("PO-1", ship_code="UPSG"))
    assert actions.order_release(order, actor="bob")
    desk.deliver()
    assert desk.there()[0]["tags"] == ["UPSG"]
    assert desk.alerts() == []


def test_a_code_that_is_mapped_while_an_order_waits_for_delivery_is_the_one_that_goes_out(desk: Desk) -> None:
    desk.load(draft("PO-1", ship_code="UPSG"))
    ShipMethodMap.objects.for_account(desk.account).update(wms_code="Ground")
    desk.deliver()
    assert desk.there()[0]["tags"] == ["Ground"]
