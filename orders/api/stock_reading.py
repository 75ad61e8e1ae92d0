"""Stock and products as programs read them. Source: CartRover reference 1.7, (18) to (20)."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.models import Connection, ConnectionState
from orders.api.callers import Caller
from orders.api.envelope import failure
from orders.api.order_reading import aliases_by_sku
from orders.api.values import map_out, moment_out, moment_without_zone, spellings
from orders.models import Product, StockLevel
from orders.rules.aliases import wms_skus

LARGEST_PAGE = 250


def stock_page(caller: Caller, limit: int, page: int) -> list[dict[str, Any]]:
    """Return the stock of a page of SKUs, in the order of the SKUs."""
    start = (page - 1) * limit
    skus = list(_levels(caller).order_by("sku").values_list("sku", flat=True).distinct()[start : start + limit])
    rows = _by_sku(_levels(caller).filter(sku__in=skus).select_related("connection"))
    aliases = aliases_by_sku(caller.account.pk, set(skus))
    return [{**_stock(sku, rows[sku]), "aliases": map_out(aliases.get(sku, {}))} for sku in skus]


def stock_of(caller: Caller, sku: str) -> dict[str, Any]:
    """Return the stock of one SKU, with quantities as texts. Raise `Fault` where nothing is known of it."""
    rows: list[StockLevel] = []
    for name in _wms_skus(caller, sku):
        rows = rows or list(_levels(caller).filter(sku=name).select_related("connection"))
    if not rows:
        raise failure(f"Product not found: {sku[:60]}")
    found = _stock(rows[0].sku, rows)
    places = found["warehouses"]
    for one in (found, *(places.values() if isinstance(places, dict) else ())):
        one["qty_available"], one["qty_on_hand"] = str(one["qty_available"]), str(one["qty_on_hand"])
    return found


def product_of(caller: Caller, sku: str) -> dict[str, Any]:
    """Return one product. Raise `Fault` where it isn't known."""
    product = None
    for name in _wms_skus(caller, sku):
        product = product or Product.objects.for_account(caller.account).filter(sku=name).first()
    if product is None:
        raise failure(f"Product not found: {sku[:60]}")
    details = product.details or {}
    aliases = aliases_by_sku(caller.account.pk, {product.sku}).get(product.sku, {})
    return {
        "sku": product.sku,
        "name": product.name or None,
        "description": details.get("description"),
        **{field: _number(details.get(field)) for field in ("retail_price", "wholesale_price", "weight_lbs")},
        "wms_product_main_id": product.external_id or None,
        "last_updated_datetime": moment_without_zone(product.updated_at),
        "aliases": [{"code_type": kind, "code": code} for kind, code in sorted(aliases.items())],
    }


def _number(text: str | None) -> float | None:
    return None if text is None else float(Decimal(text))


def _levels(caller: Caller) -> Any:
    connected = Connection.objects.for_account(caller.account).exclude(state=ConnectionState.DISCONNECTED)
    return StockLevel.objects.for_account(caller.account).filter(connection__in=connected.values("pk"))


def _wms_skus(caller: Caller, sku: str) -> list[str]:
    """Return the WMS's SKUs that a program may ask for, the likeliest first: a cart's program asks by its own."""
    if not 0 < len(sku) <= 200 or "\x00" in sku:
        raise failure("Product not found: there is no such SKU.")
    names = spellings(sku)
    if not caller.is_cart:
        return list(names)
    renamed = wms_skus(account_id=caller.account.pk, cart_id=caller.cart.pk, cart_skus=names)
    return [renamed[name] for name in names]


def _by_sku(rows: Iterable[StockLevel]) -> Mapping[str, list[StockLevel]]:
    found: dict[str, list[StockLevel]] = defaultdict(list)
    for row in rows:
        found[row.sku].append(row)
    return found


def _stock(sku: str, rows: Sequence[StockLevel]) -> dict[str, Any]:
    places = {warehouse_pk(row.connection, row.warehouse): _place(row) for row in rows}
    return {
        "sku": sku,
        "qty_available": sum(row.available for row in rows),
        "qty_on_hand": sum(_on_hand(row) for row in rows),
        # As old as its oldest part: that one warehouse was counted just now says nothing of the others.
        "wms_datetime": moment_out(min(row.as_of for row in rows)),
        "warehouses": map_out(places),
    }


def _place(row: StockLevel) -> dict[str, Any]:
    return {
        "warehouse": row.warehouse or row.connection.name,
        "qty_available": row.available,
        "qty_on_hand": _on_hand(row),
        "wms_datetime": moment_out(row.as_of),
    }


def _on_hand(row: StockLevel) -> int:
    """What is known to lie there; where nobody says, at least what can be sold does."""
    return row.available if row.on_hand is None else row.on_hand


def warehouse_pk(wms: Connection, warehouse: str) -> str:
    """Return the number that a warehouse is known by: digits, as programs expect, and always the same for one name."""
    return str(zlib.crc32(f"{wms.public_id.hex}/{warehouse}".encode()))
