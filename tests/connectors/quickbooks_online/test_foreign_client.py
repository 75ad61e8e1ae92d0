"""A client that nobody here wrote works with the sandbox as with Intuit's own host: python-quickbooks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from quickbooks import QuickBooks
from quickbooks.batch import batch_create
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import ObjectNotFoundException, QuickbooksException, ValidationException
from quickbooks.objects import Customer, Invoice, Item, SalesItemLine, SalesItemLineDetail
from quickbooks.objects.base import Ref

from connectors.quickbooks_online.sandbox import Sandbox


@pytest.fixture
def client(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> QuickBooks:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the sandbox speaks plain HTTP, on loopback only
    monkeypatch.setattr(QuickBooks, "sandbox_api_url_v3", f"{box.settings['api_url']}/v3")
    auth = SimpleNamespace(
        client_id=box.settings["client_id"], access_token=box.secrets["access_token"], refresh_token="", environment="sandbox"
    )
    return QuickBooks(auth_client=auth, company_id=box.settings["realm_id"], minorversion=75)


def an_invoice(client: QuickBooks, number: str = "") -> Invoice:
    item = Item.where("Sku = 'CAP-001'", qb=client)[0]
    invoice, row = Invoice(), SalesItemLine()
    row.Amount = 48
    row.SalesItemLineDetail = SalesItemLineDetail()
    row.SalesItemLineDetail.ItemRef, row.SalesItemLineDetail.Qty, row.SalesItemLineDetail.UnitPrice = item.to_ref(), 2, 24
    invoice.Line.append(row)
    invoice.DocNumber = number or None
    invoice.CustomerRef = Ref()
    invoice.CustomerRef.value = Customer.all(qb=client)[0].Id
    return invoice


def test_it_creates_reads_changes_voids_and_deletes(client: QuickBooks, box: Sandbox) -> None:
    invoice = an_invoice(client, "F-1").save(qb=client, request_id="once")
    assert (invoice.DocNumber, invoice.TotalAmt, invoice.SyncToken) == ("F-1", 48, "0")
    assert box.drive("state")["stock"]["CAP-001"]["QuickBooks Online"]["available"] == "118"

    found = Invoice.get(invoice.Id, qb=client)
    found.TrackingNum = "1Z999AA10123456784"
    found.save(qb=client)
    changed = Invoice.get(invoice.Id, qb=client)
    assert (changed.TrackingNum, changed.SyncToken, changed.TotalAmt) == ("1Z999AA10123456784", "1", 48)
    with pytest.raises(QuickbooksException, match="Stale"):
        invoice.save(qb=client)

    changed.void(qb=client)
    voided = Invoice.get(invoice.Id, qb=client)
    assert (voided.TotalAmt, voided.PrivateNote) == (0, "Voided")
    voided.delete(qb=client)
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(invoice.Id, qb=client)


def test_it_queries_pages_and_counts(client: QuickBooks) -> None:
    assert Item.count(qb=client) == len(Item.all(qb=client, max_results=1000)) == 41
    page = Item.filter(order_by="Id", start_position=3, max_results=2, qb=client)
    assert [item.Id for item in page] == ["3", "4"]
    assert [item.Sku for item in Item.choose(["CAP-002", "TEE-002"], field="Sku", qb=client)] == ["CAP-002", "TEE-002"]
    with pytest.raises(ValidationException, match="Custmoer"):
        client.query("select * from Custmoer")


def test_it_creates_in_batches_and_sees_what_changed(client: QuickBooks) -> None:
    names = ["North", "South", "Amy's Bird Sanctuary"]
    customers = []
    for name in names:
        customer = Customer()
        customer.DisplayName = name
        customers.append(customer)
    result = batch_create(customers, qb=client)
    assert [one.DisplayName for one in result.successes] == ["North", "South"]
    assert [fault.Error[0].code for fault in result.faults] == ["6240"]

    made = an_invoice(client).save(qb=client)
    an_invoice(client).save(qb=client).delete(qb=client)
    told = change_data_capture([Invoice, Customer], "2026-11-01T00:00:00-08:00", qb=client)
    assert told.Invoice._object_list[0].Id == made.Id
    assert [one.status for one in told.Invoice._object_list[1:]] == ["Deleted"]
    assert {"North", "South"} <= {one.DisplayName for one in told.Customer._object_list}
