"""The API's description (OpenAPI 3.1), made from the endpoints and from the types of what they take and answer."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.conf import settings
from pydantic import TypeAdapter

from orders.api.describing import BODY
from orders.api.door import HITS_REMAINING
from orders.api.recording import PROCESS_ID
from orders.api.urls import API, ROUTERS

REF = "#/components/schemas/{model}"
LEVELS = "x-levels"

SECURITY = {
    "basic": {"type": "http", "scheme": "basic", "description": "The API user and the API key."},
    "api_user": {"type": "apiKey", "in": "query", "name": "api_user", "description": "As older programs do it."},
    "api_key": {"type": "apiKey", "in": "query", "name": "api_key", "description": "As older programs do it."},
}


@cache
def description() -> dict[str, Any]:
    """Return the whole description as JSON has it: every key is a text. It is made once; whoever changes it takes a copy."""
    made: dict[str, Any] = copy.deepcopy(dict(API.get_openapi_schema(path_prefix="v1/")))
    schemas = made["components"].setdefault("schemas", {})
    levels = dict(_levels())
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"] = {str(status): answer for status, answer in operation["responses"].items()}
            body = operation.pop(BODY, None)
            if body is not None:
                schema = TypeAdapter(body).json_schema(ref_template=REF)
                schemas.update(schema.pop("$defs", {}))
                operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
                responses["413"] = {**responses["401"], "description": "Too large"}
            if "{" in path:
                responses["404"] = {**responses["401"], "description": "No such address"}
            operation[LEVELS] = levels[path, method]
            operation["security"] = [{"basic": []}, {"api_user": [], "api_key": []}]
            for answer in responses.values():
                answer["headers"] = {
                    PROCESS_ID: {"description": "What support asks for.", "schema": {"type": "string"}},
                    HITS_REMAINING: {"description": "How many calls may follow at once.", "schema": {"type": "string"}},
                }
    made["components"]["securitySchemes"] = SECURITY
    made["servers"] = [{"url": settings.PORTAL_URL}]
    return made


def _levels() -> Iterator[tuple[tuple[str, str], list[str]]]:
    for router in ROUTERS:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                opened = sorted(getattr(operation.view_func, "levels", ()))
                for method in operation.methods:
                    yield (f"/v1{path.replace('{path:', '{')}", method.lower()), [str(level) for level in opened]
