"""The app of people, accounts and memberships."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "cartrover.accounts"
    label = "accounts"

    def ready(self) -> None:
        # The kernel is no app of its own; loading its checks registers them.
        from cartrover import checks  # noqa: F401
        from cartrover.accounts import trail

        trail.listen()
