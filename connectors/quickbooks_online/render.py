"""From the hub's order to the body of an invoice, a sales receipt or an estimate. Pure: no clock and no socket.

Source: QuickBooks Online reference 9.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.contract import Address, HoldReason, OrderLineOut, OrderOut
from connectors.errors import FixOrder
from connectors.quickbooks_online.refusals import FAR_SIDE
from connectors.quickbooks_online.wire import (
    LONGEST_CUSTOM,
    LONGEST_MESSAGE,
    LONGEST_METHOD,
    LONGEST_NOTE,
    LONGEST_NUMBER,
    LONGEST_PO_NUMBER,
    SHIPPING_ITEM,
    Row,
    number_out,
)

ENTITIES = {"invoice": "Invoice", "sales_receipt": "SalesReceipt", "estimate": "Estimate"}

NUMBER_WORDS = "Order number: "
"""Begins the line of the memo in which the full order number stands."""

CENT = Decimal("0.01")
FINEST = Decimal("0.0000001")
"""Unit prices may have seven decimals."""


@dataclass(frozen=True, slots=True)
class Part:
    """A component of a bundle: how many pieces of which item, and what one costs by itself."""

    item_id: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """A product as an order needs it; `parts` are a bundle's components."""

    item_id: str
    is_bundle: bool = False
    price: Decimal | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What the company already has and an order refers to."""

    customer_id: str
    items: Mapping[str, Item]
    today: date
    home_currency: str = ""
    shipping_item: str = SHIPPING_ITEM
    refs: Mapping[str, str] = field(default_factory=dict)
    """Ids of what the settings name, by the property that takes them: PaymentMethodRef, DepositToAccountRef."""


def entity_of(settings: Mapping[str, Any]) -> str:
    """Return what orders become."""
    return ENTITIES[settings["order_becomes"]]


def render_order(order: OrderOut, settings: Mapping[str, Any], resolved: Resolved) -> Row:
    """Return the body. Raise `FixOrder` for what QuickBooks Online can't take."""
    if len(order.cust_ref) > LONGEST_NUMBER:
        words = f"The number {order.cust_ref} is longer than the {LONGEST_NUMBER} characters that {FAR_SIDE} takes."
        raise FixOrder(words, field="cust_ref")
    dated = order.order_date if settings["date_of_orders"] == "order_date" else None
    body: Row = {
        "DocNumber": order.cust_ref,
        "TxnDate": (dated or resolved.today).isoformat(),
        "CustomerRef": {"value": resolved.customer_id},
        **_currency(order, settings, resolved),
        **dict(_numbers(order, settings)),
        "ShipAddr": render_address(order.ship_to, phone=bool(settings["send_phone"])),
    }
    if order.bill_to.address_1.strip():
        body["BillAddr"] = render_address(order.bill_to, phone=False)
    method = ship_method(order)
    if method:
        body["ShipMethodRef"] = {"value": method, "name": method}
    if order.notes.strip() and settings["notes_to"] == "message":
        body["CustomerMemo"] = {"value": order.notes.strip()[:LONGEST_MESSAGE]}
    body |= {name: {"value": key} for name, key in resolved.refs.items()}
    if settings["tax"] != "company":
        body["GlobalTaxCalculation"] = settings["tax"]
    body["Line"] = list(_lines(order, settings, resolved))
    return body


# --- numbers and words -------------------------------------------------------------------------------------------------------


