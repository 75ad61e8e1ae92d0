"""Pages of an account, below `/a/<slug>/`."""

from __future__ import annotations

from django.urls import path

from orders.views import acts, alerts, pages, skipped

urlpatterns = [
    path("", pages.account_home, name="account_home"),
    path("orders/", pages.order_list, name="orders"),
    path("orders/<uuid:public_id>/", pages.order_detail, name="order"),
    *(path(f"orders/<uuid:public_id>/{act}/", acts.order_act, {"act": act}, name=f"order_{act}") for act in acts.ACTS),
    path("skipped/", skipped.skipped_list, name="skipped"),
    path("skipped/<uuid:public_id>/load/", skipped.skipped_load, name="skipped_load"),
    path("alerts/", alerts.alert_list, name="alerts"),
    path("alerts/<uuid:public_id>/dismiss/", alerts.alert_dismiss, name="alert_dismiss"),
]
