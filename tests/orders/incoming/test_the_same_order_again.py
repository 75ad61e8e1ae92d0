"""An order that comes again: counted, updated, canceled, completed or shown to a person, and never sent twice."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from orders.actions import order_cancel, order_release
from orders.models import Alert, AlertState, MessagePurpose, MessageState, Order, OrderEvent, OutboundMessage
from orders.pipeline.messages import claim_batch
from orders.pipeline.outcomes import mark_sending
from orders.states import OrderState
from tests.connectors.dsco.files import row
from tests.inbox import Inbox


def _messages(order: Order) -> list[tuple[str, str]]:
    rows = OutboundMessage.objects.for_account(order.account_id).filter(order=order).order_by("pk")
    return list(rows.values_list("purpose", "state"))


def _sent(inbox: Inbox, number: str, state: OrderState = OrderState.SENT) -> None:
    """Let an order be at the WMS, as a delivery leaves it."""
    orders = Order.objects.for_account(inbox.account).filter(cust_po_no=number)
    orders.update(state=state, wms_order_id="100", wms_number=number, wms_state="open")
    OutboundMessage.objects.for_account(inbox.account).filter(order__cust_po_no=number).update(state=MessageState.DONE)


def _kinds(inbox: Inbox, number: str) -> list[str]:
    rows = OrderEvent.objects.for_account(inbox.account).filter(order__cust_po_no=number).order_by("pk")
    return list(rows.values_list("kind", flat=True))


# --- equal, changed ----------------------------------------------------------------------------------------------------------


def test_equal_content_is_counted_and_changes_nothing(inbox: Inbox) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    before = inbox.order("PO-1").updated_at
    finished = inbox.read([row(1, dsco_order_lifecycle="acknowledged")], "Purchase_Order_2.csv")
    assert finished.counts["duplicates"] == 1
    assert inbox.order("PO-1").updated_at == before
    assert _kinds(inbox, "PO-1") == ["order.loaded"]


def test_a_change_before_sending_is_taken_with_an_event_and_sent_once(inbox: Inbox) -> None:
    inbox.read([row(1, 1), row(1, 2)], "Purchase_Order_1.csv")
    changed = {"line_item_quantity": "5", "ship_city": "Reno"}
    finished = inbox.read([row(1, 1, **changed), row(1, 3, ship_city="Reno")], "Purchase_Order_2.csv")
    order = inbox.order("PO-1")
    assert finished.counts["updated"] == 1
    assert inbox.lines("PO-1") == [("SKU-1", 5), ("SKU-3", 2)]
    assert order.ship_to["city"] == "Reno"
    assert order.sub_total == Decimal("93.10")
    assert _messages(order) == [("deliver", "waiting")]
    (words,) = inbox.events("order.changed")
    assert "lines" in words
    assert "ship-to address" in words
    assert "Reno" not in words


def test_a_change_while_a_sender_has_claimed_the_order_takes_it_back_from_him(inbox: Inbox) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    wms = inbox.order("PO-1").wms
    assert wms is not None
    batch = claim_batch(wms, named=False, without=())
    assert batch is not None
    inbox.read([row(1, line_item_quantity="9")], "Purchase_Order_2.csv")
    assert inbox.lines("PO-1") == [("SKU-1", 9)]
    assert mark_sending(batch, batch.messages) == {}
    again = claim_batch(wms, named=False, without=())
    assert again is not None
    assert list(mark_sending(again, again.messages)) == [again.messages[0].pk]


def test_a_change_while_the_order_is_on_its_way_comes_too_late(inbox: Inbox) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    wms = inbox.order("PO-1").wms
    assert wms is not None
    batch = claim_batch(wms, named=False, without=())
    assert batch is not None
    mark_sending(batch, batch.messages)
    inbox.read([row(1, line_item_quantity="9")], "Purchase_Order_2.csv")
    assert inbox.lines("PO-1") == [("SKU-1", 2)]
    assert "changed_after_sending" in inbox.alerts


def test_a_change_after_sending_is_an_alert_once_and_changes_nothing(inbox: Inbox) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    _sent(inbox, "PO-1")
    for number in (2, 3):
        inbox.read([row(1, line_item_quantity="9")], f"Purchase_Order_{number}.csv")
    assert inbox.lines("PO-1") == [("SKU-1", 2)]
    assert "change it there, or cancel it" in inbox.alerts["changed_after_sending"]
    assert Alert.objects.for_account(inbox.account).get().times == 1
    assert _kinds(inbox, "PO-1").count("order.changed_after_sending") == 1


def test_a_change_of_a_canceled_order_says_that_it_is_canceled(inbox: Inbox) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    order_cancel(inbox.order("PO-1"), actor="bob")
    inbox.read([row(1, line_item_quantity="9")], "Purchase_Order_2.csv")
    order = inbox.order("PO-1")
    assert (order.state, _messages(order)) == (OrderState.CANCELED, [("deliver", "dropped")])
    assert "is canceled" in inbox.alerts["changed_after_sending"]


def test_two_changes_in_one_file_are_taken_in_their_order(inbox: Inbox) -> None:
    inbox.read([row(1, ship_city="Boise")], "Purchase_Order_1.csv")
    inbox.put([row(1, ship_city="Elko")], "Purchase_Order_2.csv", age=300)
    inbox.put([row(1, ship_city="Reno")], "Purchase_Order_0.csv", age=200)
    inbox.download()
    assert inbox.order("PO-1").ship_to["city"] == "Reno"


@pytest.mark.parametrize("hold", ["gave_up", "internal", "duplicate_at_wms"])
def test_a_change_of_an_order_that_the_wms_may_have_comes_too_late(inbox: Inbox, hold: str) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    OutboundMessage.objects.for_account(inbox.account).update(state=MessageState.HELD, attempts=1)
    Order.objects.for_account(inbox.account).update(hold=hold)
    inbox.read([row(1, line_item_quantity="9")], "Purchase_Order_2.csv")
    assert (inbox.order("PO-1").hold, inbox.lines("PO-1")) == (hold, [("SKU-1", 2)])
    assert _messages(inbox.order("PO-1")) == [("deliver", "held")]
    assert "changed_after_sending" in inbox.alerts


@pytest.mark.parametrize("hold", ["voided_at_wms", "by_person"])
def test_a_change_is_taken_and_leaves_what_a_person_must_decide(inbox: Inbox, hold: str) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    OutboundMessage.objects.for_account(inbox.account).update(state=MessageState.HELD, attempts=1)
    Order.objects.for_account(inbox.account).update(hold=hold)
    inbox.read([row(1, line_item_quantity="9")], "Purchase_Order_2.csv")
    assert (inbox.order("PO-1").hold, inbox.lines("PO-1")) == (hold, [("SKU-1", 9)])
    assert _messages(inbox.order("PO-1")) == [("deliver", "held")]


@pytest.mark.parametrize("hold", ["refused", "bad_address", "unknown_sku"])
def test_a_change_gives_an_order_that_the_wms_refused_another_try(inbox: Inbox, hold: str) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    OutboundMessage.objects.for_account(inbox.account).update(state=MessageState.HELD, attempts=1)
    Order.objects.for_account(inbox.account).update(hold=hold)
    inbox.read([row(1, line_item_sku="CAP-001")], "Purchase_Order_2.csv")
    assert _messages(inbox.order("PO-1")) == [("deliver", "waiting")]


# --- canceled at the source --------------------------------------------------------------------------------------------------


def test_what_the_cart_cancels_before_sending_is_canceled_at_once(inbox: Inbox) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    inbox.read([row(1, dsco_order_status="cancelled")], "Purchase_Order_2.csv")
    order = inbox.order("PO-1")
    assert (order.state, _messages(order)) == (OrderState.CANCELED, [("deliver", "dropped")])
    assert inbox.alerts == {}
    assert inbox.read([row(1, dsco_order_status="cancelled")], "Purchase_Order_3.csv").counts["duplicates"] == 1


def test_a_held_order_that_the_cart_cancels_takes_its_alert_with_it(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(settings={"unmapped_ship_codes": "hold"})
    inbox.read([row(1)], "Purchase_Order_1.csv")
    assert list(inbox.alerts) == ["hold.unmapped_ship_method"]
    inbox.read([row(1, dsco_order_status="cancelled")], "Purchase_Order_2.csv")
    assert (inbox.order("PO-1").state, inbox.order("PO-1").hold) == (OrderState.CANCELED, "")
    assert inbox.alerts == {}


def test_what_the_cart_cancels_after_sending_the_wms_is_asked_for_once(inbox: Inbox) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    _sent(inbox, "PO-1")
    inbox.read([row(1, dsco_order_status="cancelled")], "Purchase_Order_2.csv")
    inbox.read([row(1, dsco_order_status="cancelled", ship_city="Reno")], "Purchase_Order_3.csv")
    order = inbox.order("PO-1")
    assert order.state == OrderState.SENT
    assert _messages(order) == [("deliver", "done"), ("cancel", "waiting")]


def test_the_cart_may_be_set_not_to_ask_the_wms(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(settings={"send_cancels_to_wms": "no"})
    inbox.read([row(1)], "Purchase_Order_1.csv")
    _sent(inbox, "PO-1")
    inbox.read([row(1, dsco_order_status="cancelled")], "Purchase_Order_2.csv")
    assert _messages(inbox.order("PO-1")) == [("deliver", "done")]
    assert "cancel_wanted" in inbox.alerts


@pytest.mark.parametrize("state", [OrderState.SHIPPED, OrderState.CONFIRMED])
def test_a_cancellation_that_comes_too_late_is_an_alert(inbox: Inbox, state: OrderState) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    _sent(inbox, "PO-1", state)
    inbox.read([row(1, dsco_order_status="cancelled")], "Purchase_Order_2.csv")
    assert inbox.order("PO-1").state == state
    assert f"is {state} already" in inbox.alerts["cancel_wanted"]
    assert not OutboundMessage.objects.for_account(inbox.account).filter(purpose=MessagePurpose.CANCEL).exists()


def test_a_cancellation_after_a_change_that_came_too_late_still_counts(inbox: Inbox) -> None:
    inbox.read([row(1)], "Purchase_Order_1.csv")
    _sent(inbox, "PO-1")
    inbox.read([row(1, line_item_quantity="9")], "Purchase_Order_2.csv")
    inbox.read([row(1, line_item_quantity="9", dsco_order_status="cancelled")], "Purchase_Order_3.csv")
    assert _messages(inbox.order("PO-1")) == [("deliver", "done"), ("cancel", "waiting")]


# --- incomplete --------------------------------------------------------------------------------------------------------------

OF_THREE = {"number_of_line_items": "3"}


def test_an_order_waits_until_all_its_lines_have_come_in_later_files(inbox: Inbox) -> None:
    inbox.read([row(1, 2, **OF_THREE)], "Purchase_Order_1.csv")
    order = inbox.order("PO-1")
    assert (order.hold, order.state, _messages(order)) == ("incomplete", OrderState.NEW, [])
    assert "1 of 3 lines have come" in order.hold_words
    assert inbox.alerts == {}
    inbox.read([row(1, 3, **OF_THREE)], "Purchase_Order_2.csv")
    assert "2 of 3 lines have come" in inbox.order("PO-1").hold_words
    inbox.read([row(1, 1, **OF_THREE), row(2)], "Purchase_Order_3.csv")
    order = inbox.order("PO-1")
    assert (order.hold, order.state, _messages(order)) == ("", OrderState.READY, [("deliver", "waiting")])
    assert [item for item, _ in inbox.lines("PO-1")] == ["SKU-1", "SKU-2", "SKU-3"]
    assert order.sub_total == Decimal("79.80")


def test_parts_of_a_whole_order_that_come_again_change_nothing(inbox: Inbox) -> None:
    whole = [row(1, line, **OF_THREE) for line in (1, 2, 3)]
    inbox.read(whole[:2], "Purchase_Order_1.csv")
    inbox.read(whole[2:], "Purchase_Order_2.csv")
    _sent(inbox, "PO-1")
    for number, part in enumerate((whole[:2], whole[2:], whole), start=3):
        inbox.read(part, f"Purchase_Order_{number}.csv")
    assert len(inbox.lines("PO-1")) == 3
    assert inbox.alerts == {}
    assert _messages(inbox.order("PO-1")) == [("deliver", "done")]


def test_lines_scattered_over_a_file_are_one_order(inbox: Inbox) -> None:
    inbox.read([row(1, 3, **OF_THREE), row(2), row(1, 1, **OF_THREE), row(3), row(1, 2, **OF_THREE)])
    assert inbox.order("PO-1").hold == ""
    assert len(inbox.lines("PO-1")) == 3


def test_scattered_parts_of_dscos_own_exports_become_whole_orders(inbox: Inbox) -> None:
    inbox.dsco.drive("place_orders", count=4, lines=3, seed=3)
    inbox.dsco.drive("export", part_of_lines="first")
    inbox.download()
    assert set(Order.objects.for_account(inbox.account).values_list("hold", flat=True)) == {"incomplete"}
    inbox.dsco.drive("export", orders="all", part_of_lines="rest", scattered=True)
    inbox.download()
    assert set(Order.objects.for_account(inbox.account).values_list("hold", flat=True)) == {""}
    assert OutboundMessage.objects.for_account(inbox.account).count() == 4


def test_a_person_may_send_an_incomplete_order_and_a_setting_never_waits(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(settings={"hold_incomplete": "no"})
    inbox.read([row(1, **OF_THREE)])
    assert inbox.order("PO-1").state == OrderState.READY


def test_an_incomplete_order_is_released_by_a_person_alone(inbox: Inbox) -> None:
    inbox.read([row(1, **OF_THREE)])
    assert order_release(inbox.order("PO-1"), actor="bob")
    assert _messages(inbox.order("PO-1")) == [("deliver", "waiting")]


def test_an_incomplete_order_that_the_cart_cancels_is_canceled(inbox: Inbox) -> None:
    inbox.read([row(1, **OF_THREE)], "Purchase_Order_1.csv")
    inbox.read([row(1, **OF_THREE, dsco_order_status="cancelled")], "Purchase_Order_2.csv")
    assert inbox.order("PO-1").state == OrderState.CANCELED


# --- suspected duplicates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["90001", ""], ids=["id first", "no id first"])
@pytest.mark.parametrize("together", [True, False], ids=["one file", "two files"])
def test_an_order_once_with_and_once_without_dscos_id_is_for_a_person_to_judge(
    inbox: Inbox, first: str, together: bool
) -> None:
    one, other = row(1, dsco_order_id=first), row(1, dsco_order_id="" if first else "90001")
    if together:
        inbox.read([one, other, row(2)])
    else:
        inbox.read([one, row(2)], "Purchase_Order_1.csv")
        inbox.read([other], "Purchase_Order_2.csv")
    orders = Order.objects.for_account(inbox.account).filter(cust_po_no="PO-1")
    (suspect,) = orders.filter(hold="suspected_duplicate")
    assert orders.count() == 2
    assert _messages(suspect) == []
    assert "once with and once without" in inbox.alerts["hold.suspected_duplicate"]
    assert order_release(suspect, actor="bob")
    assert inbox.alerts == {}
    assert OutboundMessage.objects.for_account(inbox.account).filter(state=MessageState.WAITING).count() == 3


def test_a_suspected_duplicate_that_is_canceled_ends_its_alert_and_stays_away(inbox: Inbox) -> None:
    inbox.read([row(1), row(1, dsco_order_id="")], "Purchase_Order_1.csv")
    suspect = Order.objects.for_account(inbox.account).get(hold="suspected_duplicate")
    order_cancel(suspect, actor="bob")
    assert inbox.alerts == {}
    inbox.read([row(1), row(1, dsco_order_id="")], "Purchase_Order_2.csv")
    assert Order.objects.for_account(inbox.account).count() == 2
    assert Alert.objects.for_account(inbox.account).filter(state=AlertState.OPEN).count() == 0


def test_a_change_of_a_suspected_duplicate_does_not_release_it(inbox: Inbox) -> None:
    inbox.read([row(1), row(1, dsco_order_id="")], "Purchase_Order_1.csv")
    inbox.read([row(1, dsco_order_id="", line_item_quantity="7")], "Purchase_Order_2.csv")
    suspect = Order.objects.for_account(inbox.account).get(hold="suspected_duplicate")
    assert suspect.lines.get().quantity == 7
    assert _messages(suspect) == []


def test_equal_numbers_of_two_retailers_are_no_suspicion(inbox: Inbox) -> None:
    inbox.read([row(1), row(1, dsco_order_id="", dsco_retailer_id="2000")])
    assert Order.objects.for_account(inbox.account).filter(hold="").count() == 2
