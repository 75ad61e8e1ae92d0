"""Where pages stand."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("staff/", admin.site.urls),
]
