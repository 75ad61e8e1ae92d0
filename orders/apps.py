"""The app of orders."""

from __future__ import annotations

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        from connectors.probing import follow_states
        from orders.connecting.connection_alerts import follow

        follow_states(follow)
