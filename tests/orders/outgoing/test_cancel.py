"""Orders that are not wanted any more, wherever they stand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cartrover.leasing import owner_name
from connectors.contract import HoldReason
from connectors.models import ConnectionState, Outcome, ServiceName
from orders import actions
from orders.dispatcher import run_named
from orders.holding import hold_order
from orders.models import MessageState, Order, OutboundMessage
from orders.pipeline.persist import load_drafts
from orders.states import OrderState, Status
from tests.orders.outgoing.desk import Desk, draft, line


def _cancel(desk: Desk, order: Order) -> bool:
    return actions.order_cancel(desk.order(order.external_id), actor="bob@example.com")


def _is_canceled(desk: Desk, order: Order) -> None:
    order = desk.order(order.external_id)
    assert (order.state, order.hold, order.status) == (OrderState.CANCELED, "", Status.CANCELED)
    assert order.canceled_at is not None
    open_ones = OutboundMessage.objects.for_account(desk.account).filter(order=order)
    assert set(open_ones.values_list("state", flat=True)) <= {MessageState.DONE, MessageState.DROPPED}
    assert all(one["status"] in ("void", "deleted") for one in desk.there())
    assert desk.alerts() == []


def _lost(desk: Desk, name: str = "drop_after") -> Order:
    order = desk.load()
    desk.fault(name)
    desk.deliver()
    return order


def test_an_order_that_was_not_sent_is_canceled_at_once(desk: Desk) -> None:
    order = desk.load()
    assert _cancel(desk, order)
    _is_canceled(desk, order)
    desk.deliver()
    assert desk.requests() == {}


@pytest.mark.parametrize("reason", [HoldReason.BY_PERSON, HoldReason.UNKNOWN_SKU, HoldReason.BAD_ADDRESS, HoldReason.REFUSED])
def test_a_held_order_that_was_not_sent_is_canceled_at_once(desk: Desk, reason: HoldReason) -> None:
    order = desk.load()
    hold_order(order, reason, "Waits.")
    assert _cancel(desk, order)
    _is_canceled(desk, order)


def test_a_new_order_that_waits_for_its_lines_is_canceled_at_once(desk: Desk) -> None:
    order = desk.load(draft("PO-1", expected_lines=2))
    assert order.state == OrderState.NEW
    assert _cancel(desk, order)
    _is_canceled(desk, order)


def test_an_order_at_the_wms_is_voided_there_first(desk: Desk) -> None:
    order = desk.load()
    desk.deliver()
    assert not _cancel(desk, order)
    assert desk.order().state == OrderState.SENT
    assert not _cancel(desk, order)
    assert desk.deliver().counts == {"canceled": 1}
    _is_canceled(desk, order)
    assert [one["status"] for one in desk.there()] == ["void"]
    assert desk.outcomes(order, "cancel") == ["done"]
    assert desk.requests("POST /orders/{id}/actions/void") == 1
    assert "order.cancel_asked" in desk.story(order)


def test_a_draft_at_the_wms_is_deleted_there(make_desk: Any) -> None:
    desk = make_desk(order_status="draft")
    order = desk.load()
    desk.deliver()
    _cancel(desk, order)
    desk.deliver()
    _is_canceled(desk, order)


def test_an_order_that_somebody_voided_already_is_canceled(desk: Desk) -> None:
    order = desk.load()
    desk.deliver()
    desk.commerce.drive("void", order_number="PO-1")
    _cancel(desk, order)
    desk.deliver()
    _is_canceled(desk, order)


def test_a_wms_that_does_not_agree_keeps_the_order_and_a_person_is_told(desk: Desk) -> None:
    order = desk.load()
    desk.deliver()
    desk.commerce.drive("finalize", order_number="PO-1")
    desk.commerce.drive("pack_and_ship", order_number="PO-1")
    _cancel(desk, order)
    finished = desk.deliver()
    assert finished.outcome == Outcome.PROBLEMS
    order = desk.order()
    assert (order.state, order.hold) == (OrderState.SENT, "")
    (alert,) = desk.alerts("cancel_wanted")
    assert "doesn't cancel order PO-1" in alert.words
    assert desk.message(order, "cancel").state == MessageState.DROPPED
    assert "order.cancel_refused" in desk.story(order)
    desk.deliver()
    assert len(desk.outcomes(order, "cancel")) == 1


@pytest.mark.parametrize("state", [OrderState.SHIPPED, OrderState.CONFIRMED, OrderState.CANCELED])
def test_what_is_over_cannot_be_canceled(desk: Desk, state: OrderState) -> None:
    order = desk.load()
    Order.objects.for_account(desk.account).update(state=state)
    with pytest.raises(ValueError, match="can't be canceled"):
        _cancel(desk, order)


# --- in doubt ----------------------------------------------------------------------------------------------------------------


def test_an_order_in_doubt_is_looked_up_and_then_voided(desk: Desk) -> None:
    order = _lost(desk)
    assert not _cancel(desk, order)
    assert desk.order().state == OrderState.READY
    desk.deliver()
    desk.deliver()
    _is_canceled(desk, order)
    assert [one["status"] for one in desk.there()] == ["void"]


def test_an_order_in_doubt_that_never_arrived_is_not_sent_only_to_be_voided(desk: Desk) -> None:
    order = _lost(desk, "drop_before")
    assert not _cancel(desk, order)
    desk.deliver()
    assert desk.order().state == OrderState.READY
    desk.age(order, seconds=61)
    desk.deliver()
    _is_canceled(desk, order)
    assert desk.there() == []
    assert desk.requests("POST /orders") == 1


def test_an_order_that_another_worker_holds_is_dropped_when_that_one_dies(desk: Desk) -> None:
    order = desk.load()
    rows = OutboundMessage.objects.for_account(desk.account).filter(order=order)
    rows.update(lease_token="other", lease_owner=owner_name(), lease_until=timezone.now() + timedelta(seconds=90))
    assert not _cancel(desk, order)
    rows.update(lease_until=timezone.now() - timedelta(seconds=1))
    desk.deliver()
    _is_canceled(desk, order)
    assert desk.there() == []


def test_messages_of_one_order_keep_their_order(prompt: Desk) -> None:
    order = _lost(prompt)
    _cancel(prompt, order)
    prompt.fault("500", method="GET", times=1)
    prompt.deliver()
    assert prompt.requests("POST /orders/{id}/actions/void") == 0
    prompt.deliver()
    log = [f"{one['method']} {one['path']}" for one in prompt.commerce.drive("requests")["log"]]
    at = str(prompt.there()[0]["id"])
    assert log.index("POST /orders") < log.index("GET /orders") < log.index(f"POST /orders/{at}/actions/void")
    _is_canceled(prompt, order)


@pytest.mark.parametrize("reason", [HoldReason.GAVE_UP, HoldReason.INTERNAL])
def test_an_order_that_was_given_up_but_arrived_is_voided(desk: Desk, reason: HoldReason) -> None:
    order = _lost(desk)
    OutboundMessage.objects.for_account(desk.account).filter(order=order).update(state=MessageState.HELD)
    hold_order(desk.order(), reason, "Tried in vain.")
    assert not _cancel(desk, order)
    desk.deliver()
    _is_canceled(desk, order)
    assert [one["status"] for one in desk.there()] == ["void"]


def test_of_a_double_order_both_are_voided(desk: Desk) -> None:
    order = _lost(desk)
    desk.commerce.drive("add_stranger_order", order_number="PO-1", reference_number="PO-1", company_code="DSCO-1000")
    desk.deliver()
    assert desk.order().hold == HoldReason.DUPLICATE_AT_WMS
    assert not _cancel(desk, order)
    desk.deliver()
    _is_canceled(desk, order)
    assert [one["status"] for one in desk.there("PO-1", strangers=True)] == ["void", "void"]


# --- trouble while canceling -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["500", "500_after", "drop_before", "drop_after", "html", "cut", "503_after"])
def test_a_cancellation_without_an_answer_is_tried_again_until_it_is_done(desk: Desk, name: str) -> None:
    order = desk.load()
    desk.deliver()
    _cancel(desk, order)
    desk.fault(name, path="/orders/*/actions/void")
    finished = desk.deliver()
    assert finished.outcome == Outcome.PROBLEMS
    assert desk.order().state == OrderState.SENT
    message = desk.message(order, "cancel")
    assert (message.state, message.attempts) == (MessageState.WAITING, 1)
    assert message.due_at > timezone.now()
    desk.deliver()
    _is_canceled(desk, order)


@pytest.mark.parametrize(
    ("name", "outcome"), [("429", Outcome.SLOWED), ("403", Outcome.BROKEN), ("401_revoked", Outcome.BROKEN)]
)
def test_trouble_of_the_whole_connection_burns_no_attempt_of_a_cancellation(desk: Desk, name: str, outcome: Outcome) -> None:
    order = desk.load()
    desk.deliver()
    _cancel(desk, order)
    desk.fault(name, path="/orders/*/actions/void")
    assert desk.deliver().outcome == outcome
    message = desk.message(order, "cancel")
    assert (message.state, message.attempts, message.lease_token) == (MessageState.WAITING, 0, "")
    desk.rate_limit_is_over()
    desk.deliver()
    _is_canceled(desk, order)
    desk.wms.refresh_from_db()
    assert desk.wms.state == ConnectionState.OK


def test_a_cancellation_does_not_wait_behind_orders_that_are_held(desk: Desk) -> None:
    order = desk.load(draft("PO-1"), draft("PO-2", line("1", "NOWHERE")))
    desk.deliver()
    _cancel(desk, order)
    desk.deliver()
    assert desk.order().state == OrderState.CANCELED
    assert desk.order("dsco-PO-2").hold == HoldReason.UNKNOWN_SKU


# --- what the cart cancels ---------------------------------------------------------------------------------------------------


def _canceled_at_source(desk: Desk) -> None:
    load_drafts(connection=desk.cart, drafts=[draft("PO-1", is_canceled=True, content_hash="canceled")], document=None)


def test_a_cart_cancels_what_was_not_sent_and_the_wms_is_asked_for_what_was(desk: Desk) -> None:
    order = desk.load()
    _canceled_at_source(desk)
    _is_canceled(desk, order)


def test_the_wms_is_asked_when_the_cart_cancels_what_was_sent(desk: Desk) -> None:
    order = desk.load()
    desk.deliver()
    _canceled_at_source(desk)
    assert desk.order().state == OrderState.SENT
    desk.deliver()
    _is_canceled(desk, order)


def test_a_merchant_may_choose_to_be_told_instead(make_desk: Any) -> None:
    desk = make_desk(cart={"send_cancels_to_wms": "no"})
    desk.load()
    desk.deliver()
    _canceled_at_source(desk)
    desk.deliver()
    assert desk.order().state == OrderState.SENT
    assert [one.cause for one in desk.alerts()] == ["cancel_wanted"]
    assert [one["status"] for one in desk.there()] == ["active"]


def test_an_order_that_the_wms_voids_by_itself_is_canceled_too(desk: Desk) -> None:
    order = desk.load()
    desk.deliver()
    desk.commerce.drive("void", order_number="PO-1")
    list(run_named([desk.wms], [ServiceName.SHIPMENT_PICKUP]))
    assert desk.order(order.external_id).state == OrderState.CANCELED
