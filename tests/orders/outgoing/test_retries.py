"""When a message is tried again, when it is given up, and what never costs a try. Workers run here as they do by themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.contract import HoldReason
from connectors.models import ConnectionState, Outcome, Service
from connectors.opening import open_session
from orders import actions
from orders.models import MessageState, Order, OutboundMessage
from orders.scheduling.running import Finished, run_service
from orders.states import OrderState
from tests.orders.outgoing.desk import Desk, draft


def _sessions(desk: Desk) -> type[Any]:
    """The class of the WMS's sessions, whatever the connector."""
    with open_session(desk.wms) as session:
        return type(session)


BACK_OFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)]


def _worker(desk: Desk) -> Finished:
    Service.objects.for_account(desk.account).update(slowed_until=None)
    service = Service.objects.select_related("connection__account").for_account(desk.account).get(pk=desk.service().pk)
    return run_service(service, named=False)


def _message(desk: Desk) -> OutboundMessage:
    return desk.message(desk.order())


def _pass(desk: Desk, time: timedelta) -> None:
    """Let time pass for the order's message."""
    message = _message(desk)
    rows = OutboundMessage.objects.for_account(desk.account).filter(pk=message.pk)
    changes: dict[str, Any] = {"due_at": message.due_at - time}
    for name in ("sent_at", "first_failed_at"):
        if getattr(message, name) is not None:
            changes[name] = getattr(message, name) - time
    rows.update(**changes)


def _wait_of(desk: Desk, since: datetime) -> timedelta:
    return _message(desk).due_at - since


def _about(wait: timedelta, expected: timedelta) -> bool:
    return abs(wait - expected) <= expected * 0.21 + timedelta(seconds=5)


# --- backing off -------------------------------------------------------------------------------------------------------------


def test_a_doubtful_order_is_asked_after_in_a_minute_and_sent_again_ever_less_often(desk: Desk) -> None:
    desk.load()
    desk.fault("500", times=0)
    _worker(desk)
    for number, wait in enumerate([*BACK_OFF[1:], timedelta(hours=1), timedelta(hours=1)], start=1):
        assert _message(desk).state == MessageState.UNKNOWN
        assert desk.requests("POST /orders") == number
        _pass(desk, timedelta(minutes=1, seconds=1))
        if number > 1:
            _worker(desk)
            assert desk.requests("POST /orders") == number, "sent before its time"
            _pass(desk, BACK_OFF[min(number - 1, 3)] * 1.25)
        _worker(desk)
        assert _message(desk).attempts == number + 1, wait
    desk.commerce.drive("clear_faults")
    desk.deliver()
    desk.age(desk.order(), minutes=2)
    desk.deliver()
    assert desk.order().state == OrderState.SENT
    assert len(desk.there()) == 1


def test_a_look_up_that_fails_backs_off_from_a_minute_to_an_hour(desk: Desk) -> None:
    desk.load()
    desk.fault("drop_after")
    _worker(desk)
    desk.fault("500", method="GET", times=0)
    first = _message(desk).attempts
    for number, expected in enumerate([*BACK_OFF[1:], timedelta(hours=1)], start=1):
        _pass(desk, timedelta(hours=2))
        before = timezone.now()
        _worker(desk)
        assert _message(desk).attempts == first + number
        assert _about(_wait_of(desk, before), expected)
    desk.commerce.drive("clear_faults")
    assert desk.deliver().counts == {"adopted": 1}


def test_a_far_side_that_is_out_of_reach_backs_off_with_every_message_and_with_the_service(desk: Desk) -> None:
    desk.load()
    desk.fault("500", path="/variants", method="GET", times=0)
    for number, expected in enumerate(BACK_OFF, start=1):
        before = timezone.now()
        assert _worker(desk).outcome == Outcome.LATER
        assert _message(desk).attempts == number
        assert _about(_wait_of(desk, before), expected)
        assert _about(desk.service().due_at - before, expected)
        _pass(desk, timedelta(hours=2))
    assert desk.order().hold == ""
    desk.commerce.drive("clear_faults")
    assert desk.deliver().counts == {"sent": 1}


def test_a_far_side_that_says_when_is_not_asked_before(desk: Desk, recorder: Any) -> None:
    recorder.instead = lambda sent: (425, {}) if sent.method == "POST" and sent.path == "/orders" else None
    desk.reconnect(api_url=recorder.url)
    desk.load()
    before = timezone.now()
    _worker(desk)
    message = _message(desk)
    assert message.state == MessageState.WAITING
    assert _about(message.due_at - before, BACK_OFF[0])
    assert desk.outcomes(desk.order()) == ["TryLater"]


