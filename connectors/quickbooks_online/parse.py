"""From sales forms and items to the contract's orders, packages, invoices and stock. Pure.

QuickBooks Online has no object for a shipment: a form is shipped when somebody has typed a tracking number into it. A form that
can't be read is left out and said so; it never stops the others. Source: QuickBooks Online reference 9.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from connectors.contract import (
    InvoiceDraft,
    InvoiceLineDraft,
    Receipt,
    RemoteLine,
    RemoteOrder,
    RemoteState,
    ShipmentDraft,
    ShipmentLineDraft,
    ShipmentState,
    StockItem,
)
from connectors.quickbooks_online.lines import SentLines, line_numbers, product_lines
from connectors.quickbooks_online.render import NUMBER_WORDS
from connectors.quickbooks_online.wire import (
    BadValue,
    changed_at,
    day_of,
    decimal_of,
    id_of,
    ref_of,
    stamp_of,
    text_of,
)

Row = Mapping[str, Any]

WAREHOUSE = "QuickBooks Online"
"""There is one quantity per item, and no split by place."""

CARRIERS = ("UPS", "FedEx", "USPS", "DHL", "OnTrac", "LaserShip", "Canada Post", "Purolator")

_BY_NUMBER = (
    ("UPS", re.compile(r"1Z[0-9A-Z]{16}", re.IGNORECASE)),
    ("USPS", re.compile(r"(94|93|92|95|420)\d{18,28}|[A-Z]{2}\d{9}US", re.IGNORECASE)),
    ("FedEx", re.compile(r"\d{12}|\d{15}|96\d{20}")),
)
"""What tells a carrier where nobody has named one."""

_TYPED = re.compile(r"[,;|/\n\r\t]+|\s+and\s+|\s*\+\s*", re.IGNORECASE)
"""What people type between two tracking numbers."""

SHORTEST_NUMBER = 8
"""Of a field with blanks: words as long as this are numbers of their own, shorter ones belong together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A sales form with what the hub remembers of it.

    `order_id` is the form that the hub made: the form itself, or the estimate that somebody has turned into this invoice.
    `packages` is how many packages were seen of it before.
    """

    entity: str
    row: Row
    order_id: str
    sent: SentLines | None = None
    packages: int = 0
    shipping_item: str = ""

    @property
    def is_copy(self) -> bool:
        return self.order_id != text_of(self.row.get("Id"))

    def lines(self) -> list[tuple[Row, int]]:
        """Return the product lines with the hub's number of each."""
        rows = product_lines(self.row, self.shipping_item)
        return list(zip(rows, line_numbers(rows, self.sent, is_copy=self.is_copy), strict=True))


def order_id_of(entity: str, row: Row) -> str:
    """Return the id of the form that the hub made: of an invoice that was made of an estimate, the estimate's."""
    links = row.get("LinkedTxn")
    if entity == "Invoice" and isinstance(links, list):
        for link in links:
            if isinstance(link, dict) and link.get("TxnType") == "Estimate":
                return id_of(link.get("TxnId"))
    return id_of(row.get("Id"))


# --- orders ------------------------------------------------------------------------------------------------------------------


def is_void(row: Row) -> bool:
    """A voided form stays, with all amounts at nothing and the word in its memo."""
    return bool(re.match(r"voided\b", text_of(row.get("PrivateNote")), re.IGNORECASE)) and not decimal_of(row.get("TotalAmt"))


def state_of(entity: str, row: Row) -> RemoteState:
    """Return how a form stands. An estimate takes no stock, so that it is a draft until an invoice is made of it."""
    if row.get("status") == "Deleted":
        return RemoteState.DELETED
    if entity == "Estimate":
        status = text_of(row.get("TxnStatus"))
        return {"Rejected": RemoteState.VOID, "Closed": RemoteState.OPEN}.get(status, RemoteState.DRAFT)
    if is_void(row):
        return RemoteState.VOID
    return RemoteState.SHIPPED if text_of(row.get("TrackingNum")) else RemoteState.OPEN


def reference_of(row: Row) -> str:
    """Return the full order number, from wherever the settings had it written."""
    number = text_of(row.get("PONumber"))
    custom = row.get("CustomField")
    if not number and isinstance(custom, list):
        number = next(
            (text_of(one.get("StringValue")) for one in custom if isinstance(one, dict) and one.get("StringValue")), ""
        )
    if not number:
        first = text_of(row.get("PrivateNote")).partition("\n")[0]
        number = first.removeprefix(NUMBER_WORDS) if first.startswith(NUMBER_WORDS) else ""
    return number


def receipt_of(entity: str, row: Row, sent: SentLines | None, *, page: str = "", shipping_item: str = "") -> Receipt:
    """Read a form as a receipt, with its lines."""
    key = id_of(row.get("Id"))
    form = Form(entity=entity, row=row, order_id=key, sent=sent, shipping_item=shipping_item)
    return Receipt(
        external_id=key,
        number=text_of(row.get("DocNumber")),
        state=state_of(entity, row),
        url=f"{page}/app/{entity.lower()}?txnId={key}" if page else "",
        reference=reference_of(row),
        lines=remote_lines(form),
        updated_at=changed_at(row),
    )


