"""Orders that wait, each with its reason, and what a person's release makes of each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cartrover.leasing import owner_name
from connectors.contract import Address, HoldReason
from connectors.models import Connection, ConnectionState
from orders import actions
from orders.actions import after_going_live
from orders.models import MessageState, Order, OutboundMessage
from orders.pipeline.persist import load_drafts
from orders.states import OrderState, Status
from tests.orders.outgoing.desk import Desk, draft, line

NOWHERE = Address(first_name="Pat", last_name="Doe", city="Portland", country="US")


def _release(desk: Desk, order: Order) -> bool:
    return actions.order_release(desk.order(order.external_id), actor="bob@example.com")


def _waits(desk: Desk, order: Order, reason: HoldReason, state: OrderState) -> Order:
    order = desk.order(order.external_id)
    assert (order.state, order.hold) == (state, reason)
    assert order.held_at is not None
    assert order.hold_words
    desk.deliver()
    assert desk.there() == []
    return order


def _goes(desk: Desk, order: Order) -> None:
    assert desk.deliver().counts["sent"] == 1
    order = desk.order(order.external_id)
    assert (order.state, order.hold, order.hold_words) == (OrderState.SENT, "", "")
    assert len(desk.there(order.cust_ref)) == 1
    assert desk.alerts() == []
    assert "order.released" in desk.story(order)


def test_a_person_holds_an_order_and_lets_it_go(desk: Desk) -> None:
    order = desk.load()
    actions.order_hold(order, actor="bob@example.com")
    order = _waits(desk, order, HoldReason.BY_PERSON, OrderState.READY)
    assert "bob@example.com" in order.hold_words
    assert desk.alerts() == []
    assert desk.message(order).state == MessageState.HELD
    assert _release(desk, order)
    _goes(desk, order)


def test_an_order_at_the_wms_cannot_be_held(desk: Desk) -> None:
    order = desk.load()
    desk.deliver()
    with pytest.raises(ValueError, match="Cancel it instead"):
        actions.order_hold(desk.order(order.external_id), actor="bob")


def test_an_order_in_doubt_that_a_person_holds_is_looked_up_but_not_sent(desk: Desk) -> None:
    order = desk.load()
    desk.fault("drop_before")
    desk.deliver()
    actions.order_hold(desk.order(order.external_id), actor="bob")
    desk.age(order, seconds=61)
    desk.deliver()
    desk.deliver()
    held = desk.order(order.external_id)
    assert (held.state, held.hold) == (OrderState.READY, HoldReason.BY_PERSON)
    assert desk.there() == []
    assert _release(desk, order)
    _goes(desk, order)


def test_an_order_in_doubt_that_a_person_holds_is_adopted_when_it_is_there(desk: Desk) -> None:
    order = desk.load()
    desk.fault("drop_after")
    desk.deliver()
    actions.order_hold(desk.order(order.external_id), actor="bob")
    assert desk.deliver().counts == {"adopted": 1}
    assert desk.order(order.external_id).status == Status.AT_WMS


def test_an_order_that_is_held_after_its_batch_was_claimed_does_not_go(desk: Desk) -> None:
    order = desk.load()
    OutboundMessage.objects.for_account(desk.account).update(
        lease_token="other", lease_owner=owner_name(), lease_until=timezone.now() + timedelta(seconds=90)
    )
    actions.order_hold(order, actor="bob")
    message = desk.message(order)
    assert (message.state, message.lease_token) == (MessageState.HELD, "")


def test_an_order_without_address_is_held_before_anything_is_sent(desk: Desk) -> None:
    order = desk.load(draft("PO-1", ship_to=NOWHERE))
    desk.deliver()
    order = _waits(desk, order, HoldReason.BAD_ADDRESS, OrderState.READY)
    assert "street" in order.hold_words
    assert [one.order_id for one in desk.alerts("hold.bad_address")] == [order.pk]
    assert desk.requests("POST /orders") == 0
    _release(desk, order)
    desk.deliver()
    assert desk.order().hold == HoldReason.BAD_ADDRESS
    load_drafts(connection=desk.cart, drafts=[draft("PO-1", content_hash="mended")], document=None)
    desk.deliver()
    assert desk.order().state == OrderState.SENT
    assert desk.alerts() == []


def test_a_corrected_order_is_sent_with_what_was_corrected(desk: Desk) -> None:
    order = desk.load()
    desk.fault("422", errors={"order_line_items.quantity": ["is too large"]})
    desk.deliver()
    _waits(desk, order, HoldReason.REFUSED, OrderState.READY)
    load_drafts(connection=desk.cart, drafts=[draft("PO-1", line("1", "CAP-001", 3), content_hash="mended")], document=None)
    desk.deliver()
    assert desk.there()[0]["lines"][0]["quantity"] == "3.0"
    assert desk.alerts() == []


def test_a_refused_order_goes_at_once_when_a_person_releases_it(desk: Desk) -> None:
    order = desk.load()
    desk.fault("422", errors={"notes": ["are too long"]})
    desk.deliver()
    order = _waits(desk, order, HoldReason.REFUSED, OrderState.READY)
    assert _release(desk, order)
    _goes(desk, order)
    assert [key.rsplit("-", 1)[1] for key in desk.sent_keys()] == ["1", "2"]


def test_a_refused_order_whose_key_the_far_side_remembers_goes_out_under_a_new_one(desk: Desk) -> None:
    desk.commerce.drive("set", price_required=True, remember_failed_keys=True)
    order = desk.load(draft("PO-1", line("1", "CAP-001", 1, None)))
    desk.deliver()
    order = _waits(desk, order, HoldReason.REFUSED, OrderState.READY)
    assert "price" in order.hold_words
    desk.reconnect(missing_price="zero")
    assert _release(desk, order)
    _goes(desk, order)


def test_an_incomplete_order_waits_and_a_person_may_send_it_all_the_same(desk: Desk) -> None:
    order = desk.load(draft("PO-1", expected_lines=2))
    order = _waits(desk, order, HoldReason.INCOMPLETE, OrderState.NEW)
    assert "1 of 2 lines" in order.hold_words
    assert desk.alerts() == []
    assert _release(desk, order)
    _goes(desk, order)


def test_a_suspected_duplicate_waits_under_an_alert_of_its_own(desk: Desk) -> None:
    desk.load(draft("PO-1", external_id="1000/PO-1", alternate_id="1000/PO-1"))
    desk.deliver()
    twin = desk.load(draft("PO-1", external_id="dsco-77", alternate_id="1000/PO-1"))
    twin = desk.order("dsco-77")
    assert (twin.hold, twin.status) == (HoldReason.SUSPECTED_DUPLICATE, Status.ERROR)
    (alert,) = desk.alerts()
    assert (alert.cause, alert.order_id) == ("hold.suspected_duplicate", twin.pk)
    desk.deliver()
    assert len(desk.there()) == 1
    assert _release(desk, twin)
    _goes(desk, twin)


def test_an_order_without_a_wms_waits_until_there_is_one(desk: Desk) -> None:
    Connection.objects.for_account(desk.account).filter(pk=desk.wms.pk).update(state=ConnectionState.DISCONNECTED)
    order = desk.load()
    order = desk.order(order.external_id)
    assert (order.state, order.hold) == (OrderState.NEW, HoldReason.NO_ROUTE)
    assert "no WMS" in order.hold_words
    assert not _release(desk, order)
    assert [one.cause for one in desk.alerts()] == ["hold.no_route"]
    Connection.objects.for_account(desk.account).filter(pk=desk.wms.pk).update(state=ConnectionState.OK)
    assert _release(desk, order)
    _goes(desk, order)


def test_test_mode_keeps_live_orders_until_going_live(desk: Desk) -> None:
    Connection.objects.for_account(desk.account).filter(pk=desk.cart.pk).update(live=False)
    desk.cart.refresh_from_db()
    desk.load(draft("PO-1"), draft("PO-2", is_test=True))
    order = desk.order()
    assert (order.hold, order.status) == (HoldReason.NOT_LIVE, Status.NEW)
    assert not _release(desk, order)
    assert desk.deliver().counts == {"sent": 1}
    assert [one["order_number"] for one in desk.there()] == ["PO-2"]
    Connection.objects.for_account(desk.account).filter(pk=desk.cart.pk).update(live=True)
    desk.cart.refresh_from_db()
    assert after_going_live(desk.cart) == 1
    desk.deliver()
    assert desk.order().state == OrderState.SENT
    assert desk.alerts() == []


def test_an_order_that_nothing_holds_cannot_be_released(desk: Desk) -> None:
    assert not _release(desk, desk.load())


@pytest.mark.parametrize("reason", [HoldReason.GAVE_UP, HoldReason.INTERNAL])
def test_what_was_given_up_is_looked_up_before_it_is_sent_anew(desk: Desk, reason: HoldReason) -> None:
    order = desk.load()
    desk.fault("drop_after")
    desk.deliver()
    _give_up(desk, order, reason)
    assert _release(desk, order)
    assert desk.deliver().counts == {"adopted": 1}
    assert len(desk.there()) == 1
    assert desk.requests("POST /orders") == 1


def _give_up(desk: Desk, order: Order, reason: HoldReason) -> None:
    from orders.holding import hold_order

    OutboundMessage.objects.for_account(desk.account).filter(order=order).update(state=MessageState.HELD)
    hold_order(desk.order(order.external_id), reason, "Tried in vain.")


@pytest.mark.parametrize("reason", [HoldReason.GAVE_UP, HoldReason.INTERNAL])
def test_what_was_given_up_and_is_not_there_goes_out_under_a_new_key(prompt: Any, reason: HoldReason) -> None:
    order = prompt.load()
    prompt.fault("drop_before")
    prompt.deliver()
    _give_up(prompt, order, reason)
    assert _release(prompt, order)
    _goes(prompt, order)
    assert [key.rsplit("-", 1)[1] for key in prompt.sent_keys()] == ["1", "2"]
