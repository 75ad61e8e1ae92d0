"""An open connection to QuickBooks Commerce: the parts put together under the contract's names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from connectors.contract import (
    CheckStep,
    Exchange,
    InvoiceDraft,
    OAuthSpec,
    Opening,
    OrderOut,
    Page,
    Receipt,
    RemoteOrder,
    RenderedRequest,
    Sent,
    ShipmentDraft,
    StockItem,
    StockPage,
)
from connectors.quickbooks_commerce.api import FAR_SIDE, Api
from connectors.quickbooks_commerce.checking import Check
from connectors.quickbooks_commerce.delivering import Delivery
from connectors.quickbooks_commerce.reading import Pickup, Stock
from connectors.quickbooks_commerce.resolving import Catalogue, Currencies, Customers, Needs
from connectors.transports.http import HttpClient, RateHeaders
from connectors.transports.oauth2 import bearer_or_missing

SENDS_AT_ONCE = 8
"""An order takes them about a second: eight at once fill 300 requests in five minutes with room to spare."""

OAUTH = OAuthSpec()

RATE_HEADERS = RateHeaders(limit="X-Rate-Limit-Limit", remaining="X-Rate-Limit-Remaining", reset="X-Rate-Limit-Reset")


class QuickBooksCommerceSession:
    """Implements Session, OrderDestination, OrderPreview, ShipmentSource, InvoiceSource and StockSource. `send` is safe in
    threads."""

    seen_host_key = ""

    def __init__(self, opening: Opening) -> None:
        """Connect to nothing yet. Raise `FixConnection` when the API address is none."""
        settings = opening.settings
        client = HttpClient(
            settings["api_url"],
            network=opening.network,
            limiter=opening.limiter,
            progress=opening.progress,
            now=opening.now,
            bearer=bearer_or_missing(opening, OAUTH),
            rate_headers=RATE_HEADERS,
            pool_size=SENDS_AT_ONCE,
            far_side=FAR_SIDE,
        )
        self._api = Api(client, now=opening.now, page_size=settings["page_size"])
        self._catalogue = Catalogue(self._api, opening.memory)
        self._currencies = Currencies(self._api, opening.memory)
        self._needs = Needs(self._catalogue, Customers(self._api, opening.memory), self._currencies, settings)
        self._delivery = Delivery(self._api, self._needs, settings, opening.now)
        self._pickup = Pickup(self._api, self._currencies)
        self._stock = Stock(self._api, self._catalogue, settings["stock_location"])
        self._check = Check(self._api, self._stock, self._currencies, settings=settings, network=opening.network)

    def check(self) -> Iterator[CheckStep]:
        return self._check.steps()

    def close(self) -> None:
        self._api.close()

    # --- orders out ----------------------------------------------------------------------------------------------------------

    def prepare(self, orders: Sequence[OrderOut]) -> Mapping[str, Exception]:
        return self._needs.prepare(orders)

    def send(self, order: OrderOut, key: str, taken: frozenset[str] = frozenset()) -> Sent:
        return self._delivery.send(order, key, taken)

    def preview(self, order: OrderOut, key: str) -> Sequence[RenderedRequest]:
        return self._delivery.preview(order, key)

    def find(self, order: OrderOut) -> Sequence[Receipt]:
        return self._delivery.find(order)

    def cancel(self, receipt: Receipt) -> Exchange | None:
        return self._delivery.cancel(receipt)

    def known_items(self, skus: Collection[str]) -> set[str]:
        return self._catalogue.known_items(skus)

    # --- what comes back -----------------------------------------------------------------------------------------------------

    def list_orders_changed(self, since: datetime | None) -> Iterator[Page[RemoteOrder]]:
        return self._pickup.orders_changed(since)

    def read_orders(self, external_ids: Collection[str]) -> Sequence[RemoteOrder]:
        return self._pickup.orders(external_ids)

    def list_shipments(self, since: datetime | None) -> Iterator[Page[ShipmentDraft]]:
        return self._pickup.shipments_changed(since)

    def read_shipments(self, external_order_ids: Collection[str]) -> Sequence[ShipmentDraft]:
        return self._pickup.shipments(external_order_ids)

    def list_invoices(self, since: datetime | None) -> Iterator[Page[InvoiceDraft]]:
        return self._pickup.invoices_changed(since)

    def list_stock(self) -> Iterator[StockPage]:
        return self._stock.everything()

    def ask_stock(self, skus: Collection[str]) -> Sequence[StockItem]:
        return self._stock.of(skus)


def open_session(opening: Opening) -> QuickBooksCommerceSession:
    """Return a session of this connection; the first request signs in."""
    return QuickBooksCommerceSession(opening)