def _numbers(order: OrderOut, settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the full number where the settings want it; one that is too long for that place stands in the memo."""
    number, place = order.cust_po_no.strip(), settings["full_number_in"]
    notes: list[str] = []
    if place == "po_number" and len(number) <= LONGEST_PO_NUMBER:
        yield "PONumber", number
    elif place == "custom_field" and len(number) <= LONGEST_CUSTOM:
        custom = {"DefinitionId": str(settings["custom_field_id"]), "Type": "StringType", "StringValue": number}
        yield "CustomField", [custom]
    else:
        notes.append(f"{NUMBER_WORDS}{number}")
    if order.ship_by is not None:
        notes.append(f"Ship by {order.ship_by.isoformat()}")
    if order.notes.strip() and settings["notes_to"] == "memo":
        notes.append(order.notes.strip())
    if notes:
        yield "PrivateNote", "\n".join(notes)[:LONGEST_NOTE]


def ship_method(order: OrderOut) -> str:
    """Return the way to ship as the form shows it: the mapped code, else carrier and method."""
    return (order.ship_code.strip() or f"{order.ship_carrier} {order.ship_method}".strip())[:LONGEST_METHOD]


def _currency(order: OrderOut, settings: Mapping[str, Any], resolved: Resolved) -> Row:
    """Return nothing for an order in the company's own currency."""
    wanted, home = order.currency.strip().upper(), resolved.home_currency
    if not wanted or not home or wanted == home:
        return {}
    if settings["other_currency"] == "send":
        return {"CurrencyRef": {"value": wanted}}
    raise FixOrder(
        f"Order {order.cust_ref} is in {wanted}, and the books in {FAR_SIDE} are in {home}. Switch multicurrency on there and "
        "set the connection to send the order's currency, or correct the order's.",
        field="currency",
    )


# --- addresses ---------------------------------------------------------------------------------------------------------------


def address_problem(order: OrderOut) -> FixOrder | None:
    """Say what the ship-to lacks: a street and a city are what nobody can ship without."""
    for name, value, noun in (("address_1", order.ship_to.address_1, "street"), ("city", order.ship_to.city, "city")):
        if not value.strip():
            return FixOrder(
                f"The ship-to address of order {order.cust_ref} has no {noun}. Fill it in and send the order again.",
                field=f"ship_{name}",
                reason=HoldReason.BAD_ADDRESS,
            )
    return None


def render_address(address: Address, *, phone: bool) -> Row:
    """Return an address: name and company stand on its first lines, as the form prints them."""
    name = " ".join(part.strip() for part in (address.first_name, address.last_name) if part.strip())
    tail = ", ".join(part.strip() for part in (address.address_2, address.address_3) if part.strip())
    number = f"Phone: {address.phone.strip()}" if phone and address.phone.strip() else ""
    lines = [text.strip() for text in (name, address.company, address.address_1, tail, number) if text.strip()]
    body: Row = {f"Line{at}": text for at, text in enumerate(lines, start=1)}
    rest = {
        "City": address.city,
        "CountrySubDivisionCode": address.state,
        "PostalCode": address.zip,
        "Country": address.country,
    }
    return body | {key: value.strip() for key, value in rest.items() if value.strip()}


# --- lines -------------------------------------------------------------------------------------------------------------------


def _lines(order: OrderOut, settings: Mapping[str, Any], resolved: Resolved) -> Iterator[Row]:
    for line in order.lines:
        item = resolved.items[line.wms_item]
        price = _price(line, item, settings, order)
        yield _bundle(line, item, price, settings) if item.is_bundle else _product(line, item, price, settings)
    if order.shipping_charge and settings["send_shipping"]:
        detail = {"ItemRef": {"value": resolved.shipping_item}, **_tax(settings)}
        amount = number_out(order.shipping_charge)
        if resolved.shipping_item != SHIPPING_ITEM:
            detail |= {"Qty": 1, "UnitPrice": amount}
        yield {"DetailType": "SalesItemLineDetail", "Amount": amount, "SalesItemLineDetail": detail}
    if order.discount and settings["send_discount"]:
        amount = number_out(abs(order.discount))
        yield {"DetailType": "DiscountLineDetail", "Amount": amount, "DiscountLineDetail": {"PercentBased": False}}


def _price(line: OrderLineOut, item: Item, settings: Mapping[str, Any], order: OrderOut) -> Decimal:
    if line.price is not None:
        return line.price
    if settings["missing_price"] == "item" and item.price is not None:
        return item.price
    if settings["missing_price"] == "hold":
        raise FixOrder(
            f"Line {line.line_no} of order {order.cust_ref} has no price. Fill it in and send the order again, or choose in "
            "the connection's settings what goes out for such lines.",
            field="price",
        )
    return Decimal(0)


def _product(line: OrderLineOut, item: Item, price: Decimal, settings: Mapping[str, Any]) -> Row:
    amount = (price * line.quantity).quantize(CENT, ROUND_HALF_UP)
    detail = {"ItemRef": {"value": item.item_id}, "Qty": line.quantity, "UnitPrice": number_out(price), **_tax(settings)}
    return {**_words(line), "DetailType": "SalesItemLineDetail", "Amount": number_out(amount), "SalesItemLineDetail": detail}


def _bundle(line: OrderLineOut, item: Item, price: Decimal, settings: Mapping[str, Any]) -> Row:
    """Render a bundle with its components, over which the line's price is spread by what they cost by themselves."""
    total = (price * line.quantity).quantize(CENT, ROUND_HALF_UP)
    parts = [
        {
            "DetailType": "SalesItemLineDetail",
            "Amount": number_out(amount),
            "SalesItemLineDetail": {
                "ItemRef": {"value": part.item_id},
                "Qty": number_out(part.quantity * line.quantity),
                "UnitPrice": number_out((amount / (part.quantity * line.quantity)).quantize(FINEST)),
                **_tax(settings),
            },
        }
        for part, amount in zip(item.parts, shares(total, item.parts), strict=True)
    ]
    detail: Row = {"GroupItemRef": {"value": item.item_id}, "Quantity": line.quantity, "Line": parts}
    return {**_words(line), "DetailType": "GroupLineDetail", "Amount": number_out(total), "GroupLineDetail": detail}


def shares(total: Decimal, parts: tuple[Part, ...]) -> list[Decimal]:
    """Cut an amount into cents by what the components cost, by their number where none costs anything; nothing gets lost."""
    weights = [part.price * part.quantity for part in parts]
    if not sum(weights):
        weights = [part.quantity for part in parts]
    whole, given, left = sum(weights), [], total
    for weight in weights[:-1]:
        given.append((total * weight / whole).quantize(CENT, ROUND_HALF_UP))
        left -= given[-1]
    return [*given, left]


def _words(line: OrderLineOut) -> Row:
    return {"Description": line.title.strip()[:LONGEST_NOTE]} if line.title.strip() else {}


def _tax(settings: Mapping[str, Any]) -> Row:
    code = settings["tax_code"].strip()
    return {"TaxCodeRef": {"value": code}} if code else {}


# --- what a person may see of it ---------------------------------------------------------------------------------------------

PERSONAL = frozenset({"Line1", "Line2", "Line3", "Line4", "Line5", "PostalCode", "CustomerMemo", "PrivateNote", "BillEmail"})


def scrubbed(value: Any) -> Any:
    """Return a body as it may be kept in the order's story: what tells who the buyer is becomes "***"."""
    if isinstance(value, dict):
        return {key: "***" if key in PERSONAL and item else scrubbed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [scrubbed(item) for item in value]
    return value
