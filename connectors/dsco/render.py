"""From rows to the bytes of the files that DSCO imports. Pure.

UTF-8 without a byte order mark, a header row, CR LF line ends, quoting as in RFC 4180; times in ISO 8601 with an offset, money
with two decimals. Machines read these files: nothing is escaped for spreadsheets. `dsco_*` columns are DSCO's own and are left
out, but for the order's id, which DSCO uses to find an order. Source: DSCO reference 1 and 4.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.contract import CancelRow, InvoiceRow, Purpose, Render, ShipmentRow, StockRow
from connectors.dsco.fields import (
    CANCEL_COLUMNS,
    ID_SEPARATOR,
    INVOICE_COLUMNS,
    PATTERN_FIELDS,
    SHIPMENT_COLUMNS,
    STOCK_COLUMNS,
    delimiter_of,
    extension_of,
)


def render_shipments(rows: Sequence[ShipmentRow], settings: Mapping[str, Any]) -> bytes:
    """Return a shipment file, a row per package and order line. Raise `ValueError` for no rows."""
    return _file(SHIPMENT_COLUMNS, map(_shipment, rows), settings)


def render_invoices(rows: Sequence[InvoiceRow], settings: Mapping[str, Any]) -> bytes:
    """Return an invoice file, a row per invoice line. Raise `ValueError` for no rows."""
    return _file(INVOICE_COLUMNS, map(_invoice, rows), settings)


def render_stock(rows: Sequence[StockRow], settings: Mapping[str, Any]) -> bytes:
    """Return an inventory file, a row per SKU, never below 0. Raise `ValueError` for no rows."""
    return _file(STOCK_COLUMNS, map(_stock, rows), settings)


def render_cancels(rows: Sequence[CancelRow], settings: Mapping[str, Any]) -> bytes:
    """Return a cancellation file, a row per order line. Raise `ValueError` for no rows."""
    return _file(CANCEL_COLUMNS, map(_cancel, rows), settings)


RENDERERS: Mapping[Purpose, Render] = {
    Purpose.SHIPMENTS: render_shipments,
    Purpose.INVOICES: render_invoices,
    Purpose.STOCK: render_stock,
    Purpose.CANCELS: render_cancels,
}


def name_document(purpose: Purpose, made_at: datetime, short_id: str, settings: Mapping[str, Any]) -> str:
    """Return a file name that matches the import job's pattern and that no other file has, such as
    `Shipment_20250510T193037Z_7f3k2a.csv`."""
    stamp = f"{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}_{short_id}"
    stem, extension = pattern_parts(purpose, settings)
    first, star, last = stem.partition("*")
    return f"{first}{stamp}{last}{extension}" if star else f"{stem}_{stamp}{extension}"


def pattern_parts(purpose: Purpose, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return the pattern of a purpose's file names without its extension, and the extension: its own or the delimiter's."""
    pattern = str(settings[PATTERN_FIELDS[purpose]]).replace("/", "_").strip()
    stem, dot, extension = pattern.rpartition(".")
    return (stem, dot + extension) if dot and "*" not in extension else (pattern, extension_of(settings))


def _file(columns: Sequence[str], rows: Iterable[Sequence[str]], settings: Mapping[str, Any]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter_of(settings), lineterminator="\r\n")
    writer.writerow(columns)
    start = text.tell()
    writer.writerows(rows)
    if text.tell() == start:
        raise ValueError("a file without rows must not be sent")
    return text.getvalue().encode()


def _shipment(row: ShipmentRow) -> Sequence[str]:
    return (
        row.cust_po_no,
        _dsco_order_id(row.external_order_id),
        row.line_id,
        row.item,
        row.upc,
        str(row.quantity),
        row.tracking_number,
        row.carrier,
        row.service,
        row.ship_code,
        _moment(row.shipped_at),
    )


def _invoice(row: InvoiceRow) -> Sequence[str]:
    return (
        row.invoice_id,
        row.cust_po_no,
        _dsco_order_id(row.external_order_id),
        _midnight(row.invoice_date),
        _money(row.total),
        row.currency,
        row.line_id,
        row.item,
        row.upc,
        row.title,
        _money(row.unit_price),
        str(row.quantity),
        _moment(row.shipped_at),
        row.tracking_number,
        row.carrier,
        row.service,
        row.ship_code,
    )


def _stock(row: StockRow) -> Sequence[str]:
    return (row.item, row.upc, str(max(row.quantity, 0)), row.status)


def _cancel(row: CancelRow) -> Sequence[str]:
    return (
        row.cust_po_no,
        _dsco_order_id(row.external_order_id),
        row.line_id,
        row.item,
        row.code,
        row.reason,
        str(row.quantity),
    )


def _dsco_order_id(external_id: str) -> str:
    """An order that came without DSCO's id is known as retailer and PO number, which means nothing to DSCO."""
    return "" if ID_SEPARATOR in external_id else external_id


def _moment(at: datetime | None) -> str:
    """ISO 8601 in whole seconds with an offset, as DSCO's own exports write it."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds")


def _midnight(day: date | None) -> str:
    """A plain date as the type Date-Time, which is what DSCO's schema has for dates."""
    return "" if day is None else f"{day.isoformat()}T00:00:00+00:00"


def _money(amount: Decimal) -> str:
    return f"{amount.quantize(Decimal('0.01'), ROUND_HALF_UP):f}"
