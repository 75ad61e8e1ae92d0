"""The staff console as a whole: its door, its policy for browsers, and what may stand in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.sites import UnfoldAdminSite

from cartrover.content_policy import use_staff_policy

if TYPE_CHECKING:
    View = Callable[..., Any]


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]  # the theme has no types
    """Django's admin for our own people only. Signing in, out and passwords are the portal's: there is one door with its locks.

    Pages of other packages stay out: what they register shows sessions, tokens and second factors.
    """

    site_header = site_title = "CartRover staff console"
    index_title = "What needs us"
    index_template = "staff/index.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take in what was written for this console; leave out everything else without a word."""
        if getattr(admin_class, "written_for_staff", False):
            super().register(model_or_iterable, admin_class, **options)

    def unregister(self, model_or_iterable: type[Model] | Iterable[type[Model]]) -> None:
        """Take out what is in; packages that replace each other's pages find nothing here."""
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        super().unregister([model for model in models if self.is_registered(model)])

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Open a page to staff. Strangers are sent to sign in; to everybody else there is no console."""
        page = super().admin_view(view, cacheable)

        @wraps(view)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
            if not self.has_permission(request):
                raise Http404("There is no such page.")
            response = cast(HttpResponseBase, page(request, *args, **kwargs))
            use_staff_policy(response)
            return response

        return door

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Lead to the portal's own sign-in, which limits guesses and asks for the second factor."""
        wanted = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
            wanted = reverse("admin:index")
        return redirect(wanted) if self.has_permission(request) else redirect_to_login(wanted, settings.LOGIN_URL)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead to the portal's own page."""
        return redirect("change_password")
