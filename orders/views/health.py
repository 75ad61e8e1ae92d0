"""How the installation is doing: for our own people in words, for programs as JSON, for load balancers as two letters."""

from __future__ import annotations

from django.contrib import admin
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from connectors.models import Pulse
from orders.health import survey


@require_safe
def staff_health(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "staff/health.html",
        {**admin.site.each_context(request), "title": "Health of the installation", "found": survey()},
    )


@require_safe
def staff_health_json(request: HttpRequest) -> HttpResponse:
    found = survey()
    topics = {
        topic: [{"name": one.name, "value": one.value, "judgement": one.judgement, "todo": one.todo} for one in figures]
        for topic, figures in found.topics.items()
    }
    return JsonResponse(
        {"at": found.at.isoformat(), "judgement": found.judgement, "figures": topics, "versions": dict(found.versions)}
    )


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Tell a load balancer whether this server may get requests: it reaches its database. Nothing else is told."""
    try:
        Pulse.objects.exists()
    except DatabaseError:
        return HttpResponse("no database", status=503, content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")
