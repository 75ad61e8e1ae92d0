"""What people fill in to come in and to stay safe: allauth's forms in our words."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as account_forms
from allauth.account.adapter import get_adapter
from allauth.mfa.base import forms as second_step_forms
from allauth.mfa.totp import forms as app_forms
from allauth.mfa.webauthn import forms as passkey_forms
from django import forms
from django.db import transaction
from django.http import HttpRequest

from cartrover.accounts import invitations, sign_up
from cartrover.accounts.models import Invitation, User

LABELS = {
    "email": "E-mail address",
    "oldpassword": "Present password",
    "password1": "New password",
    "password2": "New password again",
    "code": "Code",
    "name": "Name",
}


class _OurWords(forms.Form):
    """Labels of ours above the fields, and none inside of them: those vanish as soon as one types."""

    labels: dict[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = {**LABELS, **self.labels}.get(name, field.label)
            field.label_suffix = ""
            if name == "code":
                field.widget.attrs.update(inputmode="numeric", autofocus=True, spellcheck="false")


class SignInForm(_OurWords, account_forms.LoginForm):
    """An e-mail address and a password. Every refusal reads alike, so that nobody learns who has an account here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        email = self.fields.pop("login")
        email.label = LABELS["email"]
        email.widget.attrs.update(autocomplete="username webauthn", autofocus=True, spellcheck="false")
        self.fields["password"].help_text = ""
        self.fields = {"email": email, "password": self.fields["password"]}

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        self.cleaned_data["login"] = email
        return email


class SignUpForm(_OurWords, account_forms.SignupForm):
    """Who one is and which company the account is for; invited people join an account that is there, with a known address."""

    labels = {"name": "Your name", "password1": "Password"}
    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}))
    company = forms.CharField(
        label="Company",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        help_text="The merchant whose orders this is about. You can change it later.",
    )
    field_order = ("name", "company", "email", "password1")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.invitation: Invitation | None = kwargs.pop("invitation", None)
        super().__init__(*args, **kwargs)
        if self.invitation is not None:
            del self.fields["company"]
            self.fields["email"].disabled = True
            self.initial["email"] = self.invitation.email

    def clean_email(self) -> str:
        sign_up.forget_expired()
        if self.invitation is not None:
            sign_up.forget(self.invitation.email)
        email: str = super().clean_email()
        return email

    @transaction.atomic
    def save(self, request: HttpRequest) -> User:
        if self.invitation is not None:
            get_adapter().stash_verified_email(request, self.invitation.email)
        user: User = super().save(request)
        return user

    def signup(self, request: HttpRequest, user: User) -> None:
        """Keep what was said. An invitation is accepted at once: its link proves the address."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
        if self.invitation is None:
            sign_up.begin(user, company=self.cleaned_data["company"])
        else:
            invitations.accept(self.invitation, user=user)


class ChangeEmailForm(_OurWords, account_forms.AddEmailForm):
    labels = {"email": "New e-mail address"}


class ChangePasswordForm(_OurWords, account_forms.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].help_text = ""


class SetPasswordForm(_OurWords, account_forms.SetPasswordForm):
    pass


class ResetPasswordForm(_OurWords, account_forms.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(_OurWords, account_forms.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(_OurWords, account_forms.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""
        self.fields["password"].widget.attrs["autofocus"] = True


class SecondStepForm(_OurWords, second_step_forms.AuthenticateForm):
    labels = {"code": "Code from your app, or a recovery code"}


class ConfirmByCodeForm(_OurWords, second_step_forms.ReauthenticateForm):
    labels = {"code": "Code from your app, or a recovery code"}


class AppOnForm(_OurWords, app_forms.ActivateTOTPForm):
    labels = {"code": "Code that the app shows now"}


class AddPasskeyForm(_OurWords, passkey_forms.AddWebAuthnForm):
    """A passkey always does for signing in without a password; one that only serves as a second step, nobody can tell apart."""

    labels = {"name": "Name, to tell it from others"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"] = forms.BooleanField(widget=forms.HiddenInput, initial=True, required=False)


class RenamePasskeyForm(_OurWords, passkey_forms.EditWebAuthnForm):
    pass


class NameForm(forms.Form):
    """How others see one."""

    name = forms.CharField(
        label="Your name", label_suffix="", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
