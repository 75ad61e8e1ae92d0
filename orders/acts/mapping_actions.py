"""What people do to products, aliases and shipping codes. Each act leaves a trail and lets go what waited for it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from connectors.models import Connection
from orders.actions import after_mapping_change
from orders.models import Product, ProductAlias, ShipMethodMap

# --- aliases -----------------------------------------------------------------------------------------------------------------


def alias_add(*, account: Account, cart: Connection | None, cart_sku: str, wms_sku: str, actor: str) -> ProductAlias:
    """Let the cart's SKU (without a cart: every cart's) be the WMS's. Raise `ValueError` where it is another one already."""
    with transaction.atomic():
        alias, is_new = ProductAlias.objects.for_account(account).get_or_create(
            account=account, cart=cart, cart_sku=cart_sku, defaults={"wms_sku": wms_sku}
        )
        if not is_new and alias.wms_sku != wms_sku:
            raise ValueError(f"{cart_sku} is {alias.wms_sku} already. Change that alias instead.")
        if is_new:
            audit(account=account, actor=actor, verb="alias.added", subject=f"SKU {cart_sku}", words=f"It is {wms_sku}.")
    after_mapping_change(account.pk)
    return alias


def alias_change(alias: ProductAlias, *, wms_sku: str, actor: str) -> None:
    """Let the alias mean another SKU of the WMS."""
    _change(alias, {"wms_sku": wms_sku}, actor=actor, verb="alias.changed", subject=f"SKU {alias.cart_sku}")


def alias_remove(alias: ProductAlias, *, actor: str) -> None:
    """Let the cart's SKU be the WMS's own again."""
    words = f"It was {alias.wms_sku}."
    _remove(alias, actor=actor, verb="alias.removed", subject=f"SKU {alias.cart_sku}", words=words)


# --- shipping codes ----------------------------------------------------------------------------------------------------------


def ship_method_add(*, account: Account, cart: Connection, cart_code: str, wms_code: str, actor: str) -> ShipMethodMap:
    """Let the cart's code, received or not, become the WMS's. Raise `ValueError` where it becomes another one already."""
    with transaction.atomic():
        rows = ShipMethodMap.objects.for_account(account)
        method = rows.filter(cart=cart, cart_code__iexact=cart_code).first()
        if method is None:
            method, _ = rows.get_or_create(account=account, cart=cart, cart_code=cart_code)
        if method.wms_code not in ("", wms_code):
            raise ValueError(f"{method.cart_code} becomes {method.wms_code} already. Change it there.")
    ship_method_change(method, wms_code=wms_code, actor=actor)
    return method


def ship_method_set(*, cart: Connection, cart_code: str, wms_code: str, actor: str) -> ShipMethodMap:
    """Let the cart's code become this one at the WMS, whatever it became before; with "" it is passed on as it is."""
    rows = ShipMethodMap.objects.for_account(cart.account_id)
    with transaction.atomic():
        method = rows.filter(cart=cart, cart_code__iexact=cart_code).first()
        if method is None:
            method, _ = rows.get_or_create(account=cart.account, cart=cart, cart_code=cart_code)
    ship_method_change(method, wms_code=wms_code, actor=actor)
    return method


def ship_method_change(method: ShipMethodMap, *, wms_code: str, actor: str) -> int:
    """Let the cart's code become another one at the WMS, or with "" none; return how many orders went on."""
    subject = f"shipping code {method.cart_code} of {method.cart.name}"
    return _change(method, {"wms_code": wms_code}, actor=actor, verb="ship_method.changed", subject=subject)


# --- products ----------------------------------------------------------------------------------------------------------------


def product_add(*, account: Account, sku: str, name: str, upc: str, actor: str) -> Product:
    """Make a product known by hand. Raise `ValueError` where its SKU is known."""
    with transaction.atomic():
        product, is_new = Product.objects.for_account(account).get_or_create(
            account=account, sku=sku, defaults={"name": name, "upc": upc}
        )
        if not is_new:
            raise ValueError(f"There is a product {sku} already.")
        audit(account=account, actor=actor, verb="product.added", subject=f"product {sku}", words=name)
    after_mapping_change(account.pk)
    return product


def product_change(product: Product, *, name: str, upc: str, actor: str) -> None:
    """Change a product that was loaded by hand. Raise `ValueError` for one of the WMS: its next reading would undo that."""
    _require_by_hand(product)
    values = {"name": name, "upc": upc, "updated_at": hub_now()}
    _change(product, values, actor=actor, verb="product.changed", subject=f"product {product.sku}")


def product_remove(product: Product, *, actor: str) -> None:
    """Forget a product that was loaded by hand. Raise `ValueError` for one of the WMS."""
    _require_by_hand(product)
    _remove(product, actor=actor, verb="product.removed", subject=f"product {product.sku}", words=product.name)


def _require_by_hand(product: Product) -> None:
    if product.connection is not None:
        raise ValueError(f"{product.sku} is a product of {product.connection.name}. Change it there.")


# --- what they have in common ------------------------------------------------------------------------------------------------


def _change(row: Any, values: dict[str, Any], *, actor: str, verb: str, subject: str) -> int:
    before = {name: getattr(row, name) for name in values}
    if before == values:
        return 0
    with transaction.atomic():
        type(row).objects.for_account(row.account_id).filter(pk=row.pk).update(**values)
        told = {name: value for name, value in values.items() if name != "updated_at" and before[name] != value}
        words = "; ".join(f"{name}: “{before[name]}” to “{value}”" for name, value in told.items())
        audit(account=row.account, actor=actor, verb=verb, subject=subject, words=words)
    for name, value in values.items():
        setattr(row, name, value)
    return after_mapping_change(row.account_id)


def _remove(row: Any, *, actor: str, verb: str, subject: str, words: str) -> None:
    with transaction.atomic():
        type(row).objects.for_account(row.account_id).filter(pk=row.pk).delete()
        audit(account=row.account, actor=actor, verb=verb, subject=subject, words=words)
    after_mapping_change(row.account_id)
