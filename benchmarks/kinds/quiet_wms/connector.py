"""A WMS that is reached at once, where nothing is shipped and no stock changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from connectors.contract import (
    CheckStep,
    ConnectorSpec,
    Opening,
    Page,
    RemoteOrder,
    Role,
    ShipmentDraft,
    Side,
    StockItem,
    StockPage,
)


class QuietWms:
    """Implements Session, ShipmentSource and StockSource."""

    seen_host_key = ""

    def __init__(self, opening: Opening) -> None:
        self._now = opening.now

    def check(self) -> Iterator[CheckStep]:
        yield CheckStep("Reach it", True, "It is there.")

    def close(self) -> None:
        """There is nothing to let go of."""

    def list_orders_changed(self, since: datetime | None) -> Iterator[Page[RemoteOrder]]:
        return iter(())

    def read_orders(self, external_ids: Collection[str]) -> list[RemoteOrder]:
        return []

    def list_shipments(self, since: datetime | None) -> Iterator[Page[ShipmentDraft]]:
        return iter(())

    def read_shipments(self, external_order_ids: Collection[str]) -> list[ShipmentDraft]:
        return []

    def list_stock(self) -> Iterator[StockPage]:
        yield StockPage((), 0, self._now())

    def ask_stock(self, skus: Collection[str]) -> list[StockItem]:
        return []


SPEC = ConnectorSpec(
    kind="quiet_wms",
    name="Quiet WMS",
    side=Side.WMS,
    roles=frozenset({Role.SHIPMENT_SOURCE, Role.STOCK_SOURCE}),
    fields=(),
    open_session=QuietWms,
)
