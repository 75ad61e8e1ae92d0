"""Members of an account, below `/a/<slug>/settings/members/`: everybody sees them, owners change them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from cartrover.accounts import invitations, members
from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from cartrover.accounts.refusals import Refused
from cartrover.accounts.words import MAIL_NOT_SENT, MAY


@require_http_methods(["GET", "HEAD"])
@account_page(Role.VIEWER)
def member_list(request: AccountRequest) -> HttpResponse:
    """Show who is a member and who is invited."""
    return _page(request)


@require_POST
@account_page(Role.OWNER)
def member_invite(request: AccountRequest) -> HttpResponse:
    """Invite somebody by e-mail."""
    email, role = request.POST.get("email", ""), request.POST.get("role", "")
    try:
        is_sent = invitations.invite(account=request.account, email=email, role=role, actor=request.user)
    except Refused as refused:
        return _page(request, refusal=refused.words, email=email, role=role)
    _say_sent(request, is_sent, f"{email.strip().lower()} is invited. The link works for {invitations.VALID_FOR.days} days.")
    return _back(request)


@require_POST
@account_page(Role.OWNER)
def invitation_send(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Send an invitation again, with a new link."""
    try:
        is_sent = invitations.send_again(account=request.account, public_id=public_id, actor=request.user)
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        _say_sent(request, is_sent, "The invitation was sent again. The link of the earlier mail no longer works.")
    return _back(request)


@require_POST
@account_page(Role.OWNER)
def invitation_revoke(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Take an invitation back."""
    try:
        revoked = invitations.revoke(account=request.account, public_id=public_id, actor=request.user)
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        messages.success(request, f"The invitation of {revoked.email} was taken back.")
    return _back(request)


@require_POST
@account_page(Role.OWNER)
def member_role(request: AccountRequest, person: UUID) -> HttpResponse:
    """Give a member another role."""
    try:
        role = request.POST.get("role", "")
        changed = members.role_change(account=request.account, person=person, role=role, actor=request.user)
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        messages.success(request, f"{changed.user.email} is {changed.role} now.")
    return _back(request)


@require_POST
@account_page(Role.OWNER)
def member_remove(request: AccountRequest, person: UUID) -> HttpResponse:
    """End a membership; an owner who leaves is led out."""
    try:
        removed = members.member_remove(account=request.account, person=person, actor=request.user)
    except Refused as refused:
        messages.error(request, refused.words)
        return _back(request)
    messages.success(request, f"{removed.user.email} is no member of {request.account.name} any more.")
    return redirect("home") if removed.user_id == request.user.pk else _back(request)


@require_POST
@account_page(Role.VIEWER)
def member_leave(request: AccountRequest) -> HttpResponse:
    """End one's own membership."""
    try:
        members.member_remove(account=request.account, person=request.user.public_id, actor=request.user)
    except Refused as refused:
        messages.error(request, refused.words)
        return _back(request)
    messages.success(request, f"You are no member of {request.account.name} any more.")
    return redirect("home")


def _page(request: AccountRequest, *, refusal: str = "", email: str = "", role: str = Role.OPERATOR) -> HttpResponse:
    page = {
        "page": members.members_page(request.account, request.GET.get("after", "")),
        "is_later": bool(request.GET.get("after")),
        "may_change": request.membership.may(Role.OWNER),
        "roles": [(str(one), MAY[one]) for one in reversed(Role)],
        "refusal": refusal,
        "email": email,
        "role": role,
    }
    return render(request, "accounts/members.html", page, status=422 if refusal else 200)


def _say_sent(request: AccountRequest, is_sent: bool, words: str) -> None:
    if is_sent:
        messages.success(request, words)
    else:
        messages.error(request, f"The invitation is kept, but: {MAIL_NOT_SENT} Then send it again.")


def _back(request: AccountRequest) -> HttpResponse:
    return redirect("members", slug=request.account.slug)
