"""Coming in, going out, and choosing an account."""

from __future__ import annotations

from django.contrib.auth import views as auth_views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cartrover.accounts import readers
from cartrover.accounts.forms import SignInForm


class SignIn(auth_views.LoginView):
    """Signs a person in and leads to where they wanted to go, on this site only."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm  # type: ignore[assignment]  # has the same shape as Django's own form
    redirect_authenticated_user = True


class ChangePassword(auth_views.PasswordChangeView):
    """Changes the own password; other sessions of the person end."""

    template_name = "accounts/change_password.html"
    success_url = reverse_lazy("home")


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is to strangers; lead members into their only account, or let them choose."""
    if not request.user.is_authenticated:
        return render(request, "accounts/welcome.html")
    memberships = readers.memberships_of(request.user)
    if len(memberships) == 1:
        return redirect("account_home", slug=memberships[0].account.slug)
    return render(request, "accounts/choose.html", {"memberships": memberships})
