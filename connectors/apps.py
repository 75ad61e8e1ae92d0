"""The app of the connections to the outside."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class ConnectorsConfig(AppConfig):
    name = "connectors"

    def ready(self) -> None:
        from connectors.checks import check_connectors

        checks.register(check_connectors)
