"""What an invited person sees behind the link of the mail."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cartrover.accounts import invitations, sign_up
from cartrover.accounts.models import Invitation, Role, User
from cartrover.accounts.refusals import Refused
from cartrover.accounts.words import MAY

GONE, NOT_YOURS = 410, 403


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Say who invites to what; accept it for whom it was meant, or lead a new person to make a login first."""
    invitation = invitations.find(token)
    if invitation is None:
        raise Http404("There is no such invitation.")
    page = {"invitation": invitation, "account": invitation.account, "may": MAY[Role(invitation.role)]}
    if over := invitations.why_over(invitation):
        return render(request, "accounts/join.html", {**page, "over": over}, status=GONE)
    if isinstance(request.user, User):
        return _join_as(request, request.user, invitation, page)
    if request.method == "POST" and not _has_login(invitation):
        invitations.keep_in_session(request, invitation)
        return redirect("account_signup")
    return render(request, "accounts/join.html", {**page, "has_login": _has_login(invitation)})


def _join_as(request: HttpRequest, person: User, invitation: Invitation, page: dict[str, object]) -> HttpResponse:
    is_theirs = person.email.lower() == invitation.email.lower()
    if request.method == "POST":
        try:
            membership = invitations.accept(invitation, user=person)
        except Refused as refused:
            return render(request, "accounts/join.html", {**page, "refusal": refused.words}, status=NOT_YOURS)
        messages.success(request, f"You are {article(membership.role)} of {invitation.account.name} now.")
        return redirect("account_home", slug=invitation.account.slug)
    return render(request, "accounts/join.html", {**page, "is_theirs": is_theirs})


def article(role: str) -> str:
    return f"{'a' if role == Role.VIEWER else 'an'} {role}"


def _has_login(invitation: Invitation) -> bool:
    """Whoever holds the link reads that mailbox, so this tells nobody anything about somebody else.

    A sign-up whose address nobody verified is no login: it may be a stranger's, who waits for somebody to take it over.
    """
    known = User.objects.filter(email__iexact=invitation.email)
    return known.exclude(pk__in=sign_up.unverified()).exists()
