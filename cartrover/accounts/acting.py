"""Acting as a merchant: staff sees the portal as a person sees it, for an hour at most, and everything says so.

The session holds who acts and since when. While it does, the person's own pages (password, second factor, addresses) stay shut,
and all that is done is written down under both names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from hijack.signals import hijack_ended, hijack_started, no_update_last_login

from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account, User

PERMISSION = "accounts.act_as_merchant"
LONGEST = timedelta(minutes=60)
HISTORY = "hijack_history"
SINCE = "acting_since"
OPEN = frozenset({"acting_end", "logout", "account_logout", "home", "oauth_callback"})
"""Pages of no account that may be opened all the same."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts in this session, since when."""

    staff: User
    since: datetime

    @property
    def until(self) -> datetime:
        return self.since + LONGEST


def may_act_as(*, hijacker: Any, hijacked: Any) -> bool:
    """Tell whether this one of ours may act as that person: never as another one of ours, nor as who may not sign in."""
    if not hijacked or not hijacked.is_active or hijacked.is_staff or hijacked.is_superuser:
        return False
    return bool(hijacker.is_active and hijacker.is_staff and hijacker.has_perm(PERMISSION))


def acting_in(request: HttpRequest) -> Acting | None:
    """Return who acts in the request's session; None when the person is there themselves."""
    history = request.session.get(HISTORY)
    if not history:
        return None
    staff = User.objects.filter(pk=history[-1]).first()
    since = datetime.fromisoformat(request.session.get(SINCE, "1970-01-01T00:00:00+00:00"))
    return Acting(staff or User(email="staff that is gone", is_active=False), since)


def back_to_staff(request: HttpRequest, staff: User) -> None:
    """End the acting: the session is the staff person's own again."""
    person, backend = request.user, request.session["_auth_user_backend"]
    with no_update_last_login():
        login(request, staff, backend=backend)
    hijack_ended.send(sender=None, request=request, hijacker=staff, hijacked=person)


class ActingMiddleware:
    """Names the staff person on the user of each request, ends what is over, and keeps the person's own pages shut."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.user.is_authenticated or (acting := acting_in(request)) is None:
            return self.get_response(request)
        staff = acting.staff
        if not may_act_as(hijacker=staff, hijacked=request.user):
            logout(request)
            return redirect("home")
        request.user.acted_by = staff.email
        request.acting = acting  # type: ignore[attr-defined]  # for the banner
        if timezone.now() >= acting.until:
            person = request.user.email
            back_to_staff(request, staff)
            words = f"You acted as {person} for {LONGEST.seconds // 60} minutes: that ended, and the last click did nothing."
            messages.warning(request, words)
            return redirect("admin:index")
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Refuse everything that is the person's alone: all but accounts' pages and the ways out."""
        match = request.resolver_match
        if not getattr(request, "acting", None) or hasattr(view, "least_role"):
            return None
        if match is not None and match.url_name in OPEN:
            return None
        return render(request, "accounts/not_while_acting.html", status=403)


@receiver(hijack_started)
def _began(sender: Any, request: HttpRequest, hijacker: User, hijacked: User, **more: Any) -> None:
    now = timezone.now()
    request.session[SINCE] = now.isoformat()
    hijacked.acted_by = hijacker.email
    reason = request.POST["reason"].strip()
    _write_down(hijacked, "acting.began", f"{reason} (Until {now + LONGEST:%H:%M} UTC at the latest.)")


@receiver(hijack_ended)
def _ended(sender: Any, request: HttpRequest, hijacker: User, hijacked: User, **more: Any) -> None:
    hijacked.acted_by = hijacker.email
    _write_down(hijacked, "acting.ended")


@receiver(user_logged_out)
def _signed_out(sender: Any, request: HttpRequest | None, user: User | None, **more: Any) -> None:
    """Signing out ends it as well, of both."""
    if request is None or user is None or not request.session.get(HISTORY):
        return
    acting = acting_in(request)
    if acting is not None:
        _ended(sender, request, acting.staff, user)


def _write_down(person: User, verb: str, words: str = "") -> None:
    """Leave an entry in each account of the person, so that every merchant sees who was there; one of our own without any."""
    accounts: list[Account | None] = [membership.account for membership in person.memberships.select_related("account")]
    for account in accounts or [None]:
        audit(account=account, actor=person, verb=verb, subject=f"user {person.email}", words=words)
