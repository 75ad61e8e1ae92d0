"""From faults to the hub's errors and to words that a merchant understands. Pure.

Source: QuickBooks Online reference 9.3. Codes that no stored source has (6140, 6210 and others) are understood by their texts
as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.contract import HoldReason
from connectors.errors import AlreadyTaken, ConnectorError, FixConnection, FixOrder, OutcomeUnknown, TryLater
from connectors.quickbooks_online.wire import Refusal

FAR_SIDE = "QuickBooks Online"

DUPLICATE_NAME = "6240"
DUPLICATE_NUMBER = "6140"
STALE_OBJECT = "5010"
THROTTLED = "3001"
GONE = "610"
UNKNOWN_REFERENCE = "2500"
CLOSED_PERIOD = frozenset({"6200", "6210"})
NO_ACCESS = frozenset({"3100", "3200", "5020"})
NO_SUBSCRIPTION = frozenset({"6190"})

_PERSONAL = re.compile(r"\S+@\S+|\+?\d[\d ().-]{7,}\d")
"""Mail addresses and telephone numbers, which a message may quote."""

MOST_QUOTED = 200


class StaleThings(ConnectorError):
    """Items or a customer that the hub remembered are refused: look them up anew and try once more. Never leaves this
    folder."""

    def __init__(self, refused: FixOrder) -> None:
        super().__init__(refused.words)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class _Attribute:
    field: str
    reason: str
    noun: str


_ELEMENTS = {
    "DocNumber": _Attribute("cust_ref", HoldReason.REFUSED, "order number"),
    "PONumber": _Attribute("cust_po_no", HoldReason.REFUSED, "PO number"),
    "TxnDate": _Attribute("order_date", HoldReason.REFUSED, "date"),
    "CustomerRef": _Attribute("customer_code", HoldReason.REFUSED, "customer"),
    "CurrencyRef": _Attribute("currency", HoldReason.REFUSED, "currency"),
    "ShipAddr": _Attribute("ship_address_1", HoldReason.BAD_ADDRESS, "ship-to address"),
    "BillAddr": _Attribute("cust_address_1", HoldReason.BAD_ADDRESS, "bill-to address"),
    "PostalCode": _Attribute("ship_zip", HoldReason.BAD_ADDRESS, "postal code"),
    "City": _Attribute("ship_city", HoldReason.BAD_ADDRESS, "city"),
    "Country": _Attribute("ship_country", HoldReason.BAD_ADDRESS, "country"),
    "Line1": _Attribute("ship_address_1", HoldReason.BAD_ADDRESS, "street"),
    "Qty": _Attribute("quantity", HoldReason.REFUSED, "quantity of a line"),
    "UnitPrice": _Attribute("price", HoldReason.REFUSED, "price of a line"),
    "Amount": _Attribute("price", HoldReason.REFUSED, "amount of a line"),
    "ItemRef": _Attribute("sku", HoldReason.UNKNOWN_SKU, "product"),
    "CustomerMemo": _Attribute("notes", HoldReason.REFUSED, "notes"),
    "PrivateNote": _Attribute("notes", HoldReason.REFUSED, "memo"),
    "ShipMethodRef": _Attribute("ship_code", HoldReason.UNMAPPED_SHIP_METHOD, "way to ship"),
}


def quoted(refusal: Refusal) -> str:
    """Return what the fault says, short and without anybody's mail address or telephone number."""
    text = " ".join(refusal.words.split())
    code = f"{refusal.code}: " if refusal.code else ""
    return f"{code}{_PERSONAL.sub('…', text)}"[:MOST_QUOTED]


def has_code(refusal: Refusal, code: str, *words: str) -> bool:
    """Say whether a refusal means this code, by number or, where none was told, by its words."""
    text = f"{refusal.message} {refusal.detail}".lower()
    return refusal.code == code or (not refusal.code and any(word in text for word in words))


