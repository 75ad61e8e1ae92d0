"""When nobody knows what came of a write: ask, adopt, hold or send again, and never make a second order."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from connectors.contract import HoldReason
from connectors.models import Outcome
from orders import actions
from orders.models import MessageState, Order, OutboundMessage
from orders.states import OrderState
from tests.orders.outgoing.desk import Desk, draft
from tests.servers.recording import RecordingProxy, Sent

DUPLICATE = {"type": "Unprocessable Entity", "message": "Duplicate Idempotency Key header detected"}


def _lost(desk: Desk) -> Order:
    """Send an order whose answer is lost."""
    order = desk.load()
    desk.fault("drop_after")
    desk.deliver()
    return order


def _fresh(desk: Desk, order: Order) -> Order:
    return desk.order(order.external_id)


# --- what is found -----------------------------------------------------------------------------------------------------------


def test_a_lost_order_that_was_voided_meanwhile_is_held_and_sent_anew_when_a_person_releases_it(desk: Desk) -> None:
    order = _lost(desk)
    desk.commerce.drive("void", order_number="PO-1")
    finished = desk.deliver()
    order = _fresh(desk, order)
    assert (finished.outcome, finished.counts) == (Outcome.PROBLEMS, {"held": 1})
    assert (order.state, order.hold) == (OrderState.READY, HoldReason.VOIDED_AT_WMS)
    assert "voided" in order.hold_words
    assert "Release" in order.hold_words
    assert desk.message(order).state == MessageState.HELD
    assert [one.cause for one in desk.alerts()] == ["hold.voided_at_wms"]
    desk.deliver()
    assert desk.requests("POST /orders") == 1

    assert actions.order_release(order, actor="bob@example.com")
    assert desk.alerts() == []
    assert desk.deliver().counts == {"sent": 1}
    order = _fresh(desk, order)
    assert (order.state, order.hold) == (OrderState.SENT, "")
    assert [one["status"] for one in desk.there("PO-1")] == ["void", "active"]
    assert order.wms_order_id == str(desk.there("PO-1")[1]["id"])
    keys = desk.sent_keys()
    assert keys[0].endswith("-1")
    assert all_second(keys[1:])
    assert desk.message(order).generation == 2


def all_second(keys: list[str]) -> bool:
    return bool(keys) and all(key.endswith("-2") for key in keys)


def test_a_deleted_draft_counts_as_voided(make_desk: Any) -> None:
    desk = make_desk(order_status="draft")
    order = _lost(desk)
    desk.commerce.drive("delete_order", order_number="PO-1")
    desk.deliver()
    assert _fresh(desk, order).hold == HoldReason.VOIDED_AT_WMS


def test_several_orders_that_can_be_ours_hold_it_until_one_is_left(desk: Desk) -> None:
    order = _lost(desk)
    desk.commerce.drive("add_stranger_order", order_number="PO-1", reference_number="PO-1", company_code="DSCO-1000")
    desk.deliver()
    order = _fresh(desk, order)
    assert (order.state, order.hold) == (OrderState.READY, HoldReason.DUPLICATE_AT_WMS)
    assert "2 orders" in order.hold_words
    assert [one.cause for one in desk.alerts()] == ["hold.duplicate_at_wms"]

    actions.order_release(order, actor="bob")
    desk.deliver()
    assert _fresh(desk, order).hold == HoldReason.DUPLICATE_AT_WMS

    mine, other = desk.there("PO-1", strangers=True)
    desk.commerce.drive("void", order_id=other["id"])
    desk.commerce.drive("advance", seconds=25 * 3600)
    actions.order_release(_fresh(desk, order), actor="bob")
    assert desk.deliver().counts == {"adopted": 1}
    order = _fresh(desk, order)
    assert (order.state, order.wms_order_id) == (OrderState.SENT, str(mine["id"]))
    assert desk.alerts() == []
    assert desk.requests("POST /orders") == 1


@pytest.mark.parametrize(
    "stranger",
    [
        {"reference_number": "SOMETHING-ELSE", "company_code": "DSCO-1000"},
        {"reference_number": "PO-1"},
        {"reference_number": None},
    ],
)
def test_a_strangers_order_with_our_number_is_not_taken_for_ours(prompt: Desk, stranger: dict[str, Any]) -> None:
    prompt.load(draft("PO-0"))
    prompt.deliver()
    prompt.commerce.drive("add_stranger_order", order_number="PO-1", **stranger)
    order = prompt.load()
    prompt.fault("drop_before")
    prompt.deliver()
    assert prompt.deliver().counts == {"sent": 1}
    order = _fresh(prompt, order)
    (mine,) = prompt.there("PO-1")
    assert order.wms_order_id == str(mine["id"])


# --- number taken ------------------------------------------------------------------------------------------------------------


def test_a_number_that_a_strangers_order_has_holds_ours_until_that_one_is_renamed(desk: Desk) -> None:
    desk.commerce.drive("set", strict_order_numbers=True)
    stranger = desk.commerce.drive("add_stranger_order", order_number="PO-1")["orders"][0]
    order = desk.load()
    desk.deliver()
    order = _fresh(desk, order)
    assert (order.state, order.hold) == (OrderState.READY, HoldReason.REFUSED)
    assert "PO-1 is taken" in order.hold_words
    assert [one.cause for one in desk.alerts()] == ["hold.refused"]
    assert desk.requests("POST /orders") == 1
    assert desk.outcomes(order) == ["AlreadyTaken"]
    assert desk.attempts(order)[0].status == 422

    assert actions.order_release(order, actor="bob")
    desk.deliver()
    assert _fresh(desk, order).hold == HoldReason.REFUSED

    desk.commerce.drive("void", order_id=stranger["id"])
    desk.commerce.drive("set", strict_order_numbers=False)
    actions.order_release(_fresh(desk, order), actor="bob")
    assert desk.deliver().counts == {"sent": 1}
    assert _fresh(desk, order).state == OrderState.SENT
    assert len(desk.there("PO-1")) == 1
    assert desk.alerts() == []


def test_a_number_that_is_taken_by_our_own_lost_order_leads_to_it(desk: Desk) -> None:
    desk.commerce.drive("set", strict_order_numbers=True)
    order = _lost(desk)
    _forget_the_attempt(desk, order)
    desk.commerce.drive("advance", seconds=25 * 3600)
    finished = desk.deliver()
    assert finished.counts == {"adopted": 1}
    assert _fresh(desk, order).state == OrderState.SENT
    assert len(desk.there()) == 1


def _forget_the_attempt(desk: Desk, order: Order) -> None:
    """As an older hub, or a restored backup, would: the order was sent, and nobody here knows."""
    OutboundMessage.objects.for_account(desk.account).filter(order=order).update(
        state=MessageState.WAITING, attempts=0, sent_at=None, due_at=timezone.now(), words=""
    )


# --- the key -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manner", ["refuse", "conflict", "replay"])
def test_a_key_that_was_used_leads_to_the_order_that_it_made(desk: Desk, manner: str) -> None:
    desk.commerce.drive("set", idempotency=manner)
    order = _lost(desk)
    _forget_the_attempt(desk, order)
    finished = desk.deliver()
    assert finished.counts == ({"sent": 1} if manner == "replay" else {"adopted": 1})
    order = _fresh(desk, order)
    (there,) = desk.there()
    assert (order.state, order.wms_order_id) == (OrderState.SENT, str(there["id"]))
    assert len(set(desk.sent_keys())) == 1
    assert desk.message(order).generation == 1


def test_a_used_key_without_an_order_gets_a_successor_that_then_stays(desk: Desk, recorder: RecordingProxy) -> None:
    answers: list[tuple[int, Any] | None] = [(422, DUPLICATE), (500, {}), (500, {}), None]

    def instead(sent: Sent) -> tuple[int, Any] | None:
        return answers.pop(0) if (sent.method, sent.path) == ("POST", "/orders") else None

    recorder.instead = instead
    desk.reconnect(api_url=recorder.url)
    order = desk.load()
    desk.deliver()
    assert desk.message(order).state == MessageState.UNKNOWN
    assert len(recorder.of("POST", "/orders")) == 1
    for _ in range(3):
        desk.age(order, seconds=61)
        desk.deliver()
    assert _fresh(desk, order).state == OrderState.SENT
    keys = [sent.headers["idempotency-key"].rsplit("-", 1)[1] for sent in recorder.of("POST", "/orders")]
    assert keys == ["1", "2", "2", "2"]
    assert desk.outcomes(order) == ["AlreadyTaken", "OutcomeUnknown", "OutcomeUnknown", "delivered"]


def test_a_far_side_that_says_taken_for_ever_is_not_asked_in_a_circle(desk: Desk, recorder: RecordingProxy) -> None:
    recorder.instead = lambda sent: (422, DUPLICATE) if (sent.method, sent.path) == ("POST", "/orders") else None
    desk.reconnect(api_url=recorder.url, resend_after_seconds="0")
    order = desk.load()
    for _ in range(3):
        desk.deliver()
    assert len(recorder.of("POST", "/orders")) <= 2 * 3
    assert desk.message(order).state == MessageState.UNKNOWN
    assert desk.there() == []


# --- the label ---------------------------------------------------------------------------------------------------------------


def test_a_label_that_an_earlier_try_left_behind_is_used_for_the_order(desk: Desk) -> None:
    order = _lost(desk)
    there = desk.there()[0]
    label = there["shipping_address"]["id"]
    addresses = desk.commerce.drive("counts")["addresses"]
    desk.commerce.drive("void", order_number="PO-1")
    desk.deliver()
    actions.order_release(_fresh(desk, order), actor="bob")
    desk.deliver()
    assert _fresh(desk, order).state == OrderState.SENT
    assert desk.there()[1]["shipping_address"]["id"] == label
    assert "AlreadyTaken" in desk.outcomes(order)
    assert desk.commerce.drive("counts")["addresses"] == addresses


def test_an_address_of_that_label_that_says_something_else_is_left_alone(prompt: Desk) -> None:
    prompt.load(draft("PO-0"))
    prompt.deliver()
    company = prompt.there("PO-0")[0]["company_id"]
    prompt.commerce.drive("set", strict_order_numbers=False)
    order = prompt.load()
    prompt.fault("422", errors={"shipping_address.label": ["has already been taken"]})
    assert prompt.deliver().counts == {"sent": 1}
    (there,) = prompt.there("PO-1")
    assert there["company_id"] == company
    assert there["shipping_address"]["address1"] == "1 Sample Street"
    assert there["shipping_address"]["label"].startswith("PO-1")
    assert prompt.outcomes(order) == ["AlreadyTaken", "delivered"]
    assert prompt.message(order).generation == 1


# --- attempts ----------------------------------------------------------------------------------------------------------------


def test_the_look_up_asks_for_all_states_by_number(prompt: Desk) -> None:
    _lost(prompt)
    prompt.commerce.drive("clear_requests")
    prompt.commerce.drive("set", list_voided=False)
    prompt.deliver()
    (asked,) = [one for one in prompt.commerce.drive("requests")["log"] if one["path"] == "/orders"]
    for status in ("draft", "active", "finalized", "fulfilled", "void", "deleted"):
        assert status in asked["query"]
    assert "PO-1" in asked["query"]


@pytest.mark.parametrize("seconds", [0, 30])
def test_how_long_a_doubtful_attempt_waits_is_a_setting(make_desk: Any, seconds: int) -> None:
    desk = make_desk(resend_after_seconds=str(seconds))
    order = desk.load()
    desk.fault("drop_before")
    desk.deliver()
    desk.age(order, seconds=max(0, seconds - 5))
    assert desk.deliver().counts == ({"sent": 1} if seconds == 0 else {"waiting": 1})
    desk.age(order, seconds=seconds + 1)
    desk.deliver()
    assert _fresh(desk, order).state == OrderState.SENT
    assert len(desk.there()) == 1


def test_a_refused_order_keeps_what_was_asked_and_answered_without_the_buyers_data(desk: Desk) -> None:
    order = desk.load()
    desk.fault("422", errors={"issued_at": ["is invalid"]})
    desk.deliver()
    (attempt,) = desk.attempts(order)
    assert attempt.status == 422
    assert "issued_at" in attempt.answer
    assert "order_number" in attempt.request
    assert "Sample Street" not in attempt.request
