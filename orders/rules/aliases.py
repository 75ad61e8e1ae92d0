"""Which of the WMS's SKUs a cart's SKU is."""

from __future__ import annotations

from collections.abc import Collection

from orders.models import ProductAlias


def wms_skus(*, account_id: int, cart_id: int, cart_skus: Collection[str]) -> dict[str, str]:
    """Return the WMS's SKU for each of the cart's: by the cart's own alias, else by one for all carts, else the same."""
    found = {sku: sku for sku in cart_skus}
    aliases = ProductAlias.objects.for_account(account_id).filter(cart_sku__in=list(cart_skus))
    rows = list(aliases.values_list("cart_id", "cart_sku", "wms_sku"))
    found.update({cart_sku: wms_sku for owner, cart_sku, wms_sku in rows if owner is None})
    found.update({cart_sku: wms_sku for owner, cart_sku, wms_sku in rows if owner == cart_id})
    return found


def aliases_of(*, account_id: int, cart_id: int) -> dict[str, str]:
    """Return every alias that counts for a cart, the WMS's SKU by the cart's: its own before those for all carts."""
    rows = list(ProductAlias.objects.for_account(account_id).values_list("cart_id", "cart_sku", "wms_sku"))
    found = {cart_sku: wms_sku for owner, cart_sku, wms_sku in rows if owner is None}
    return found | {cart_sku: wms_sku for owner, cart_sku, wms_sku in rows if owner == cart_id}