# --- giving up ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "path", "method"), [("500", "/orders", "POST"), ("500", "/variants", "GET")])
def test_after_15_days_an_order_is_given_up_under_an_alert_and_a_person_can_revive_it(
    desk: Desk, name: str, path: str, method: str
) -> None:
    order = desk.load()
    desk.fault(name, path=path, method=method, times=0)
    _worker(desk)
    _pass(desk, timedelta(days=14, hours=23))
    _worker(desk)
    assert desk.order().hold == ""
    _pass(desk, timedelta(hours=3))
    _worker(desk)
    order = desk.order(order.external_id)
    assert (order.state, order.hold) == (OrderState.READY, HoldReason.GAVE_UP)
    assert "15 days" in order.hold_words
    assert _message(desk).state == MessageState.HELD
    assert [one.cause for one in desk.alerts()] == ["hold.gave_up"]

    desk.commerce.drive("clear_faults")
    desk.deliver()
    assert desk.there() == []
    assert actions.order_release(order, actor="bob")
    desk.age(order, seconds=61)
    desk.deliver()
    assert desk.order().state == OrderState.SENT
    assert desk.alerts() == []
    assert len(desk.there()) == 1


def test_a_slow_down_for_days_never_gives_an_order_up(desk: Desk) -> None:
    desk.load()
    desk.fault("429", times=0, seconds=60)
    for _ in range(3):
        assert _worker(desk).outcome == Outcome.SLOWED
        _pass(desk, timedelta(days=10))
        desk.rate_limit_is_over()
    message = _message(desk)
    assert (message.state, message.attempts, message.first_failed_at) == (MessageState.WAITING, 0, None)


def test_a_broken_connection_for_days_never_gives_an_order_up(desk: Desk) -> None:
    desk.load()
    desk.fault("402", path=None, method=None, times=0)
    for _ in range(3):
        assert desk.deliver().outcome == Outcome.BROKEN
        _pass(desk, timedelta(days=10))
    message = _message(desk)
    assert (message.state, message.attempts, message.first_failed_at) == (MessageState.WAITING, 0, None)
    desk.commerce.drive("clear_faults")
    assert desk.deliver().counts == {"sent": 1}


# --- due dates ---------------------------------------------------------------------------------------------------------------


def test_a_worker_leaves_alone_what_is_not_due_and_a_named_run_does_not(desk: Desk) -> None:
    desk.load()
    OutboundMessage.objects.for_account(desk.account).update(due_at=timezone.now() + timedelta(hours=1))
    _worker(desk)
    assert desk.there() == []
    assert desk.deliver().counts == {"sent": 1}


def test_a_rate_limit_during_a_look_up_keeps_the_doubt(desk: Desk) -> None:
    desk.load()
    desk.fault("drop_after")
    desk.deliver()
    desk.fault("429", method="GET", seconds=60)
    assert desk.deliver().outcome == Outcome.SLOWED
    message = _message(desk)
    assert (message.state, message.attempts, message.lease_token) == (MessageState.UNKNOWN, 1, "")
    desk.rate_limit_is_over()
    assert desk.deliver().counts == {"adopted": 1}


def test_a_connection_that_breaks_during_a_look_up_keeps_the_doubt(desk: Desk) -> None:
    desk.load()
    desk.fault("drop_after")
    desk.deliver()
    desk.fault("403", method="GET")
    assert desk.deliver().outcome == Outcome.BROKEN
    assert _message(desk).state == MessageState.UNKNOWN
    assert desk.deliver().counts == {"adopted": 1}
    desk.wms.refresh_from_db()
    assert desk.wms.state == ConnectionState.OK


# --- bugs of our own ---------------------------------------------------------------------------------------------------------

PLACES = ["prepare", "send", "find"]


@pytest.mark.parametrize("place", PLACES)
def test_a_bug_that_one_order_trips_over_is_tried_three_times_and_holds_that_order_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    desk.reconnect(resend_after_seconds="0")
    order = desk.load(draft("PO-1"), draft("PO-2"))
    if place == "find":
        desk.fault("drop_before", times=1)
        desk.reconnect(sends_at_once="1")
        desk.deliver()
    sessions = _sessions(desk)
    working = getattr(sessions, place)

    def tripping(session: Any, subject: Any, *more: Any) -> Any:
        asked = subject if isinstance(subject, (list, tuple)) else [subject]
        if any(one.cust_ref == "PO-1" for one in asked):
            raise ZeroDivisionError("secret-of-the-buyer")
        return working(session, subject, *more)

    monkeypatch.setattr(sessions, place, tripping)
    for number in range(1, 4):
        assert desk.order().hold == "", number
        desk.deliver()
        assert desk.order("dsco-PO-2").state == OrderState.SENT
    order = desk.order(order.external_id)
    assert (order.state, order.hold) == (OrderState.READY, HoldReason.INTERNAL)
    assert "secret" not in order.hold_words
    assert "logged" in order.hold_words
    assert desk.outcomes(order).count("internal") == 3
    assert [one.cause for one in desk.alerts()] == ["hold.internal"]
    assert "ZeroDivisionError" in caplog.text
    assert _one(desk, "PO-2")

    monkeypatch.undo()
    assert actions.order_release(order, actor="bob")
    desk.deliver()
    assert desk.order().state == OrderState.SENT
    assert _one(desk, "PO-1")
    assert desk.alerts() == []


def _one(desk: Desk, number: str) -> bool:
    return len(desk.there(number)) == 1


def test_a_message_that_was_tried_often_for_other_reasons_still_has_its_three_tries(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: Order = desk.load()
    OutboundMessage.objects.for_account(desk.account).update(attempts=9)

    def tripping(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(_sessions(desk), "send", tripping)
    desk.deliver()
    assert desk.order(order.external_id).hold == ""
