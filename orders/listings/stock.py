"""Inventory: what the WMS has of each SKU, what a cart was last told of it, and what it will be told next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, Q, Sum

from cartrover.accounts.models import Account
from connectors.contract import Side, StockRow
from connectors.models import Connection, ConnectionState
from connectors.readers import calls_us
from orders.listings.paging import PAGE, Page
from orders.models import Alert, AlertState, ChannelStock, StockLevel, StockReading
from orders.pipeline.route import Route
from orders.pipeline.stock_upload import sellable
from orders.rules.aliases import aliases_of


@dataclass(frozen=True, slots=True)
class ItemStock:
    """A SKU under the cart's name: the last told figure (None = never told), and the next (None = it isn't told at all)."""

    item: str
    told: ChannelStock | None
    next: StockRow | None

    @property
    def will_change(self) -> bool:
        told, coming = self.told, self.next
        if coming is None:
            return False
        return told is None or not told.sure or (told.quantity, told.status) != (coming.quantity, coming.status)


@dataclass(frozen=True, slots=True)
class SkuStock:
    """A SKU of the WMS: what can be sold of it over all its warehouses, and every name under which the cart knows it.

    `as_of`: when the warehouse was counted whose count is the oldest.
    """

    sku: str
    available: int
    is_gone: bool
    as_of: datetime
    items: Sequence[ItemStock]


@dataclass(frozen=True, slots=True)
class InventoryPage:
    """A page of SKUs for one cart. `trouble` says why there is nothing to tell; `guard` is the alert that holds all back.

    `is_posted`: the WMS calls the hub and posts SKUs as it likes, so that each was counted at a time of its own.
    """

    carts: Sequence[Connection]
    cart: Connection | None
    wms: Connection | None
    trouble: str
    reading: StockReading | None
    guard: Alert | None
    page: Page[SkuStock]
    is_posted: bool = False


def inventory_page(account: Account, *, cart_id: UUID | None = None, sku: str = "", after: str = "") -> InventoryPage:
    """Return the SKUs of the WMS in their order, those that begin with `sku`, as the cart (else the first one) sees them."""
    rows = Connection.objects.for_account(account).filter(side=Side.CART).exclude(state=ConnectionState.DISCONNECTED)
    carts = list(rows.order_by("name"))
    cart = next((one for one in carts if one.public_id == cart_id), carts[0] if carts else None)
    if cart is None:
        return InventoryPage(carts, None, None, "No cart is connected that could be told.", None, None, Page([], None))
    route = Route.of(cart)
    guards = Alert.objects.for_account(account).filter(state=AlertState.OPEN, cause="stock_drop", connection=cart)
    guard = guards.order_by("-pk").first()
    if route.wms is None:
        return InventoryPage(carts, cart, None, route.no_route_words, None, guard, Page([], None))
    reading = StockReading.objects.for_account(account).filter(connection=route.wms).order_by("-pk").first()
    page = _skus(route, route.wms, sku, after)
    return InventoryPage(carts, cart, route.wms, "", reading, guard, page, is_posted=calls_us(route.wms))


def _skus(route: Route, wms: Connection, beginning: str, after: str) -> Page[SkuStock]:
    levels = StockLevel.objects.for_account(wms.account_id).filter(connection=wms, sku__gt=after)
    if beginning:
        levels = levels.filter(sku__startswith=beginning)
    here = Q(gone=False)
    totals = levels.values("sku").annotate(
        total=Sum("available", filter=here), places=Count("pk", filter=here), seen=Min("as_of")
    )
    found: list[Mapping[str, Any]] = list(totals.order_by("sku")[: PAGE + 1])
    shown = found[:PAGE]
    items = _items(route, [row["sku"] for row in shown])
    rows = [SkuStock(row["sku"], row["total"] or 0, not row["places"], row["seen"], items.get(row["sku"], [])) for row in shown]
    return Page(rows, rows[-1].sku if len(found) > PAGE else None)


def _items(route: Route, skus: Sequence[str]) -> dict[str, list[ItemStock]]:
    """Return under each of the WMS's SKUs the names that the cart is, or was, told of."""
    cart = route.cart
    aliases = aliases_of(account_id=cart.account_id, cart_id=cart.pk)
    coming = {row.item: row for row in sellable(cart, among=skus, route=route, aliases=aliases)}
    wanted = set(skus)
    names = wanted | {cart_sku for cart_sku, wms_sku in aliases.items() if wms_sku in wanted}
    rows = (
        ChannelStock.objects.for_account(cart.account_id)
        .filter(cart=cart, item__in=names)
        .select_related("document__connection")
    )
    shown = ("item", "quantity", "status", "sure", "told_at", "document__name", "document__public_id")
    told = {row.item: row for row in rows.only(*shown, "document__connection__public_id")}
    items: dict[str, list[ItemStock]] = defaultdict(list)
    for item in sorted(coming.keys() | told.keys()):
        items[aliases.get(item, item)].append(ItemStock(item, told.get(item), coming.get(item)))
    return items
