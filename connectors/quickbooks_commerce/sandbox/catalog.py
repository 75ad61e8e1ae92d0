"""Products, variants, bundles, and stock adjustments, the API's only way to set stock.

Source: QuickBooks Commerce reference 3.7 to 3.11. SKUs needn't be unique.
"""

from __future__ import annotations

from typing import Any

from .answers import invalid, not_found
from .inputs import BLANK, NO_NUMBER, NOT_LISTED, Body, Errors, decimals, flags, integers, objects, read, texts
from .orders import next_number
from .records import OrderLine, Product, StockAdjustment, Variant
from .stock import level_at, move_on_hand, settle_commitment
from .store import Store
from .wire import ZERO, read_decimal

PRODUCT_READERS = texts("name", "brand", "description", "product_type", "opt1", "opt2", "opt3", "supplier", "vendor", "tags")

VARIANT_READERS = {
    **texts(
        "sku",
        "name",
        "upc",
        "supplier_code",
        "description",
        "hs_code",
        "country_of_origin",
        "opt1",
        "opt2",
        "opt3",
        "weight_unit",
    ),
    **integers("position", "max_online"),
    **flags("manage_stock", "keep_selling", "taxable", "sellable", "purchasable", "online_ordering"),
    **decimals("retail_price", "wholesale_price", "buy_price", "weight"),
}

STATUSES = ("active", "disabled", "archived")

REASONS = (None, "supplier", "customer", "damaged", "shrinkage", "promotion", "production")


def create_product(store: Store, body: Body) -> Product:
    values = read(body, PRODUCT_READERS)
    if isinstance(body.get("tags"), list):
        values["tags"] = ",".join(str(tag) for tag in body["tags"])
    errors = Errors()
    errors.require("name", values.get("name"))
    errors.raise_any()
    product = store.insert(store.products, **values)
    store.announce("product.create", "products", product.id)
    for item in objects(body.get("variants")):
        create_variant(store, {**item, "product_id": product.id})
    return product


def update_product(store: Store, product: Product, body: Body) -> None:
    values = read(body, {**PRODUCT_READERS, **texts("status")})
    errors = Errors()
    errors.require("name", values.get("name", product.name))
    if values.get("status", product.status) not in STATUSES:
        errors.add("status", NOT_LISTED)
    errors.raise_any()
    store.change(store.products, product, **values)
    if product.status == "archived":
        for variant in store.variants.having("product_id", product.id):
            store.change(store.variants, variant, status="archived")


def delete_product(store: Store, product: Product) -> None:
    update_product(store, product, {"status": "archived"})
    store.announce("product.destroy", "products", product.id)


def create_variant(store: Store, body: Body) -> Variant:
    values = _without_blanks(read(body, {**VARIANT_READERS, **integers("product_id")}))
    product = store.products.get(values.get("product_id"))
    if product is None:
        raise invalid({"product": [BLANK]})
    values.setdefault("position", len(store.variants.by_value["product_id"].get(product.id)))
    cost = read_decimal(body.get("initial_cost_price"))
    variant = store.insert(store.variants, **values, last_cost_price=cost, moving_average_cost=cost)
    store.touch(store.products, product)
    store.announce("variant.create", "variants", variant.id)
    _initial_stock(store, variant, body)
    return variant


