"""Tells browsers to load and run nothing but the portal's own files: what somebody smuggles into a page stays text."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER = "Content-Security-Policy"

POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}

STAFF_POLICY = {
    **POLICY,
    # The console's theme runs Alpine, which makes functions of the expressions in its attributes, and puts the theme's colours
    # into a style element. Still no inline script runs, and nothing comes from or goes to anywhere else.
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}
"""For pages below /staff/ alone, which only our own people open; merchants' pages keep `POLICY`."""


class ContentPolicyMiddleware:
    """Sends the policy with every answer that doesn't have one of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, _written(POLICY))
        return response


def use_staff_policy(response: HttpResponseBase) -> None:
    """Let a page of the staff console run its theme."""
    response.headers[HEADER] = _written(STAFF_POLICY)


def allow_forms_to(response: HttpResponseBase, *origins: str) -> None:
    """Let the forms of this page lead to these origins as well: browsers apply the rule to redirects after a form, too."""
    response.headers[HEADER] = _written({**POLICY, "form-action": [*POLICY["form-action"], *origins]})


def _written(policy: dict[str, list[str]]) -> str:
    return "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in policy.items())
