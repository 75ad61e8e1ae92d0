"""How the API is served: without what only pages need, each answer in the envelope and under a number.

Sessions, forms and people's sign-in mean nothing to a program; going through them took longer than storing its order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.urls import Resolver404, get_resolver

from cartrover.ids import new_id
from orders.api.door import Call
from orders.api.envelope import Answer, Fault, refusal
from orders.api.recording import PROCESS_ID, keep_alone
from orders.models import ErrorCode

PREFIX = "/v1/"

_WORDS = {
    400: "The request can't be read.",
    404: "There is nothing at this address. Look at the API's description in the portal, under /api/.",
    405: "This address takes another method.",
}


class ApiMiddleware:
    """Serves everything below /v1/ itself, and passes on the rest."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.served = convert_exception_to_response(_served)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        call = cast(Call, request)
        call.began = time.monotonic()
        call.process_id = new_id()
        response = cast(HttpResponseBase, self.served(request))
        answer = response if isinstance(response, Answer) else _wrapped(response)
        answer[PROCESS_ID] = str(call.process_id)
        answer["Cache-Control"] = "no-store"
        answer["Content-Length"] = str(len(answer.content))
        if not getattr(call, "is_kept", False):
            keep_alone(call, answer)
        return answer


def _served(request: HttpRequest) -> HttpResponseBase:
    request.get_host()  # raises what becomes a 400 where the hub doesn't go by that name
    try:
        match = get_resolver("orders.api.urls").resolve(request.path_info[len(PREFIX) - 1 :])
    except Resolver404:
        return HttpResponseNotFound()
    request.resolver_match = match
    response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return response


def _wrapped(response: HttpResponseBase) -> Answer:
    """Return what somebody else answered (an address that isn't there, a bug) in the envelope."""
    status = response.status_code
    words = _WORDS.get(status, "Something went wrong inside the hub. It is logged; tell support the number of this answer.")
    headers = {"Allow": response["Allow"]} if response.has_header("Allow") else {}
    return refusal(Fault(ErrorCode.FAILURE, words, status=status if status in _WORDS else 500, headers=headers))
