"""What the API has at which path: how records are listed, shown, made, changed and deleted, and by whom.

Source: QuickBooks Commerce reference 3. A resource is a row of `RESOURCES`; what is None isn't offered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import catalog, companies, invoicing, orders, plain, shapes, shipping, webhooks
from .querying import Filters
from .store import Store, Table

Show = Callable[[Store, Any], dict[str, Any]]
Create = Callable[[Store, dict[str, Any]], Any]
Update = Callable[[Store, Any, dict[str, Any]], None]
Delete = Callable[[Store, Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sideload:
    """Related records that come along: `name` as asked for by `include`, `root` the array that holds them."""

    name: str
    root: str
    show: Show
    related: Callable[[Store, Sequence[Any]], list[Any]]
    automatic: bool = False
    on_lists: bool = False


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A collection of the API."""

    path: str
    root: str
    model: str
    table: str
    show: Show
    permission: str = "write_settings"
    filters: Filters = NO_FILTERS
    create: Create | None = None
    update: Update | None = None
    delete: Delete | None = None
    update_answers_body: bool = False
    sideloads: tuple[Sideload, ...] = ()
    parents: tuple[str, ...] = ()

    def rows(self, store: Store) -> Table[Any]:
        return store.tables[self.table]


def _children(table: str, attribute: str) -> Callable[[Store, Sequence[Any]], list[Any]]:
    """Return the lines of some documents, in the documents' order."""

    def related(store: Store, rows: Sequence[Any]) -> list[Any]:
        lines = store.tables[table]
        return [line for row in rows for line in lines.many(getattr(row, attribute))]

    return related


def _by_ids(table: str, *attributes: str) -> Callable[[Store, Sequence[Any]], list[Any]]:
    """Return the records that some rows point at, each once."""

    def related(store: Store, rows: Sequence[Any]) -> list[Any]:
        ids = dict.fromkeys(getattr(row, attribute) for row in rows for attribute in attributes)
        return store.tables[table].many(i for i in ids if i is not None)

    return related


def _having(table: str, attribute: str) -> Callable[[Store, Sequence[Any]], list[Any]]:
    def related(store: Store, rows: Sequence[Any]) -> list[Any]:
        return [found for row in rows for found in store.tables[table].having(attribute, row.id)]

    return related


ORDER_LINES = Sideload(
    name="order_line_items",
    root="order_line_items",
    show=shapes.order_line,
    related=_children("order_line_items", "line_ids"),
)

ORDER_SIDELOADS = (
    ORDER_LINES,
    Sideload(
        name="shipping_address", root="addresses", show=shapes.address, related=_by_ids("addresses", "shipping_address_id")
    ),
    Sideload(name="billing_address", root="addresses", show=shapes.address, related=_by_ids("addresses", "billing_address_id")),
    Sideload(name="company", root="companies", show=shapes.company, related=_by_ids("companies", "company_id")),
    Sideload(
        name="fulfillments",
        root="fulfillments",
        show=shapes.fulfillment,
        related=_children("fulfillments", "fulfillment_ids"),
    ),
    Sideload(name="invoices", root="invoices", show=shapes.invoice, related=_children("invoices", "invoice_ids")),
)


def _lines(root: str, table: str, show: Show) -> Sideload:
    return Sideload(name=root, root=root, show=show, related=_children(table, "line_ids"), automatic=True, on_lists=True)


def _plain(
    path: str, root: str, model: str, show: Show = shapes.plain, permission: str = "write_settings", **more: Any
) -> Resource:
    """Return the resource of a small table."""
    return Resource(
        path=path,
        root=root,
        model=model,
        table=path,
        show=show,
        permission=permission,
        create=partial(_create_plain, path),
        update=partial(_update_plain, path),
        delete=partial(_delete_plain, path),
        **{"filters": Filters(default_status="active"), **more},
    )


def _create_plain(table: str, store: Store, body: dict[str, Any]) -> Any:
    return plain.create_plain(store, table, body)


def _update_plain(table: str, store: Store, row: Any, body: dict[str, Any]) -> None:
    plain.update_plain(store, table, row, body)


def _delete_plain(table: str, store: Store, row: Any) -> None:
    plain.delete_plain(store, table, row)


