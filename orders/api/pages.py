"""The API's description for people and for programs; open to everybody, as it tells nothing of anybody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orders.api.examples import samples
from orders.api.openapi import LEVELS, description

GROUPS = {
    "Cart": "For the program of a cart: a key that opens one cart.",
    "Merchant": "For a warehouse's program: a merchant key, or a warehouse key with the header X-Merchant-Pk.",
    "Set-up": "Carts, shipping methods, and merchants.",
}


@dataclass(frozen=True, slots=True)
class ShownField:
    name: str
    kind: str
    required: bool
    words: str


@dataclass(frozen=True, slots=True)
class ShownCall:
    """One endpoint as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    words: tuple[str, ...]
    levels: str
    parameters: tuple[ShownField, ...]
    body: tuple[ShownField, ...]
    answer: tuple[ShownField, ...]
    samples: tuple[tuple[str, str], ...]


@require_safe
def api_openapi(request: HttpRequest) -> HttpResponse:
    """Return the description as OpenAPI 3.1."""
    return JsonResponse(description())


@require_safe
def api_reference(request: HttpRequest) -> HttpResponse:
    """Show every call with what it takes and answers, and examples."""
    return render(request, "api/reference.html", {"groups": _groups(), "host": settings.PORTAL_URL})


@cache
def _groups() -> list[dict[str, Any]]:
    made = description()
    found: dict[str, list[ShownCall]] = {name: [] for name in GROUPS}
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append(_shown(made, path, method, operation))
    return [{"name": name, "words": GROUPS[name], "calls": calls} for name, calls in found.items()]


def _shown(made: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> ShownCall:
    summary, *more = [part.replace("\n", " ") for part in operation.get("description", "").split("\n\n")]
    levels = operation[LEVELS]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    good = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return ShownCall(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=summary,
        words=tuple(more),
        levels=", ".join(levels),
        parameters=tuple(
            ShownField(one["name"], _kind(made, one["schema"]), one.get("required", False), one.get("description", ""))
            for one in operation.get("parameters", ())
        ),
        body=_fields(made, _object_of(made, body)),
        answer=_fields(made, _object_of(made, _response_of(made, good))),
        samples=tuple(samples(method, path, settings.PORTAL_URL, levels).items()),
    )


def _resolved(made: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = made["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _object_of(made: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the first object in a schema: of one or a list of it, the one."""
    schema = _resolved(made, schema)
    for part in schema.get("anyOf", ()):
        found = _object_of(made, part)
        if found:
            return found
    if "items" in schema:
        return _object_of(made, schema["items"])
    return schema if "properties" in schema else {}


def _response_of(made: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return what stands in `response`, or the answer itself where there is none."""
    answer = _object_of(made, schema)
    inner = answer.get("properties", {}).get("response")
    return inner if inner is not None and "response" in answer.get("required", ()) else answer


def _fields(made: dict[str, Any], schema: dict[str, Any]) -> tuple[ShownField, ...]:
    required = set(schema.get("required", ()))
    return tuple(
        ShownField(name, _kind(made, part), name in required, part.get("description", ""))
        for name, part in schema.get("properties", {}).items()
    )


def _kind(made: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return a schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2].lower()
    if "anyOf" in schema:
        kinds = dict.fromkeys(_kind(made, part) for part in schema["anyOf"])
        return " or ".join(kind for kind in kinds if kind != "null")
    if "const" in schema:
        return str(schema["const"]).lower()
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(made, schema.get('items', {}))}"
    return str(schema.get("type", "anything"))
