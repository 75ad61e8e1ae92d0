"""The app of people, accounts and memberships."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "cartrover.accounts"
    label = "accounts"
