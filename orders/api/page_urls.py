"""Addresses of the API's description, below `/api/`."""

from __future__ import annotations

from django.urls import path

from orders.api.pages import api_openapi, api_reference

urlpatterns = [
    path("", api_reference, name="api_reference"),
    path("openapi.json", api_openapi, name="api_openapi"),
]
