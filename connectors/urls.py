"""Addresses of the connections' own pages."""

from __future__ import annotations

from django.urls import path

from connectors import hook_views, oauth_views

urlpatterns = [
    path("a/<slug:slug>/connections/<uuid:public_id>/grant/", oauth_views.grant_access, name="grant_access"),
    path("hooks/<slug:kind>/", hook_views.hook, name="hook"),
    path("oauth/callback/", oauth_views.oauth_callback, name="oauth_callback"),
]
