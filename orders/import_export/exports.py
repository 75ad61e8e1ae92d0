"""Everything that an account has, as flat rows: streamed along an index, so that memory stays flat at any size."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from cartrover.accounts.models import Account
from connectors.contract import HoldReason
from orders.import_export.csv_text import RowWriter
from orders.models import (
    Invoice,
    InvoiceLine,
    Order,
    OrderEvent,
    OrderLine,
    Product,
    ProductAlias,
    Shipment,
    ShipmentLine,
    ShipMethodMap,
    SkippedOrder,
    StockLevel,
)

CHUNK = 1000
"""Rows in one query: few enough to keep memory flat, many enough that the queries cost nothing."""

Row = Mapping[str, Any]

ADDRESS = (
    "company", "first_name", "last_name", "address_1", "address_2", "address_3", "city", "state", "zip", "country", "phone",
    "e_mail",
)  # fmt: skip
"""The API's parts of an address, after "ship_" for the ship-to and "cust_" for the billing party (CartRover reference 1.7)."""

ORDER_COLUMNS = (
    "cust_ref", "cust_po_no", "status", "held_reason", "order_source", "order_date", "retailer", "record_no",
    *(f"ship_{part}" for part in ADDRESS),
    *(f"cust_{part}" for part in ADDRESS),
    "customer_id", "shipping_instructions", "ship_code", "ship_code_description", "carrier", "currency_code",
    "sub_total", "order_discount", "shipping_handling", "sales_tax", "grand_total",
    "requested_ship_date", "created_date_time", "updated_date_time", "delivered_to_wms_date", "cancel_date",
    "on_hold", "error_msg", "retailer_id", "test_order", "wms", "wms_order_no", "document", "extra_fields", "items",
)  # fmt: skip
LINE_COLUMNS = ("cust_ref", "line_no", "item", "wms_item", "quantity", "shipped", "price")
SHIPMENT_COLUMNS = (
    "cust_ref", "cust_po_no", "wms", "shipment_no", "status", "carrier", "method", "tracking_no", "tracking_url", "date",
    "line_no", "item", "quantity", "told", "document",
)  # fmt: skip
INVOICE_COLUMNS = (
    "cust_ref", "cust_po_no", "wms", "invoice_id", "invoice_no", "invoice_date", "due_date", "total", "currency_code", "void",
    "line_no", "item", "quantity", "price", "told", "document",
)  # fmt: skip
INVENTORY_COLUMNS = ("wms", "sku", "warehouse", "available", "gone", "as_of")
PRODUCT_COLUMNS = ("sku", "name", "upc")
ALIAS_COLUMNS = ("cart", "cart_sku", "wms_sku")
SHIP_METHOD_COLUMNS = ("cart", "cart_code", "wms_code")
SKIPPED_COLUMNS = ("connection", "cust_po_no", "record_no", "reason", "document", "line")
EVENT_COLUMNS = ("at", "cust_ref", "cust_po_no", "kind", "words", "document")


@dataclass(frozen=True, slots=True)
class Export:
    """One thing that can be exported: its columns, and its rows since a moment (None = all)."""

    columns: tuple[str, ...]
    rows: Callable[[Account, datetime | None], Iterator[Row]]


# --- walking -----------------------------------------------------------------------------------------------------------------


def _walk(rows: Any, along: str) -> Iterator[list[Any]]:
    """Yield all rows in chunks, each a query of its own that nobody waits for.

    `along` is a column that never changes and that an index has right after the account, so that a chunk costs the same at the
    end of ten million rows as at their beginning; the primary key tells equal values apart.
    """
    ordered = rows.order_by(along, "pk")
    chunk = list(ordered[:CHUNK])
    while chunk:
        yield chunk
        last = getattr(chunk[-1], along)
        after = ordered.filter(**{f"{along}__gte": last}).exclude(**{along: last, "pk__lte": chunk[-1].pk})
        chunk = list(after[:CHUNK])


