"""Secrets that a page shows one time: sealed in the person's session between the act and the page that follows it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from cartrover.vault import SealBroken, seal, unseal

SESSION = "shown_once"


@dataclass(frozen=True, slots=True)
class Shown:
    """A secret and what it belongs to."""

    of: str
    text: str


def put(request: HttpRequest, *, page: str, of: str, text: str) -> None:
    """Keep the secret for the next look at the page; another one that nobody looked at gives way to it."""
    request.session[SESSION] = {"page": page, "of": of, "sealed": seal(text).decode()}


def take(request: HttpRequest, *, page: str) -> Shown | None:
    """Return the secret that waits for this page, and forget it."""
    kept = request.session.get(SESSION)
    if kept is None or kept["page"] != page:
        return None
    del request.session[SESSION]
    try:
        return Shown(kept["of"], unseal(kept["sealed"].encode()))
    except SealBroken:
        return None
