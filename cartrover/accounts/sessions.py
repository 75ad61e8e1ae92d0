"""Where a person is signed in: which browser, since when, last seen when; and ending that."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from cartrover.accounts.actions import audit
from cartrover.accounts.models import User

SEEN_AT = "seen_at"
"""In a session: when its row was last written. A session without it didn't begin with a sign-in, and has no row."""

SEEN_EVERY = 300
"""Seconds between two notes of when a browser was last seen: pages don't wait for a write each time."""

BROWSERS = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("FxiOS", "Firefox"), ("Firefox", "Firefox")),
    *(("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"), ("curl", "curl"), ("python", "A Python program")),
)
SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS")),
    *(("Mac OS X", "macOS"), ("Linux", "Linux")),
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser in which a person is signed in."""

    key: int
    device: str
    address: str
    since: datetime
    seen_at: datetime
    is_here: bool


class LastSeenMiddleware:
    """Notes every few minutes that a session is in use, and from where."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        seen_at, now = request.session.get(SEEN_AT), time.time()
        if seen_at is not None and now - seen_at > SEEN_EVERY and request.user.is_authenticated:
            request.session[SEEN_AT] = now
            UserSession.objects.create_from_request(request)
        return self.get_response(request)


def note_sign_in(request: HttpRequest) -> None:
    """Let the session's row be kept up to date from now on."""
    request.session[SEEN_AT] = time.time()


def sessions_of(user: User, here: str | None) -> Sequence[SignedIn]:
    """Return where the person is signed in, this browser (the session of key `here`) first, then by when it was last seen."""
    rows = list(UserSession.objects.filter(user=user).order_by("-last_seen_at")[:100])
    keys = [row.session_key for row in rows]
    alive = set(
        Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now()).values_list("session_key", flat=True)
    )
    found = [
        SignedIn(row.pk, device_of(row.user_agent), row.ip, row.created_at, row.last_seen_at, row.session_key == here)
        for row in rows
        if row.session_key in alive
    ]
    return sorted(found, key=lambda one: not one.is_here)


def end(user: User, key: int, here: str | None) -> bool:
    """Sign the person out in another browser than this one; tell whether they were signed in there."""
    row = UserSession.objects.filter(user=user, pk=key).exclude(session_key=here).first()
    if row is None:
        return False
    row.end()
    audit(account=None, actor=user, verb="session.ended", subject=f"user {user.email}", words=device_of(row.user_agent))
    return True


def end_others(user: User, here: str | None) -> int:
    """Sign the person out everywhere but in this browser; tell in how many others."""
    rows = list(UserSession.objects.filter(user=user).exclude(session_key=here))
    for row in rows:
        row.end()
    if rows:
        audit(account=None, actor=user, verb="session.ended", subject=f"user {user.email}", words=f"{len(rows)} others.")
    return len(rows)


def device_of(user_agent: str) -> str:
    """Say which browser on which system calls itself that."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "Unknown browser")
    system = next((name for sign, name in SYSTEMS if sign in user_agent), "")
    return f"{browser} on {system}" if system else browser
