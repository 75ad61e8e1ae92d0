"""Answers of the API and the refusals that become answers.

Source: QuickBooks Commerce reference 2.7; bodies of 402, 403, 404 and 429 are a choice where no source has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .wire import to_json

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"

RATE_LIMIT_WORDS = "You have exceeded the API rate limit. Please retry later."

DUPLICATE_KEY_WORDS = "Duplicate Idempotency Key header detected"


@dataclass(slots=True)
class Answer:
    """What goes back: status, body and the headers beyond the ones that every answer has."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The API says no; `answer` is what it says."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, to_json(body), JSON, dict(headers or {}))


def problem(status: int, kind: str, message: str) -> Answer:
    return json_answer(status, {"type": kind, "message": message})


def invalid(errors: Mapping[str, list[str]]) -> Refusal:
    """The 422 of records that can't be kept: attribute -> texts, `base` for the object as a whole."""
    return Refusal(json_answer(422, {"errors": errors}))


def refused(words: str) -> Refusal:
    return invalid({"base": [words]})


def missing_root(root: str) -> Refusal:
    return Refusal(problem(400, "Bad Request", f"Required parameter missing: {root}"))


def bad_request(words: str) -> Refusal:
    return Refusal(problem(400, "Bad Request", words))


def not_found(model: str, record_id: Any) -> Refusal:
    return Refusal(problem(404, "Not Found", f"Couldn't find {model} with id={record_id}"))


def no_route(path: str) -> Refusal:
    return Refusal(problem(404, "Not Found", f"No route matches {path}"))


def unauthorized(message: str, kind: str = "unauthorized") -> Answer:
    answer = problem(401, kind, message)
    answer.headers["WWW-Authenticate"] = f'Bearer realm="Doorkeeper", error="invalid_token", error_description="{message}"'
    return answer


EXPIRED = "The access token expired"
REVOKED = "The access token was revoked"
UNKNOWN = "The access token is invalid"


def forbidden() -> Answer:
    return problem(403, "Forbidden", "You are not authorized to perform this action")


def payment_required() -> Answer:
    return problem(402, "Payment Required", "Your subscription has lapsed")


def rate_limited() -> Answer:
    return json_answer(429, {"error": RATE_LIMIT_WORDS})
