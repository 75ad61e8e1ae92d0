"""What the sandbox answers: bodies, and faults as the API words them.

Source: QuickBooks Online reference 9.3 and the recorded answers; codes 2020, 2050, 2500, 6000, 6070, 6140, 6190 and 6210 stand
in no recorded answer and are chosen as developers report them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json;charset=UTF-8"
HTML = "text/html; charset=utf-8"


@dataclass(slots=True)
class Answer:
    """What goes back to one request."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A request that isn't carried out: one error of a fault."""

    def __init__(self, code: str, message: str, detail: str = "", *, element: str = "", kind: str = "ValidationFault") -> None:
        super().__init__(f"{code}: {detail or message}")
        self.code, self.message, self.detail, self.element, self.kind = code, message, detail or message, element, kind

    def fault(self) -> dict[str, Any]:
        """Return the object that stands under "Fault"."""
        error = {"Message": self.message, "Detail": self.detail, "code": self.code}
        if self.element:
            error["element"] = self.element
        return {"Error": [error], "type": self.kind}


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with this value as its body."""
    return Answer(status, json.dumps(value, separators=(",", ":")).encode(), JSON, dict(headers or {}))


def refused(refusal: Refusal, stamp: str, *, status: int = 400) -> Answer:
    """Return the fault as an answer of its own."""
    return json_answer(status, {"Fault": refusal.fault(), "time": stamp})


def access_denied(status: int, code: str, name: str, detail: str, kind: str, at: int) -> Answer:
    """Return a 401 or 403, which come in lower case from the gateway before the API."""
    error = {
        "message": f"message={name}; errorCode=00{code}; statusCode={status}",
        "detail": detail,
        "code": code,
        "element": None,
    }
    nothing = dict.fromkeys(("warnings", "intuitObject"))
    rest: dict[str, Any] = {
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "requestId": None,
    }
    return json_answer(status, {**nothing, "fault": {"error": [error], "type": kind}, **rest, "time": at, "cdcresponse": []})


def unauthorized(detail: str, at: int) -> Answer:
    """Return the 401 of a token that doesn't count."""
    return access_denied(401, "3200", "AuthenticationFailed", detail, "AUTHENTICATION", at)


def forbidden(at: int) -> Answer:
    """Return the 403 of a token that is none for this company."""
    return access_denied(
        403, "3100", "ApplicationAuthorizationFailed", "This access is for another company.", "AUTHORIZATION", at
    )


THROTTLED = Refusal("3001", "message=ThrottleExceeded; errorCode=003001; statusCode=429", kind="SERVICE")


def missing(name: str) -> Refusal:
    return Refusal("2020", "Required param missing, need to supply the required value for the API", name, element=name)


def not_found(detail: str = "Something you're trying to use has been made inactive.") -> Refusal:
    return Refusal("610", "Object Not Found", f"Object Not Found : {detail}")


def unknown_reference(what: str, given: str) -> Refusal:
    return Refusal("2500", "Invalid Reference Id", f"Invalid Reference Id : {what} element id {given} not found", element=what)


def stale(who: str = "Olive") -> Refusal:
    return Refusal(
        "5010",
        "Stale Object Error",
        f"Stale Object Error : You and {who} were working on this at the same time. {who} finished before you did, so your "
        "work was not saved.",
    )


def duplicate_name() -> Refusal:
    return Refusal("6240", "Duplicate Name Exists Error", "The name supplied already exists. : null")


def duplicate_number(number: str, kind: str, txn_id: str) -> Refusal:
    return Refusal(
        "6140",
        "Duplicate Document Number Error",
        "Duplicate Document Number Error : You must specify a different number. This number has already been used. "
        f"DocNumber={number} is assigned to TxnType={kind} with TxnId={txn_id}",
    )


def too_long(name: str, most: int) -> Refusal:
    return Refusal(
        "2050",
        "String length specified does not match the supported length. Min:0 Max:" + str(most),
        f"{name}: the text is longer than {most} characters.",
        element=name,
    )


def broken_rule(words: str, *, element: str = "") -> Refusal:
    return Refusal("6000", "A business validation error has occurred while processing your request", words, element=element)
