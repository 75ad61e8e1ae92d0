"""No page asks the database more often because there is more to show: no query for each row, anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.many_orders import fill
from cartrover.accounts.models import Account, User
from connectors.contract import HoldReason, ShipmentState
from connectors.models import Connection
from orders.models import (
    Invoice,
    InvoiceLine,
    Order,
    OutboundMessage,
    Shipment,
    ShipmentLine,
    SkippedOrder,
)
from orders.states import OrderState
from tests.accounts.test_access import PAGES
from tests.factories import ConnectionFactory, OrderEventFactory, OrderFactory

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LISTS = {
    f"orders?{query}": f"orders/?{query}"
    for query in (
        "status=error",
        "hold=unknown_sku",
        "retailer=nord",
        "retailer=nord&status=error",
        "sku=CAP-9",
        "sku=CAP-9&status=error",
        "q=CAP-9",
        "q=mustermann",
        "q=nobody",
        "since=2020-01-01",
    )
}


def _with_everything(account: Account, cart: Connection, wms: Connection, number: int, hold: str) -> None:
    state = OrderState.READY if hold else OrderState.SENT
    common = {"source": cart, "wms": wms, "hold": hold, "state": state, "ship_name": "Erika Mustermann", "delivered_at": NOW}
    order: Order = OrderFactory.create(account=account, **common, lines=[{"item": "CAP-9"}, {"item": "MUG-1"}])
    OrderEventFactory.create(order=order, account=account, connection=cart)
    OutboundMessage.objects.for_account(account).create(order=order, connection=wms, state="done")
    ids = {"connection": wms, "external_id": str(number), "external_order_id": str(number)}
    package = Shipment.objects.for_account(account).create(
        **ids, order=order, state=ShipmentState.SHIPPED, remote_updated_at=NOW
    )
    invoice = Invoice.objects.for_account(account).create(**ids, order=order, shipment=package, number=f"I{number}")
    for line in order.lines.all():
        of_line = {"external_id": str(line.pk), "external_line_id": str(line.pk), "line": line, "quantity": 1}
        ShipmentLine.objects.for_account(account).create(shipment=package, **of_line)
        InvoiceLine.objects.for_account(account).create(invoice=invoice, **of_line)
    SkippedOrder.objects.for_account(account).create(
        connection=cart, reason="too_old", words="Too old.", cust_po_no=f"S{number}"
    )


def _asked(client: Client, addresses: Mapping[str, str]) -> dict[str, int]:
    """Return how many queries each page takes, to its last byte."""
    numbers = {}
    for name, address in addresses.items():
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert b"".join(answer)
            numbers[name] = len(queries)
    return numbers


@pytest.mark.django_db
def test_every_page_takes_as_many_queries_for_sixty_orders_as_for_two(
    alice: User, acme: Account, browser: Callable[[User | None], Client]
) -> None:
    cart, wms = ConnectionFactory.create(account=acme, name="DSCO"), ConnectionFactory.create(account=acme, wms=True)
    for number, hold in enumerate(("", HoldReason.UNKNOWN_SKU), start=1):
        _with_everything(acme, cart, wms, number, hold)
    addresses = {page.name: reverse(page.name, kwargs={"slug": acme.slug, **page.ids(acme)}) for page in PAGES}
    addresses |= {name: f"/a/{acme.slug}/{path}" for name, path in LISTS.items()}
    client = browser(alice)
    _asked(client, addresses)  # what is asked once in a process, or once a session, counts for neither
    few = _asked(client, addresses)
    assert fill(60) == 60
    assert _asked(client, addresses) == few
