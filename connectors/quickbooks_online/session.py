"""An open connection to QuickBooks Online: the parts put together under the contract's names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.contract import (
    CheckStep,
    Exchange,
    InvoiceDraft,
    OAuthSpec,
    Opening,
    OrderOut,
    Page,
    RateLimit,
    Receipt,
    RemoteOrder,
    RenderedRequest,
    Sent,
    ShipmentDraft,
    StockItem,
    StockPage,
)
from connectors.errors import FixConnection
from connectors.quickbooks_online.api import BATCH, Api
from connectors.quickbooks_online.checking import Check
from connectors.quickbooks_online.customers import Customers
from connectors.quickbooks_online.delivering import Delivery
from connectors.quickbooks_online.reading import Pickup, Stock
from connectors.quickbooks_online.refusals import FAR_SIDE
from connectors.quickbooks_online.resolving import Catalogue, Named, Needs
from connectors.quickbooks_online.wire import HOSTS, PAGES, SCOPE
from connectors.transports.http import HttpClient
from connectors.transports.oauth2 import bearer_or_missing

OAUTH = OAuthSpec(
    scope=SCOPE,
    revoke_url="revoke_url",
    form_body=True,
    client_auth="client_secret_basic",
    callback_settings={"realmId": "realm_id"},
    refresh_ends=("x_refresh_token_expires_in", "x_refresh_token_hard_expires_in"),
)

LIMITS = RateLimit(requests=500, window_seconds=60, apart={BATCH: 40}, at_once=10, monthly=500_000, monthly_of=OAUTH.client_id)
"""What a company allows, and what a month may cost an app of Intuit's free tier. Source: QuickBooks Online reference 9.2."""

SENDS_AT_ONCE = 8
"""Two of the requests that the company takes at once are left to the other services."""


def base_url(settings: Mapping[str, Any]) -> str:
    """Return where the API is: Intuit's host of the environment, or the address that was entered."""
    return HOSTS.get(str(settings["environment"])) or str(settings["api_url"] or "")


class QuickBooksOnlineSession:
    """Implements Session, OrderDestination, OrderPreview, ShipmentSource, InvoiceSource and StockSource. `send` is safe in
    threads."""

    seen_host_key = ""

    def __init__(self, opening: Opening) -> None:
        """Connect to nothing yet. Raise `FixConnection` when the address is none or nobody has said which company it is."""
        settings = opening.settings
        base = base_url(settings)
        if not base:
            raise FixConnection("The API address is missing. Enter it, or choose Intuit's own under Company.")
        realm = settings["realm_id"].strip()
        if not realm:
            raise FixConnection(f"It isn't known which company of {FAR_SIDE} this is. Grant API access; its ID comes along.")
        client = HttpClient(
            base,
            network=opening.network,
            limiter=opening.limiter,
            progress=opening.progress,
            now=opening.now,
            bearer=bearer_or_missing(opening, OAUTH),
            pool_size=LIMITS.at_once,
            far_side=FAR_SIDE,
        )
        self._api = Api(client, opening.limiter, realm=realm, now=opening.now)
        named = Named(self._api, opening.memory, settings)
        self._catalogue = Catalogue(self._api, opening.memory, opening.now)
        self._needs = Needs(self._catalogue, Customers(self._api, opening.memory, settings["one_customer"]), named)
        page = PAGES.get(settings["environment"], "")
        self._delivery = Delivery(self._api, self._needs, opening.memory, settings, opening.now, page)
        self._pickup = Pickup(self._api, named, opening.memory, settings, opening.now)
        self._stock = Stock(self._api, self._catalogue)
        self._check = Check(self._api, named, base=base, settings=settings, network=opening.network)

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


def open_session(opening: Opening) -> QuickBooksOnlineSession:
    """Return a session of this connection; the first request signs in."""
    return QuickBooksOnlineSession(opening)
