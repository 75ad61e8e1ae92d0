"""Refusals, and what they mean for an order."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import AlreadyTaken, FixOrder
from connectors.quickbooks_commerce.refusals import order_error, quoted
from connectors.quickbooks_commerce.wire import refusal_of
from tests.connectors.quickbooks_commerce.rig import sample


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
