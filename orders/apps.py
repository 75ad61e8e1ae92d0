"""The app of orders."""

from __future__ import annotations

import gc

from django.apps import AppConfig

COLLECT_AFTER = 20_000
"""New objects after which Python looks for cycles. A load makes millions that stay for the length of a chunk, and no cycles:
with Python's own 700 a tenth of its time went into looking."""


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        from connectors.probing import follow_states
        from orders.connecting.connection_alerts import follow

        follow_states(follow)
        gc.set_threshold(COLLECT_AFTER)
