"""Companies and their addresses.

Source: QuickBooks Commerce reference 3.2 and 3.3. That company codes may repeat is a choice (option `unique_company_codes`).
"""

from __future__ import annotations

from typing import Any

from .answers import invalid
from .inputs import BLANK, NOT_LISTED, TAKEN, Body, Errors, integers, read, read_tags, texts
from .records import Address, Company
from .store import Store
from .wire import read_decimal

COMPANY_TYPES = ("business", "supplier", "consumer")

COMPANY_DATA: dict[str, Any] = {
    "assignee_id": None,
    "default_ledger_account_id": None,
    "default_payment_method_id": None,
    "default_payment_term_id": None,
    "default_stock_location_id": None,
    "default_tax_type_id": None,
    "default_discount_rate": None,
    "default_price_list_id": None,
    "default_tax_rate": None,
    "default_document_theme_id": None,
    "description": None,
    "fax": None,
    "tax_number": None,
    "website": None,
    "tags": [],
}

COMPANY_READERS = texts("name", "company_type", "company_code", "email", "phone_number")

DATA_READERS = {
    **integers(
        "assignee_id",
        "default_ledger_account_id",
        "default_payment_method_id",
        "default_payment_term_id",
        "default_stock_location_id",
        "default_tax_type_id",
        "default_document_theme_id",
    ),
    **texts("default_price_list_id", "description", "fax", "tax_number", "website"),
    "default_discount_rate": lambda value: _rate(value),
    "default_tax_rate": lambda value: _rate(value),
    "tags": lambda value: list(read_tags(value)),
}

ADDRESS_READERS = texts(
    "address1",
    "address2",
    "city",
    "company_name",
    "country",
    "country_code",
    "email",
    "first_name",
    "last_name",
    "label",
    "phone_number",
    "state",
    "suburb",
    "zip_code",
)

COUNTRY_CODES = {
    "australia": "AU",
    "canada": "CA",
    "france": "FR",
    "germany": "DE",
    "great britain": "GB",
    "ireland": "IE",
    "mexico": "MX",
    "new zealand": "NZ",
    "puerto rico": "PR",
    "singapore": "SG",
    "united kingdom": "GB",
    "united states": "US",
    "united states of america": "US",
    "usa": "US",
}


def _rate(value: Any) -> float | None:
    number = read_decimal(value)
    return None if number is None else float(number)


def check_company(store: Store, values: Body, errors: Errors, prefix: str = "", known: Company | None = None) -> None:
    """Note what is wrong with a company; `known` is the one that is changed."""
    name = values.get("name", known.name if known else None)
    kind = values.get("company_type", known.company_type if known else None)
    errors.require(f"{prefix}name", name)
    errors.require(f"{prefix}company_type", kind)
    if kind and kind not in COMPANY_TYPES:
        errors.add(f"{prefix}company_type", NOT_LISTED)
    code = values.get("company_code")
    if code and store.options.unique_company_codes:
        others = [row for row in store.companies.having("company_code", code) if row is not known]
        if others:
            errors.add(f"{prefix}company_code", TAKEN)


def create_company(store: Store, body: Body) -> Company:
    values = read(body, COMPANY_READERS)
    errors = Errors()
    check_company(store, values, errors)
    errors.raise_any()
    return make_company(store, body)


def make_company(store: Store, body: Body) -> Company:
    """Add a company that was checked."""
    values = read(body, COMPANY_READERS)
    company = store.insert(store.companies, **values, data={**COMPANY_DATA, **read(body, DATA_READERS)})
    store.announce("company.create", "companies", company.id)
    return company


def update_company(store: Store, company: Company, body: Body) -> None:
    values = read(body, COMPANY_READERS)
    errors = Errors()
    check_company(store, values, errors, known=company)
    status = body.get("status", company.status)
    if status not in ("active", "disabled", "archived"):
        errors.add("status", NOT_LISTED)
    errors.raise_any()
    store.change(store.companies, company, **values, status=status, data={**company.data, **read(body, DATA_READERS)})
    store.announce("company.update", "companies", company.id)


def delete_company(store: Store, company: Company) -> None:
    store.change(store.companies, company, status="archived")
    store.announce("company.destroy", "companies", company.id)


def label_taken(store: Store, company_id: int, label: str | None, but: int = 0) -> bool:
    """Return whether another active address of the company has the label."""
    if not label:
        return False
    rows = store.addresses.rows
    for address_id in store.addresses.by_value["label"].get(label):
        row = rows[address_id]
        if row.company_id == company_id and row.status == "active" and address_id != but:
            return True
    return False


def check_address(store: Store, values: Body, company_id: int | None, errors: Errors, prefix: str = "") -> None:
    """Note what is wrong with a new address of a company that exists (or not yet: None)."""
    errors.require(f"{prefix}address1", values.get("address1"))
    if company_id is not None and label_taken(store, company_id, values.get("label")):
        errors.add(f"{prefix}label", TAKEN)


def create_address(store: Store, body: Body) -> Address:
    values = read(body, {**ADDRESS_READERS, **integers("company_id")})
    company = store.companies.get(values.pop("company_id", None))
    if company is None:
        raise invalid({"company": [BLANK]})
    errors = Errors()
    check_address(store, values, company.id, errors)
    errors.raise_any()
    return make_address(store, company.id, values)


def make_address(store: Store, company_id: int, values: Body) -> Address:
    """Add an address that was checked and converted."""
    kept = dict(values)
    kept["country_code"] = country_code(kept.get("country"), kept.get("country_code"))
    address = store.insert(store.addresses, company_id=company_id, **kept)
    store.announce("address.create", "addresses", address.id)
    return address


def country_code(country: str | None, code: str | None) -> str | None:
    """Return the two-letter code: the one given, else the one that the country's name or code means."""
    if code:
        return code.upper()
    text = (country or "").strip()
    return text.upper() if len(text) == 2 else COUNTRY_CODES.get(text.casefold())


def update_address(store: Store, address: Address, body: Body) -> None:
    values = read(body, ADDRESS_READERS)
    errors = Errors()
    errors.require("address1", values.get("address1", address.address1))
    if label_taken(store, address.company_id, values.get("label"), but=address.id):
        errors.add("label", TAKEN)
    errors.raise_any()
    if "country" in values or "country_code" in values:
        values["country_code"] = country_code(values.get("country", address.country), values.get("country_code"))
    store.change(store.addresses, address, **values)
    store.announce("address.update", "addresses", address.id)


def delete_address(store: Store, address: Address) -> None:
    store.change(store.addresses, address, status="archived")
