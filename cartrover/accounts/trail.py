"""Leaves a trail of what people do to their own sign-in, and makes the account of somebody who signed up and verified."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account_signals
from allauth.mfa import signals as second_step_signals

from cartrover.accounts import sessions, sign_up
from cartrover.accounts.actions import audit
from cartrover.accounts.models import User

KINDS = {"totp": "Authenticator app", "recovery_codes": "Recovery codes", "webauthn": "Passkey"}


def listen() -> None:
    """Connect this module to allauth."""
    account_signals.user_logged_in.connect(_signed_in)
    account_signals.email_confirmed.connect(_address_verified)
    account_signals.email_changed.connect(_address_changed)
    for signal, words in (
        (account_signals.password_changed, "Changed."),
        (account_signals.password_set, "Set."),
        (account_signals.password_reset, "Reset by e-mail."),
    ):
        signal.connect(_PasswordChanged(words), weak=False)
    for signal, words in (
        (second_step_signals.authenticator_added, "Added"),
        (second_step_signals.authenticator_removed, "Removed"),
        (second_step_signals.authenticator_reset, "Made anew"),
    ):
        signal.connect(_SecondStepChanged(words), weak=False)


def _signed_in(sender: Any, request: Any, **said: Any) -> None:
    sessions.note_sign_in(request)


def _address_verified(sender: Any, email_address: Any, **said: Any) -> None:
    sign_up.complete(email_address.user)


def _address_changed(sender: Any, user: User, from_email_address: Any, to_email_address: Any, **said: Any) -> None:
    words = f"From {from_email_address or 'none'} to {to_email_address}."
    audit(account=None, actor=user, verb="person.email_changed", subject=f"user {to_email_address}", words=words)


class _PasswordChanged:
    def __init__(self, words: str) -> None:
        self.words = words

    def __call__(self, sender: Any, request: Any, user: User, **said: Any) -> None:
        """Django refuses the other sessions from now on; their rows go, too."""
        audit(account=None, actor=user, verb="person.password_changed", subject=f"user {user.email}", words=self.words)
        sessions.end_others(user, request.session.session_key if request.user.is_authenticated else None)


class _SecondStepChanged:
    def __init__(self, words: str) -> None:
        self.words = words

    def __call__(self, sender: Any, user: User, authenticator: Any, **said: Any) -> None:
        words = f"{self.words}: {KINDS.get(authenticator.type, authenticator.type)}."
        audit(account=None, actor=user, verb="person.second_step_changed", subject=f"user {user.email}", words=words)
