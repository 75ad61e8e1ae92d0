"""Coming in, going out, and choosing an account."""

from __future__ import annotations

from typing import Any

from allauth.account import views as account_views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cartrover.accounts import invitations, readers


class SignOut(account_views.LogoutView):
    """Ends the session; a link alone can't."""

    http_method_names = ("post",)


class SignUp(account_views.SignupView):
    """Takes strangers in while sign-up is open, and invited people always."""

    def get_form_kwargs(self) -> dict[str, Any]:
        self.invitation = invitations.of_session(self.request)
        return {**super().get_form_kwargs(), "invitation": self.invitation}

    def get_success_url(self) -> str | None:
        invitation = getattr(self, "invitation", None)
        if invitation is not None:
            return reverse("account_home", kwargs={"slug": invitation.account.slug})
        address: str | None = super().get_success_url()
        return address

    def form_valid(self, form: Any) -> HttpResponse:
        invitations.drop_from_session(self.request)
        response: HttpResponse = super().form_valid(form)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "invitation": getattr(self, "invitation", None)}


SEARCHED_FROM = 5
"""Accounts that a person sees at a glance; whoever has more gets a box to search them."""


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is to strangers; lead members into their only account, or let them choose."""
    if not request.user.is_authenticated:
        return render(request, "accounts/welcome.html")
    memberships = readers.memberships_of(request.user)
    if len(memberships) == 1:
        return redirect("account_home", slug=memberships[0].account.slug)
    named = request.GET.get("q", "").strip()[:200]
    found = readers.memberships_of(request.user, named=named) if named else memberships
    return render(
        request,
        "accounts/choose.html",
        {"memberships": found, "named": named, "has_any": bool(memberships), "is_long": len(memberships) > SEARCHED_FROM},
    )
