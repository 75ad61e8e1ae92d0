"""Whatever the far side answers to an order: a plain reason where people look, and in the end exactly one order."""

from __future__ import annotations

import pytest

from connectors.contract import HoldReason
from connectors.models import ConnectionState, Outcome
from orders.models import MessageState
from orders.states import OrderState, Status
from tests.orders.outgoing.desk import Desk, draft, line

CARRIED_OUT = ["500_after", "503_after", "drop_after", "html", "broken_json", "empty", "cut"]
NOT_CARRIED_OUT = ["500", "503", "drop_before"]
SLOW = ["stall_after", "slow_drip"]


def _is_doubtful(desk: Desk) -> None:
    order = desk.order()
    message = desk.message(order)
    assert (order.state, order.hold, order.status) == (OrderState.READY, "", Status.NEW)
    assert (message.state, message.attempts, message.lease_token) == (MessageState.UNKNOWN, 1, "")
    assert message.due_at > message.sent_at
    (attempt,) = desk.attempts(order)
    assert attempt.outcome == "OutcomeUnknown"
    assert attempt.finished_at is not None
    assert "looked up first" in attempt.words


@pytest.mark.parametrize("name", CARRIED_OUT)
def test_a_lost_answer_is_looked_up_and_the_order_is_adopted(desk: Desk, name: str) -> None:
    order = desk.load()
    desk.fault(name)
    finished = desk.deliver()
    assert (finished.outcome, finished.counts) == (Outcome.PROBLEMS, {"unknown": 1})
    assert "PO-1" in finished.problem
    _is_doubtful(desk)

    assert desk.deliver().counts == {"adopted": 1}
    order.refresh_from_db()
    (there,) = desk.there()
    assert (order.state, order.hold) == (OrderState.SENT, "")
    assert (order.wms_order_id, order.wms_number) == (str(there["id"]), "PO-1")
    assert desk.message(order).state == MessageState.DONE
    assert desk.outcomes(order) == ["adopted"]
    assert desk.requests("POST /orders") == 1
    assert desk.alerts() == []


@pytest.mark.parametrize("name", SLOW)
def test_an_answer_that_takes_too_long_is_looked_up_and_the_order_is_adopted(impatient: None, desk: Desk, name: str) -> None:
    order = desk.load()
    desk.fault(name, seconds=2)
    assert desk.deliver().counts == {"unknown": 1}
    _is_doubtful(desk)
    assert desk.deliver().counts == {"adopted": 1}
    order.refresh_from_db()
    assert order.state == OrderState.SENT
    assert len(desk.there()) == 1


@pytest.mark.parametrize("name", NOT_CARRIED_OUT)
def test_an_order_that_never_arrived_is_sent_again_under_its_key_after_a_minute(desk: Desk, name: str) -> None:
    order = desk.load()
    desk.fault(name)
    desk.deliver()
    _is_doubtful(desk)
    desk.deliver()
    assert desk.requests("POST /orders") == 1

    desk.age(order, seconds=61)
    assert desk.deliver().counts == {"sent": 1}
    order.refresh_from_db()
    assert order.state == OrderState.SENT
    assert desk.outcomes(order) == ["OutcomeUnknown", "delivered"]
    assert len(set(desk.sent_keys())) == 1
    assert len(desk.there()) == 1


def test_a_request_that_is_carried_out_after_we_gave_up_on_it_is_not_made_twice(impatient: None, desk: Desk) -> None:
    order = desk.load()
    desk.fault("stall_before", seconds=0.8)
    assert desk.deliver().counts == {"unknown": 1}
    desk.deliver()
    assert desk.there() == []
    assert desk.requests("POST /orders") <= 1
    desk.commerce.drive("clear_faults")
    desk.age(order, seconds=61)
    desk.deliver()
    order.refresh_from_db()
    assert order.state == OrderState.SENT
    assert len(desk.there()) == 1


# --- refusals ----------------------------------------------------------------------------------------------------------------

