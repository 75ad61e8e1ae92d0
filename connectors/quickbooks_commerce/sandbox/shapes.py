"""What each kind of record looks like on the wire: the keys of the last documented API, types as recorded.

Source: QuickBooks Commerce reference 3. Each function takes the store, which knows the related records, and the record.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .records import (
    Address,
    Company,
    Fulfillment,
    FulfillmentLine,
    FulfillmentReturn,
    FulfillmentReturnLine,
    Invoice,
    InvoiceLine,
    Level,
    Order,
    OrderLine,
    Payment,
    Plain,
    Product,
    StockAdjustment,
    StockAdjustmentLine,
    Variant,
    Webhook,
)
from .stock import Figures, figures_of
from .store import Store
from .wire import ZERO, decimal_or_none, decimal_text, read_decimal, stock_or_zero, stock_text, total_text

Shape = dict[str, Any]


def plain(store: Store, row: Plain) -> Shape:
    return {"id": row.id, "created_at": row.created_at, "updated_at": row.updated_at, **row.data, "status": row.status}


def stampless(store: Store, row: Plain) -> Shape:
    """Payment terms, tax types and components show no times."""
    return {"id": row.id, **row.data, "status": row.status}


def statusless(store: Store, row: Plain) -> Shape:
    return {"id": row.id, "created_at": row.created_at, "updated_at": row.updated_at, **row.data}


def account(store: Store, row: Plain) -> Shape:
    shown = statusless(store, row)
    shown["location_ids"] = [location.id for location in store.plain("locations") if location.status == "active"]
    shown["user_ids"] = [user.id for user in store.plain("users")]
    return shown


def price_list(store: Store, row: Plain) -> Shape:
    """The three default lists have texts for ids, others whole numbers."""
    code = row.data["key"]
    rest = {name: value for name, value in row.data.items() if name != "key"}
    return {"id": code or row.id, **rest}


def tax_type(store: Store, row: Plain) -> Shape:
    components = tax_components_of(store, row)
    rate = sum((read_decimal(component.data["rate"]) or ZERO for component in components), ZERO)
    return {
        **stampless(store, row),
        "effective_rate": decimal_text(rate),
        "tax_component_ids": [component.id for component in components],
    }


def tax_components_of(store: Store, row: Plain) -> list[Plain]:
    return [component for component in store.plain("tax_components") if component.data["tax_type_id"] == row.id]


def tax_component(store: Store, row: Plain) -> Shape:
    return {"id": row.id, **row.data}


def company(store: Store, row: Company) -> Shape:
    ids = store.addresses.by_value["company_id"].get(row.id)
    addresses = sorted(i for i in ids if store.addresses.rows[i].status == "active")
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        **row.data,
        "company_code": row.company_code,
        "company_type": row.company_type,
        "email": row.email,
        "name": row.name,
        "phone_number": row.phone_number,
        "status": row.status,
        "address_ids": addresses,
        "contact_ids": _ids_of_company(store, "contacts", row.id),
        "note_ids": _ids_of_company(store, "notes", row.id),
        "default_price_type_id": None,
    }


def _ids_of_company(store: Store, table: str, company_id: int) -> list[int]:
    return [row.id for row in store.plain(table) if row.data["company_id"] == company_id and row.status == "active"]


def address(store: Store, row: Address) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "company_id": row.company_id,
        "address1": row.address1,
        "address2": row.address2,
        "city": row.city,
        "company_name": row.company_name,
        "country": row.country,
        "country_code": row.country_code,
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "label": row.label,
        "phone_number": row.phone_number,
        "state": row.state,
        "status": row.status,
        "suburb": row.suburb,
        "zip_code": row.zip_code,
    }


def product(store: Store, row: Product) -> Shape:
    variants = store.variants.having("product_id", row.id)
    on_hand = sum((figures_of(store, variant).on_hand for variant in variants), ZERO)
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "brand": row.brand,
        "description": row.description,
        "image_url": None,
        "name": row.name,
        "opt1": row.opt1,
        "opt2": row.opt2,
        "opt3": row.opt3,
        "product_type": row.product_type,
        "quantity": stock_text(on_hand),
        "search_cache": " ".join(f"{variant.sku or ''} {variant.name or ''}".strip() for variant in variants),
        "status": row.status,
        "supplier": row.supplier,
        "supplier_ids": [],
        "image_ids": [],
        "tags": row.tags,
        "variant_ids": [variant.id for variant in variants],
        "vendor": row.vendor,
    }


def variant(store: Store, row: Variant) -> Shape:
    parent = store.products.rows[row.product_id]
    figures = figures_of(store, row)
    prices = {"retail": row.retail_price, "wholesale": row.wholesale_price, "buy": row.buy_price}
    shown_prices = {name: decimal_or_none(price) for name, price in prices.items()}
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "product_id": row.product_id,
        "default_ledger_account_id": None,
        "buy_price": shown_prices["buy"],
        "committed_stock": stock_text(figures.committed),
        "available_stock": stock_text(figures.on_hand - figures.committed),
        "incoming_stock": stock_text(figures.incoming),
        "hs_code": row.hs_code,
        "country_of_origin": row.country_of_origin,
        "composite": True if row.components else None,
        "description": row.description,
        "keep_selling": row.keep_selling,
        "last_cost_price": decimal_or_none(row.last_cost_price),
        "manage_stock": row.manage_stock,
        "max_online": row.max_online,
        "moving_average_cost": decimal_or_none(row.moving_average_cost),
        "name": row.name,
        "online_ordering": row.online_ordering,
        "opt1": row.opt1,
        "opt2": row.opt2,
        "opt3": row.opt3,
        "position": row.position,
        "product_name": parent.name,
        "product_status": parent.status,
        "product_type": parent.product_type,
        "purchasable": row.purchasable,
        "retail_price": shown_prices["retail"],
        "sellable": row.sellable,
        "sku": row.sku,
        "status": row.status,
        "stock_on_hand": stock_text(figures.on_hand),
        "supplier_code": row.supplier_code,
        "taxable": row.taxable,
        "upc": row.upc,
        "weight": decimal_text(row.weight),
        "weight_unit": row.weight_unit,
        "weight_value": decimal_text(row.weight),
        "wholesale_price": shown_prices["wholesale"],
        "image_ids": [],
        "variant_prices": [{"price_list_id": name, "value": price} for name, price in shown_prices.items()],
        "locations": [_variant_location(level) for level in figures.levels],
        "prices": shown_prices,
        "stock_levels": {str(level.location_id): decimal_text(level.on_hand) for level in figures.levels},
        "committed_stock_levels": {
            str(level.location_id): decimal_text(level.committed) for level in figures.levels if level.committed
        },
    }


def _variant_location(level: Level) -> Shape:
    return {
        "location_id": level.location_id,
        "stock_on_hand": stock_text(level.on_hand),
        "committed": stock_or_zero(level.committed),
        "incoming": stock_or_zero(level.incoming),
        "bin_location": level.bin_location,
        "reorder_point": decimal_or_none(level.reorder_point),
        "production_committed": "0",
        "production_incoming": "0",
        "available": stock_text(level.on_hand - level.committed),
    }


def stock_level(store: Store, row: Variant) -> Shape:
    figures: Figures = figures_of(store, row)
    return {
        "variant_id": row.id,
        "committed_stock": stock_text(figures.committed),
        "locations": [
            {
                "location_id": level.location_id,
                "committed": stock_or_zero(level.committed),
                "incoming": stock_or_zero(level.incoming),
                "stock_on_hand": stock_text(level.on_hand),
            }
            for level in figures.levels
        ],
        "stock_on_hand": stock_text(figures.on_hand),
        "available_stock": stock_text(figures.on_hand - figures.committed),
        "incoming_stock": stock_text(figures.incoming),
    }


def composition(store: Store, bundle: Variant) -> list[Shape]:
    """Return a row for each component of a bundle."""
    rows = []
    for component_id, quantity in bundle.components:
        component = store.variants.get(component_id)
        rows.append(
            {
                "bundle_id": bundle.id,
                "bundle_sku": bundle.sku,
                "component_id": component_id,
                "component_sku": component.sku if component else None,
                "quantity": decimal_text(Decimal(quantity)),
            }
        )
    return rows


def order(store: Store, row: Order) -> Shape:
    invoices = store.invoices.many(row.invoice_ids) if row.invoice_ids else []
    total = total_text(row.total)
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "document_url": f"https://documents.invalid/d/order-{row.id}",
        "assignee_id": row.assignee_id,
        "billing_address_id": row.billing_address_id,
        "company_id": row.company_id,
        "contact_id": row.contact_id,
        "currency_id": row.currency_id,
        "shipping_address_id": row.shipping_address_id,
        "stock_location_id": row.stock_location_id,
        "user_id": row.user_id,
        "default_price_list_id": row.default_price_list_id,
        "email": row.email,
        "fulfillment_status": row.fulfillment_status,
        "invoice_status": row.invoice_status,
        "issued_at": row.issued_at,
        "notes": row.notes,
        "order_number": row.order_number,
        "packed_status": row.packed_status,
        "payment_status": row.payment_status,
        "phone_number": row.phone_number,
        "reference_number": row.reference_number,
        "return_status": row.return_status,
        "returning_status": row.returning_status,
        "ship_at": row.ship_at,
        "source_url": row.source_url,
        "status": row.status,
        "tax_label": store.account_setting("tax_label"),
        "tax_override": None,
        "tax_treatment": row.tax_treatment,
        "total": total,
        "tags": list(row.tags),
        "fulfillment_ids": list(row.fulfillment_ids),
        "fulfillment_return_ids": list(row.fulfillment_return_ids),
        "invoice_ids": list(row.invoice_ids),
        "payment_ids": list(row.payment_ids),
        "refund_ids": [],
        "invoices": list(row.invoice_ids),
        "cached_total": total,
        "default_price_type_id": row.default_price_list_id,
        "source": None,
        "tax_type": row.tax_treatment,
        "tracking_number": None,
        "url": None,
        "source_id": row.source_id,
        "invoice_numbers": {str(invoice.id): invoice.invoice_number for invoice in invoices},
        "order_line_item_ids": list(row.line_ids),
    }


def order_line(store: Store, row: OrderLine) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "order_id": row.order_id,
        "variant_id": row.variant_id,
        "tax_type_id": row.tax_type_id,
        "discount": decimal_or_none(row.discount),
        "freeform": row.freeform,
        "image_url": None,
        "label": row.label,
        "line_type": row.line_type,
        "position": row.position,
        "price": decimal_text(row.price),
        "quantity": decimal_text(row.quantity),
        "tax_rate_override": decimal_or_none(row.tax_rate_override),
        "fulfillment_line_item_ids": list(row.fulfillment_line_ids),
        "fulfillment_return_line_item_ids": list(row.return_line_ids),
        "invoice_line_item_ids": list(row.invoice_line_ids),
    }


def fulfillment(store: Store, row: Fulfillment) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "order_id": row.order_id,
        "shipping_address_id": row.shipping_address_id,
        "billing_address_id": row.billing_address_id,
        "stock_location_id": row.stock_location_id,
        "delivery_type": row.delivery_type,
        "exchange_rate": decimal_text(row.exchange_rate),
        "notes": row.notes,
        "packed_at": row.packed_at,
        "receipt": row.receipt,
        "received_at": row.received_at,
        "service": row.service,
        "shipped_at": row.shipped_at,
        "status": row.status,
        "tracking_company": row.tracking_company,
        "tracking_number": row.tracking_number,
        "tracking_url": row.tracking_url,
        "order_number": store.orders.rows[row.order_id].order_number,
        "company_id": row.company_id,
        "fulfillment_line_item_ids": list(row.line_ids),
    }


def fulfillment_line(store: Store, row: FulfillmentLine) -> Shape:
    sold = store.variants.get(row.variant_id)
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "fulfillment_id": row.fulfillment_id,
        "order_line_item_id": row.order_line_item_id,
        "base_price": decimal_or_none(row.base_price),
        "position": row.position,
        "quantity": decimal_text(row.quantity),
        "variant_id": row.variant_id,
        "variant_sku": sold.sku if sold else None,
    }


def fulfillment_return(store: Store, row: FulfillmentReturn) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "order_id": row.order_id,
        "location_id": row.location_id,
        "delivery_type": row.delivery_type,
        "exchange_rate": decimal_text(row.exchange_rate),
        "notes": row.notes,
        "received_at": row.received_at,
        "tracking_company": row.tracking_company,
        "tracking_number": row.tracking_number,
        "tracking_url": row.tracking_url,
        "status": row.status,
        "credit_note_number": row.credit_note_number,
        "order_number": store.orders.rows[row.order_id].order_number,
        "company_id": row.company_id,
    }


def fulfillment_return_line(store: Store, row: FulfillmentReturnLine) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "fulfillment_return_id": row.fulfillment_return_id,
        "order_line_item_id": row.order_line_item_id,
        "base_price": None,
        "position": row.position,
        "quantity": decimal_text(row.quantity),
        "ledger_account_id": None,
        "stock_trail_ids": [],
    }


def invoice(store: Store, row: Invoice) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "document_url": f"https://documents.invalid/d/invoice-{row.id}",
        "order_id": row.order_id,
        "shipping_address_id": row.shipping_address_id,
        "billing_address_id": row.billing_address_id,
        "payment_term_id": row.payment_term_id,
        "due_at": row.due_at,
        "exchange_rate": decimal_text(row.exchange_rate),
        "invoice_number": row.invoice_number,
        "invoiced_at": row.invoiced_at,
        "notes": row.notes,
        "cached_total": decimal_text(row.total),
        "payment_status": row.payment_status,
        "order_number": store.orders.rows[row.order_id].order_number,
        "company_id": row.company_id,
        "currency_id": row.currency_id,
        "status": row.status,
        "invoice_line_item_ids": list(row.line_ids),
        "payment_ids": list(row.payment_ids),
        "refund_ids": [],
    }


def invoice_line(store: Store, row: InvoiceLine) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "invoice_id": row.invoice_id,
        "order_line_item_id": row.order_line_item_id,
        "ledger_account_id": None,
        "position": row.position,
        "quantity": decimal_text(row.quantity),
    }


def payment(store: Store, row: Payment) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "invoice_id": row.invoice_id,
        "amount": decimal_text(row.amount),
        "reference": row.reference,
        "paid_at": row.paid_at,
        "status": row.status,
        "exchange_rate": decimal_text(row.exchange_rate),
        "payment_method_id": row.payment_method_id,
    }


def stock_adjustment(store: Store, row: StockAdjustment) -> Shape:
    lines = store.adjustment_lines.many(row.line_ids)
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "adjustment_number": row.adjustment_number,
        "notes": row.notes,
        "reason": row.reason,
        "stock_location_id": row.stock_location_id,
        "cached_quantity": decimal_text(sum((line.quantity for line in lines), ZERO)),
        "cached_total": decimal_text(sum((line.quantity * line.price for line in lines), ZERO)),
        "stock_adjustment_line_item_ids": list(row.line_ids),
    }


def stock_adjustment_line(store: Store, row: StockAdjustmentLine) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "stock_adjustment_id": row.stock_adjustment_id,
        "variant_id": row.variant_id,
        "quantity": decimal_text(row.quantity),
        "position": row.position,
        "price": decimal_text(row.price),
    }


def webhook(store: Store, row: Webhook) -> Shape:
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "event": row.event,
        "address": row.address,
        "oauth_application_id": row.application_id,
    }