def remote_lines(form: Form) -> tuple[RemoteLine, ...]:
    """Return the lines as they are now, told by the hub's own numbers."""
    return tuple(
        RemoteLine(external_id=line_id(row, number), line_no=number, quantity=quantity_of(row)) for row, number in form.lines()
    )


def line_id(row: Row, number: int) -> str:
    """Name a line by the hub's number, which lasts; one that isn't the hub's by its own id."""
    return str(number) if number else f"+{id_of(row.get('Id'))}"


def quantity_of(line: Row) -> int:
    """Return the whole pieces of a line; a voided line has none."""
    detail = line.get(str(line.get("DetailType")))
    detail = detail if isinstance(detail, dict) else {}
    quantity = decimal_of(detail.get("Quantity", detail.get("Qty")))
    if quantity is None:
        return 1 if decimal_of(line.get("Amount")) else 0
    if quantity != quantity.to_integral_value() or quantity < 0:
        raise BadValue(f"the quantity {quantity:f} is not a whole number")
    return int(quantity)


def remote_order_of(form: Form) -> RemoteOrder:
    """Read a form as an order; a deleted one has nothing but its id."""
    return RemoteOrder(
        external_id=form.order_id,
        number=text_of(form.row.get("DocNumber")),
        reference=reference_of(form.row),
        state=state_of(form.entity, form.row),
        lines=remote_lines(form),
        updated_at=changed_at(form.row),
    )


# --- packages ----------------------------------------------------------------------------------------------------------------


def tracking_numbers(typed: str) -> list[str]:
    """Return the numbers that somebody typed into one field, each once."""
    numbers: list[str] = []
    for piece in _TYPED.split(typed):
        words = piece.split()
        parts = words if len(words) > 1 and all(len(word) >= SHORTEST_NUMBER for word in words) else ["".join(words)]
        numbers += [part for part in parts if part and part not in numbers]
    return numbers


def way_of(method: str, number: str) -> tuple[str, str]:
    """Return carrier and service: from the form's way to ship where it begins with a carrier's name, else from the number."""
    for carrier in CARRIERS:
        if method.casefold() == carrier.casefold() or method.casefold().startswith(f"{carrier.casefold()} "):
            return carrier, method[len(carrier) :].strip()
    return next((carrier for carrier, pattern in _BY_NUMBER if pattern.fullmatch(number)), ""), ""


def spread(counts: Sequence[tuple[str, int]], packages: int) -> list[list[tuple[str, int]]]:
    """Deal the pieces of all lines out over so many packages, as evenly as can be, in the order of the lines.

    Nobody writes down what lies in which package; what matters is that all pieces together are told just once.
    """
    total = sum(count for _, count in counts)
    filled: list[list[tuple[str, int]]] = []
    left = [(key, count) for key, count in counts if count]
    for at in range(packages):
        room = total * (at + 1) // packages - total * at // packages
        package: list[tuple[str, int]] = []
        while room and left:
            key, count = left.pop(0)
            taken = min(room, count)
            package.append((key, taken))
            room -= taken
            if taken < count:
                left.insert(0, (key, count - taken))
        filled.append(package)
    return filled


def shipments_of(form: Form, *, date_alone: bool, today: datetime) -> list[ShipmentDraft]:
    """Read the packages of a form: one per tracking number, and a void one for each that was there before.

    With `date_alone` a form with a past shipping date and no tracking number counts as shipped without one.
    """
    if form.entity == "Estimate":
        return []
    numbers = tracking_numbers(text_of(form.row.get("TrackingNum")))
    shipped_on = day_of(form.row.get("ShipDate"))
    if not numbers and date_alone and shipped_on is not None and shipped_on <= today.date():
        numbers = [""]
    counts = [(line_id(row, number), quantity_of(row)) for row, number in form.lines()]
    pieces = sum(count for _, count in counts)
    void = is_void(form.row)
    packages = numbers if void else numbers[: max(pieces, 1)]
    contents = spread(counts, len(packages))
    drafts = [
        _package(form, at, number, contents[at - 1], ShipmentState.VOID if void else ShipmentState.SHIPPED)
        for at, number in enumerate(packages, start=1)
    ]
    gone = range(len(packages) + 1, form.packages + 1)
    return drafts + [_package(form, at, "", [], ShipmentState.VOID) for at in gone]


def surplus_of(form: Form) -> list[tuple[str, str, str]]:
    """Return id, field and words for a form with more tracking numbers than pieces; nothing for any other."""
    typed = text_of(form.row.get("TrackingNum"))
    numbers = tracking_numbers(typed)
    pieces = sum(quantity_of(row) for row, _ in form.lines())
    if form.entity == "Estimate" or is_void(form.row) or not pieces or len(numbers) <= pieces:
        return []
    words = (
        f"QuickBooks Online's {form.entity} {text_of(form.row.get('DocNumber'))} has {len(numbers)} tracking numbers for "
        f"{pieces} pieces. The first {pieces} are told; remove there what is no package of this order."
    )
    return [(id_of(form.row.get("Id")), typed, words)]


