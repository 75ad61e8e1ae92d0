"""What the description of an endpoint says beyond its code: what may stand behind the question mark, and in the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orders.api import schemas

BODY = "x-body"
"""Where an endpoint names the type of its body until `openapi` has put its schema in place."""

Parameter = Mapping[str, Any]


def parameter(name: str, words: str, *, kind: str = "string", **more: Any) -> Parameter:
    """Return the description of one parameter of the address."""
    return {"name": name, "in": "query", "required": False, "description": words, "schema": {"type": kind, **more}}


def header(name: str, words: str) -> Parameter:
    """Return the description of one header."""
    return {"name": name, "in": "header", "required": False, "description": words, "schema": {"type": "string"}}


_SWITCH: dict[str, Any] = {"enum": ["Y", "N"], "default": "N"}
INCLUDES: Sequence[Parameter] = (
    parameter("include_order_extras", "Y adds the order's extra_fields.", **_SWITCH),
    parameter("include_line_extras", "Y adds each line's extra_fields.", **_SWITCH),
    parameter("include_aliases", "Y adds the other codes of each line's product.", **_SWITCH),
    parameter("include_filtered_items", "Taken, without effect: lines are never filtered here.", **_SWITCH),
)
PAGING: Sequence[Parameter] = (
    parameter("limit", "How many at once.", kind="integer", minimum=1, default=20),
    parameter("page", "Which page, from 1 on.", kind="integer", minimum=1, maximum=10000, default=1),
)
LISTING: Sequence[Parameter] = (
    parameter("from_date", "The first moment, as 2026-11-30T08:15:00Z, or a day. Write a plus as %2B."),
    parameter("to_date", "The last moment, or a day, which counts whole."),
    parameter("order_source", "Only orders of the cart of this name."),
    *PAGING,
    *INCLUDES,
)
MERCHANT = header("X-Merchant-Pk", "With a warehouse or master key: the merchant that is meant.")


def described(*, body: Any = None, query: Sequence[Parameter] = (), merchant: bool = False) -> dict[str, Any]:
    """Return what is said of an endpoint beyond its code."""
    parameters = [*query, *([MERCHANT] if merchant else [])]
    return {
        **({"parameters": [dict(one) for one in parameters]} if parameters else {}),
        **({BODY: body} if body is not None else {}),
    }


def answers(model: Any) -> dict[int, Any]:
    """Return the types of an endpoint's answers by status: a refusal has 200 as well."""
    refused = schemas.Refused
    return {200: model | refused, 401: refused, 403: refused}
