"""Answers that were recorded from the real API can be read. The recordings are no part of the project: without them this is
skipped."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import RemoteState, ShipmentState
from connectors.errors import FixOrder
from connectors.quickbooks_commerce.parse import (
    active_ids,
    invoice_of,
    line_numbers,
    lines_of,
    readable,
    remote_order_of,
    shipment_of,
    stock_item_of,
)
from connectors.quickbooks_commerce.refusals import order_error
from connectors.quickbooks_commerce.wire import decimal_of, paging_of, refusal_of, rows_of, sideloaded, stamp_of

REFERENCE = Path(os.environ.get("CARTROVER_REFERENCE", Path(__file__).parents[4] / "shared" / "reference"))
RECORDED = REFERENCE / "quickbooks_samples"

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded answers: set CARTROVER_REFERENCE to their folder")


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_text())


def test_recorded_orders_of_all_states() -> None:
    orders, problems = readable(rows_of(recorded("tg_orders.json"), "orders"), lambda row: remote_order_of(row, ()), "order")
    assert problems == []
    assert [order.state for order in orders] == [
        RemoteState.SHIPPED,
        RemoteState.DELETED,
        RemoteState.DRAFT,
        RemoteState.OPEN,
        RemoteState.OPEN,
    ]
    assert [order.reference for order in orders] == ["", "", "Ref 1", "", ""]
    assert orders[0].updated_at == datetime(2013, 11, 14, 4, 2, 23, 404000, UTC)
    assert [decimal_of(row["total"]) for row in recorded("tg_orders.json")["orders"]] == [
        Decimal(text) for text in ("166.75", "220.0", "2.2", "0", "3640.0")
    ]


def test_recorded_lines_count_from_position_zero() -> None:
    rows = rows_of(recorded("tg_order_line_items.json"), "order_line_items")
    for row in rows:
        assert list(line_numbers([row]).values()) == [1]
        assert lines_of([row])[0].quantity == int(decimal_of(row["quantity"]) or 0)


def test_recorded_packages_with_their_sideloaded_lines() -> None:
    body = recorded("tg_fulfillments.json")
    lines = sideloaded(body, "fulfillment_line_items")
    packages, problems = readable(
        rows_of(body, "fulfillments"),
        lambda row: shipment_of(row, [line for line in lines if line["fulfillment_id"] == row["id"]]),
        "package",
    )
    assert problems == []
    assert [len(package.lines) for package in packages] == [2, 1, 2, 1, 1]
    assert [package.state is ShipmentState.SHIPPED for package in packages] == [True, False, True, True, True]
    # The first is fulfilled without a time of shipping.
    assert packages[0].shipped_at == datetime(2014, 2, 17, 3, 1, 47, 495000, UTC)
    assert (packages[2].tracking_number, packages[2].service) == ("A554G12", "Courier")


def test_recorded_invoices() -> None:
    body = recorded("tg_invoices.json")
    lines = sideloaded(body, "invoice_line_items")
    invoices, problems = readable(
        rows_of(body, "invoices"),
        lambda row: invoice_of(row, [line for line in lines if line["invoice_id"] == row["id"]], {}),
        "invoice",
    )
    assert problems == []
    assert [(invoice.number, invoice.date, len(invoice.lines)) for invoice in invoices] == [
        ("GHINV-0063", date(2014, 6, 12), 1),
        ("GHINV-0062", date(2014, 6, 12), 1),
        ("GHINV-0061", date(2014, 6, 12), 1),
    ]


def test_recorded_stock_old_and_new() -> None:
    names = {str(row["id"]): row["label"] for row in rows_of(recorded("tg_locations.json"), "locations")}
    old, problems = readable(
        rows_of(recorded("tg_variants.json"), "variants"), lambda row: stock_item_of(row, names, None), "product"
    )
    assert problems == []
    assert old[1].levels is not None
    assert (old[1].levels["Primary Location"], old[1].levels["Head Office"], old[1].levels["Warehouse"]) == (-15, -11, -3)
    new = stock_item_of(recorded("tg_composition_sideloading.json")["variants"][0], {"1": "Main"}, None)
    assert (new.sku, new.levels) == ("TS-001-11", {"Main": 5})


def test_recorded_variants_are_not_unique_by_sku() -> None:
    assert len(active_ids(rows_of(recorded("tg_variants.json"), "variants"), {""})[""]) > 1


def test_recorded_headers_and_refusals() -> None:
    headers = recorded("tg_response_headers.json")
    assert paging_of(headers["orders"]["headers"]["X-Pagination"]).total == 658
    assert paging_of(headers["orders"]["headers"]["X-Pagination"]).is_last is False
    bodies = recorded("tg_error_bodies.json")
    for name, status in (("400_missing_root", 400), ("422_validation", 422), ("422_invoice_without_lines", 422)):
        error = order_error(refusal_of(status, bodies[name]), number="PO-1")
        assert isinstance(error, FixOrder)
    assert "missing a required parameter" in refusal_of(401, bodies["oauth_401_invalid_request"]).message


def test_example_objects_of_the_documentation() -> None:
    variants = rows_of(recorded("docs_variant.json"), "variants")
    assert [stock_item_of(row, {"1": "Main"}, None).levels for row in variants] == [{"Main": 7}, {"Main": 10}]
    invoice = rows_of(recorded("docs_invoice.json"), "invoices")[0]
    assert invoice_of(invoice, [], {"1": "SGD"}).total == Decimal("102.0")
    assert stamp_of(rows_of(recorded("docs_fulfillment.json"), "fulfillments")[0]["shipped_at"]) is not None
