"""Keeps passwords from being guessed: wrong ones are counted, and after some of them none is looked at for a while.

The counts stand in the audit trail, so they hold over all processes and restarts, and staff can see an attack.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from cartrover.accounts.actions import audit
from cartrover.accounts.models import AuditEntry, User

WINDOW = timedelta(minutes=15)
"""How far back wrong guesses count, and so how long somebody waits at most."""

FROM_ONE_PLACE = 10
"""Wrong guesses for one e-mail address from one network address: more than anybody mistypes."""

FROM_ANYWHERE = 40
"""Wrong guesses for one e-mail address in all: high enough that a stranger elsewhere can't lock its owner out by accident."""

OF_ONE_PLACE = 100
"""Wrong guesses from one network address for anybody: a whole office may stand behind it."""

VERB = "sign_in.refused"


def is_stopped(request: HttpRequest, email: str) -> bool:
    """Tell whether so many wrong guesses came lately that this one must not be looked at."""
    recent = AuditEntry.objects.filter(account=None, at__gte=timezone.now() - WINDOW, verb=VERB)
    subject, place = _subject(email), client_address(request)
    return (
        recent.filter(subject=subject, actor=place).count() >= FROM_ONE_PLACE
        or recent.filter(subject=subject).count() >= FROM_ANYWHERE
        or recent.filter(actor=place).count() >= OF_ONE_PLACE
    )


def remember_wrong_guess(request: HttpRequest, email: str) -> None:
    """Count a wrong guess."""
    audit(account=None, actor=client_address(request), verb=VERB, subject=_subject(email))


def client_address(request: HttpRequest) -> str:
    """Return the address of the browser. Behind proxies of our own it is what the outermost of them wrote down."""
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if settings.TRUSTED_PROXIES and len(forwarded) >= settings.TRUSTED_PROXIES:
        return str(forwarded[-settings.TRUSTED_PROXIES])[:100]
    return str(request.META.get("REMOTE_ADDR", ""))


def _subject(email: str) -> str:
    """A known person by name; anything else by a digest, for people type passwords into the wrong field."""
    email = email.strip().lower()
    if User.objects.filter(email__iexact=email).exists():
        return email[:200]
    return "unknown " + hashlib.sha256(email.encode()).hexdigest()[:32]
