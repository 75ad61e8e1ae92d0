"""The four files that go to DSCO, byte for byte, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import CancelRow, InvoiceRow, Purpose, ShipmentRow, StockRow
from connectors.dsco.render import RENDERERS, name_document
from tests.connectors.dsco.hub import settings

SHIPMENT = ShipmentRow(
    cust_po_no="PO-1",
    external_order_id="90001",
    line_id="1",
    item="LAMP, brass",
    upc="012345678905",
    quantity=2,
    tracking_number="1Z999AA10123456784",
    carrier="UPS",
    service="Ground",
    ship_code="UPCG",
    shipped_at=datetime(2025, 5, 12, 18, 30, 5, 123456, timezone(timedelta(hours=-5))),
    extra={},
)
INVOICE = InvoiceRow(
    invoice_id="INV-7",
    cust_po_no="PO-1",
    external_order_id="90001",
    invoice_date=date(2025, 5, 13),
    total=Decimal("31.555"),
    currency="USD",
    line_id="1",
    item="LAMP",
    upc="012345678905",
    title='Lamp, 12" "Bo"',
    unit_price=Decimal("13.3"),
    quantity=2,
    tracking_number="",
    carrier="",
    service="",
    ship_code="",
    shipped_at=None,
)
STOCK = StockRow(item="=LAMP", upc="", quantity=-3, status="out-of-stock")
CANCEL = CancelRow(
    cust_po_no="PO-1", external_order_id="90001", line_id="2", item="BULB", code="CXSN", reason="Not enough stock", quantity=4
)

GOLDEN: dict[Purpose, tuple[Sequence[Any], bytes]] = {
    Purpose.SHIPMENTS: (
        [SHIPMENT],
        b"po_number,dsco_order_id,line_item_line_number,line_item_sku,line_item_upc,line_item_quantity,package_tracking_number,"
        b"package_ship_carrier,package_ship_method,shipping_service_level_code,package_ship_date\r\n"
        b'PO-1,90001,1,"LAMP, brass",012345678905,2,1Z999AA10123456784,UPS,Ground,UPCG,2025-05-12T23:30:05+00:00\r\n',
    ),
    Purpose.INVOICES: (
        [INVOICE],
        b"invoice_id,po_number,dsco_order_id,invoice_date,invoice_total_amount,invoice_currency_code,line_item_line_number,"
        b"line_item_sku,line_item_upc,line_item_title,line_item_unit_price,line_item_quantity,line_item_ship_date,"
        b"line_item_tracking_number,line_item_ship_carrier,line_item_ship_method,line_item_shipping_service_level_code\r\n"
        b'INV-7,PO-1,90001,2025-05-13T00:00:00+00:00,31.56,USD,1,LAMP,012345678905,"Lamp, 12"" ""Bo""",13.30,2,,,,,\r\n',
    ),
    Purpose.STOCK: ([STOCK], b"sku,upc,quantity_available,status\r\n=LAMP,,0,out-of-stock\r\n"),
    Purpose.CANCELS: (
        [CANCEL],
        b"po_number,dsco_order_id,line_item_line_number,line_item_sku,line_item_cancel_code,line_item_cancel_reason,"
        b"line_item_status_quantity\r\n"
        b"PO-1,90001,2,BULB,CXSN,Not enough stock,4\r\n",
    ),
}


@pytest.mark.parametrize("purpose", Purpose)
def test_each_file_is_as_promised_byte_for_byte(purpose: Purpose) -> None:
    rows, expected = GOLDEN[purpose]
    assert RENDERERS[purpose](rows, settings()) == expected


@pytest.mark.parametrize("purpose", Purpose)
def test_a_file_without_rows_is_never_made(purpose: Purpose) -> None:
    with pytest.raises(ValueError, match="without rows"):
        RENDERERS[purpose]([], settings())


@pytest.mark.parametrize(("choice", "delimiter", "extension"), [("tab", "\t", ".tab"), ("pipe", "|", ".psv")])
def test_the_delimiter_of_the_settings_is_used_and_shown_by_the_extension(choice: str, delimiter: str, extension: str) -> None:
    body = RENDERERS[Purpose.CANCELS]([CANCEL], settings(delimiter=choice))
    assert body.splitlines()[1].split(delimiter.encode())[0] == b"PO-1"
    assert name_document(Purpose.CANCELS, datetime(2025, 1, 1, tzinfo=UTC), "x", settings(delimiter=choice)).endswith(extension)


def test_an_order_that_came_without_dscos_id_is_named_by_its_po_number_alone() -> None:
    body = RENDERERS[Purpose.SHIPMENTS]([replace(SHIPMENT, external_order_id="1000011436|PO-1")], settings())
    assert b"\r\nPO-1,,1," in body


def test_letters_beyond_ascii_are_utf8_without_a_mark() -> None:
    body = RENDERERS[Purpose.STOCK]([replace(STOCK, item="LÁMPARA")], settings())
    assert "LÁMPARA".encode() in body
    assert not body.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("purpose", "changes", "expected"),
    [
        (Purpose.SHIPMENTS, {}, "Shipment_20250510T173037Z_7f3k.csv"),
        (Purpose.INVOICES, {}, "Invoice_20250510T173037Z_7f3k.csv"),
        (Purpose.STOCK, {}, "Inventory_20250510T173037Z_7f3k.csv"),
        (Purpose.CANCELS, {}, "Cancel_20250510T173037Z_7f3k.csv"),
        (Purpose.STOCK, {"inventory_file_pattern": "Inventory_OWN_*.txt"}, "Inventory_OWN_20250510T173037Z_7f3k.txt"),
        (Purpose.STOCK, {"inventory_file_pattern": "stock"}, "stock_20250510T173037Z_7f3k.csv"),
        (Purpose.STOCK, {"inventory_file_pattern": "v1.2_*_eu"}, "v1.2_20250510T173037Z_7f3k_eu.csv"),
    ],
)
def test_a_file_is_named_after_its_jobs_pattern(purpose: Purpose, changes: dict[str, str], expected: str) -> None:
    made_at = datetime(2025, 5, 10, 19, 30, 37, 999999, timezone(timedelta(hours=2)))
    assert name_document(purpose, made_at, "7f3k", settings(**changes)) == expected