REFUSALS = {
    "quantity": ({"order_line_items.quantity": ["must be greater than 0"]}, HoldReason.REFUSED, "quantity"),
    "price": ({"order_line_items.price": ["can't be blank"]}, HoldReason.REFUSED, "price"),
    "street": ({"shipping_address.address1": ["can't be blank"]}, HoldReason.BAD_ADDRESS, "street"),
    "country": ({"shipping_address.country": ["is not included in the list"]}, HoldReason.BAD_ADDRESS, "country"),
    "e-mail": ({"email": ["is invalid"]}, HoldReason.BAD_ADDRESS, "e-mail"),
    "date": ({"issued_at": ["is invalid"]}, HoldReason.REFUSED, "order date"),
    "currency": ({"currency": ["is not set up"]}, HoldReason.REFUSED, "currency"),
    "the whole": ({"base": ["Something is wrong"]}, HoldReason.REFUSED, "Something is wrong"),
    "a new field": ({"colour": ["is too bright"]}, HoldReason.REFUSED, "too bright"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_order_is_held_with_the_reason_and_its_neighbours_go_on(desk: Desk, case: str) -> None:
    errors, reason, words = REFUSALS[case]
    desk.load(draft("PO-1"))
    desk.deliver()
    order = desk.load(draft("PO-2"), draft("PO-3"))
    desk.reconnect(sends_at_once="1")
    desk.fault("422", errors=errors)
    finished = desk.deliver()
    assert (finished.outcome, finished.counts) == (Outcome.PROBLEMS, {"held": 1, "sent": 1})

    order = desk.order("dsco-PO-2")
    assert (order.state, order.hold, order.status) == (OrderState.READY, reason, Status.ERROR)
    assert words in order.hold_words
    assert "PO-2" in finished.problem
    message = desk.message(order)
    assert (message.state, message.attempts) == (MessageState.HELD, 1)
    assert desk.outcomes(order) == ["FixOrder"]
    assert order.hold_words in desk.attempts(order)[0].words
    (alert,) = desk.alerts(f"hold.{reason}")
    assert alert.order_id == order.pk
    assert [one["order_number"] for one in desk.there()] == ["PO-1", "PO-3"]


@pytest.mark.parametrize("name", ["400", "414"])
def test_a_refusal_without_fields_holds_the_order_in_plain_words(desk: Desk, name: str) -> None:
    order = desk.load()
    desk.fault(name)
    desk.deliver()
    order.refresh_from_db()
    assert order.hold == HoldReason.REFUSED
    assert "QuickBooks Commerce refused order PO-1" in order.hold_words
    assert desk.there() == []


# --- the whole connection ----------------------------------------------------------------------------------------------------

CONNECTION_TROUBLE = {
    "401_expired": "access token",
    "401_revoked": "access token",
    "401_invalid": "access token",
    "402": "subscription has lapsed",
    "403": "doesn't allow this",
    "404": "API address",
}


@pytest.mark.parametrize("name", CONNECTION_TROUBLE)
def test_trouble_of_the_whole_connection_burns_no_attempt_and_mends_itself(desk: Desk, name: str) -> None:
    desk.reconnect(sends_at_once="1")
    order = desk.load(*(draft(f"PO-{number}") for number in range(1, 6)))
    desk.fault(name, skip=2, times=0)
    finished = desk.deliver()
    assert finished.outcome == Outcome.BROKEN
    assert CONNECTION_TROUBLE[name] in finished.problem

    desk.wms.refresh_from_db()
    assert desk.wms.state == ConnectionState.BROKEN
    assert desk.wms.probe_at is not None
    (alert,) = desk.alerts()
    assert alert.cause == "connection_broken"
    assert CONNECTION_TROUBLE[name] in alert.words
    assert len(desk.there()) == 2
    assert desk.requests("POST /orders") == 3, desk.commerce.drive("requests")["log"]
    for number in range(3, 6):
        order = desk.order(f"dsco-PO-{number}")
        message = desk.message(order)
        assert (order.state, order.hold) == (OrderState.READY, "")
        assert (message.state, message.attempts, message.lease_token) == (MessageState.WAITING, 0, "")
        assert set(desk.outcomes(order)) <= {"not_begun"}

    desk.commerce.drive("clear_faults")
    assert desk.deliver().counts == {"sent": 3}
    desk.wms.refresh_from_db()
    assert desk.wms.state == ConnectionState.OK
    assert desk.alerts() == []
    assert sorted(one["order_number"] for one in desk.there()) == [f"PO-{number}" for number in range(1, 6)]


@pytest.mark.parametrize("type_words", ["unauthorized", "Unauthorized"])
def test_both_spellings_of_a_refused_token_break_the_connection(desk: Desk, type_words: str) -> None:
    desk.load()
    desk.fault("401_revoked", path=None, method=None, upper=type_words == "Unauthorized", times=0)
    assert desk.deliver().outcome == Outcome.BROKEN
    assert desk.message(desk.order()).attempts == 0


def test_a_rate_limit_ends_the_run_and_burns_no_attempt(desk: Desk) -> None:
    desk.reconnect(sends_at_once="1")
    desk.load(draft("PO-1"), draft("PO-2"), draft("PO-3"))
    desk.fault("429", skip=1, seconds=120)
    finished = desk.deliver()
    assert finished.outcome == Outcome.SLOWED
    assert "request limit" in finished.problem
    assert len(desk.there()) == 1
    for number in (2, 3):
        message = desk.message(desk.order(f"dsco-PO-{number}"))
        assert (message.state, message.attempts) == (MessageState.WAITING, 0)
    assert desk.alerts() == []

    asked = desk.requests("POST /orders")
    again = desk.deliver()
    assert again.outcome == Outcome.SLOWED
    assert "left alone until" in again.problem
    assert desk.requests("POST /orders") == asked

    desk.rate_limit_is_over()
    assert desk.deliver().counts == {"sent": 2}
    assert len(desk.there()) == 3


def test_nobody_at_the_address_holds_nothing_and_is_tried_later(desk: Desk) -> None:
    order = desk.load()
    address = desk.wms.settings["api_url"]
    desk.reconnect(api_url="http://127.0.0.1:9")
    finished = desk.deliver()
    assert finished.outcome == Outcome.LATER
    assert "refused the connection" in finished.problem
    order.refresh_from_db()
    assert (order.state, order.hold) == (OrderState.READY, "")
    assert desk.outcomes(order) == []
    desk.reconnect(api_url=address)
    assert desk.deliver().counts == {"sent": 1}


@pytest.mark.parametrize("name", ["500", "html", "broken_json", "empty", "cut", "drop_before"])
@pytest.mark.parametrize("path", ["/variants", "/companies"])
def test_a_question_that_fails_is_asked_again_and_the_order_goes_out_once(desk: Desk, path: str, name: str) -> None:
    order = desk.load()
    desk.fault(name, path=path, method="GET", times=2)
    finished = desk.deliver()
    assert finished.outcome in (Outcome.LATER, Outcome.PROBLEMS)
    assert "again later" in finished.problem
    order.refresh_from_db()
    assert (order.state, order.hold) == (OrderState.READY, "")
    desk.commerce.drive("clear_faults")
    assert desk.deliver().counts == {"sent": 1}
    assert len(desk.there()) == 1
    codes = [one["company_code"] for one in desk.commerce.drive("state")["companies"]]
    assert codes.count("DSCO-1000") == 1


@pytest.mark.parametrize("name", ["500", "html", "broken_json", "empty", "cut", "drop_before", "404"])
def test_a_look_up_that_fails_leaves_the_order_in_doubt(prompt: Desk, name: str) -> None:
    order = prompt.load()
    prompt.fault("drop_after")
    prompt.deliver()
    prompt.fault(name, method="GET", times=2)
    prompt.deliver()
    order.refresh_from_db()
    assert (order.state, order.hold) == (OrderState.READY, "")
    assert prompt.message(order).state == MessageState.UNKNOWN
    assert prompt.requests("POST /orders") == 1
    prompt.commerce.drive("clear_faults")
    assert prompt.deliver().counts == {"adopted": 1}
    assert len(prompt.there()) == 1


def test_a_mix_of_all_troubles_still_makes_each_order_once(prompt: Desk) -> None:
    numbers = [f"PO-{number}" for number in range(1, 31)]
    prompt.load(*(draft(number, line("1", f"CAP-{1 + at % 9:03d}")) for at, number in enumerate(numbers)))
    rates = dict.fromkeys([*CARRIED_OUT, *NOT_CARRIED_OUT], 0.05)
    prompt.commerce.drive("chaos", seed=11, rates=rates, path="/orders")
    for _ in range(12):
        prompt.deliver()
    prompt.commerce.drive("clear_faults")
    prompt.deliver()
    prompt.deliver()
    assert sorted(one["order_number"] for one in prompt.there()) == sorted(numbers)
    assert {str(prompt.order(f"dsco-{number}").state) for number in numbers} == {"sent"}
