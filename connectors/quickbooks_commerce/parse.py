"""From QuickBooks Commerce's objects to the contract's. Pure: it opens nothing.

A record that can't be read is left out and said so; it never stops the others: a merchant's account holds orders, packages and
invoices that never were the hub's. Source: QuickBooks Commerce reference sections 3 (resources) and 4 (workflows).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any, TypeVar

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
from connectors.quickbooks_commerce.wire import BadValue, day_of, decimal_of, id_of, stamp_of, text_of, whole_of

Row = Mapping[str, Any]
T = TypeVar("T")

ORDER_STATES = {
    "draft": RemoteState.DRAFT,
    "active": RemoteState.OPEN,
    "finalized": RemoteState.OPEN,
    "fulfilled": RemoteState.SHIPPED,
    "void": RemoteState.VOID,
    "deleted": RemoteState.DELETED,
}

SHIPMENT_STATES = {
    "packed": ShipmentState.PACKED,
    "fulfilled": ShipmentState.SHIPPED,
    "void": ShipmentState.VOID,
    "deleted": ShipmentState.VOID,
}

DEAD_INVOICES = frozenset({"void", "deleted", "archived"})


def readable(rows: Iterable[Row], read: Callable[[Row], T], what: str) -> tuple[list[T], list[str]]:
    """Read each row; return those that could be read, and words for each that couldn't."""
    items: list[T] = []
    problems: list[str] = []
    for row in rows:
        try:
            items.append(read(row))
        except BadValue as error:
            number = text_of(row.get("order_number") or row.get("invoice_number"))
            of = f" of order {number}" if number else ""
            problems.append(
                f"QuickBooks Commerce's {what} {text_of(row.get('id')) or '?'}{of} was left out: {error}. "
                "Mend it there; it is read again when it changes."
            )
    return items, problems


# --- orders ------------------------------------------------------------------------------------------------------------------


def state_of(order: Row) -> RemoteState:
    """Read an order's status. Raise BadValue for one that isn't known."""
    status = text_of(order.get("status"))
    try:
        return ORDER_STATES[status]
    except KeyError:
        raise BadValue(f"its status {status[:40]!r} is not known") from None


def receipt_of(order: Row, lines: Sequence[Row] | None = None) -> Receipt:
    """Read an order as a receipt; its lines are known only where the line objects came with it."""
    given = order.get("order_line_items")
    objects = lines if lines is not None else given if isinstance(given, list) and given else None
    if objects is not None and not all(isinstance(row, dict) and row.get("id") for row in objects):
        objects = None
    return Receipt(
        external_id=id_of(order.get("id")),
        number=text_of(order.get("order_number")),
        state=state_of(order),
        reference=text_of(order.get("reference_number")),
        lines=tuple(lines_of(objects)) if objects is not None else None,
        updated_at=stamp_of(order.get("updated_at")),
    )


def remote_order_of(order: Row, lines: Iterable[Row]) -> RemoteOrder:
    """Read an order with its lines as they are now."""
    return RemoteOrder(
        external_id=id_of(order.get("id")),
        number=text_of(order.get("order_number")),
        reference=text_of(order.get("reference_number")),
        state=state_of(order),
        lines=tuple(lines_of(lines)),
        updated_at=_updated_at(order),
    )


def lines_of(rows: Iterable[Row]) -> list[RemoteLine]:
    """Read an order's product lines; free text (shipping, discount) is none of the hub's lines."""
    products = [row for row in rows if not row.get("freeform") and row.get("variant_id") is not None]
    numbers = line_numbers(products)
    return [
        RemoteLine(external_id=line_id, line_no=numbers[line_id], quantity=whole_of(row.get("quantity")))
        for row, line_id in ((row, id_of(row.get("id"))) for row in products)
    ]


def line_numbers(rows: Sequence[Row]) -> dict[str, int]:
    """Tell by position which of the hub's lines each product line is.

    Orders go out with position = line number, from 1. A far side that numbers lines by itself begins at 0 or at 1: where the
    line that was made first stands at 0, positions count from 0. Where positions say nothing (all the same), the lines stand
    in the order in which they were made. Of two lines on one position the older is the hub's, the other (0) was added by a
    person.
    """
    made = sorted(rows, key=lambda row: _number(id_of(row.get("id"))))
    positions = [_position(row) for row in made]
    if len(made) > 1 and len(set(positions)) == 1:
        return {id_of(row.get("id")): at for at, row in enumerate(made, start=1)}
    first = 1 if positions and positions[0] is not None and positions[0] <= 0 else 0
    numbers: dict[str, int] = {}
    given: set[int] = set()
    for row, position in zip(made, positions, strict=True):
        number = 0 if position is None else max(0, position + first)
        if len(made) == 1 and position is None:
            number = 1
        numbers[id_of(row.get("id"))] = 0 if number in given else number
        given.add(number)
    return numbers


def _position(row: Row) -> int | None:
    position = decimal_of(row.get("position"))
    return None if position is None else int(position)


