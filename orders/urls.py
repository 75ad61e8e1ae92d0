"""Pages of an account, below `/a/<slug>/`."""

from __future__ import annotations

from django.urls import path

from orders.views import pages

urlpatterns = [
    path("", pages.account_home, name="account_home"),
    path("orders/", pages.order_list, name="orders"),
    path("orders/<uuid:public_id>/", pages.order_detail, name="order"),
]
