"""Where the hub differs from allauth's ways: limits, links, mail, where people land, and sealed secrets."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cartrover import vault
from cartrover.accounts import guesses, invitations, mail, readers
from cartrover.accounts.models import Role, SignUp, User
from cartrover.accounts.words import MAIL_NOT_SENT, STOPPED, WRONG

PLACELESS = str(ip_address(0))
"""The address of a browser whose address nobody told, as behind a server on a unix socket."""


NEWCOMER = "newcomer"
"""In a session: somebody signed up here and hasn't come in yet."""


class AccountAdapter(DefaultAccountAdapter):
    """Signing in and up."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": WRONG,
        "too_many_login_attempts": STOPPED,
        "incorrect_password": "That isn't your password. Try again.",
        "enter_current_password": "That isn't your present password. Try again.",
        "incorrect_code": "That code is wrong or was used already. Wait for the next one and try again.",
        "duplicate_email": "That is your address already.",
        "rate_limited": "That was too often. Wait a few minutes, then try again.",
        "email_taken": "This address can't be used. Choose another one.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGN_UP_OPEN or invitations.of_session(request) is not None

    def get_client_ip(self, request: HttpRequest) -> str:
        address = guesses.client_address(request)
        try:
            return str(ip_address(address))
        except ValueError:
            return PLACELESS

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        if guesses.is_stopped(request, credentials.get("email", "")):
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Return the person; somebody whom staff switched off is answered like a stranger."""
        user = super().authenticate(request, **credentials)
        if user is not None and not user.is_active:
            self.authentication_failed(request, **credentials)
            return None
        return user if isinstance(user, User) else None

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        guesses.remember_wrong_guess(request, credentials.get("email", ""))

    def pre_login(self, request: HttpRequest, user: User, **said: Any) -> HttpResponse | None:
        """Remember who still has to verify the address, to lead them on as a newcomer when they have."""
        if SignUp.objects.filter(user=user).exists():
            request.session[NEWCOMER] = True
        response: HttpResponse | None = super().pre_login(request, user, **said)
        return response

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        if request.session.pop(NEWCOMER, False):
            return self.get_signup_redirect_url(request)
        address: str = super().get_login_redirect_url(request)
        return address

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """Lead a new owner to the set-up guide of their account, everybody else to the start."""
        memberships = readers.memberships_of(request.user) if isinstance(request.user, User) else []
        if len(memberships) == 1 and memberships[0].role == Role.OWNER:
            return reverse("connection_new", kwargs={"slug": memberships[0].account.slug})
        return reverse("home")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("you")

    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        return reverse("you") if current.request.user.is_authenticated else reverse("login")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail whose links begin with PORTAL_URL. One that can't be sent is logged and said, alike for every address."""
        message = self.render_mail(template_prefix, email, {"portal_url": settings.PORTAL_URL, "email": email, **context})
        if not mail.deliver(message, template_prefix):
            messages.error(current.request, MAIL_NOT_SENT)


class SecondStepAdapter(DefaultMFAAdapter):
    """The second step: secrets are sealed like every stored credential."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
    }

    def encrypt(self, text: str) -> str:
        return vault.seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return vault.unseal(encrypted_text.encode())

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "CartRover"}

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"