def connection_error(refusal: Refusal) -> FixConnection | None:
    """Return what concerns the connection and no single order."""
    if refusal.code in NO_SUBSCRIPTION or "subscription" in refusal.message.lower():
        return FixConnection(
            f"{FAR_SIDE} says that the company's subscription has ended ({quoted(refusal)}). Renew it there; the hub tries "
            "again by itself."
        )
    if refusal.status == 401:
        return FixConnection(
            f"{FAR_SIDE} refused the access ({quoted(refusal)}). Grant access again in the connection's set-up; it also ends "
            "when somebody disconnects the app in the company, or uses the same client id elsewhere."
        )
    if refusal.status == 403 or refusal.code in NO_ACCESS:
        return FixConnection(
            f"{FAR_SIDE} doesn't allow this ({refusal.status}: {quoted(refusal)}). Access must be granted by a company or "
            "master administrator, for just the company whose id stands in the connection's settings."
        )
    if refusal.status in (404, 405) and not refusal.code:
        return FixConnection(
            f"What answers at the API address isn't {FAR_SIDE}'s API ({refusal.status}). Check the environment and the API "
            "address in the connection's settings."
        )
    return None


def read_error(refusal: Refusal) -> ConnectorError:
    """Return what a refused question means. A read may always be asked again."""
    connection: ConnectorError | None = connection_error(refusal)
    return connection or TryLater(f"{FAR_SIDE} refused a question ({quoted(refusal)}). It is asked again later.")


def order_error(refusal: Refusal, *, number: str) -> ConnectorError:
    """Return what a refused sales form means. `number` is the order's number, for the words."""
    connection = connection_error(refusal)
    if connection is not None:
        return connection
    if refusal.kind == "SystemFault" or refusal.code == "10000":
        return OutcomeUnknown(
            f"{FAR_SIDE} had an error of its own with order {number} ({quoted(refusal)}). It is looked up first."
        )
    if has_code(refusal, DUPLICATE_NUMBER, "duplicate document number", "number has already been used"):
        return AlreadyTaken(f"{FAR_SIDE} already has a form with the number {number}.", what="number")
    if refusal.code in CLOSED_PERIOD or "period closed" in refusal.message.lower():
        return FixOrder(
            f"The books in {FAR_SIDE} are closed for the date of order {number}. Open the period there, or set the connection "
            "to date orders on the day on which they are sent; then send it again.",
            field="order_date",
        )
    if refusal.code in (GONE, UNKNOWN_REFERENCE):
        return StaleThings(
            FixOrder(
                f"{FAR_SIDE} refused order {number}: it names a product or a customer that is inactive or gone there "
                f"({quoted(refusal)}). Make it active again, or map the SKU to another product, and send the order again.",
                field="sku",
            )
        )
    return _refused(refusal, number)


def _refused(refusal: Refusal, number: str) -> FixOrder:
    attribute = next((_ELEMENTS[part] for part in reversed(refusal.element.split(".")) if part in _ELEMENTS), None)
    if attribute is None:
        attribute = next((known for name, known in _ELEMENTS.items() if name in refusal.detail), None)
    words = f"{FAR_SIDE} refused order {number}"
    if attribute is None:
        return FixOrder(f"{words} ({quoted(refusal)}). Mend that and send the order again.")
    return FixOrder(
        f"{words} because of its {attribute.noun} ({quoted(refusal)}). Mend that and send the order again.",
        field=attribute.field,
        reason=attribute.reason,
    )


def act_refused(refusal: Refusal, what: str) -> ConnectorError:
    """Return what a refused act on one form means; `what` says which act on which order."""
    connection = connection_error(refusal)
    if connection is not None:
        return connection
    if refusal.kind == "SystemFault" or refusal.code == "10000":
        return OutcomeUnknown(f"{FAR_SIDE} had an error of its own when asked to {what} ({quoted(refusal)}).")
    if refusal.code in CLOSED_PERIOD or "period closed" in refusal.message.lower():
        return FixOrder(f"{FAR_SIDE} won't {what}: its books are closed for that date. Open the period there and try again.")
    return FixOrder(f"{FAR_SIDE} doesn't agree to {what}: {quoted(refusal)}.")
