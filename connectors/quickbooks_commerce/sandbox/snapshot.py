"""What `drive("state")` tells: orders with their lines and papers, stock, companies, as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import shapes
from .orders import lines_of
from .records import Fulfillment, Invoice, Order, OrderLine, Variant
from .stock import figures_of
from .store import Store
from .wire import decimal_or_none, decimal_text, stock_text, total_text

Shown = dict[str, Any]

ADDRESS_FIELDS = (
    "label",
    "first_name",
    "last_name",
    "company_name",
    "address1",
    "address2",
    "suburb",
    "city",
    "state",
    "zip_code",
    "country",
    "country_code",
    "phone_number",
    "email",
)

COMPANY_FIELDS = ("id", "name", "company_code", "company_type", "email", "phone_number", "status")

COUNTED = ("orders", "order_line_items", "fulfillments", "invoices", "companies", "addresses", "variants")


def counts(store: Store) -> Shown:
    return {name: len(store.tables[name]) for name in COUNTED}


def location_labels(store: Store) -> dict[int, str]:
    return {row.id: str(row.data["label"]) for row in store.plain("locations")}


def sku_of(store: Store, variant_id: int | None) -> str | None:
    variant = store.variants.get(variant_id)
    return variant.sku if variant else None


def order_state(store: Store, order: Order) -> Shown:
    company = store.companies.rows[order.company_id]
    currency = store.plain("currencies").rows[order.currency_id]
    return {
        "id": order.id,
        "order_number": order.order_number,
        "reference_number": order.reference_number,
        "company_id": order.company_id,
        "company_code": company.company_code,
        "company_name": company.name,
        "status": order.status,
        "packed_status": order.packed_status,
        "fulfillment_status": order.fulfillment_status,
        "invoice_status": order.invoice_status,
        "payment_status": order.payment_status,
        "location": location_labels(store).get(order.stock_location_id),
        "issued_at": order.issued_at,
        "ship_at": order.ship_at,
        "email": order.email,
        "phone_number": order.phone_number,
        "notes": order.notes,
        "source_url": order.source_url,
        "tags": list(order.tags),
        "currency": currency.data["iso"],
        "total": str(total_text(order.total)),
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "by_stranger": order.by_stranger,
        "shipping_address": _address(store, order.shipping_address_id),
        "billing_address": _address(store, order.billing_address_id),
        "lines": [line_state(store, line) for line in lines_of(store, order)],
    }


def _address(store: Store, address_id: int) -> Shown:
    address = store.addresses.rows[address_id]
    return {"id": address.id, **{name: getattr(address, name) for name in ADDRESS_FIELDS}}


def line_state(store: Store, line: OrderLine) -> Shown:
    return {
        "id": line.id,
        "position": line.position,
        "variant_id": line.variant_id,
        "sku": sku_of(store, line.variant_id),
        "freeform": line.freeform,
        "line_type": line.line_type,
        "label": line.label,
        "quantity": decimal_text(line.quantity),
        "price": decimal_text(line.price),
        "discount": decimal_or_none(line.discount),
        "packed": decimal_text(line.packed),
        "shipped": decimal_text(line.shipped),
        "invoiced": decimal_text(line.invoiced),
    }


def fulfillment_state(store: Store, row: Fulfillment) -> Shown:
    shown = shapes.fulfillment(store, row)
    names = ("id", "order_id", "order_number", "status", "tracking_number", "tracking_company", "tracking_url", "service")
    return {
        **{name: shown[name] for name in (*names, "packed_at", "shipped_at", "updated_at")},
        "lines": [
            {
                "id": line.id,
                "order_line_item_id": line.order_line_item_id,
                "sku": sku_of(store, line.variant_id),
                "quantity": decimal_text(line.quantity),
            }
            for line in store.fulfillment_lines.many(row.line_ids)
        ],
    }


def invoice_state(store: Store, row: Invoice) -> Shown:
    shown = shapes.invoice(store, row)
    names = ("id", "order_id", "order_number", "invoice_number", "invoiced_at", "due_at", "status", "payment_status")
    return {
        **{name: shown[name] for name in (*names, "updated_at")},
        "total": shown["cached_total"],
        "lines": [
            {
                "id": line.id,
                "order_line_item_id": line.order_line_item_id,
                "sku": _line_sku(store, line.order_line_item_id),
                "quantity": decimal_text(line.quantity),
            }
            for line in store.invoice_lines.many(row.line_ids)
        ],
    }


def _line_sku(store: Store, line_id: int) -> str | None:
    line = store.order_lines.get(line_id)
    return sku_of(store, line.variant_id) if line else None


def stock_of(store: Store, variant: Variant) -> Shown:
    """Return the stock of a variant by the label of the location."""
    labels = location_labels(store)
    return {
        labels[level.location_id]: {
            "on_hand": stock_text(level.on_hand),
            "committed": stock_text(level.committed),
            "available": stock_text(level.on_hand - level.committed),
        }
        for level in figures_of(store, variant).levels
    }


def state(store: Store, orders: Iterable[Order]) -> Shown:
    """Return everything about some orders, and all stock and companies."""
    chosen = list(orders)
    fulfillments = [row for order in chosen for row in store.fulfillments.many(order.fulfillment_ids)]
    invoices = [row for order in chosen for row in store.invoices.many(order.invoice_ids)]
    return {
        "orders": [order_state(store, order) for order in chosen],
        "fulfillments": [fulfillment_state(store, row) for row in fulfillments],
        "invoices": [invoice_state(store, row) for row in invoices],
        "companies": [{name: getattr(row, name) for name in COMPANY_FIELDS} for row in store.companies],
        "stock": {row.sku or str(row.id): stock_of(store, row) for row in store.variants if row.status == "active"},
        "counts": counts(store),
        "options": store.options.as_dict(),
    }
