"""A batch on its way: how many go at once, how it stops, and what happens when somebody else takes it over."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from connectors.models import ConnectionState, Outcome
from orders.models import MessageState, OutboundAttempt, OutboundMessage
from orders.pipeline.messages import BATCH, claim_batch
from orders.states import OrderState
from tests.orders.outgoing.desk import Desk, draft
from tests.servers.recording import RecordingProxy, Sent


def _load(desk: Desk, count: int) -> list[str]:
    numbers = [f"PO-{at}" for at in range(count)]
    desk.load(*(draft(number) for number in numbers))
    return numbers


def _is_order(sent: Sent) -> bool:
    return (sent.method, sent.path) == ("POST", "/orders")


class Gauge:
    """Counts how many requests are under way at once."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, sent: Sent) -> None:
        if not _is_order(sent):
            return
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.08)
        with self._lock:
            self._now -= 1


@pytest.mark.parametrize(("settings", "most"), [({}, 8), ({"sends_at_once": "3"}, 3), ({"sends_at_once": "1"}, 1)])
def test_so_many_orders_are_under_way_at_once_as_the_wms_may_have(
    desk: Desk, recorder: RecordingProxy, settings: dict[str, str], most: int
) -> None:
    gauge = recorder.instead = Gauge()
    desk.reconnect(api_url=recorder.url, **settings)
    _load(desk, 2 * most + 1)
    assert desk.deliver().counts == {"sent": 2 * most + 1}
    assert gauge.most == most


@pytest.mark.parametrize(
    ("name", "outcome"), [("429", Outcome.SLOWED), ("403", Outcome.BROKEN), ("401_revoked", Outcome.BROKEN)]
)
def test_a_batch_that_has_to_stop_keeps_what_was_sent_and_burns_nothing_else(desk: Desk, name: str, outcome: Outcome) -> None:
    numbers = _load(desk, 40)
    desk.fault(name, skip=12, times=0)
    assert desk.deliver().outcome == outcome
    there = {one["order_number"] for one in desk.there()}
    assert len(there) == 12
    for number in numbers:
        order = desk.order(f"dsco-{number}")
        message = desk.message(order)
        if number in there:
            assert (order.state, message.state) == (OrderState.SENT, MessageState.DONE)
        else:
            assert (order.state, order.hold) == (OrderState.READY, "")
            assert (message.state, message.attempts, message.lease_token) == (MessageState.WAITING, 0, "")
    assert not OutboundAttempt.objects.for_account(desk.account).filter(finished_at__isnull=True).exists()
    desk.commerce.drive("clear_faults")
    desk.rate_limit_is_over()
    assert desk.deliver().counts == {"sent": 28}
    assert sorted(one["order_number"] for one in desk.there()) == sorted(numbers)
    desk.wms.refresh_from_db()
    assert desk.wms.state == ConnectionState.OK
    assert desk.alerts() == []


def test_a_worker_that_lost_its_batch_writes_nothing_and_the_order_is_found(desk: Desk, recorder: RecordingProxy) -> None:
    order = desk.load()

    def steal(sent: Sent) -> None:
        if _is_order(sent):
            OutboundMessage.objects.for_account(desk.account).update(lease_token="thief", lease_until=timezone.now())
            connections.close_all()

    recorder.instead = steal
    desk.reconnect(api_url=recorder.url)
    desk.deliver()
    message = desk.message(order)
    assert (message.state, message.lease_token) == (MessageState.SENDING, "thief")
    assert desk.order().state == OrderState.READY
    assert len(desk.there()) == 1
    recorder.instead = lambda sent: None
    assert desk.deliver().counts == {"adopted": 1}
    assert len(recorder.of("POST", "/orders")) == 1


def test_claims_are_disjoint_bounded_and_oldest_first(desk: Desk) -> None:
    _load(desk, BATCH + 20)
    batches = [claim_batch(desk.wms, named=True, without=()) for _ in range(3)]
    first, second, third = batches
    assert first is not None
    assert second is not None
    assert third is None
    assert (len(first.messages), len(second.messages)) == (BATCH, 20)
    assert not {one.pk for one in first.messages} & {one.pk for one in second.messages}
    assert max(one.pk for one in first.messages) < min(one.pk for one in second.messages)


def test_everything_that_waits_goes_in_one_run_however_many_batches_it_takes(desk: Desk) -> None:
    _load(desk, BATCH + 5)
    assert desk.deliver().counts == {"sent": BATCH + 5}
    assert len({one["order_number"] for one in desk.there()}) == BATCH + 5
    assert desk.requests("POST /orders") == BATCH + 5


def test_the_same_run_asked_for_twice_sends_nothing_twice(desk: Desk) -> None:
    _load(desk, 10)
    desk.deliver()
    assert desk.deliver().outcome == Outcome.NOTHING
    assert desk.requests("POST /orders") == 10


def test_an_attempt_is_committed_before_its_call(desk: Desk, recorder: RecordingProxy) -> None:
    order = desk.load()
    seen: list[tuple[str, Any, str]] = []

    def look(sent: Sent) -> None:
        if _is_order(sent):
            message = desk.message(order)
            (attempt,) = desk.attempts(order)
            seen.append((message.state, attempt.finished_at, attempt.outcome))
            connections.close_all()

    recorder.instead = look
    desk.reconnect(api_url=recorder.url)
    desk.deliver()
    assert seen == [(MessageState.SENDING, None, "")]
    (attempt,) = desk.attempts(order)
    assert (attempt.outcome, attempt.status) == ("delivered", 201)
    assert attempt.elapsed_ms is not None