def _scope(model: Any, account: Account, since: datetime | None, *stamps: str) -> Any:
    """The account's rows of which one of these stamps is not before `since`."""
    rows = model.objects.for_account(account)
    if since is None:
        return rows
    return rows.filter(reduce(or_, (Q((f"{stamp}__gte", since)) for stamp in stamps)))


def _money(amount: Decimal | None, places: int = 2) -> Decimal | None:
    return None if amount is None else amount.quantize(Decimal(1).scaleb(-places))


def price(amount: Decimal | None) -> Decimal | None:
    """Return a price with two decimals, and with up to four where it has them."""
    if amount is None:
        return None
    short = _money(amount)
    return short if short == amount else amount


# --- orders ------------------------------------------------------------------------------------------------------------------


def _orders(account: Account, since: datetime | None) -> Iterator[Row]:
    return _order_rows(account, _scope(Order, account, since, "updated_at"))


def _order_rows(account: Account, orders: Any) -> Iterator[Row]:
    for chunk in _walk(orders.select_related("source", "wms", "document"), "created_at"):
        lines = _lines_of(account, [order.pk for order in chunk])
        for order in chunk:
            yield order_values(order, lines[order.pk])


def _lines_of(account: Account, order_ids: Sequence[int]) -> Mapping[int, list[OrderLine]]:
    found: dict[int, list[OrderLine]] = defaultdict(list)
    for line in OrderLine.objects.for_account(account).filter(order__in=order_ids).order_by("order_id", "line_no"):
        found[line.order_id].append(line)
    return found


def order_values(order: Order, lines: Iterable[OrderLine]) -> dict[str, Any]:
    """Return an order under the API's names, with its lines under "items"."""
    return {
        "cust_ref": order.cust_ref,
        "cust_po_no": order.cust_po_no,
        "status": str(order.status),
        "held_reason": order.hold,
        "order_source": order.source.name,
        "order_date": order.order_date,
        "retailer": order.retailer_name,
        "record_no": order.external_id,
        **{f"ship_{part}": order.ship_to.get(part, "") for part in ADDRESS},
        **{f"cust_{part}": order.bill_to.get(part, "") for part in ADDRESS},
        "customer_id": order.customer_code,
        "shipping_instructions": order.notes,
        "ship_code": order.ship_code,
        "ship_code_description": order.ship_method,
        "carrier": order.ship_carrier,
        "currency_code": order.currency,
        "sub_total": _money(order.sub_total),
        "order_discount": _money(order.order_discount),
        "shipping_handling": _money(order.shipping_handling),
        "sales_tax": _money(order.sales_tax),
        "grand_total": _money(order.grand_total),
        "requested_ship_date": order.ship_by,
        "created_date_time": order.created_at,
        "updated_date_time": order.updated_at,
        "delivered_to_wms_date": order.delivered_at,
        "cancel_date": order.canceled_at,
        "on_hold": "Y" if order.hold else "N",
        "error_msg": order.hold_words if order.hold and order.hold != HoldReason.NOT_LIVE else "",
        "retailer_id": order.retailer_id,
        "test_order": "Y" if order.is_test else "N",
        "wms": order.wms.name if order.wms else "",
        "wms_order_no": order.wms_number,
        "document": order.document.name if order.document else "",
        "extra_fields": order.extra,
        "items": [line_values(line) for line in lines],
    }


def line_values(line: OrderLine) -> dict[str, Any]:
    """Return a line under the API's names."""
    return {
        "line_no": line.line_no,
        "line_item_id": line.line_id,
        "item": line.item,
        "description": line.title,
        "upc": line.upc,
        "quantity": line.quantity,
        "price": price(line.price),
        "extra_fields": line.extra,
    }


def _order_lines(account: Account, since: datetime | None) -> Iterator[Row]:
    for chunk in _walk(_scope(Order, account, since, "updated_at").only("cust_ref", "created_at"), "created_at"):
        lines = _lines_of(account, [order.pk for order in chunk])
        for order, line in ((one, line) for one in chunk for line in lines[one.pk]):
            yield {
                "cust_ref": order.cust_ref,
                "line_no": line.line_no,
                "item": line.item,
                "wms_item": line.wms_item,
                "quantity": line.quantity,
                "shipped": line.shipped,
                "price": price(line.price),
            }


