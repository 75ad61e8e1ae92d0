"""Where pages stand."""

from __future__ import annotations

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", include("cartrover.accounts.urls")),
    path("", include("connectors.urls")),
    path("a/<slug:slug>/", include("orders.urls")),
    path("a/<slug:slug>/connections/", include("orders.connection_urls")),
    path("a/<slug:slug>/settings/", include("orders.setting_urls")),
    path("a/<slug:slug>/settings/members/", include("cartrover.accounts.member_urls")),
    path("v1/", include("orders.api.urls")),
    path("api/", include("orders.api.page_urls")),
    path("", include("orders.staff.urls")),
    path("staff/", admin.site.urls),
    # Browsers ask for it on pages that name no icon, as the staff console's.
    path("favicon.ico", RedirectView.as_view(url=static("portal/mark.svg"), permanent=True)),
]