def _package(form: Form, at: int, number: str, content: Sequence[tuple[str, int]], state: ShipmentState) -> ShipmentDraft:
    key, updated_at = id_of(form.row.get("Id")), changed_at(form.row)
    carrier, service = way_of(ref_of(form.row.get("ShipMethodRef")), number)
    return ShipmentDraft(
        external_id=f"{key}:{at}",
        external_order_id=form.order_id,
        order_number=text_of(form.row.get("DocNumber")),
        state=state,
        tracking_number=number,
        carrier=carrier,
        service=service,
        tracking_url="",
        shipped_at=_shipped_at(form.row, updated_at) if state is ShipmentState.SHIPPED else None,
        lines=tuple(
            ShipmentLineDraft(external_id=f"{key}:{at}:{line}", external_line_id=line, quantity=count)
            for line, count in content
        ),
        updated_at=updated_at,
    )


def _shipped_at(row: Row, updated_at: datetime) -> datetime:
    """Return the shipping date as a moment: noon of that day; without a date, or on the day of the change, the change
    itself."""
    day = day_of(row.get("ShipDate"))
    meta = row.get("MetaData")
    changed_on = day_of(meta.get("LastUpdatedTime")) if isinstance(meta, dict) else None
    if day is None or day == changed_on:
        return updated_at
    return datetime.combine(day, time(12), UTC)


# --- invoices ----------------------------------------------------------------------------------------------------------------


def invoice_of(form: Form) -> InvoiceDraft:
    """Read an invoice or a sales receipt as the invoice that it is."""
    key = id_of(form.row.get("Id"))
    return InvoiceDraft(
        external_id=key,
        external_order_id=form.order_id,
        number=text_of(form.row.get("DocNumber")),
        date=day_of(form.row.get("TxnDate")),
        due=day_of(form.row.get("DueDate")),
        total=decimal_of(form.row.get("TotalAmt")),
        currency=ref_of(form.row.get("CurrencyRef")),
        is_void=is_void(form.row) or form.row.get("status") == "Deleted",
        lines=tuple(
            InvoiceLineDraft(
                external_id=f"{key}:{line_id(row, number)}", external_line_id=line_id(row, number), quantity=quantity_of(row)
            )
            for row, number in form.lines()
        ),
        updated_at=changed_at(form.row),
    )


# --- stock -------------------------------------------------------------------------------------------------------------------


def own_level(item: Row) -> Decimal | None:
    """Return what can be sold of a tracked item: on hand, less what sales orders have claimed; None where nobody counts."""
    if item.get("Type") != "Inventory" or item.get("TrackQtyOnHand") is False:
        return None
    return (decimal_of(item.get("QtyOnHand")) or Decimal(0)) - (decimal_of(item.get("QtyOnSalesOrder")) or Decimal(0))


def components_of(item: Row) -> list[tuple[str, Decimal]]:
    """Return the item ids of a bundle's components and how many pieces of each are in one."""
    detail = item.get("ItemGroupDetail")
    rows = detail.get("ItemGroupLine") if isinstance(detail, dict) else None
    found = [(ref_of(row.get("ItemRef")), decimal_of(row.get("Qty"))) for row in rows or [] if isinstance(row, dict)]
    return [(key, count) for key, count in found if key and count]


def level_of(item: Row, by_id: Mapping[str, Row]) -> int | None:
    """Return how many whole pieces can be sold. A bundle's number is that of the component that runs out first; a component
    that is gone or inactive leaves none, one that nobody counts never runs out."""
    if item.get("Type") != "Group":
        level = own_level(item)
        return None if level is None else int(level.to_integral_value(ROUND_FLOOR))
    counts: list[Decimal] = []
    for key, needed in components_of(item):
        component = by_id.get(key)
        if component is None or component.get("Active") is False:
            return 0
        level = own_level(component)
        if level is not None:
            counts.append(level / needed)
    return int(min(counts).to_integral_value(ROUND_FLOOR)) if counts else None


def stock_item_of(item: Row, by_id: Mapping[str, Row]) -> StockItem:
    """Read an item's stock."""
    level = level_of(item, by_id)
    return StockItem(
        external_id=id_of(item.get("Id")),
        sku=text_of(item.get("Sku")),
        upc="",
        name=text_of(item.get("Name")),
        levels=None if level is None else {WAREHOUSE: level},
    )


def last_change(rows: Sequence[Row]) -> datetime | None:
    """Return the newest time of change; None for no rows."""
    stamps = [stamp_of((row.get("MetaData") or {}).get("LastUpdatedTime")) for row in rows]
    return max((stamp for stamp in stamps if stamp is not None), default=None)
