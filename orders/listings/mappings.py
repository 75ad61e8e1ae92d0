"""Products, aliases and shipping codes, what still waits for one, and which alias would help."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from cartrover.accounts.models import Account
from connectors.contract import HoldReason
from connectors.models import Connection
from orders.listings.paging import Page, page_of
from orders.models import Order, OrderLine, Product, ProductAlias, ShipMethodMap
from orders.models.order import held_for
from orders.rules.near_skus import nearest

UNMAPPED_SHOWN = 200
SUGGESTED = 20
"""SKUs that hold orders and are looked at for a suggestion, those that hold most first."""

COMPARED = 5_000
"""Products that are compared with them at most: enough for a family of SKUs, quick enough for a page."""

HELD_LOOKED_AT = 1_000
"""Held orders that are counted by code or by SKU, the newest: what holds up many is among them."""

LINES_LOOKED_AT = 10_000
"""Lines of those that are counted by SKU: orders of thousands of lines are few."""

FAMILY = 3
"""Characters that two SKUs must begin with alike to be compared."""


def products_page(account: Account, *, sku: str = "", after: UUID | None = None) -> Page[Product]:
    """Return the products by SKU; `sku` keeps those that begin with it, and those whose UPC it is."""
    rows = Product.objects.for_account(account).select_related("connection")
    if sku:
        rows = rows.filter(Q(sku__istartswith=sku) | Q(upc=sku))
    return page_of(account, rows, along="sku", after=after)


def aliases_page(account: Account, *, sku: str = "", after: UUID | None = None) -> Page[ProductAlias]:
    """Return the aliases by the cart's SKU; `sku` keeps those of which either SKU begins with it."""
    rows = ProductAlias.objects.for_account(account).select_related("cart")
    if sku:
        rows = rows.filter(Q(cart_sku__istartswith=sku) | Q(wms_sku__istartswith=sku))
    return page_of(account, rows, along="cart_sku", after=after)


@dataclass(frozen=True, slots=True)
class UnmappedCode:
    """A code that was received and has none at the WMS; `waiting` is how many of the newest held orders wait for it."""

    method: ShipMethodMap
    waiting: int


@dataclass(frozen=True, slots=True)
class CodesPage:
    """Every shipping code ever received: those that become nothing yet, and a page of the others."""

    unmapped: Sequence[UnmappedCode]
    mapped: Page[ShipMethodMap]
    counted: int | None
    """How many held orders were counted, where there are more than those."""


def codes_page(account: Account, *, after: UUID | None = None) -> CodesPage:
    """Return the unmapped codes, those that hold most orders first, and the mapped ones by code."""
    rows = ShipMethodMap.objects.for_account(account).select_related("cart")
    held = _held(account, HoldReason.UNMAPPED_SHIP_METHOD).values_list("source_id", "ship_code")
    codes = list(held[: HELD_LOOKED_AT + 1])
    waiting = Counter((cart_id, code.upper()) for cart_id, code in codes[:HELD_LOOKED_AT])
    unmapped = [
        UnmappedCode(method, waiting[method.cart_id, method.cart_code.upper()])
        for method in rows.filter(wms_code="").order_by("cart_code", "pk")[:UNMAPPED_SHOWN]
    ]
    unmapped.sort(key=lambda one: -one.waiting)
    mapped = page_of(account, rows.exclude(wms_code=""), along="cart_code", after=after)
    return CodesPage(unmapped, mapped, HELD_LOOKED_AT if len(codes) > HELD_LOOKED_AT else None)


def _held(account: Account, reason: HoldReason) -> Any:
    """Return the orders that are held for this reason, newest first, as the index has them."""
    return Order.objects.for_account(account).filter(held_for(reason)).order_by("-created_at", "-pk")


# --- aliases that would help -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnknownSku:
    """A cart's SKU that holds orders, and the product that it may be: `because` of what; None where nothing is like it.

    `orders` are those among the newest held ones.
    """

    cart: Connection
    sku: str
    orders: int
    product: Product | None = None
    because: str = ""


def unknown_skus(account: Account) -> list[UnknownSku]:
    """Return the SKUs that hold the newest held orders and aren't among the products, with what each may be."""
    held = _held(account, HoldReason.UNKNOWN_SKU)[:HELD_LOOKED_AT]
    carts_of = dict(held.values_list("pk", "source_id"))
    lines = OrderLine.objects.for_account(account).filter(order__in=held.values("pk")).order_by("-order_id")
    orders: dict[tuple[int, str], set[int]] = defaultdict(set)
    upcs: dict[str, str] = {}
    for order_id, item, upc in lines.values_list("order_id", "item", "upc")[:LINES_LOOKED_AT] if carts_of else ():
        if order_id in carts_of:
            orders[carts_of[order_id], item].add(order_id)
            upcs |= {item: upc} if upc else {}
    most = sorted(orders, key=lambda of: (-len(orders[of]), of[1], of[0]))[: SUGGESTED * 3]
    if not most:
        return []
    aliased = _aliased(account, {item for _, item in most})
    skus = {of: _at_wms(aliased, *of) for of in most}
    products = Product.objects.for_account(account).filter(gone=False)
    known = set(products.filter(sku__in=set(skus.values())).values_list("sku", flat=True))
    wanted = [of for of in most if skus[of] not in known][:SUGGESTED]
    carts = Connection.objects.for_account(account).in_bulk([cart_id for cart_id, _ in wanted])
    items = [item for _, item in wanted]
    by_upc, by_sku = _same_upc(account, {item: upcs[item] for item in items if item in upcs}), _near(account, items)
    result = []
    for cart_id, item in wanted:
        product, because = by_upc.get(item), "same UPC"
        if product is None:
            product, because = by_sku.get(item), "near SKU"
        result.append(UnknownSku(carts[cart_id], item, len(orders[cart_id, item]), product, because if product else ""))
    return result


def _aliased(account: Account, items: set[str]) -> dict[tuple[int | None, str], str]:
    rows = ProductAlias.objects.for_account(account).filter(cart_sku__in=items)
    return {(cart_id, cart_sku): wms_sku for cart_id, cart_sku, wms_sku in rows.values_list("cart_id", "cart_sku", "wms_sku")}


def _at_wms(aliased: Mapping[tuple[int | None, str], str], cart_id: int, item: str) -> str:
    return aliased.get((cart_id, item)) or aliased.get((None, item)) or item


def _same_upc(account: Account, upcs: Mapping[str, str]) -> dict[str, Product]:
    """By the cart's SKU, of the UPCs that the cart's lines name: the one product that has it. Leading zeros don't count."""
    written = {"0" * zeros + upc.lstrip("0") for upc in upcs.values() if upc.strip("0") for zeros in range(4)}
    found: dict[str, list[Product]] = defaultdict(list)
    for product in Product.objects.for_account(account).filter(upc__in=written, gone=False):
        found[product.upc.lstrip("0")].append(product)
    alike = {item: found[upc.lstrip("0")] for item, upc in upcs.items()}
    return {item: products[0] for item, products in alike.items() if len(products) == 1}


def _near(account: Account, items: Sequence[str]) -> dict[str, Product]:
    """By the cart's SKU: the product whose SKU is most like it."""
    family = Q(pk__in=[])
    for beginning in {item[:FAMILY] for item in items if item}:
        family |= Q(sku__istartswith=beginning)
    rows = Product.objects.for_account(account).filter(family, gone=False).only("sku", "name", "account_id", "public_id")
    products = {product.sku: product for product in rows.order_by("sku")[:COMPARED]}
    near = {item: nearest(item, products) for item in items}
    return {item: products[sku] for item, sku in near.items() if sku is not None}
