"""Shipments, invoices and inventory: what was told to whom, when, in which file, and what comes next."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cartrover.accounts.models import Account, User
from connectors.contract import ShipmentState
from connectors.models import Connection, ServiceName
from orders.listings import stock, told
from orders.listings.paging import PAGE
from orders.models import (
    ChannelStock,
    DocumentState,
    Invoice,
    Order,
    OutboundDocument,
    ProductAlias,
    Shipment,
    ShipmentLine,
    StockLevel,
    StockReading,
)
from orders.pipeline.stock_upload import sellable
from orders.states import OrderState
from tests.factories import AlertFactory, ConnectionFactory, OrderFactory, ServiceFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


@pytest.fixture
def cart(acme: Account) -> Connection:
    return ConnectionFactory.create(account=acme, name="DSCO")


@pytest.fixture
def wms(acme: Account) -> Connection:
    return ConnectionFactory.create(account=acme, wms=True, name="QuickBooks Commerce")


def _text(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def _file(cart: Connection, purpose: str, name: str) -> OutboundDocument:
    said = {"state": DocumentState.TAKEN, "sent_at": timezone.now(), "size": 1, "sha256": "x"}
    return OutboundDocument.objects.create(account=cart.account, connection=cart, purpose=purpose, name=name, **said)


def _package(wms: Connection, order: Order | None, **fields: Any) -> Shipment:
    number = Shipment.objects.for_account(wms.account).count()
    said = {"external_id": str(number), "external_order_id": "77", "remote_updated_at": timezone.now()}
    said |= {"state": ShipmentState.SHIPPED, "tracking_number": f"1Z{number}", **fields}
    return Shipment.objects.create(account=wms.account, connection=wms, order=order, **said)


# --- shipments and invoices --------------------------------------------------------------------------------------------------


def test_package_says_who_was_told_when_and_in_which_file(
    vera: User, cart: Connection, wms: Connection, browser: Browser
) -> None:
    order = OrderFactory.create(account=cart.account, source=cart, lines=[{"item": "CAP-9"}])
    package = _package(wms, order, document=_file(cart, "shipments", "Shipment_1.csv"), told_tracking="1ZOLD")
    line = {"external_id": "1", "external_line_id": "1", "line": order.lines.get(), "quantity": 1200}
    ShipmentLine.objects.create(account=cart.account, shipment=package, **line)
    html = browser(vera).get("/a/acme/shipments/").content.decode()
    assert package.document is not None
    place = f"/a/acme/connections/{cart.public_id}/files/out/{package.document.public_id}/"
    assert f'<a class="break" href="{place}">Shipment_1.csv</a>, taken by the cart' in html
    for said in (order.cust_ref, "1,200 × CAP-9", "told as 1ZOLD"):
        assert said in html, said
    assert "told DSCO just now" in re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize(
    ("fields", "said", "shown"),
    [
        ({}, "goes with the next file", {"", "untold"}),
        ({"tracking_number": ""}, "waits for a tracking number", {"", "untold", "no_tracking"}),
        ({"tracking_number": "", "send_without_tracking": True}, "goes with the next file", {"", "untold"}),
        ({"state": ShipmentState.PACKED, "tracking_number": ""}, "told when it ships", {"", "untold"}),
        ({"state": ShipmentState.VOID}, "voided, nothing to tell", {""}),
        ({"nothing_to_tell": True}, "nothing of it is for the cart", {""}),
        ({"order": None}, "belongs to no order of ours", {""}),
    ],
)
def test_package_that_nobody_was_told_of_says_why(
    fields: dict[str, Any], said: str, shown: set[str], cart: Connection, wms: Connection
) -> None:
    order = OrderFactory.create(account=cart.account, source=cart)
    package = _package(wms, **{"order": order, **fields})
    assert told.why_untold(package) == said
    assert {str(one) for one in told.Shown if told.shipments_page(cart.account, one).rows} == shown
    assert told.waits_for_tracking(package) == ("no_tracking" in shown)


def test_package_goes_without_a_number_when_a_person_says_so(
    bob: User, vera: User, cart: Connection, wms: Connection, browser: Browser
) -> None:
    order = OrderFactory.create(account=cart.account, source=cart)
    package = _package(wms, order, tracking_number="")
    alert = AlertFactory.create(
        account=cart.account, connection=cart, order=order, cause="no_tracking", subject=str(package.public_id)
    )
    client, path = browser(bob), f"/a/acme/shipments/{package.public_id}/send/"
    assert '<a class="mend" href="/a/acme/shipments/?show=no_tracking">' in client.get("/a/acme/alerts/").content.decode()
    assert path in client.get("/a/acme/shipments/?show=no_tracking").content.decode()
    assert path not in browser(vera).get("/a/acme/shipments/").content.decode()
    assert browser(vera).post(path).status_code == 403
    assert "without a tracking number." in _text(client.post(path, follow=True))
    package.refresh_from_db()
    alert.refresh_from_db()
    assert (package.send_without_tracking, alert.state) == (True, "resolved")
    assert "any more" in _text(client.post(path, follow=True))
    assert client.get(path).status_code == 405


def test_package_of_another_account_is_unknown(charlie: User, cart: Connection, wms: Connection, browser: Browser) -> None:
    package = _package(wms, OrderFactory.create(account=cart.account, source=cart), tracking_number="")
    for slug in ("acme", "globex"):
        assert browser(charlie).post(f"/a/{slug}/shipments/{package.public_id}/send/").status_code == 404
    assert "1Z" not in _text(browser(charlie).get("/a/globex/shipments/"))


def test_invoice_says_who_was_told_under_which_number(vera: User, cart: Connection, wms: Connection, browser: Browser) -> None:
    acme, order = cart.account, OrderFactory.create(account=cart.account, source=cart)
    common = {"account": acme, "connection": wms, "order": order, "total": Decimal("1234.5"), "currency": "USD"}
    document = _file(cart, "invoices", "Invoice_1.csv")
    Invoice.objects.create(**common, external_id="1", number="INV-1", told_id="INV-1-2", cart=cart, document=document)
    Invoice.objects.create(**common, external_id="2", number="INV-2")
    Invoice.objects.create(**common, external_id="3", number="INV-3", is_void=True)
    client = browser(vera)
    text = _text(client.get("/a/acme/invoices/"))
    for said in ("INV-1-2 INV-1 at QuickBooks Commerce", "1,234.50 USD", "told DSCO just now Invoice_1.csv", "void, nothing"):
        assert said in text, said
    untold = _text(client.get("/a/acme/invoices/?show=untold"))
    assert "INV-2" in untold
    assert "INV-1" not in untold
    assert "INV-3" not in untold


@pytest.mark.parametrize("path", ["shipments", "invoices", "inventory"])
def test_empty_lists_say_what_fills_them(path: str, vera: User, cart: Connection, wms: Connection, browser: Browser) -> None:
    assert re.search(
        r"No (packages|invoices|stock) yet\. (They|It) appears? here", _text(browser(vera).get(f"/a/acme/{path}/"))
    )


# --- inventory ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def reading(wms: Connection) -> StockReading:
    now = timezone.now()
    return StockReading.objects.create(account=wms.account, connection=wms, began_at=now, started_at=now, rows=1)


def _level(wms: Connection, sku: str, available: int, **fields: Any) -> StockLevel:
    said = {"available": available, "as_of": timezone.now(), **fields}
    return StockLevel.objects.create(account=wms.account, connection=wms, sku=sku, **said)


def _told(cart: Connection, item: str, quantity: int, **fields: Any) -> ChannelStock:
    said = {"quantity": quantity, "status": "in-stock", "sure": True, **fields}
    return ChannelStock.objects.create(account=cart.account, cart=cart, item=item, **said)


def test_inventory_shows_the_last_told_figure_and_the_next(
    vera: User, cart: Connection, wms: Connection, reading: StockReading, browser: Browser
) -> None:
    _level(wms, "CAP-009", 7, warehouse="A")
    _level(wms, "CAP-009", 1200, warehouse="B")
    ProductAlias.objects.create(account=cart.account, cart=cart, cart_sku="CAP-9", wms_sku="CAP-009")
    _told(cart, "CAP-9", 3, document=_file(cart, "stock", "Inventory_1.csv"))
    _level(wms, "SAME", 5)
    _told(cart, "SAME", 5)
    _level(wms, "DOUBT", 5)
    _told(cart, "DOUBT", 5, sure=False)
    _level(wms, "VANISHED", 9, gone=True)
    _told(cart, "VANISHED", 9)
    _level(wms, "UNASKED", 4)
    text = _text(browser(vera).get("/a/acme/inventory/"))
    for said in (
        "CAP-009 1,207 CAP-9 3 in-stock just now Inventory_1.csv 1,207 in-stock",
        "SAME 5 SAME 5 in-stock just now no change",
        "may not have arrived, is told again 5 in-stock",
        "VANISHED gone VANISHED 9 in-stock just now 0 out-of-stock",
        "UNASKED 4 DSCO never ordered it",
    ):
        assert said in text, said


def test_next_figure_is_the_one_that_is_sent(cart: Connection, wms: Connection, reading: StockReading) -> None:
    for number in range(8):
        _level(wms, f"SKU-{number}", 10 * number)
        _told(cart, f"SKU-{number}" if number % 2 else f"MINE-{number}", 1)
        OrderFactory.create(
            account=cart.account,
            source=cart,
            wms=wms,
            state=OrderState.READY,
            lines=[{"item": f"SKU-{number}" if number % 2 else f"MINE-{number}", "quantity": number}],
        )
        if not number % 2:
            ProductAlias.objects.create(account=cart.account, cart_sku=f"MINE-{number}", wms_sku=f"SKU-{number}")
    page = stock.inventory_page(cart.account).page
    assert [one.next for row in page.rows for one in row.items] == sorted(sellable(cart), key=lambda row: row.item[-1])
    assert [one.next.quantity for row in page.rows for one in row.items if one.next] == [9 * number for number in range(8)]


def test_pages_hold_every_sku_once_and_find_by_beginning(cart: Connection, wms: Connection, reading: StockReading) -> None:
    for number in range(PAGE + 3):
        for warehouse in ("A", "B"):
            _level(wms, f"SKU-{number:03}", 1, warehouse=warehouse)
    first = stock.inventory_page(cart.account).page
    second = stock.inventory_page(cart.account, after=str(first.next)).page
    assert [row.sku for row in (*first.rows, *second.rows)] == [f"SKU-{number:03}" for number in range(PAGE + 3)]
    assert second.next is None
    assert [row.sku for row in stock.inventory_page(cart.account, sku="SKU-05").page.rows] == ["SKU-050", "SKU-051", "SKU-052"]


def test_stock_that_is_held_back_goes_when_an_operator_says_so(
    bob: User, vera: User, charlie: User, cart: Connection, wms: Connection, browser: Browser
) -> None:
    service = ServiceFactory.create(connection=cart, name=ServiceName.INVENTORY_UPLOAD)
    client, path = browser(bob), f"/a/acme/inventory/{cart.public_id}/send/"
    assert path not in client.get("/a/acme/inventory/").content.decode()
    AlertFactory.create(account=cart.account, connection=cart, cause="stock_drop", words="40 of 50 SKUs would fall to 0.")
    mend = re.findall(r'class="mend" href="([^"]+)"', client.get("/a/acme/alerts/").content.decode())
    html = client.get(mend[0]).content.decode()
    assert "40 of 50 SKUs would fall to 0." in html
    assert path in html
    assert path not in browser(vera).get("/a/acme/inventory/").content.decode()
    assert [browser(who).post(path).status_code for who in (vera, charlie)] == [403, 404]
    assert browser(charlie).post(f"/a/globex/inventory/{cart.public_id}/send/").status_code == 404
    assert "as it is, this once" in _text(client.post(path, follow=True))
    service.refresh_from_db()
    assert service.cursor["send_anyway"] is True


def test_inventory_without_cart_or_wms_says_so(vera: User, acme: Account, browser: Browser) -> None:
    client = browser(vera)
    assert "No cart is connected, so there is nobody to tell" in _text(client.get("/a/acme/inventory/"))
    ConnectionFactory.create(account=acme)
    assert "There is no WMS connected" in _text(client.get("/a/acme/inventory/"))


def test_lists_ask_the_database_as_often_for_much_as_for_little(
    vera: User, cart: Connection, wms: Connection, reading: StockReading, browser: Browser
) -> None:
    client, asked = browser(vera), []
    for number in (1, 9):
        for turn in range(number):
            order = OrderFactory.create(account=cart.account, source=cart)
            package = _package(wms, order, document=_file(cart, "shipments", f"S{number}-{turn}"))
            line = {"external_id": "1", "external_line_id": "1", "line": order.lines.get(), "quantity": 1}
            ShipmentLine.objects.create(account=cart.account, shipment=package, **line)
            Invoice.objects.create(account=cart.account, connection=wms, order=order, external_id=f"{number}-{turn}")
            _level(wms, f"SKU-{number}-{turn}", 3)
            _told(cart, f"SKU-{number}-{turn}", 3, document=_file(cart, "stock", f"I{number}-{turn}"))
        counts = []
        for path in ("shipments", "invoices", "inventory"):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(f"/a/acme/{path}/").status_code == 200
            counts.append(len(captured))
        asked.append(counts)
    assert asked[0] == asked[1]
    assert max(asked[0]) < 30
