"""How every answer is wrapped, and what a refusal looks like. Source: CartRover reference 1.4.

A refusal is an ordinary answer with status 200, as programs expect; only what has nothing to do with the request's content (who
asks, how large it is, where it leads) has a status of its own.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse

from orders.models import ErrorCode


class Fault(Exception):
    """A request that is refused, and changes nothing. The words are for whoever wrote the program; they hold no secret."""

    def __init__(self, code: ErrorCode, words: str, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(words)
        self.code, self.words, self.status = code, words, status
        self.headers = headers or {}


def invalid(words: str) -> Fault:
    """Return the refusal of data that is wrong or missing."""
    return Fault(ErrorCode.INVALID, words)


def failure(words: str) -> Fault:
    """Return the refusal of something that can't be done."""
    return Fault(ErrorCode.FAILURE, words)


class Answer(HttpResponse):
    """An answer in the envelope; `error_code` and `words` are those of a refusal."""

    error_code: str = ""
    words: str = ""


def answer_with(body: Any, *, status: int = 200) -> Answer:
    """Return this as JSON."""
    return Answer(json.dumps(body, ensure_ascii=False, separators=(",", ":")), status=status, content_type="application/json")


def success(response: Any) -> Answer:
    """Return an answer with `response`."""
    return answer_with({"success_code": True, "response": response})


def plain_success(**members: Any) -> Answer:
    """Return an answer whose members stand beside `success_code`, as some writes have it."""
    return answer_with({"success_code": True, **members})


def refusal(fault: Fault) -> Answer:
    """Return the answer to a request that is refused; old programs read `status_message`, newer ones `message`."""
    answer = answer_with(
        {"success_code": False, "error_code": fault.code, "message": fault.words, "status_message": fault.words},
        status=fault.status,
    )
    for name, value in fault.headers.items():
        answer[name] = value
    answer.error_code, answer.words = fault.code, fault.words
    return answer
