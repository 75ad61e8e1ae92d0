"""The address at which far sides call the hub."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from connectors import registry
from connectors.hastening import hasten

LARGEST = 1024 * 1024
"""Bytes of a call; a thousand changes take a fifth of it."""


def hook_address(kind: str) -> str:
    """Return the address that the far side of this kind is to call."""
    return f"{settings.PORTAL_URL}{reverse('hook', kwargs={'kind': kind})}"


@csrf_exempt
@require_POST
def hook(request: HttpRequest, kind: str) -> HttpResponse:
    """Take a call: 200 where a connection knows who signed it, 401 where none does. The body is read as it came, byte by
    byte."""
    spec = registry.find(kind)
    if spec is None or spec.webhook is None:
        return HttpResponse(status=404)
    if int(request.headers.get("Content-Length") or 0) > LARGEST:
        return HttpResponse(status=413)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        known = hasten(kind=kind, spec=spec.webhook, body=request.body, headers=headers)
    except ValueError:
        return HttpResponse(status=400)
    return HttpResponse(status=200 if known else 401)
