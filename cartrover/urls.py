"""Where pages stand."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("cartrover.accounts.urls")),
    path("", include("connectors.urls")),
    path("a/<slug:slug>/", include("orders.urls")),
    path("staff/", admin.site.urls),
]
