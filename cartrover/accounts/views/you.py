"""A person's own page: name, address, password, second step, passkeys, where they are signed in, accounts."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cartrover.accounts import actions, readers, sessions
from cartrover.accounts.forms import NameForm
from cartrover.accounts.models import User


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def you(request: HttpRequest) -> HttpResponse:
    """Show all about the person; save the name."""
    person = _person(request)
    form = NameForm(request.POST or None, initial={"name": person.name})
    if request.method == "POST" and form.is_valid():
        actions.person_rename(person, form.cleaned_data["name"])
        messages.success(request, "Your name was saved.")
        return redirect("you")
    page = {
        "form": form,
        "new_address": EmailAddress.objects.get_new(person),
        "step": second_step_of(person),
        "sessions": sessions.sessions_of(person, request.session.session_key),
        "memberships": readers.memberships_of(person),
    }
    return render(request, "accounts/you.html", page, status=422 if form.errors else 200)


@never_cache
@login_required
@require_safe
def second_step(request: HttpRequest) -> HttpResponse:
    """Show the second step of signing in, the recovery codes and the passkeys."""
    return render(request, "accounts/second_step.html", {"step": second_step_of(_person(request))})


@login_required
@require_POST
def session_end(request: HttpRequest, key: int) -> HttpResponse:
    if not sessions.end(_person(request), key, request.session.session_key):
        raise Http404("You are not signed in there.")
    messages.success(request, "That browser was signed out.")
    return redirect("you")


@login_required
@require_POST
def sessions_end_others(request: HttpRequest) -> HttpResponse:
    number = sessions.end_others(_person(request), request.session.session_key)
    messages.success(request, f"{number} other browser{'' if number == 1 else 's'} signed out.")
    return redirect("you")


def second_step_of(person: User) -> dict[str, object]:
    """Return what makes up the person's second step: `app`, `codes_left` and `passkeys`."""
    rows = list(Authenticator.objects.filter(user=person).order_by("created_at", "pk"))
    kinds = {row.type: row for row in rows if row.type != Authenticator.Type.WEBAUTHN}
    codes = kinds.get(Authenticator.Type.RECOVERY_CODES)
    return {
        "app": kinds.get(Authenticator.Type.TOTP),
        "codes": codes,
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "passkeys": [row for row in rows if row.type == Authenticator.Type.WEBAUTHN],
    }


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - login_required lets nobody else in
    return request.user
