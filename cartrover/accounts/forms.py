"""What people fill in to come in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest

from cartrover.accounts.guesses import is_stopped, remember_wrong_guess
from cartrover.accounts.models import User

WRONG = "This e-mail address and password don't belong together. Check both and try again."
STOPPED = "There were too many wrong passwords. Wait 15 minutes, then try again."


class SignInForm(forms.Form):
    """An e-mail address and a password. Every refusal reads alike, so that nobody learns who has an account here."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True, "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        entered = super().clean() or self.cleaned_data
        email, password = entered.get("email"), entered.get("password")
        if email and password:
            self.user = self._signed_in(email, password)
        return entered

    def get_user(self) -> User | None:
        """Return the person who signed in; Django's LoginView asks for it."""
        return self.user

    def _signed_in(self, email: str, password: str) -> User:
        if is_stopped(self.request, email):
            raise forms.ValidationError(STOPPED, code="stopped")
        user = authenticate(self.request, username=email.strip().lower(), password=password)
        if not isinstance(user, User):
            remember_wrong_guess(self.request, email)
            raise forms.ValidationError(WRONG, code="wrong")
        return user
