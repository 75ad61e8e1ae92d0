"""The files that carts get, to the letter: names, bytes, columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import pytest

from connectors.models import ServiceName
from orders.models import OutboundDocument
from orders.pipeline.documents import document_bytes
from tests.hub import Hub
from tests.orders.returning.warehouse import again, delivered, go_back, invoice, ship

COLUMNS = {
    "shipments": [
        "po_number",
        "dsco_order_id",
        "line_item_line_number",
        "line_item_sku",
        "line_item_upc",
        "line_item_quantity",
        "package_tracking_number",
        "package_ship_carrier",
        "package_ship_method",
        "shipping_service_level_code",
        "package_ship_date",
    ],
    "invoices": [
        "invoice_id",
        "po_number",
        "dsco_order_id",
        "invoice_date",
        "invoice_total_amount",
        "invoice_currency_code",
        "line_item_line_number",
        "line_item_sku",
        "line_item_upc",
        "line_item_title",
        "line_item_unit_price",
        "line_item_quantity",
    ],
    "stock": ["sku", "upc", "quantity_available", "status"],
    "cancels": [
        "po_number",
        "dsco_order_id",
        "line_item_line_number",
        "line_item_sku",
        "line_item_cancel_code",
        "line_item_cancel_reason",
        "line_item_status_quantity",
    ],
}
NAMES = {"shipments": "Shipment", "invoices": "Invoice", "stock": "Inventory", "cancels": "Cancel"}


@pytest.fixture
def told(make_hub: Callable[..., Hub]) -> Hub:
    """A hub that has told one of each: a package, an invoice, a cancellation and stock."""
    hub = make_hub(cart_settings={"cancel_code": "CXSS"})
    order = delivered(hub, [("CAP-001", 3)], service="FECG")
    hub.commerce.drive("cut_line", order_number=order.cust_ref, line="CAP-001", quantity=2)
    ship(hub, order, tracking="1ZTOLD", carrier="FedEx", service="Ground", shipped_at="2026-11-20T10:30:00Z")
    invoice(hub, order, invoice_number="INV-1")
    hub.run(ServiceName.INVENTORY_PICKUP)
    go_back(hub)
    hub.run(ServiceName.INVENTORY_UPLOAD)
    return hub


def test_files_are_named_and_written_as_promised(told: Hub) -> None:
    documents = {one.purpose: one for one in OutboundDocument.objects.for_account(told.account)}
    assert set(documents) == set(COLUMNS)
    for purpose, document in documents.items():
        assert re.fullmatch(rf"{NAMES[purpose]}_\d{{8}}T\d{{6}}Z_[0-9a-z]+\.csv", document.name)
        body = document_bytes(document)
        assert not body.startswith(b"\xef\xbb\xbf")
        assert body.endswith(b"\r\n")
        assert body.count(b"\n") == body.count(b"\r\n") == document.rows + 1
        header = next(csv.reader(io.StringIO(body.decode())))
        assert header[: len(COLUMNS[purpose])] == COLUMNS[purpose]
        assert all("tracking" in name or "ship" in name for name in header[len(COLUMNS[purpose]) :])


def test_rows_carry_the_carts_own_names_and_iso_times(told: Hub) -> None:
    (order,) = told.at_dsco().values()
    (row,) = told.told("shipments")
    assert row["po_number"] == order["po_number"]
    assert row["dsco_order_id"] == order["dsco_order_id"]
    assert row["line_item_upc"] == order["lines"][0]["upc"]
    assert (row["line_item_line_number"], row["line_item_sku"], row["line_item_quantity"]) == ("1", "CAP-001", "2")
    assert (row["package_tracking_number"], row["package_ship_carrier"]) == ("1ZTOLD", "FedEx")
    assert (row["package_ship_method"], row["shipping_service_level_code"]) == ("Ground", "FECG")
    assert row["package_ship_date"] == "2026-11-20T10:30:00+00:00"
    (billed,) = told.told("invoices")
    assert (billed["invoice_total_amount"], billed["invoice_currency_code"]) == ("10.50", "USD")
    (canceled,) = told.told("cancels")
    assert (canceled["line_item_cancel_code"], canceled["line_item_status_quantity"]) == ("CXSS", "1")
    assert canceled["line_item_cancel_reason"]
    assert told.dsco.drive("wait")
    assert told.dsco.drive("state")["problems"] == []


def test_each_file_lies_at_dsco_byte_by_byte(told: Hub) -> None:
    told.dsco.drive("process")
    for document in OutboundDocument.objects.for_account(told.account):
        assert told.dsco.drive("read_file", path=f"/in/archive/{document.name}") == document_bytes(document).decode()


def test_nothing_to_tell_is_no_file(hub: Hub) -> None:
    delivered(hub)
    go_back(hub)
    hub.run(ServiceName.INVENTORY_UPLOAD)
    assert not OutboundDocument.objects.for_account(hub.account).exists()


def test_an_order_without_dscos_id_is_told_by_its_number_alone(hub: Hub) -> None:
    placed = hub.dsco.drive("place_orders", count=1, items=[{"sku": "CAP-001", "quantity": 1, "cost": "5.00"}])
    hub.dsco.drive("export", without=["dsco_order_id"])
    hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    order = hub.order(cust_po_no=placed[0]["po_number"])
    ship(hub, order)
    go_back(hub)
    (row,) = hub.told("shipments")
    assert (row["po_number"], row["dsco_order_id"]) == (placed[0]["po_number"], "")
    assert again(order).status == "confirmed"


@pytest.mark.parametrize(("delimiter", "extension", "mark"), [("tab", ".tab", "\t"), ("pipe", ".psv", "|")])
def test_the_delimiter_of_the_settings_is_told_by_the_extension(
    make_hub: Callable[..., Hub], delimiter: str, extension: str, mark: str
) -> None:
    hub = make_hub(cart_settings={"delimiter": delimiter})
    ship(hub, delivered(hub))
    go_back(hub)
    (document,) = OutboundDocument.objects.for_account(hub.account)
    assert document.name.endswith(extension)
    assert document_bytes(document).decode().splitlines()[0].split(mark) == COLUMNS["shipments"]