RESOURCES: tuple[Resource, ...] = (
    Resource(
        path="accounts",
        root="account",
        model="Account",
        table="accounts",
        show=shapes.account,
        update=partial(_update_plain, "accounts"),
    ),
    Resource(
        path="users",
        root="user",
        model="User",
        table="users",
        show=shapes.plain,
        filters=Filters(integers=("login_id", "account_id")),
        update=partial(_update_plain, "users"),
    ),
    Resource(
        path="companies",
        root="company",
        model="Company",
        table="companies",
        show=shapes.company,
        permission="write_companies",
        filters=Filters(
            texts=("company_code", "company_type", "email", "status", "default_price_list_id"),
            integers=("assignee_id", "default_payment_term_id", "default_stock_location_id", "default_tax_type_id"),
            default_status="active",
            search=("name", "email", "company_code", "phone_number"),
        ),
        create=companies.create_company,
        update=companies.update_company,
        delete=companies.delete_company,
        sideloads=(
            Sideload(
                name="addresses",
                root="addresses",
                show=shapes.address,
                related=_having("addresses", "company_id"),
            ),
        ),
    ),
    Resource(
        path="addresses",
        root="address",
        model="Address",
        table="addresses",
        show=shapes.address,
        permission="write_companies",
        filters=Filters(texts=("status", "label"), integers=("company_id",), default_status="active"),
        create=companies.create_address,
        update=companies.update_address,
        delete=companies.delete_address,
        update_answers_body=True,
    ),
    _plain(
        "contacts",
        "contact",
        "Contact",
        permission="write_companies",
        filters=Filters(
            texts=("email", "status"), integers=("company_id",), flags=("online_ordering",), default_status="active"
        ),
    ),
    _plain(
        "notes",
        "note",
        "Note",
        shapes.statusless,
        "write_companies",
        filters=Filters(integers=("company_id", "user_id"), default_status="active"),
    ),
    _plain("currencies", "currency", "Currency", filters=Filters(texts=("iso", "status"), default_status="active")),
    _plain("locations", "location", "Location", filters=Filters(texts=("label", "status"), default_status="active")),
    _plain("payment_terms", "payment_term", "PaymentTerm", shapes.stampless),
    _plain(
        "payment_methods",
        "payment_method",
        "PaymentMethod",
        shapes.statusless,
        filters=Filters(texts=("name",), default_status="active"),
    ),
    _plain(
        "tax_types",
        "tax_type",
        "TaxType",
        shapes.tax_type,
        filters=Filters(texts=("code", "status"), default_status="active"),
        sideloads=(
            Sideload(
                name="tax_components",
                root="tax_components",
                show=shapes.tax_component,
                related=lambda store, rows: [part for row in rows for part in shapes.tax_components_of(store, row)],
                automatic=True,
                on_lists=True,
            ),
        ),
    ),
    _plain("tax_components", "tax_component", "TaxComponent", shapes.tax_component, filters=Filters(integers=("tax_type_id",))),
    _plain(
        "price_lists",
        "price_list",
        "PriceList",
        shapes.price_list,
        filters=Filters(integers=("currency_id",), default_status="active"),
    ),
    Resource(
        path="products",
        root="product",
        model="Product",
        table="products",
        show=shapes.product,
        permission="write_products",
        filters=Filters(
            texts=("brand", "product_type", "tags", "status"), default_status="active", search=("name", "product_type", "brand")
        ),
        create=catalog.create_product,
        update=catalog.update_product,
        delete=catalog.delete_product,
        sideloads=(
            Sideload(
                name="variants",
                root="variants",
                show=shapes.variant,
                related=_having("variants", "product_id"),
                on_lists=True,
            ),
        ),
    ),
    Resource(
        path="variants",
        root="variant",
        model="Variant",
        table="variants",
        show=shapes.variant,
        permission="write_products",
        filters=Filters(
            texts=("sku", "upc", "status"),
            integers=("product_id",),
            flags=("online_ordering",),
            default_status="active",
            search=("sku", "name", "upc", "supplier_code"),
        ),
        create=catalog.create_variant,
        update=catalog.update_variant,
        delete=catalog.delete_variant,
        sideloads=(
            Sideload(
                name="product",
                root="products",
                show=shapes.product,
                related=_by_ids("products", "product_id"),
                on_lists=True,
            ),
        ),
    ),
    Resource(
        path="stock_levels",
        root="stock_level",
        model="Variant",
        table="variants",
        show=shapes.stock_level,
        filters=Filters(default_status="active"),
    ),
    Resource(
        path="stock_adjustments",
        root="stock_adjustment",
        model="StockAdjustment",
        table="stock_adjustments",
        show=shapes.stock_adjustment,
        permission="write_stocks",
        filters=Filters(texts=("adjustment_number",), integers=("stock_location_id",), default_status="active"),
        create=catalog.create_adjustment,
        delete=catalog.delete_adjustment,
        sideloads=(
            Sideload(
                name="stock_adjustment_line_items",
                root="stock_adjustment_line_items",
                show=shapes.stock_adjustment_line,
                related=_children("stock_adjustment_line_items", "line_ids"),
            ),
        ),
    ),
    Resource(
        path="stock_adjustment_line_items",
        root="stock_adjustment_line_item",
        model="StockAdjustmentLineItem",
        table="stock_adjustment_line_items",
        show=shapes.stock_adjustment_line,
        filters=Filters(integers=("stock_adjustment_id", "variant_id")),
        parents=("stock_adjustment_id",),
    ),
    Resource(
        path="orders",
        root="order",
        model="Order",
        table="orders",
        show=shapes.order,
        permission="write_orders",
        filters=Filters(
            texts=(
                "order_number",
                "reference_number",
                "status",
                "payment_status",
                "invoice_status",
                "packed_status",
                "fulfillment_status",
                "return_status",
                "returning_status",
                "tags",
            ),
            integers=(
                "company_id",
                "contact_id",
                "currency_id",
                "shipping_address_id",
                "billing_address_id",
                "stock_location_id",
                "assignee_id",
                "user_id",
                "source_id",
            ),
            search=("order_number", "reference_number", "email"),
        ),
        update=orders.update_order,
        delete=orders.delete_order,
        sideloads=ORDER_SIDELOADS,
    ),
    Resource(
        path="order_line_items",
        root="order_line_item",
        model="OrderLineItem",
        table="order_line_items",
        show=shapes.order_line,
        permission="write_orders",
        filters=Filters(integers=("order_id", "variant_id", "tax_type_id")),
        create=orders.create_line,
        update=orders.update_line,
        delete=orders.delete_line,
        parents=("order_id",),
    ),
    Resource(
        path="fulfillments",
        root="fulfillment",
        model="Fulfillment",
        table="fulfillments",
        show=shapes.fulfillment,
        permission="write_orders",
        filters=Filters(
            texts=("status",),
            integers=("order_id", "company_id", "shipping_address_id", "billing_address_id", "stock_location_id"),
        ),
        create=shipping.create_fulfillment,
        update=shipping.update_fulfillment,
        delete=shipping.delete_fulfillment,
        sideloads=(_lines("fulfillment_line_items", "fulfillment_line_items", shapes.fulfillment_line),),
    ),
    Resource(
        path="fulfillment_line_items",
        root="fulfillment_line_item",
        model="FulfillmentLineItem",
        table="fulfillment_line_items",
        show=shapes.fulfillment_line,
        filters=Filters(integers=("fulfillment_id", "order_line_item_id")),
        parents=("fulfillment_id",),
    ),
    Resource(
        path="fulfillment_returns",
        root="fulfillment_return",
        model="FulfillmentReturn",
        table="fulfillment_returns",
        show=shapes.fulfillment_return,
        permission="write_orders",
        filters=Filters(texts=("status",), integers=("order_id", "location_id", "company_id")),
        create=shipping.create_return,
        update=shipping.update_return,
        delete=shipping.delete_return,
        sideloads=(_lines("fulfillment_return_line_items", "fulfillment_return_line_items", shapes.fulfillment_return_line),),
    ),
    Resource(
        path="invoices",
        root="invoice",
        model="Invoice",
        table="invoices",
        show=shapes.invoice,
        permission="write_orders",
        filters=Filters(
            texts=("invoice_number", "payment_status", "status"),
            integers=(
                "order_id",
                "company_id",
                "currency_id",
                "shipping_address_id",
                "billing_address_id",
                "payment_term_id",
            ),
        ),
        create=invoicing.create_invoice,
        update=invoicing.update_invoice,
        delete=invoicing.delete_invoice,
        sideloads=(_lines("invoice_line_items", "invoice_line_items", shapes.invoice_line),),
    ),
    Resource(
        path="invoice_line_items",
        root="invoice_line_item",
        model="InvoiceLineItem",
        table="invoice_line_items",
        show=shapes.invoice_line,
        filters=Filters(integers=("invoice_id", "order_line_item_id")),
        parents=("invoice_id",),
    ),
    Resource(
        path="payments",
        root="payment",
        model="Payment",
        table="payments",
        show=shapes.payment,
        permission="write_orders",
        filters=Filters(integers=("invoice_id", "order_id"), default_status="active"),
        create=invoicing.create_payment,
        delete=invoicing.delete_payment,
    ),
    Resource(
        path="webhooks",
        root="webhook",
        model="Webhook",
        table="webhooks",
        show=shapes.webhook,
        filters=Filters(texts=("event",)),
        create=webhooks.create_webhook,
        update=webhooks.update_webhook,
        delete=webhooks.delete_webhook,
    ),
)

BY_PATH = {resource.path: resource for resource in RESOURCES}
