"""Pages of the staff console that are no list of a table, and the load balancers' question."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from orders.views import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("staff/health/", admin.site.admin_view(health.staff_health), name="staff_health"),
    path("staff/health.json", admin.site.admin_view(health.staff_health_json), name="staff_health_json"),
]
