"""The way into a merchant's portal, and back."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from hijack.views import AcquireUserView

from cartrover.accounts import acting
from cartrover.accounts.models import User


class ReasonForm(forms.Form):
    reason = forms.CharField(
        min_length=10,
        max_length=300,
        label="Reason",
        help_text="The merchant reads it in the audit log. Name the ticket or who asked.",
        error_messages={"min_length": "Say it in a few words more: the merchant reads it."},
    )


class ActAs(AcquireUserView):  # type: ignore[misc]  # the package has no types
    """Asks for a reason, then makes the session that person's for an hour."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        person = get_object_or_404(User, pk=kwargs["pk"])
        if not acting.may_act_as(hijacker=request.user, hijacked=person):
            raise PermissionDenied("You may not act as this person: you lack the permission, or they are one of our own.")
        self.person = person
        response: HttpResponseBase = super(AcquireUserView, self).dispatch(request, *args, **kwargs)
        return response

    def get_object(self, queryset: Any = None) -> User:
        return self.person

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._page(request, ReasonForm())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(request, form)
        return super().post(request, *args, **kwargs)  # type: ignore[no-any-return]  # the package has no types

    def get_success_url(self) -> str:
        return reverse("home")

    def _page(self, request: HttpRequest, form: ReasonForm) -> HttpResponse:
        page = {
            **admin.site.each_context(request),
            "title": f"Act as {self.person.email}",
            "person": self.person,
            "memberships": self.person.memberships.select_related("account").order_by("account__name"),
            "form": form,
            "minutes": acting.LONGEST.seconds // 60,
        }
        return render(request, "staff/act_as.html", page, status=400 if form.errors else 200)


@require_POST
def acting_end(request: HttpRequest) -> HttpResponse:
    """Lead back to the staff console, as oneself."""
    now = getattr(request, "acting", None)
    if now is None:
        return redirect("home")
    person = cast(User, request.user).email
    acting.back_to_staff(request, now.staff)
    messages.success(request, f"You are yourself again, and no longer {person}.")
    return redirect("admin:accounts_user_changelist")
