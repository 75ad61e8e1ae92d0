"""The body of a request as data, or a refusal that says what is wrong with it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from orders.api.envelope import Fault, invalid
from orders.models import ErrorCode

LARGEST_BODY = 5 * 1024 * 1024
"""Bytes: a batch of a thousand orders, or the stock of twenty thousand SKUs."""

DEEPEST = 20

_UNFIT = re.compile("[\x00\ud800-\udfff]")
"""What no database keeps: the zero character, and halves of characters."""


def raw_body(request: HttpRequest) -> bytes:
    """Return the bytes of the body. Raise `Fault` with 413 for too many."""
    try:
        body: bytes = _stream(request).read(LARGEST_BODY + 1)
    except OSError:
        raise invalid("The request ended before its body did.") from None
    if len(body) > LARGEST_BODY:
        words = f"The body is larger than {LARGEST_BODY // 1024 // 1024} MB. Send less at once."
        raise Fault(ErrorCode.INVALID, words, status=413)
    return body


def _stream(request: HttpRequest) -> Any:
    """Return what the body is read from: of one that comes in chunks Django reads nothing, as nobody says how long it is."""
    comes_in_chunks = "CONTENT_LENGTH" not in request.META and request.META.get("wsgi.input_terminated")
    return request.META["wsgi.input"] if comes_in_chunks else request


def parsed(body: bytes) -> Any:
    """Return the data of a JSON body, with fractions as `Decimal`. Raise `Fault` for anything else."""
    if not body.strip():
        raise invalid("The request has no body. Send JSON.")
    try:
        data = json.loads(body.decode("utf-8-sig"), parse_float=_decimal, parse_int=_whole, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise invalid("The body is no valid JSON.") from None
    _require_fit(data, 0)
    return data


def _decimal(text: str) -> Decimal:
    if len(text) > 100:
        raise ValueError("a number of that length is none that is meant")
    return Decimal(text)


def _whole(text: str) -> int:
    if len(text) > 100:
        raise ValueError("a number of that length is none that is meant")
    return int(text)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _require_fit(value: Any, depth: int) -> None:
    """Refuse what is nested too deep and texts that can't be kept."""
    if depth > DEEPEST:
        raise invalid(f"The body is nested deeper than {DEEPEST} levels.")
    if isinstance(value, str):
        if _UNFIT.search(value):
            raise invalid("A text in the body has a character that can't be kept (U+0000 or half a surrogate pair).")
    elif isinstance(value, dict):
        for name, part in value.items():
            _require_fit(name, depth + 1)
            _require_fit(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            _require_fit(part, depth + 1)


def listed(data: Any, most: int, what: str) -> list[Any]:
    """Return one object or a list of them as a list. Raise `Fault` for anything else, for none, and for more than `most`."""
    if isinstance(data, dict):
        return [data]
    if not isinstance(data, list) or not data:
        raise invalid(f"The body must be one of {what} or a list of them.")
    if len(data) > most:
        raise invalid(f"The body has {len(data):,} of {what}; send at most {most:,} at once.")
    return data
