"""Messages about an act that a page did in place: they go with its answer, as no page comes after it that could show them."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""What a page asks for by itself, which must not take the messages of an act in another window."""

LEADS_ON = frozenset({"HX-Refresh", "HX-Redirect", "HX-Location"})
"""After an answer with one of these the page is shown anew, with the messages."""


class ToldInPlaceMiddleware:
    """Hands messages to the script of the page (static/portal/toasts.js) by an event of htmx; other answers keep them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        asks = "HX-Request" in request.headers and request.method not in SAFE
        if asks and response.status_code == 200 and not LEADS_ON & set(response.headers):
            said = [{"words": str(one), "tags": one.tags} for one in messages.get_messages(request)]
            if said:
                response["HX-Trigger"] = json.dumps({"told": {"messages": said}})
        return response