# --- what came back ----------------------------------------------------------------------------------------------------------


def _shipments(account: Account, since: datetime | None) -> Iterator[Row]:
    """One row for each line of each package; a package whose lines aren't known yet has one row without."""
    rows = _scope(Shipment, account, since, "seen_at", "remote_updated_at").select_related("order", "connection", "document")
    for chunk in _walk(rows, "seen_at"):
        lines: dict[int, list[ShipmentLine]] = defaultdict(list)
        for one in ShipmentLine.objects.for_account(account).filter(shipment__in=chunk).select_related("line").order_by("pk"):
            lines[one.shipment_id].append(one)
        for shipment in chunk:
            package = {
                **_of_order(shipment.order),
                "wms": shipment.connection.name,
                "shipment_no": shipment.external_id,
                "status": shipment.state,
                "carrier": shipment.carrier,
                "method": shipment.service,
                "tracking_no": shipment.tracking_number,
                "tracking_url": shipment.tracking_url,
                "date": shipment.shipped_at,
                "document": shipment.document.name if shipment.document else "",
            }
            known: list[ShipmentLine | None] = [*lines[shipment.pk]]
            for line in known or [None]:
                yield {**package, **_of_line(line)}


def _invoices(account: Account, since: datetime | None) -> Iterator[Row]:
    """One row for each line of each invoice; `invoice_id` is what the cart was told, `invoice_no` the WMS's number."""
    rows = _scope(Invoice, account, since, "seen_at", "remote_updated_at").select_related("order", "connection", "document")
    for chunk in _walk(rows, "seen_at"):
        lines: dict[int, list[InvoiceLine]] = defaultdict(list)
        for one in InvoiceLine.objects.for_account(account).filter(invoice__in=chunk).select_related("line").order_by("pk"):
            lines[one.invoice_id].append(one)
        for invoice in chunk:
            sheet = {
                **_of_order(invoice.order),
                "wms": invoice.connection.name,
                "invoice_id": invoice.told_id,
                "invoice_no": invoice.number,
                "invoice_date": invoice.invoice_date,
                "due_date": invoice.due_date,
                "total": _money(invoice.total),
                "currency_code": invoice.currency,
                "void": "Y" if invoice.is_void else "N",
                "document": invoice.document.name if invoice.document else "",
            }
            known: list[InvoiceLine | None] = [*lines[invoice.pk]]
            for line in known or [None]:
                yield {**sheet, **_of_line(line), "price": price(line.line.price) if line and line.line else None}


def _of_order(order: Order | None) -> dict[str, str]:
    return {"cust_ref": order.cust_ref if order else "", "cust_po_no": order.cust_po_no if order else ""}


def _of_line(line: ShipmentLine | InvoiceLine | None) -> dict[str, Any]:
    ours = line.line if line else None
    return {
        "line_no": ours.line_no if ours else None,
        "item": ours.item if ours else "",
        "quantity": line.quantity if line else None,
        "told": line.told if line else None,
    }


def _inventory(account: Account, since: datetime | None) -> Iterator[Row]:
    for chunk in _walk(_scope(StockLevel, account, since, "as_of").select_related("connection"), "sku"):
        for level in chunk:
            yield {
                "wms": level.connection.name,
                "sku": level.sku,
                "warehouse": level.warehouse,
                "available": level.available,
                "gone": "Y" if level.gone else "N",
                "as_of": level.as_of,
            }


# --- what is mapped ----------------------------------------------------------------------------------------------------------


def _products(account: Account, since: datetime | None) -> Iterator[Row]:
    for chunk in _walk(_scope(Product, account, since, "updated_at"), "sku"):
        for product in chunk:
            yield {"sku": product.sku, "name": product.name, "upc": product.upc}


