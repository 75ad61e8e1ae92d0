"""The small tables: contacts, notes, currencies, locations, payment methods and terms, tax types, price lists, users.

Each is a list of attributes with their reader and default; the rules beyond are few. Source: QuickBooks Commerce reference 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .inputs import BLANK, TAKEN, Body, Errors, Reader, flags, instants, integers, objects, read, texts
from .records import Plain
from .store import Store
from .wire import decimal_or_none, read_decimal


def _decimal_as_text(value: Any) -> str | None:
    return decimal_or_none(read_decimal(value))


def _list_of_texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a small table's rows hold: readers, defaults, which ones must be there, and which are unique."""

    readers: Mapping[str, Reader]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    create_only: tuple[str, ...] = ()

    def blank(self) -> dict[str, Any]:
        return {name: self.defaults.get(name) for name in self.readers}


TABLES: dict[str, Attributes] = {
    "accounts": Attributes(
        {
            **texts("contact_email", "contact_mobile", "contact_phone", "country"),
            **texts("default_order_price_list_id", "default_purchase_order_price_list_id", "default_sales_ledger_account_on"),
            **texts("default_tax_treatment"),
            **integers("default_document_theme_id"),
            **texts("industry", "logo_url", "name"),
            **flags("stock_level_warn"),
            **texts("tax_label", "tax_number", "tax_number_label", "time_zone", "website"),
            **integers("primary_location_id", "primary_billing_location_id", "default_currency_id"),
            **integers("default_payment_method_id", "default_payment_term_id", "billing_contact_id"),
            **integers("default_sales_order_tax_type_id", "default_purchase_order_tax_type_id", "default_tax_exempt_id"),
            "default_tax_rate": _decimal_as_text,
            **texts("default_tax_type"),
            **integers("default_tax_type_id"),
            **texts("default_order_price_type_id", "default_purchase_order_price_type_id"),
        },
        required=("name", "country"),
    ),
    "users": Attributes(
        {
            **texts("action_items_email", "avatar_url"),
            **flags("billing_contact"),
            **texts("email", "first_name", "last_name"),
            **instants("last_sign_in_at"),
            **texts("location"),
            **integers("login_id"),
            **texts("mobile"),
            **flags("notification_email"),
            "permissions": _list_of_texts,
            **texts("phone_number", "position"),
            **flags("sales_report_email"),
            **integers("account_id"),
        },
        defaults={"permissions": []},
    ),
    "contacts": Attributes(
        {
            **integers("company_id"),
            **texts("email", "fax", "first_name", "last_name", "location", "mobile", "notes", "phone_number", "position"),
            **flags("iguana_admin", "online_ordering"),
            **instants("invitation_accepted_at"),
            **texts("phone"),
        },
        defaults={"online_ordering": False},
        required=("company_id", "first_name"),
        create_only=("company_id",),
    ),
    "notes": Attributes(
        {**integers("company_id", "user_id"), **texts("body")},
        defaults={"user_id": 1},
        required=("company_id",),
        create_only=("company_id", "user_id"),
    ),
    "currencies": Attributes(
        {
            **texts("delimiter", "format", "iso", "name"),
            **integers("precision"),
            "rate": _decimal_as_text,
            **texts("separator", "symbol"),
            **integers("subunit"),
        },
        defaults={
            "delimiter": ",",
            "format": "%u%n",
            "precision": 2,
            "rate": "1.0",
            "separator": ".",
            "symbol": "$",
            "subunit": 100,
        },
        required=("iso",),
    ),
    "locations": Attributes(
        {
            **texts("address1", "address2", "city", "country"),
            **flags("holds_stock"),
            **texts("label", "state", "suburb", "zip_code"),
        },
        defaults={"holds_stock": True},
        required=("label", "address1", "country"),
        unique=("label",),
    ),
    "payment_methods": Attributes(
        {**texts("name"), **flags("is_default")},
        defaults={"is_default": False},
        required=("name",),
        create_only=("is_default",),
    ),
    "payment_terms": Attributes(
        {**texts("name"), **integers("due_in_days"), **texts("from")}, defaults={"due_in_days": 0, "from": "now"}
    ),
    "tax_types": Attributes(
        {**texts("code", "imported_from", "name", "quickbooks_online_id", "xero_online_id")}, required=("name",)
    ),
    "tax_components": Attributes(
        {**integers("tax_type_id", "position"), **texts("label"), "rate": _decimal_as_text, **flags("compound")},
        defaults={"position": 0, "rate": "0.0", "compound": False},
        required=("tax_type_id",),
        create_only=("tax_type_id",),
    ),
    "price_lists": Attributes(
        {
            "key": lambda value: None,
            **texts("code", "name"),
            **flags("is_cost"),
            **integers("currency_id"),
            **texts("currency_symbol", "currency_iso"),
            **flags("is_default"),
            **integers("position"),
        },
        defaults={"is_cost": False},
        required=("currency_id",),
        create_only=("is_default", "currency_symbol", "currency_iso"),
    ),
}


def create_plain(store: Store, table: str, body: Body) -> Plain:
    """Add a row by the API."""
    attributes = TABLES[table]
    values = {**attributes.blank(), **read(body, attributes.readers)}
    errors = Errors()
    _check(store, table, values, errors)
    errors.raise_any()
    _complete(store, table, values)
    row = store.insert(store.plain(table), data=values)
    if table == "tax_types":
        for item in objects(body.get("tax_components")):
            create_plain(store, "tax_components", {**item, "tax_type_id": row.id})
    if table in ("contacts", "locations"):
        store.announce(f"{table.removesuffix('s')}.create", table, row.id)
    return row


def _check(store: Store, table: str, values: Body, errors: Errors, known: Plain | None = None) -> None:
    attributes = TABLES[table]
    for name in attributes.required:
        errors.require(name, values.get(name))
    for name in attributes.unique:
        others = (row for row in store.plain(table) if row.status == "active" and row is not known)
        if any(row.data[name] == values.get(name) for row in others):
            errors.add(name, TAKEN)
    if table in ("contacts", "notes") and store.companies.get(values.get("company_id")) is None:
        errors.add("company", BLANK)


def _complete(store: Store, table: str, values: dict[str, Any]) -> None:
    if table == "price_lists":
        currency = store.plain("currencies").get(values["currency_id"])
        if currency is not None:
            values["currency_symbol"], values["currency_iso"] = currency.data["symbol"], currency.data["iso"]


def update_plain(store: Store, table: str, row: Plain, body: Body) -> None:
    """Change what is named; attributes that only a creation takes are ignored."""
    attributes = TABLES[table]
    readers = {name: reader for name, reader in attributes.readers.items() if name not in attributes.create_only}
    values = {**row.data, **read(body, readers)}
    errors = Errors()
    _check(store, table, values, errors, known=row)
    errors.raise_any()
    store.change(store.plain(table), row, data=values)


def delete_plain(store: Store, table: str, row: Plain) -> None:
    store.change(store.plain(table), row, status="archived")


def add_plain(store: Store, table: str, **values: Any) -> Plain:
    """Add a row as the far side itself would, unchecked."""
    attributes = TABLES[table]
    return store.insert(store.plain(table), data={**attributes.blank(), **values})
