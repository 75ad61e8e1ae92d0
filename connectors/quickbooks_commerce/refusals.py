"""From the API's refusals to the hub's errors and to words that a merchant understands. Pure.

Source: QuickBooks Commerce reference sections 2.7 (errors), 2.8 (idempotency), 4.4 and 4.6. Where no source has the exact
text, any text with the same sense is understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.contract import HoldReason
from connectors.errors import AlreadyTaken, ConnectorError, FixConnection, FixOrder, OutcomeUnknown
from connectors.quickbooks_commerce.wire import Refusal

TAKEN = re.compile(r"taken|already|unique|duplicate|exists", re.IGNORECASE)
_PERSONAL = re.compile(r"\S+@\S+|\+?\d[\d ().-]{7,}\d")
"""Mail addresses and telephone numbers, which a message may quote."""

MOST_QUOTED = 200


class StaleThings(ConnectorError):
    """The API refuses ids that the hub remembered: look them up anew and try once more. Never leaves this connector."""

    def __init__(self, words: str, *, variants: bool, company: bool, refused: FixOrder) -> None:
        super().__init__(words)
        self.variants = variants
        self.company = company
        self.refused = refused
        """What to raise when looking them up anew changed nothing."""


@dataclass(frozen=True, slots=True)
class _Attribute:
    field: str
    reason: str
    noun: str


_ADDRESS = {
    "address1": ("address_1", "street"),
    "address2": ("address_2", "second address line"),
    "city": ("city", "city"),
    "state": ("state", "state"),
    "zip_code": ("zip", "postal code"),
    "country": ("country", "country"),
    "country_code": ("country", "country"),
    "first_name": ("first_name", "first name"),
    "last_name": ("last_name", "last name"),
    "company_name": ("company", "company name"),
}

_ORDER = {
    "variant": _Attribute("sku", HoldReason.UNKNOWN_SKU, "product"),
    "variant_id": _Attribute("sku", HoldReason.UNKNOWN_SKU, "product"),
    "quantity": _Attribute("quantity", HoldReason.REFUSED, "quantity of a line"),
    "price": _Attribute("price", HoldReason.REFUSED, "price of a line"),
    "label": _Attribute("cust_ref", HoldReason.REFUSED, "label"),
    "order_number": _Attribute("cust_ref", HoldReason.REFUSED, "order number"),
    "reference_number": _Attribute("cust_po_no", HoldReason.REFUSED, "reference number"),
    "issued_at": _Attribute("order_date", HoldReason.REFUSED, "order date"),
    "ship_at": _Attribute("ship_by", HoldReason.REFUSED, "ship-by date"),
    "email": _Attribute("ship_e_mail", HoldReason.BAD_ADDRESS, "e-mail address"),
    "phone_number": _Attribute("ship_phone", HoldReason.BAD_ADDRESS, "telephone number"),
    "currency": _Attribute("currency", HoldReason.REFUSED, "currency"),
    "currency_iso": _Attribute("currency", HoldReason.REFUSED, "currency"),
    "currency_id": _Attribute("currency", HoldReason.REFUSED, "currency"),
    "company": _Attribute("customer_code", HoldReason.REFUSED, "customer"),
    "company_id": _Attribute("customer_code", HoldReason.REFUSED, "customer"),
    "status": _Attribute("order_status", HoldReason.REFUSED, "order status"),
    "tax_treatment": _Attribute("tax_treatment", HoldReason.REFUSED, "tax treatment"),
    "shipping_address": _Attribute("ship_address_1", HoldReason.BAD_ADDRESS, "ship-to address"),
    "billing_address": _Attribute("cust_address_1", HoldReason.BAD_ADDRESS, "bill-to address"),
    "notes": _Attribute("notes", HoldReason.REFUSED, "notes"),
}

_HINTS = {
    "sku": "Check that the SKU exists in QuickBooks Commerce and is active, or add an alias.",
    "price": "Fill the price in, or choose in the connection's settings what goes out for lines without one.",
    "currency": "Set the currency up there under Settings > Configuration > Currencies, or clear it in the connection's "
    "settings.",
}


def quoted(refusal: Refusal) -> str:
    """Return what the API said, short and without anybody's mail address or telephone number."""
    said = [f"{attribute} {words}" for attribute, messages in refusal.errors.items() for words in messages]
    text = "; ".join(said[:3]) or refusal.message or "no reason given"
    return _PERSONAL.sub("…", text)[:MOST_QUOTED]


def duplicate_key(what: str) -> AlreadyTaken:
    """Say that the key of a write was seen before: the write was carried out, or is under way."""
    return AlreadyTaken(
        f"QuickBooks Commerce has seen the key of {what} before. The hub looks there for what an earlier try made.", what="key"
    )