def _aliases(account: Account, since: datetime | None) -> Iterator[Row]:
    for chunk in _walk(_scope(ProductAlias, account, since, "created_at").select_related("cart"), "cart_sku"):
        for alias in chunk:
            yield {"cart": alias.cart.name if alias.cart else "", "cart_sku": alias.cart_sku, "wms_sku": alias.wms_sku}


def _ship_methods(account: Account, since: datetime | None) -> Iterator[Row]:
    for chunk in _walk(_scope(ShipMethodMap, account, since, "first_seen_at").select_related("cart"), "cart_code"):
        for method in chunk:
            yield {"cart": method.cart.name, "cart_code": method.cart_code, "wms_code": method.wms_code}


# --- what stayed out, and the story ------------------------------------------------------------------------------------------


def _skipped(account: Account, since: datetime | None) -> Iterator[Row]:
    for chunk in _walk(
        _scope(SkippedOrder, account, since, "created_at").select_related("connection", "document"), "created_at"
    ):
        for skipped in chunk:
            yield {
                "connection": skipped.connection.name,
                "cust_po_no": skipped.cust_po_no,
                "record_no": skipped.external_id,
                "reason": f"{skipped.reason}: {skipped.words}",
                "document": skipped.document.name if skipped.document else "",
                "line": skipped.row or None,
            }


def _events(account: Account, since: datetime | None) -> Iterator[Row]:
    for chunk in _walk(_scope(OrderEvent, account, since, "at").select_related("order"), "at"):
        for event in chunk:
            yield {
                "at": event.at,
                **_of_order(event.order),
                "kind": event.kind,
                "words": event.words,
                "document": event.document_name,
            }


EXPORTS: Mapping[str, Export] = {
    "orders": Export(ORDER_COLUMNS, _orders),
    "order_lines": Export(LINE_COLUMNS, _order_lines),
    "shipments": Export(SHIPMENT_COLUMNS, _shipments),
    "invoices": Export(INVOICE_COLUMNS, _invoices),
    "inventory": Export(INVENTORY_COLUMNS, _inventory),
    "products": Export(PRODUCT_COLUMNS, _products),
    "aliases": Export(ALIAS_COLUMNS, _aliases),
    "ship_methods": Export(SHIP_METHOD_COLUMNS, _ship_methods),
    "skipped": Export(SKIPPED_COLUMNS, _skipped),
    "events": Export(EVENT_COLUMNS, _events),
}


# --- writing -----------------------------------------------------------------------------------------------------------------


def csv_chunks(account: Account, what: str, *, since: datetime | None = None) -> Iterator[str]:
    """Yield an export as CSV text, piece by piece: UTF-8 without BOM, RFC 4180, CR LF, a header row, safe for spreadsheets."""
    export = EXPORTS[what]
    return _written(export.columns, export.rows(account, since))


def order_chunks(account: Account, orders: Any, *, columns: tuple[str, ...] = ORDER_COLUMNS) -> Iterator[str]:
    """Yield these orders of the account (a queryset) as `csv_chunks` does all of them, or only some of their columns."""
    return _written(columns, _order_rows(account, orders))


def _written(columns: tuple[str, ...], rows: Iterable[Row]) -> Iterator[str]:
    writer = RowWriter()
    writer.write(columns)
    for number, row in enumerate(rows, start=1):
        writer.write(_cell(row[column]) for column in columns)
        if number % CHUNK == 0:
            yield writer.taken()
    yield writer.taken()


def json_chunks(account: Account, what: str, *, since: datetime | None = None) -> Iterator[str]:
    """Yield an export as one JSON list of objects, piece by piece; money and times are texts, counts are numbers."""
    export = EXPORTS[what]
    yield "["
    for number, row in enumerate(export.rows(account, since)):
        text = json.dumps({column: row[column] for column in export.columns}, default=_plain, ensure_ascii=False)
        yield f",\n{text}" if number else f"\n{text}"
    yield "\n]\n"


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain, ensure_ascii=False) if value else ""
    return _plain(value) if isinstance(value, date) else value


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
