"""Answers that were recorded from Intuit's own sandbox can be read. The recordings are no part of the project: without them
this is skipped."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import RemoteState
from connectors.quickbooks_online.api import rows_of
from connectors.quickbooks_online.lines import sent_lines
from connectors.quickbooks_online.parse import Form, invoice_of, order_id_of, receipt_of, remote_order_of, state_of
from connectors.quickbooks_online.refusals import connection_error, order_error
from connectors.quickbooks_online.sandbox import Sandbox
from connectors.quickbooks_online.wire import changed_at, refusal_of
from tests.connectors.quickbooks_online.conftest import Desk, an_order

REFERENCE = Path(os.environ.get("CARTROVER_REFERENCE", Path(__file__).parents[4] / "shared" / "reference"))
RECORDED = REFERENCE / "quickbooks_samples"

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded answers: set CARTROVER_REFERENCE to their folder")


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_text())


def test_a_recorded_invoice_is_read_and_told_void_once_it_is() -> None:
    made, void = recorded("qbo_invoice_create.json")["Invoice"], recorded("qbo_invoice_void.json")["Invoice"]
    receipt = receipt_of("Invoice", made, sent_lines(made))
    assert (receipt.external_id, receipt.number, receipt.state) == ("266", "1043", RemoteState.OPEN)
    assert [(line.external_id, line.line_no, line.quantity) for line in receipt.lines or ()] == [("1", 1, 1)]
    invoice = invoice_of(Form(entity="Invoice", row=made, order_id="266"))
    assert (invoice.total, invoice.currency, invoice.is_void) == (Decimal("100.0"), "USD", False)
    assert state_of("Invoice", void) is RemoteState.VOID
    assert invoice_of(Form(entity="Invoice", row=void, order_id="264")).is_void
    assert changed_at(made).isoformat() == "2020-09-29T12:58:07+00:00"


def test_a_recorded_deletion_estimate_and_receipt_are_read() -> None:
    assert state_of("Invoice", recorded("qbo_invoice_delete.json")["Invoice"]) is RemoteState.DELETED
    changes = recorded("qbo_cdc.json")["CDCResponse"][0]["QueryResponse"][0]
    (estimate,) = rows_of(changes, "Estimate")
    assert (order_id_of("Estimate", estimate), state_of("Estimate", estimate)) == ("48", RemoteState.OPEN)
    order = remote_order_of(Form(entity="Estimate", row=estimate, order_id="48"))
    assert [(line.line_no, line.quantity) for line in order.lines] == [(1, 4), (2, 5), (3, 1), (4, 8)]
    receipts = rows_of(recorded("qbo_query_salesreceipts.json")["QueryResponse"], "SalesReceipt")
    assert [state_of("SalesReceipt", row) for row in receipts] == [RemoteState.OPEN] * len(receipts)
    assert rows_of(recorded("qbo_query_empty_page.json")["QueryResponse"], "Customer") == []


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("qbo_fault_400_duplicate_name.json", 400, "6240"),
        ("qbo_fault_400_invalid_id.json", 400, "2030"),
        ("qbo_fault_400_query.json", 400, "4001"),
        ("qbo_fault_400_unknown_field.json", 400, "2010"),
        ("qbo_fault_401.json", 401, "3200"),
    ],
)
def test_recorded_faults_are_read_in_both_spellings(name: str, status: int, code: str) -> None:
    refusal = refusal_of(status, recorded(name))
    assert refusal is not None
    assert refusal.code == code
    assert len(order_error(refusal, number="PO-1").words) > 40
    assert (connection_error(refusal) is not None) == (status == 401)


def test_faults_stand_beside_answers_of_a_batch() -> None:
    items = recorded("qbo_batch.json")["BatchItemResponse"]
    assert [getattr(refusal_of(200, item), "code", "") for item in items] == ["", "610", "5010", ""]


def test_the_sandboxs_invoice_has_the_properties_of_a_recorded_one(box: Sandbox, desk: Desk) -> None:
    session = desk.open()
    session.prepare([an_order()])
    session.send(an_order(), "key")
    session.close()
    real = recorded("qbo_invoice_create.json")["Invoice"]
    ours = json.loads(json.dumps(box._machine.company.table("Invoice")["1"]))
    rarely = {"AllowOnlineCreditCardPayment", "AllowOnlineACHPayment", "DueDate", "BillAddr"}
    assert set(real) - set(ours) <= rarely
    assert set(real["Line"][0]["SalesItemLineDetail"]) <= set(ours["Line"][0]["SalesItemLineDetail"])
