"""Keeps every request to the API under the number that stands on its answer.

Secrets are masked and payment data left out before anything is kept; the body of a request whose sender isn't known isn't kept.
"""

from __future__ import annotations

import logging
import re
import time
import zlib
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest

from cartrover.clock import hub_now
from cartrover.redaction import scrub
from orders.api.callers import api_user_of
from orders.api.door import Call
from orders.api.envelope import Answer
from orders.api.new_order_fields import NEVER_KEPT
from orders.models import ApiKey, ApiRequest
from orders.pipeline.loader import insert_prepared, instant_value

logger = logging.getLogger(__name__)

PROCESS_ID = "X-CartRover-Process-ID"
LONGEST_KEPT = 200_000
"""Characters of a body: a few hundred orders; of a longer one the beginning is enough to see what was sent."""

NAMES = (
    "public_id", "account_id", "api_user", "at", "method", "path", "query", "deflated", "status", "error_code", "words",
    "elapsed_ms",
)  # fmt: skip

_PAYMENT = re.compile(rf'("(?:{"|".join(NEVER_KEPT)})"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|[^,}}\]\s]+)')


def keep(answered: Sequence[tuple[Call, Answer]]) -> None:
    """Write down these requests with their answers, in the caller's transaction."""
    now = instant_value(hub_now())
    insert_prepared(ApiRequest, NAMES, [_row(call, answer, now) for call, answer in answered])


def keep_alone(call: Call, answer: Answer) -> None:
    """Write down one request. Its answer goes out also where that fails: it may say that something was done."""
    try:
        keep([(call, answer)])
    except DatabaseError:
        logger.exception("request %s to the API could not be kept", call.process_id)


def _row(call: Call, answer: Answer, now: Any) -> Sequence[Any]:
    """Return the values of NAMES."""
    caller = getattr(call, "caller", None)
    api_user = caller.key.api_user if caller is not None else api_user_of(call)
    account_id = caller.account.pk if caller is not None else _account_of(api_user)
    raw = getattr(call, "raw", b"") if caller is not None else b""
    return (
        call.process_id.hex, account_id, _storable(api_user, 40), now, _storable(call.method or "", 10),
        _storable(call.path_info, 500), _storable(_masked_query(call), 4000), _kept_body(raw), answer.status_code,
        answer.error_code, _storable(answer.words, 4000), round((time.monotonic() - call.began) * 1000),
    )  # fmt: skip


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
