"""From the hub's order to the body of `POST /orders`. Pure: data in, data out, no clock and no socket.

Source: QuickBooks Commerce reference sections 3.12, 3.13 and 4.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.contract import Address, HoldReason, OrderLineOut, OrderOut
from connectors.errors import FixOrder
from connectors.quickbooks_commerce.countries import two_letters
from connectors.quickbooks_commerce.wire import money_text, wire_id

DISCOUNT_LABEL = "Discount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What the far side already has and an order refers to: ids as text; a blank address id means that the address is new."""

    company_id: str
    variants: Mapping[str, str]
    today: date
    currency_iso: str = ""
    ship_label: str = ""
    bill_label: str = ""
    ship_address_id: str = ""
    bill_address_id: str = ""


def ship_label(order: OrderOut) -> str:
    """Name the ship-to among the company's addresses, where names are unique."""
    return order.cust_ref


def bill_label(order: OrderOut) -> str:
    """Name the bill-to among the company's addresses."""
    return f"{order.cust_ref}-B"


def render_order(order: OrderOut, settings: Mapping[str, Any], resolved: Resolved) -> dict[str, Any]:
    """Return the body. Raise `FixOrder` for an address that QuickBooks Commerce can't take."""
    body: dict[str, Any] = {
        "order_number": order.cust_ref,
        "reference_number": order.cust_po_no,
        "company_id": wire_id(resolved.company_id),
        "status": settings["order_status"],
        "issued_at": (order.order_date or resolved.today).isoformat(),
    }
    optional = {
        "ship_at": order.ship_by.isoformat() if order.ship_by else "",
        "email": order.ship_to.e_mail,
        "phone_number": order.ship_to.phone,
        "notes": order.notes,
        "currency_iso": resolved.currency_iso,
        "tax_treatment": "" if settings["tax_treatment"] == "default" else settings["tax_treatment"],
    }
    body |= {name: value for name, value in optional.items() if value}
    if order.ship_code and settings["ship_code_tag"]:
        body["tags"] = [order.ship_code]
    body |= _addresses(order, resolved)
    body["order_line_items"] = list(_lines(order, settings, resolved.variants))
    return {"order": body}


# --- addresses ---------------------------------------------------------------------------------------------------------------


def render_ship_to(order: OrderOut, label: str = "") -> dict[str, str]:
    """Return the ship-to as a nested address. Raise `FixOrder` where the street, the city or the country is missing."""
    country = two_letters(order.ship_to.country)
    needed = {
        "ship_address_1": (order.ship_to.address_1, "street"),
        "ship_city": (order.ship_to.city, "city"),
        "ship_country": (country, "country"),
    }
    for field, (value, noun) in needed.items():
        if not value.strip():
            raise FixOrder(_missing(order, field, noun), field=field, reason=HoldReason.BAD_ADDRESS)
    return _address(order.ship_to, label or ship_label(order), country)


def render_bill_to(order: OrderOut, label: str = "") -> dict[str, str] | None:
    """Return the bill-to as a nested address, or None: then QuickBooks Commerce takes the ship-to.

    A bill-to without a street, or the same as the ship-to, isn't worth a second address and never holds an order.
    """
    if not order.bill_to.address_1.strip() or order.bill_to == order.ship_to:
        return None
    return _address(order.bill_to, label or bill_label(order), two_letters(order.bill_to.country))


def _address(address: Address, label: str, country: str) -> dict[str, str]:
    street_2 = ", ".join(part for part in (address.address_2.strip(), address.address_3.strip()) if part)
    values = {
        "label": label,
        "first_name": address.first_name,
        "last_name": address.last_name,
        "company_name": address.company,
        "address1": address.address_1,
        "address2": street_2,
        "city": address.city,
        "state": address.state,
        "zip_code": address.zip,
        "country": country,
    }
    return {name: value.strip() for name, value in values.items() if value.strip()}


def _addresses(order: OrderOut, resolved: Resolved) -> Iterator[tuple[str, Any]]:
    ship_to = render_ship_to(order, resolved.ship_label)
    bill_to = render_bill_to(order, resolved.bill_label)
    if resolved.ship_address_id:
        yield "shipping_address_id", wire_id(resolved.ship_address_id)
    else:
        yield "shipping_address", ship_to
    if bill_to is not None and resolved.bill_address_id:
        yield "billing_address_id", wire_id(resolved.bill_address_id)
    elif bill_to is not None:
        yield "billing_address", bill_to


def _missing(order: OrderOut, field: str, noun: str) -> str:
    if field == "ship_country" and order.ship_to.country.strip():
        return (
            f"The ship-to country {order.ship_to.country.strip()[:40]!r} of order {order.cust_ref} isn't one that the hub "
            "knows. Write its two-letter code, such as US, and send the order again."
        )
    return (
        f"The ship-to address of order {order.cust_ref} has no {noun}, and QuickBooks Commerce needs one. "
        "Fill it in and send the order again."
    )


# --- lines -------------------------------------------------------------------------------------------------------------------


def _lines(order: OrderOut, settings: Mapping[str, Any], variants: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for line in order.lines:
        yield _product(line, settings, variants[line.wms_item])
    position = max((line.line_no for line in order.lines), default=0)
    label = settings["shipping_line_label"].strip()
    if order.shipping_charge and label:
        position += 1
        yield _freeform("shipping", label, order.shipping_charge, position)
    if order.discount and settings["send_order_discount"]:
        position += 1
        yield _freeform("discount", DISCOUNT_LABEL, -abs(order.discount), position)


def _product(line: OrderLineOut, settings: Mapping[str, Any], variant_id: str) -> dict[str, Any]:
    """Render one line.

    A line without a price goes out without one: QuickBooks Commerce then takes it from the merchant's own price list, or
    refuses the order in words that name the line. A zero made up here would become an invoice over nothing, and nobody would
    see it; who wants just that sets `missing_price`.
    """
    row: dict[str, Any] = {"variant_id": wire_id(variant_id), "quantity": line.quantity}
    if line.price is not None:
        row["price"] = money_text(line.price)
    elif settings["missing_price"] == "zero":
        row["price"] = money_text(Decimal(0))
    row["position"] = line.line_no
    return row


def _freeform(line_type: str, label: str, price: Decimal, position: int) -> dict[str, Any]:
    return {
        "freeform": True,
        "line_type": line_type,
        "label": label,
        "quantity": 1,
        "price": money_text(price),
        "position": position,
    }


# --- what a person may see of it ---------------------------------------------------------------------------------------------

PERSONAL = frozenset(
    {"first_name", "last_name", "company_name", "address1", "address2", "email", "phone_number", "notes", "zip_code"}
)


def scrubbed(value: Any) -> Any:
    """Return a body as it may be kept in the order's story: what tells who the buyer is becomes "***"."""
    if isinstance(value, dict):
        return {key: "***" if key in PERSONAL and item else scrubbed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [scrubbed(item) for item in value]
    return value
