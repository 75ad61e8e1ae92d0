"""Keeps every request to the API under the number that stands on its answer, and wraps what isn't in the envelope yet.

Secrets are masked and payment data left out before anything is kept; the body of a request whose sender isn't known isn't kept.
"""

from __future__ import annotations

import logging
import re
import time
import zlib
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from cartrover.ids import new_id
from cartrover.redaction import scrub
from orders.api.callers import api_user_of
from orders.api.envelope import Answer, Fault, refusal
from orders.api.new_order_fields import NEVER_KEPT
from orders.models import ApiKey, ApiRequest, ErrorCode

logger = logging.getLogger(__name__)

PROCESS_ID = "X-CartRover-Process-ID"
PREFIX = "/v1/"
LONGEST_KEPT = 200_000
"""Characters of a body: a few hundred orders; of a longer one the beginning is enough to see what was sent."""

_PAYMENT = re.compile(rf'("(?:{"|".join(NEVER_KEPT)})"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|[^,}}\]\s]+)')

_WORDS = {
    400: "The request can't be read.",
    404: "There is nothing at this address. Look at the API's description in the portal, under /api/.",
    405: "This address takes another method.",
}


class ApiRecordingMiddleware:
    """Gives every answer below /v1/ a number, and keeps the request under it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        began = time.monotonic()
        process_id = new_id()
        response = self.get_response(request)
        answer = response if isinstance(response, Answer) else _wrapped(response)
        answer[PROCESS_ID] = str(process_id)
        answer["Cache-Control"] = "no-store"
        _keep(request, answer, process_id, round((time.monotonic() - began) * 1000))
        return answer


def _wrapped(response: HttpResponseBase) -> Answer:
    """Return what somebody else answered (a page that isn't there, a bug) in the envelope."""
    status = response.status_code
    words = _WORDS.get(status, "Something went wrong inside the hub. It is logged; tell support the number of this answer.")
    headers = {"Allow": response["Allow"]} if response.has_header("Allow") else {}
    return refusal(Fault(ErrorCode.FAILURE, words, status=status if status in _WORDS else 500, headers=headers))


def _keep(request: HttpRequest, answer: Answer, process_id: Any, elapsed_ms: int) -> None:
    """Write the row. An answer goes out also where that fails: it may say that an order was taken."""
    caller = getattr(request, "caller", None)
    try:
        api_user = caller.key.api_user if caller is not None else api_user_of(request)
        account_id = caller.account.pk if caller is not None else _account_of(api_user)
        row = ApiRequest(
            public_id=process_id,
            account_id=account_id,
            api_user=_storable(api_user, 40),
            method=_storable(request.method or "", 10),
            path=_storable(request.path_info, 500),
            query=_storable(_masked_query(request), 4000),
            deflated=_kept_body(getattr(request, "raw", b"")) if caller is not None else None,
            status=answer.status_code,
            error_code=answer.error_code,
            words=_storable(answer.words, 4000),
            elapsed_ms=elapsed_ms,
        )
        row.save(force_insert=True)
    except DatabaseError:
        logger.exception("request %s to the API could not be kept", process_id)


def _account_of(api_user: str) -> int | None:
    """Return whose key the user belongs to, also when its key was wrong: support is asked about just these."""
    rows = ApiKey.objects.across_accounts("who asked is found out by the user of the key")
    return rows.filter(api_user=api_user).values_list("account_id", flat=True).first() if api_user else None


def _masked_query(request: HttpRequest) -> str:
    query = request.GET.copy()
    if "api_key" in query:
        query["api_key"] = "***"
    return scrub(query.urlencode())


def _kept_body(raw: bytes) -> bytes | None:
    if not raw:
        return None
    text = raw.decode(errors="replace")[:LONGEST_KEPT]
    return zlib.compress(scrub(_PAYMENT.sub(r'\1"***"', text)).encode(errors="replace"), 1)


def _storable(text: str, longest: int) -> str:
    """Return a text that every database keeps, cut to its column."""
    return text.replace("\x00", "�").encode(errors="replace").decode()[:longest]