def _without_blanks(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is null, so that columns keep their default."""
    return {name: value for name, value in values.items() if value is not None}


def _initial_stock(store: Store, variant: Variant, body: Body) -> None:
    for location in store.plain("locations"):
        level_at(store, variant.id, location.id)
    level = read_decimal(body.get("initial_stock_level"))
    if level:
        location_id = read(body, integers("initial_stock_location_id")).get("initial_stock_location_id")
        move_on_hand(store, variant.id, location_id or store.account_setting("primary_location_id"), level)


def update_variant(store: Store, variant: Variant, body: Body) -> None:
    """Change what may be changed; stock figures and other read-only fields are ignored in silence."""
    values = read(body, VARIANT_READERS)
    for name in ("position", "weight"):
        if values.get(name, ZERO) is None:
            values.pop(name)
    for price in objects(body.get("variant_prices")):
        if price.get("price_list_id") not in ("retail", "wholesale", "buy"):
            raise not_found("PriceList", price.get("price_list_id"))
    apply_to_variant(store, variant, values)


def apply_to_variant(store: Store, variant: Variant, values: dict[str, Any]) -> None:
    """Change a variant. When its stock begins or ceases to be tracked, what its orders commit begins or ceases too."""
    tracked = values.get("manage_stock", variant.manage_stock)
    if tracked == variant.manage_stock:
        store.change(store.variants, variant, **values)
        return
    lines = store.order_lines.having("variant_id", variant.id)
    if not tracked:
        _release(store, lines)
    store.change(store.variants, variant, **values)
    if tracked:
        for line in lines:
            line.committed = ZERO
            settle_commitment(store, store.orders.rows[line.order_id], [line])


def _release(store: Store, lines: list[OrderLine]) -> None:
    for line in lines:
        quantity, line.quantity = line.quantity, ZERO
        settle_commitment(store, store.orders.rows[line.order_id], [line])
        line.quantity = quantity


def delete_variant(store: Store, variant: Variant) -> None:
    store.change(store.variants, variant, status="archived")


# --- stock adjustments -------------------------------------------------------------------------------------------------------


def create_adjustment(store: Store, body: Body) -> StockAdjustment:
    """Move stock up or down by `POST /stock_adjustments`."""
    values = _without_blanks(read(body, {**texts("adjustment_number", "notes", "reason"), **integers("stock_location_id")}))
    values.setdefault("stock_location_id", store.account_setting("primary_location_id"))
    errors = Errors()
    if values["stock_location_id"] not in store.plain("locations").rows:
        errors.add("stock_location", BLANK)
    if values.get("reason") not in REASONS:
        errors.add("reason", NOT_LISTED)
    lines = [_adjustment_line(store, item, errors) for item in objects(body.get("stock_adjustment_line_items"))]
    errors.raise_any()
    used = [row.adjustment_number for row in store.adjustments][-1:]
    values.setdefault("adjustment_number", next_number(used, "SA0001"))
    made = store.insert(store.adjustments, **values)
    ids = []
    for at, line in enumerate(lines):
        ids.append(store.insert(store.adjustment_lines, stock_adjustment_id=made.id, position=at, **line).id)
        _adjust(store, made.stock_location_id, **line)
    made.line_ids = tuple(ids)
    store.announce("stock_adjustment.create", "stock_adjustments", made.id)
    return made


def _adjustment_line(store: Store, item: Body, errors: Errors) -> dict[str, Any]:
    values = read(item, {**integers("variant_id"), **decimals("quantity", "price")})
    prefix = "stock_adjustment_line_items."
    variant = store.variants.get(values.get("variant_id"))
    if variant is None or variant.components:
        errors.add(f"{prefix}variant", BLANK)
        return values
    if values.get("quantity") is None:
        errors.add(f"{prefix}quantity", NO_NUMBER)
        return values
    cost = variant.moving_average_cost or ZERO
    if values["quantity"] > 0 and values.get("price") is None:
        errors.add(f"{prefix}price", BLANK)
    values["price"] = values.get("price") or cost
    return values


def _adjust(store: Store, location_id: int, *, variant_id: int, quantity: Any, price: Any) -> None:
    variant = store.variants.rows[variant_id]
    if quantity > 0:
        held = sum((level.on_hand for level in store.levels_of(variant_id).values()), ZERO)
        cost = variant.moving_average_cost or ZERO
        whole = max(held, ZERO) + quantity
        variant.moving_average_cost = round((max(held, ZERO) * cost + quantity * price) / whole, 4)
        variant.last_cost_price = price
        store.mark(store.variants, variant)
    move_on_hand(store, variant_id, location_id, quantity)


def delete_adjustment(store: Store, row: StockAdjustment) -> None:
    """Take an adjustment back."""
    if row.status == "void":
        raise not_found("StockAdjustment", row.id)
    for line in store.adjustment_lines.many(row.line_ids):
        move_on_hand(store, line.variant_id, row.stock_location_id, -line.quantity)
    store.change(store.adjustments, row, status="void")