def _number(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isascii() and text.isdigit() else (1 << 63, text)


def _updated_at(row: Row) -> datetime:
    stamp = stamp_of(row.get("updated_at")) or stamp_of(row.get("created_at"))
    if stamp is None:
        raise BadValue("it has no time of change")
    return stamp


# --- packages ----------------------------------------------------------------------------------------------------------------


def shipment_of(fulfillment: Row, lines: Iterable[Row]) -> ShipmentDraft:
    """Read a package. One that is fulfilled may lack `shipped_at`: then the time of its last change stands for it."""
    status = text_of(fulfillment.get("status"))
    if status not in SHIPMENT_STATES:
        raise BadValue(f"its status {status[:40]!r} is not known")
    state = SHIPMENT_STATES[status]
    updated_at = _updated_at(fulfillment)
    shipped_at = stamp_of(fulfillment.get("shipped_at"))
    if shipped_at is None and state is ShipmentState.SHIPPED:
        shipped_at = updated_at
    return ShipmentDraft(
        external_id=id_of(fulfillment.get("id")),
        external_order_id=id_of(fulfillment.get("order_id")),
        order_number=text_of(fulfillment.get("order_number")),
        state=state,
        tracking_number=text_of(fulfillment.get("tracking_number")),
        carrier=text_of(fulfillment.get("tracking_company")),
        service=text_of(fulfillment.get("service")) or text_of(fulfillment.get("delivery_type")),
        tracking_url=text_of(fulfillment.get("tracking_url")),
        shipped_at=shipped_at,
        lines=tuple(
            ShipmentLineDraft(
                external_id=id_of(line.get("id")),
                external_line_id=id_of(line.get("order_line_item_id")),
                quantity=whole_of(line.get("quantity")),
            )
            for line in lines
        ),
        updated_at=updated_at,
    )


# --- invoices ----------------------------------------------------------------------------------------------------------------


def invoice_of(invoice: Row, lines: Iterable[Row], currencies: Mapping[str, str]) -> InvoiceDraft:
    """Read an invoice; `currencies` are codes by id. A line of free text has a line id that is none of the hub's."""
    total = decimal_of(invoice.get("cached_total"))
    if total is None:
        total = decimal_of(invoice.get("total"))
    return InvoiceDraft(
        external_id=id_of(invoice.get("id")),
        external_order_id=id_of(invoice.get("order_id")),
        number=text_of(invoice.get("invoice_number")),
        date=day_of(invoice.get("invoiced_at")),
        due=day_of(invoice.get("due_at")),
        total=total,
        currency=currencies.get(text_of(invoice.get("currency_id")), ""),
        is_void=text_of(invoice.get("status")) in DEAD_INVOICES,
        lines=tuple(
            InvoiceLineDraft(
                external_id=text_of(line.get("id")),
                external_line_id=id_of(line.get("order_line_item_id")),
                quantity=whole_of(line.get("quantity")),
            )
            for line in lines
        ),
        updated_at=_updated_at(invoice),
    )


# --- products and stock ------------------------------------------------------------------------------------------------------


def active_ids(variants: Iterable[Row], skus: Collection[str]) -> dict[str, list[str]]:
    """Return the ids of live variants by SKU, for exactly these SKUs: the API doesn't keep SKUs unique. Source: section 3.8."""
    found: dict[str, list[str]] = {}
    for variant in variants:
        sku = variant.get("sku")
        if isinstance(sku, str) and sku in skus and text_of(variant.get("status")) in {"", "active"}:
            ids = found.setdefault(sku, [])
            if id_of(variant.get("id")) not in ids:
                ids.append(id_of(variant.get("id")))
    return found


def stock_item_of(variant: Row, locations: Mapping[str, str], wanted: Collection[str] | None) -> StockItem:
    """Read a variant's stock; `locations` are names by id, `wanted` the location ids that count (None = all)."""
    return StockItem(
        external_id=id_of(variant.get("id")),
        sku=text_of(variant.get("sku")),
        upc=text_of(variant.get("upc")),
        name=_name_of(variant),
        levels=levels_of(variant, locations, wanted),
    )


def levels_of(variant: Row, locations: Mapping[str, str], wanted: Collection[str] | None) -> dict[str, int] | None:
    """Return whole pieces that can be sold, by location name; None for a variant whose stock isn't tracked.

    `keep_selling` changes nothing: the merchant may sell what isn't there, the hub doesn't promise it to a retailer.
    `max_online` bounds the sum. Source: section 4.8.
    """
    if variant.get("manage_stock") is False:
        return None
    exact: dict[str, Decimal] = {} if wanted is None else {locations[key]: Decimal(0) for key in wanted if key in locations}
    given = variant.get("locations")
    rows = given if isinstance(given, list) else []
    for row in rows:
        key = text_of(row.get("location_id"))
        if wanted is None or key in wanted:
            name = locations.get(key) or f"Location {key}"
            exact[name] = exact.get(name, Decimal(0)) + available_of(row, available="available", committed="committed")
    if not rows and wanted is None:
        exact[""] = available_of(variant, available="available_stock", committed="committed_stock")
    levels = {name: int(amount.to_integral_value(ROUND_FLOOR)) for name, amount in exact.items()}
    return capped(levels, decimal_of(variant.get("max_online")))


def available_of(row: Row, *, available: str, committed: str) -> Decimal:
    """Return what is available: as told, else on hand less committed, as older answers must be read. Source: section 3.8."""
    told = decimal_of(row.get(available))
    if told is not None:
        return told
    return (decimal_of(row.get("stock_on_hand")) or Decimal(0)) - (decimal_of(row.get(committed)) or Decimal(0))


def capped(levels: dict[str, int], most: Decimal | None) -> dict[str, int]:
    """Take from the last locations first until the sum is at most `most`; a negative level stays as it is."""
    if most is None:
        return levels
    excess = sum(levels.values()) - max(0, int(most.to_integral_value(ROUND_FLOOR)))
    left = dict(levels)
    for name in reversed(levels):
        if excess <= 0:
            break
        taken = min(excess, max(0, left[name]))
        left[name] -= taken
        excess -= taken
    return left


def _name_of(variant: Row) -> str:
    product, name = text_of(variant.get("product_name")), text_of(variant.get("name"))
    if not product or not name or name in {product, "Default"}:
        return product or name
    return f"{product} / {name}"
