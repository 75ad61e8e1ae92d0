"""Refusals, and what they mean for an order."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import AlreadyTaken, FixOrder
from connectors.quickbooks_commerce.refusals import order_error, quoted
from connectors.quickbooks_commerce.wire import refusal_of
from tests.connectors.quickbooks_commerce.rig import Hub, granted, sample
from tests.servers.http import Line, Request, http_server


@pytest.mark.parametrize("case", sample("refusals.json"), ids=lambda case: f"{case['status']}-{case['means']}")
def test_each_refusal_says_what_to_do_next(case: dict[str, Any]) -> None:
    error = order_error(refusal_of(case["status"], case["body"]), number="PO-1")
    assert type(error).__name__ == case["means"], error.words
    if isinstance(error, FixOrder):
        assert (error.field, error.reason) == (case["field"], case["reason"])
        assert "PO-1" in error.words
    if isinstance(error, AlreadyTaken):
        assert error.what == case["what"]


def test_what_the_far_side_says_is_quoted_without_the_buyer() -> None:
    refusal = refusal_of(422, {"errors": {"email": ["pat@example.com is odd, call +1 (555) 010-9999"]}})
    assert "pat@example.com" not in quoted(refusal)
    assert "010-9999" not in quoted(refusal)
    assert "is odd" in quoted(refusal)


def test_a_long_answer_is_cut() -> None:
    assert len(quoted(refusal_of(422, {"message": "no " * 1000}))) <= 200


@pytest.mark.parametrize("secrets", [{"access_token": "privileged"}, {}])
def test_second_password_in_front_of_the_api_is_named_and_costs_no_token(secrets: dict[str, str]) -> None:
    def guarded(request: Request, line: Line) -> None:
        line.answer(
            401, body=b"<h1>Authorization Required</h1>", headers={"WWW-Authenticate": 'Basic realm="Keep out, you all"'}
        )

    with http_server() as far:
        far.behave = guarded
        tokens = granted()
        settings = {"api_url": far.url, "client_id": "app", "token_url": f"{far.url}/oauth/token"}
        session = Hub(settings=settings, secrets={**secrets, "client_secret": "hush"}, tokens=tokens).open()
        steps = list(session.check())
        session.close()
    assert [step.ok for step in steps] == [True, False]
    assert "asks for a second password (basic authentication)" in steps[-1].words
    assert [request.path for request in far.requests] == ["/accounts/current"], "no token was renewed"


def test_api_that_asks_for_tokens_as_well_guards_nothing_in_front(hub: Hub) -> None:
    with http_server() as far:
        challenge = {"WWW-Authenticate": 'Basic realm="x", Bearer realm="api"'}
        far.behave = lambda request, line: line.answer(401, json={"error": "invalid_token"}, headers=challenge)
        hub.settings["api_url"] = far.url
        session = hub.open()
        words = list(session.check())[-1].words
        session.close()
    assert "second password" not in words
