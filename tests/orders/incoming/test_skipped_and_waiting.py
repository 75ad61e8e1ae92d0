"""Orders that stay out or wait: too old, tests, canceled, not live; and how they come in after all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from connectors import actions as connecting
from orders.actions import after_going_live, skipped_load
from orders.models import Order, OutboundMessage, SkippedOrder
from orders.states import OrderState
from tests.connectors.dsco.files import row
from tests.hub import connect
from tests.inbox import Inbox

EARLIEST = date(2026, 5, 10)


def _placed(days_before: int) -> str:
    return f"{EARLIEST - timedelta(days=days_before)}T23:30:00-08:00"


def _set(inbox: Inbox, **settings: str) -> None:
    connecting.connection_save(account=inbox.account, kind="dsco", name="DSCO", settings=settings, actor="test")
    inbox.cart.refresh_from_db()


def _skip(inbox: Inbox, number: str) -> SkippedOrder:
    return SkippedOrder.objects.for_account(inbox.account).select_related("connection", "document").get(cust_po_no=number)


# --- skipped -----------------------------------------------------------------------------------------------------------------


def test_orders_placed_before_the_earliest_date_are_skipped_with_the_reason(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(settings={"earliest_order_date": str(EARLIEST)})
    rows = [row(days, retailer_create_date=_placed(days)) for days in (0, 1)]
    finished = inbox.read([*rows, row(2, retailer_create_date="")])
    assert (finished.counts["orders"], finished.counts["skipped"]) == (2, 1)
    assert inbox.orders == {"PO-0", "PO-2"}
    (skipped,) = inbox.skipped
    assert skipped == {
        "connection": "DSCO",
        "cust_po_no": "PO-1",
        "record_no": "90001",
        "reason": f"too_old: Placed on 2026-05-09, before the earliest order date {EARLIEST} of DSCO.",
        "document": "Purchase_Order_1.csv",
        "line": 3,
    }
    assert inbox.alerts == {}


def test_a_skipped_order_that_comes_again_is_skipped_once(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(settings={"earliest_order_date": str(EARLIEST)})
    for number in (1, 2):
        inbox.read([row(1, retailer_create_date=_placed(1))], f"Purchase_Order_{number}.csv")
    assert len(inbox.skipped) == 1


def test_an_earlier_earliest_date_lets_a_skipped_order_in_when_it_comes_again(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(settings={"earliest_order_date": str(EARLIEST)})
    inbox.read([row(1, retailer_create_date=_placed(1))], "Purchase_Order_1.csv")
    _set(inbox, earliest_order_date=str(EARLIEST - timedelta(days=5)))
    inbox.read([row(1, retailer_create_date=_placed(1))], "Purchase_Order_2.csv")
    assert inbox.order("PO-1").state == OrderState.READY
    assert _skip(inbox, "PO-1").loaded_at is not None


def test_a_later_earliest_date_leaves_loaded_orders_alone(inbox: Inbox) -> None:
    inbox.read([row(1, retailer_create_date=_placed(1))], "Purchase_Order_1.csv")
    _set(inbox, earliest_order_date=str(EARLIEST))
    changed = row(1, retailer_create_date=_placed(1), line_item_quantity="9")
    inbox.read([changed], "Purchase_Order_2.csv")
    assert inbox.lines("PO-1") == [("SKU-1", 9)]
    assert inbox.skipped == []


def test_test_orders_are_skipped_in_live_mode(inbox: Inbox) -> None:
    inbox.read([row(1, test_flag="1"), row(2)])
    assert inbox.orders == {"PO-2"}
    assert inbox.skipped[0]["reason"].startswith("test_order: ")


def test_an_order_that_was_canceled_before_it_ever_came_is_skipped(inbox: Inbox) -> None:
    inbox.read([row(1, dsco_order_status="cancelled"), row(2)])
    assert inbox.orders == {"PO-2"}
    assert inbox.skipped[0]["reason"].startswith("canceled_at_source: ")


def test_a_skipped_order_is_loaded_later_just_as_it_came(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(settings={"earliest_order_date": str(EARLIEST)})
    old = {"retailer_create_date": _placed(1), "gift_message": "Hello", "number_of_line_items": "2"}
    inbox.read([row(1, 1, **old), row(1, 2, line_item_expected_cost="0.05", **old)])
    skipped = _skip(inbox, "PO-1")
    counts = skipped_load(skipped, actor="bob")
    order = inbox.order("PO-1")
    assert (counts.orders, counts.lines) == (1, 2)
    assert (str(order.sub_total), order.order_date, order.ship_to["zip"]) == ("26.70", date(2026, 5, 9), "00123")
    assert order.document is not None
    assert order.events.filter(kind="order.loaded").get().actor == "bob"
    assert OutboundMessage.objects.for_account(inbox.account).count() == 1
    assert _skip(inbox, "PO-1").loaded_at is not None

    assert skipped_load(skipped, actor="bob").orders == 0
    inbox.read([row(1, 1, **old), row(1, 2, line_item_expected_cost="0.05", **old)], "Purchase_Order_2.csv")
    assert Order.objects.for_account(inbox.account).count() == 1
    assert OutboundMessage.objects.for_account(inbox.account).count() == 1


def test_what_could_not_be_read_says_so_when_a_person_wants_it_loaded(inbox: Inbox) -> None:
    inbox.read([row(1, line_item_quantity="x")])
    with pytest.raises(ValueError, match="could not be read; correct the file"):
        skipped_load(_skip(inbox, "PO-1"), actor="bob")


# --- test mode and going live ------------------------------------------------------------------------------------------------


def test_in_test_mode_live_orders_wait_and_test_orders_run_through(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(live=False)
    finished = inbox.read([row(1), row(2, test_flag="1"), row(3)])
    assert (finished.counts["orders"], finished.counts["held"]) == (3, 2)
    assert (inbox.order("PO-1").hold, inbox.order("PO-1").status) == ("not_live", "new")
    assert (inbox.order("PO-2").hold, inbox.order("PO-2").state) == ("", OrderState.READY)
    assert OutboundMessage.objects.for_account(inbox.account).get().order == inbox.order("PO-2")
    assert inbox.alerts == {}


def test_going_live_releases_what_waited_and_is_not_too_old(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(live=False)
    inbox.read([row(days, retailer_create_date=_placed(days)) for days in (0, 1, 2)])
    _set(inbox, earliest_order_date=str(EARLIEST - timedelta(days=1)))
    connecting.connection_activate(connection=inbox.cart, actor="bob")
    assert after_going_live(inbox.cart) == 2
    states = Counter(Order.objects.for_account(inbox.account).values_list("state", "hold"))
    assert states == {(OrderState.READY, ""): 2, (OrderState.CANCELED, ""): 1}
    assert inbox.order("PO-2").state == OrderState.CANCELED
    assert "before the earliest order date" in inbox.events("order.canceled")[0]
    assert OutboundMessage.objects.for_account(inbox.account).count() == 2


def test_an_incomplete_order_goes_on_waiting_for_its_lines_after_going_live(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(live=False)
    inbox.read([row(1, number_of_line_items="2"), row(2)], "Purchase_Order_1.csv")
    connecting.connection_activate(connection=inbox.cart, actor="bob")
    after_going_live(inbox.cart)
    assert (inbox.order("PO-1").hold, inbox.order("PO-2").hold) == ("incomplete", "")
    inbox.read([row(1, 2, number_of_line_items="2")], "Purchase_Order_2.csv")
    assert inbox.order("PO-1").hold == ""


def test_orders_that_come_after_going_live_are_not_held(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(live=False)
    connecting.connection_activate(connection=inbox.cart, actor="bob")
    inbox.read([row(1)])
    assert inbox.order("PO-1").state == OrderState.READY


def test_a_cart_that_is_connected_again_keeps_its_history(inbox: Inbox) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    connecting.connection_disconnect(connection=inbox.cart, actor="bob")
    inbox.cart = connect(inbox.account, "dsco", "DSCO anew", inbox.dsco)
    finished = inbox.read([row(1), row(2)], "Purchase_Order_2.csv")
    assert (finished.counts["orders"], finished.counts["duplicates"]) == (1, 1)
    assert Order.objects.for_account(inbox.account).filter(source=inbox.cart).count() == 2


# --- shipping codes ----------------------------------------------------------------------------------------------------------


def test_unmapped_shipping_codes_pass_or_hold_by_a_setting_of_the_cart(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox()
    inbox.read([row(1)], "Purchase_Order_1.csv")
    assert inbox.order("PO-1").hold == ""
    _set(inbox, unmapped_ship_codes="hold")
    inbox.read([row(2), row(3, shipping_service_level_code="")], "Purchase_Order_2.csv")
    assert (inbox.order("PO-2").hold, inbox.order("PO-3").hold) == ("unmapped_ship_method", "")
    assert "UPCG" in inbox.alerts["hold.unmapped_ship_method"]
