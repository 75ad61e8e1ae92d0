"""What an order's story keeps of requests and answers: without secrets, without buyers' personal data, and short."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

EXCERPT = 4 * 1024
"""Characters of a request or an answer that are kept."""

MASK = "***"

_SECRET = re.compile(r"authorization|password|passwd|secret|token|api_?key|credential|cookie|private", re.IGNORECASE)
_PERSONAL = re.compile(
    r"^((ship|bill)_?(to_?)?)?(first_?name|last_?name|full_?name|contact_?name|attention|e_?mail|phone(_?number)?|mobile|fax"
    r"|address_?\d?|address_?line_?\d|street\d?|zip(_?code)?|postal_?code|postcode)$",
    re.IGNORECASE,
)


_PLAIN = (str, int, float, type(None))
"""What most values are: to ask a value whether it is some kind of mapping takes ten times as long."""


def scrubbed(value: Any) -> Any:
    """Return a JSON value with secrets and buyers' personal fields masked, by the names of its fields."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {key: _masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [scrubbed(inner) for inner in value]
    return value


def _masked(key: str, value: Any) -> Any:
    if _is_secret(key):
        return MASK
    is_leaf = isinstance(value, _PLAIN) or not isinstance(value, Mapping | list | tuple)
    if is_leaf and value not in (None, "") and _is_personal(key):
        return MASK
    return scrubbed(value)


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRET.search(key) is not None


@lru_cache(maxsize=1024)
def _is_personal(key: str) -> bool:
    return _PERSONAL.match(key) is not None


def excerpt(value: Any) -> str:
    """Return a JSON value as scrubbed text."""
    return json.dumps(scrubbed(value), ensure_ascii=False, default=str)


def cut(text: str) -> str:
    """Return at most EXCERPT characters of a text."""
    return text if len(text) <= EXCERPT else text[: EXCERPT - 2] + " …"
