"""The floor of `api`: a view of the same framework that reads a JSON body and answers, and does nothing else."""

from __future__ import annotations

import json

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="bench", USE_TZ=True)  # noqa: S106
django.setup()

from ninja import NinjaAPI  # noqa: E402 - it reads the settings when it is imported

API = NinjaAPI(openapi_url=None, docs_url=None)


@API.post("/cart/orders/cartrover")
def new_order(request: HttpRequest) -> HttpResponse:
    """Answer as the hub does."""
    number = json.loads(request.body)["cust_ref"]
    said = {"success_code": True, "cust_ref": number, "order_number": number}
    return HttpResponse(json.dumps(said), content_type="application/json")


urlpatterns = [path("v1/", API.urls)]
application = get_wsgi_application()
