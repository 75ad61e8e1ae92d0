"""What is told of one order arrives in the order in which it happened, also when the first file breaks off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import Service, ServiceName
from orders.models import DocumentState, OutboundDocument
from tests.hub import Hub
from tests.orders.returning.warehouse import delivered, go_back, invoice, problems_at_dsco, run_by_itself, ship

INVOICES = ServiceName.INVOICE_UPLOAD
SHIPMENTS = ServiceName.SHIPMENT_UPLOAD
ALL_BUT_INVOICES = (ServiceName.SHIPMENT_PICKUP, SHIPMENTS)


@pytest.fixture
def broken_off(hub: Hub) -> Hub:
    """A hub whose first invoice of an order broke off on its way; the second invoice of that order has come since."""
    order = delivered(hub, [("CAP-001", 2), ("TEE-001", 1)])
    ship(hub, order, lines={"CAP-001": 2})
    invoice(hub, order, lines={"CAP-001": 2}, invoice_number="INV-1")
    hub.run(*ALL_BUT_INVOICES)
    hub.dsco.drive("process")
    hub.dsco.drive("fault", name="drop", during="write", after_bytes=40, times=1)
    run_by_itself(hub, INVOICES)
    hub.dsco.drive("clear_faults")
    (first,) = _documents(hub)
    assert (first.state, first.attempts) == (DocumentState.READY, 1)
    ship(hub, order, lines={"TEE-001": 1})
    invoice(hub, order, lines={"TEE-001": 1}, invoice_number="INV-2")
    hub.run(*ALL_BUT_INVOICES)
    hub.dsco.drive("process")
    return hub


@pytest.fixture
def packages_broken_off(hub: Hub) -> Hub:
    """A hub whose file of packages broke off on its way, while the invoice of the same order is there."""
    order = delivered(hub, [("CAP-001", 2)])
    ship(hub, order, lines={"CAP-001": 2})
    invoice(hub, order, lines={"CAP-001": 2}, invoice_number="INV-1")
    hub.run(ServiceName.SHIPMENT_PICKUP)
    hub.dsco.drive("fault", name="drop", during="write", after_bytes=40, times=1)
    run_by_itself(hub, SHIPMENTS)
    hub.dsco.drive("clear_faults")
    return hub


def test_an_invoice_waits_for_the_file_of_its_packages(packages_broken_off: Hub) -> None:
    hub = packages_broken_off
    hub.run(INVOICES)
    assert _documents(hub) == [], "no file is fixed that would have to wait"
    assert _arrived(hub) == []
    (packages,) = OutboundDocument.objects.for_account(hub.account).filter(purpose="shipments")
    _time_passes(hub, packages)
    services = Service.objects.for_account(hub.account).filter(name=INVOICES)
    services.update(due_at=None)
    run_by_itself(hub, SHIPMENTS)
    assert services.get().due_at is not None, "it is due as soon as the packages are told"
    run_by_itself(hub, INVOICES)
    assert _arrived(hub) == ["INV-1"]
    assert problems_at_dsco(hub) == []


def _documents(hub: Hub) -> list[OutboundDocument]:
    return list(OutboundDocument.objects.for_account(hub.account).filter(purpose="invoices").order_by("pk"))


def _time_passes(hub: Hub, *documents: OutboundDocument) -> None:
    rows = OutboundDocument.objects.for_account(hub.account).filter(pk__in=[one.pk for one in documents])
    rows.update(due_at=timezone.now() - timedelta(seconds=1))


def _arrived(hub: Hub) -> list[str]:
    """Return the numbers of the invoices that DSCO took, in the order in which they came."""
    hub.dsco.drive("process")
    return list(hub.dsco.drive("state", only=["invoices"])["invoices"])


def test_an_invoice_waits_for_the_one_before_it_of_the_same_order(broken_off: Hub) -> None:
    run_by_itself(broken_off, INVOICES)
    assert _arrived(broken_off) == []
    first, second = _documents(broken_off)
    assert (first.attempts, second.state, second.attempts) == (1, DocumentState.READY, 0)
    assert second.due_at == first.due_at, "it is looked at again with the one that it waits for"
    _time_passes(broken_off, first, second)
    run_by_itself(broken_off, INVOICES)
    assert _arrived(broken_off) == ["INV-1", "INV-2"]
    assert problems_at_dsco(broken_off) == []


def test_one_that_is_due_waits_for_one_that_is_not(broken_off: Hub) -> None:
    run_by_itself(broken_off, INVOICES)
    _time_passes(broken_off, _documents(broken_off)[1])
    run_by_itself(broken_off, INVOICES)
    assert _arrived(broken_off) == []


def test_a_named_run_keeps_the_order_when_the_first_fails_again(broken_off: Hub) -> None:
    broken_off.dsco.drive("fault", name="drop", during="write", after_bytes=40, times=1)
    broken_off.run(INVOICES)
    assert _arrived(broken_off) == []
    broken_off.run(INVOICES)
    assert _arrived(broken_off) == ["INV-1", "INV-2"]


def test_the_invoices_of_other_orders_do_not_wait(broken_off: Hub) -> None:
    run_by_itself(broken_off, INVOICES)
    other = delivered(broken_off)
    ship(broken_off, other)
    invoice(broken_off, other, invoice_number="INV-3")
    broken_off.run(*ALL_BUT_INVOICES)
    broken_off.dsco.drive("process")
    run_by_itself(broken_off, INVOICES)
    assert _arrived(broken_off) == ["INV-3"]


def test_a_package_waits_for_the_one_before_it_of_the_same_order(hub: Hub) -> None:
    order = delivered(hub, [("CAP-001", 2), ("TEE-001", 1)])
    ship(hub, order, lines={"CAP-001": 2}, tracking="1ZFIRST")
    hub.run(ServiceName.SHIPMENT_PICKUP)
    hub.dsco.drive("fault", name="drop", during="write", after_bytes=40, times=1)
    run_by_itself(hub, SHIPMENTS)
    hub.dsco.drive("clear_faults")
    ship(hub, order, lines={"TEE-001": 1}, tracking="1ZSECOND")
    hub.run(ServiceName.SHIPMENT_PICKUP)
    run_by_itself(hub, SHIPMENTS)
    hub.dsco.drive("process")
    (at_dsco,) = hub.at_dsco().values()
    assert [line["shipped"] for line in at_dsco["lines"]] == [0, 0]
    go_back(hub)
    (at_dsco,) = hub.at_dsco().values()
    assert [line["shipped"] for line in at_dsco["lines"]] == [2, 1]
