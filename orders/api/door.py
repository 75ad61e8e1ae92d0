"""What every endpoint goes through: who asks, may they, is there room in their bucket; and a refusal where one is due."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.http import HttpRequest

from orders.api import bucket
from orders.api.bodies import parsed, raw_body
from orders.api.callers import EVERYBODY, Caller, caller_of
from orders.api.envelope import Answer, Fault, refusal
from orders.models import ApiLevel, ErrorCode

HITS_REMAINING = "X-CartRover-Api-Minute-Hits-Remaining"

P = ParamSpec("P")


class Call(HttpRequest):
    """A request to the API: `raw` is set once its body is there, `caller` once the door is open, `data` where there is a body.

    It is kept under `process_id`; `began` is on `time.monotonic`'s clock.
    """

    process_id: UUID
    began: float
    raw: bytes
    caller: Caller
    data: Any
    answer: Answer
    """Of a call that is answered together with others; `is_kept` says that it is written down already."""
    is_kept: bool


Endpoint = Callable[Concatenate[Call, P], Answer]


def door(
    levels: frozenset[ApiLevel] = EVERYBODY, *, limited: bool = True, for_merchant: bool = True, body: bool = False
) -> Callable[[Endpoint[P]], Endpoint[P]]:
    """Open an endpoint to keys of these levels, counting the call unless it isn't `limited`; with `body` its JSON is read."""

    def with_door(endpoint: Endpoint[P]) -> Endpoint[P]:
        @wraps(endpoint)
        def guarded(request: Call, *args: P.args, **kwargs: P.kwargs) -> Answer:
            remaining: int | None = None
            try:
                # Read first: what came stands in the stored request, whoever sent it.
                request.raw = raw_body(request) if body else b""
                request.caller = caller_of(request, levels, for_merchant=for_merchant)
                if limited:
                    remaining = bucket.pour(request.caller.key)
                    if remaining is None:
                        remaining = 0
                        raise Fault(ErrorCode.RATE_LIMIT, "Over API Limit. Please slow down requests.")
                if body:
                    request.data = parsed(request.raw)
                answer = endpoint(request, *args, **kwargs)
            except Fault as fault:
                answer = refusal(fault)
            if remaining is not None:
                answer[HITS_REMAINING] = str(remaining)
            return answer

        guarded.levels = levels  # type: ignore[attr-defined]  # for the description
        return guarded  # type: ignore[return-value]  # functools.wraps hides that the first parameter has a name

    return with_door


def own_door(levels: frozenset[ApiLevel]) -> Callable[[Endpoint[P]], Endpoint[P]]:
    """Mark an endpoint that asks for the key itself; the description says for keys of which levels."""

    def marked(endpoint: Endpoint[P]) -> Endpoint[P]:
        endpoint.levels = levels  # type: ignore[attr-defined]  # for the description
        return endpoint

    return marked
