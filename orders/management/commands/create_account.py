"""`create_account SLUG --name NAME --owner EMAIL [--password-env VAR]`: account, person and membership; twice is harmless."""

from __future__ import annotations

import json
import os
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cartrover.accounts.actions import account_create
from cartrover.accounts.readers import account_of


class Command(BaseCommand):
    help = "Make an account and its owner. Doing it twice is harmless; a known person keeps their password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="short name that stands in addresses: small letters, digits and hyphens")
        parser.add_argument("--name", required=True, help="the merchant's name")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="e-mail address of the person who owns the account")
        parser.add_argument("--password-env", metavar="VAR", help="environment variable that holds a new owner's password")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")

    def handle(self, *, slug: str, name: str, owner: str, password_env: str | None, as_json: bool, **options: Any) -> None:
        is_new = account_of(slug) is None
        try:
            account, user = account_create(slug=slug, name=name, owner_email=owner, password=_password(password_env))
        except ValidationError as problem:
            raise CommandError(_in_words(problem), returncode=2) from None
        address = f"{settings.PORTAL_URL}/a/{account.slug}/"
        if as_json:
            made = {
                "account": account.slug,
                "id": str(account.public_id),
                "created": is_new,
                "owner": user.email,
                "url": address,
            }
            self.stdout.write(json.dumps(made))
            return
        self.stdout.write(
            f"{'Made' if is_new else 'Found'} the account {account.slug} ({account.name}), owned by {user.email}."
        )
        self.stdout.write(f"Its pages: {address}")
        if not user.has_usable_password():
            self.stdout.write(f"{user.email} has no password yet: manage.py changepassword {user.email}")


def _password(variable: str | None) -> str | None:
    if variable is None:
        return None
    if not os.environ.get(variable):
        raise CommandError(f"The environment variable {variable} is empty or not set.", returncode=2)
    return os.environ[variable]


def _in_words(problem: ValidationError) -> str:
    if hasattr(problem, "error_dict"):
        return " ".join(f"{field}: {' '.join(words)}" for field, words in problem.message_dict.items())
    return " ".join(problem.messages)
