"""Answers that no API should give, each at each question: a plain reason, no bug of ours, and one order in the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.models import ConnectionState, Outcome
from orders.models import MessageState
from orders.states import OrderState
from tests.orders.outgoing.desk import Desk, draft, line
from tests.servers.recording import RecordingProxy, Sent

DEEP = b"[" * 100_000 + b"]" * 100_000
ODD: dict[str, Any] = {
    "a list": [],
    "null": None,
    "a number": 12,
    "a text": "ok",
    "nothing in it": {},
    "null in it": {"order": None, "orders": None, "variants": None, "companies": None, "company": None},
    "a list in it": {"order": [], "orders": {}, "variants": {}, "companies": {}, "company": []},
    "nulls in a list": {"orders": [None], "variants": [None], "companies": [None], "order": 5, "company": 5},
    "rows without anything": {"orders": [{}], "variants": [{}], "companies": [{}], "order": {}, "company": {}},
    "ids that are none": {
        "orders": [{"id": [1]}],
        "variants": [{"id": {"a": 1}, "sku": "CAP-001", "status": "active"}],
        "companies": [{"id": None, "company_code": "DSCO-1000"}],
        "order": {"id": {"a": 1}},
        "company": {"id": []},
    },
    "an endless id": {
        "order": {"id": "9" * 5000},
        "company": {"id": "9" * 5000},
        "orders": [],
        "variants": [],
        "companies": [],
    },
    "bytes": b"\xff\xfe\x00{",
    "NUL": b"\x00" * 50,
    "too deep": DEEP,
    "HTML": b"<html><body>Sign in</body></html>",
    "half": b'{"order": {"id": 1, "order_nu',
    "NaN": b'{"order": {"id": NaN}, "company": {"id": NaN}, "orders": [{"id": NaN}], "variants": [], "companies": []}',
}
QUESTIONS = ["POST /orders", "GET /orders", "GET /variants", "GET /companies", "POST /companies"]
SKUS = [f"{kind}-{number:03d}" for kind in ("CAP", "TEE") for number in range(1, 11)]


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_odd_answer_is_no_bug_of_ours_and_the_order_goes_once(
    desk: Desk, recorder: RecordingProxy, caplog: pytest.LogCaptureFixture, question: str
) -> None:
    desk.reconnect(api_url=recorder.url, resend_after_seconds="0")
    for at, (case, body) in enumerate(ODD.items()):
        # Another product and another retailer each time: what is remembered isn't asked.
        one = draft(f"PO-{at}", line("1", SKUS[at]), customer_code=f"DSCO-{at}")
        desk.load(one)
        if question == "GET /orders":
            desk.fault("drop_after")
            desk.deliver()
        recorder.instead = _only(question, body)
        finished = desk.deliver()
        assert finished.outcome not in (Outcome.FAILED, Outcome.BROKEN), f"{case}: {finished.problem}"
        assert "inside the hub" not in finished.problem, case
        assert desk.order(one.external_id).hold in ("", "unknown_sku"), case

        recorder.instead = lambda sent: None
        order = desk.order(one.external_id)
        for _ in range(2):
            if order.state != OrderState.SENT:
                desk.deliver()
                order = desk.order(one.external_id)
        assert (order.state, order.hold) == (OrderState.SENT, ""), case
        assert [order.wms_order_id] == [str(there["id"]) for there in desk.there(f"PO-{at}")], case
        assert desk.message(order).state == MessageState.DONE, case
    assert "Traceback" not in caplog.text
    desk.wms.refresh_from_db()
    assert desk.wms.state == ConnectionState.OK
    assert desk.alerts() == []


def _only(question: str, body: Any, status: int = 200) -> Callable[[Sent], tuple[int, Any] | None]:
    """Answer just this question with a body, JSON or bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda sent: (status, content) if f"{sent.method} {sent.path}" == question else None


@pytest.mark.parametrize("status", [422, 400, 409])
def test_a_refusal_that_says_nothing_readable_still_says_something(desk: Desk, recorder: RecordingProxy, status: int) -> None:
    desk.reconnect(api_url=recorder.url)
    for case in ("a list", "null", "a text", "nothing in it", "bytes", "HTML", "too deep"):
        recorder.instead = _only("POST /orders", ODD[case], status)
        desk.load(draft(f"PO-{case}"))
        finished = desk.deliver()
        order = desk.order(f"dsco-PO-{case}")
        assert finished.outcome == Outcome.PROBLEMS, case
        assert order.cust_ref in finished.problem, case
        if status == 409:
            assert (order.hold, desk.message(order).state) == ("", MessageState.UNKNOWN), case
        else:
            assert order.hold == "refused", case
            assert "no reason given" in order.hold_words, case


ERRORS = [
    {"errors": "everything"},
    {"errors": ["everything"]},
    {"errors": {"a": "text"}},
    {"errors": {"a": [None, 5, {"b": 1}]}},
    {"errors": {"order_line_items": [{"variant": ["is odd"]}]}},
    {"errors": {"": [""]}},
    {"errors": {"a": ["x" * 5000]}},
    {"message": {"text": "odd"}},
    {"message": "pat@example.com lives at 503 555 0100 and is odd"},
]


def test_errors_of_any_shape_hold_the_order_in_short_words_without_the_buyer(desk: Desk, recorder: RecordingProxy) -> None:
    desk.reconnect(api_url=recorder.url)
    for at, errors in enumerate(ERRORS):
        recorder.instead = _only("POST /orders", errors, 422)
        desk.load(draft(f"PO-{at}"))
        desk.deliver()
        order = desk.order(f"dsco-PO-{at}")
        assert order.hold in ("refused", "unknown_sku"), errors
        assert len(order.hold_words) < 600, errors
        assert "pat@example.com" not in order.hold_words
        assert "555" not in order.hold_words