def connection_error(refusal: Refusal) -> FixConnection | None:
    """Return what concerns the connection and no single order."""
    if refusal.status == 402:
        return FixConnection(
            "QuickBooks Commerce says that the subscription has lapsed (402). Renew the plan there; the hub tries again by "
            "itself."
        )
    if refusal.status == 403:
        return FixConnection(
            f"QuickBooks Commerce doesn't allow this (403: {quoted(refusal)}). The user who granted access must be allowed to "
            "read products and stock and to write orders and companies, and the plan must include API access."
        )
    if refusal.status == 401:
        return FixConnection(
            f"QuickBooks Commerce refused the access token (401: {quoted(refusal)}). Grant access again in the connection's "
            "set-up; a token also ends when the same user grants the same application access a second time."
        )
    return None


def order_error(refusal: Refusal, *, number: str) -> ConnectorError:
    """Return what a refused `POST /orders` means. `number` is the order's number, for the words."""
    if refusal.is_duplicate_key:
        return duplicate_key(f"order {number}")
    connection = connection_error(refusal)
    if connection is not None:
        return connection
    taken = _taken(refusal, number)
    if taken is not None:
        return taken
    if refusal.status == 404:
        return _not_found(refusal, number)
    if refusal.status == 409:
        return OutcomeUnknown(f"QuickBooks Commerce reports a conflict for order {number} ({quoted(refusal)}).")
    refused = _refused(refusal, number)
    variants, company = refusal.attributes("variant", "variant_id"), refusal.attributes("company", "company_id")
    if variants or company:
        return StaleThings(refused.words, variants=variants, company=company, refused=refused)
    return refused


def _taken(refusal: Refusal, number: str) -> AlreadyTaken | None:
    for attribute, messages in refusal.errors.items():
        if not any(TAKEN.search(words) for words in messages):
            continue
        last = attribute.rsplit(".", 1)[-1]
        if last == "order_number":
            return _number_taken(number)
        if last == "label" and "line" not in attribute:
            return _label_taken(number)
    text = f"{refusal.message} {' '.join(refusal.errors.get('base', ()))}".lower()
    if TAKEN.search(text):
        if "order number" in text or "order_number" in text:
            return _number_taken(number)
        if "label" in text:
            return _label_taken(number)
    return None


def _number_taken(number: str) -> AlreadyTaken:
    return AlreadyTaken(f"QuickBooks Commerce already has an order with the number {number}.", what="number")


def _label_taken(number: str) -> AlreadyTaken:
    return AlreadyTaken(f"QuickBooks Commerce already has an address labelled for order {number}.", what="label")


def _not_found(refusal: Refusal, number: str) -> ConnectorError:
    """A 404 on a write names what it couldn't find; one that names nothing comes from a wrong address."""
    text = refusal.message.lower()
    variants, company = "variant" in text, "company" in text
    if variants or company:
        refused = FixOrder(
            f"QuickBooks Commerce refused order {number}: {quoted(refusal)}.",
            field="sku" if variants else "customer_code",
            reason=HoldReason.UNKNOWN_SKU if variants else HoldReason.REFUSED,
        )
        return StaleThings(refused.words, variants=variants, company=company, refused=refused)
    if "couldn't find" in text:
        return FixOrder(f"QuickBooks Commerce refused order {number}: {quoted(refusal)}.")
    return wrong_address(refusal)


def wrong_address(refusal: Refusal) -> FixConnection:
    """Say that something answers, but not this API."""
    return FixConnection(
        f"What answers at the API address isn't QuickBooks Commerce's API ({refusal.status}: {quoted(refusal)}). "
        "Check the API address in the connection's settings."
    )


def _refused(refusal: Refusal, number: str) -> FixOrder:
    told = [_attribute(attribute) for attribute in refusal.errors]
    known = next((attribute for attribute in told if attribute is not None), None)
    words = f"QuickBooks Commerce refused order {number}"
    if known is None:
        return FixOrder(f"{words}: {quoted(refusal)}. Mend that and send the order again.")
    hint = _HINTS.get(known.field, "Mend that and send the order again.")
    return FixOrder(f"{words} because of its {known.noun}: {quoted(refusal)}. {hint}", field=known.field, reason=known.reason)


def _attribute(name: str) -> _Attribute | None:
    parts = [part.split("[", 1)[0] for part in name.split(".")]
    last = parts[-1]
    if last in _ADDRESS and any(part.endswith("address") for part in parts[:-1]):
        prefix, noun = ("cust", "bill-to address") if "billing_address" in parts else ("ship", "ship-to address")
        field, what = _ADDRESS[last]
        return _Attribute(f"{prefix}_{field}", HoldReason.BAD_ADDRESS, f"{noun} ({what})")
    return _ORDER.get(last) or next((_ORDER[part] for part in reversed(parts) if part in _ORDER), None)


def action_refused(refusal: Refusal, what: str) -> ConnectorError:
    """Return what a refused cancellation or other act on one order means; `what` says which act on which order."""
    if refusal.is_duplicate_key:
        return duplicate_key(what)
    connection = connection_error(refusal)
    if connection is not None:
        return connection
    return FixOrder(f"QuickBooks Commerce doesn't agree to {what}: {quoted(refusal)}.")
