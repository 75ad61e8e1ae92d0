"""The gate before a cart goes live: a test order's six stations, what would be sent, and what going live does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import AuditEntry, Role
from connectors import actions
from connectors.contract import Purpose
from connectors.models import Connection, Service, ServiceName
from orders.connecting.carrying import carry_test_orders
from orders.dispatcher import run_due
from orders.listings.gate import Round, round_of
from orders.models import InboundDocument, Order, OutboundDocument
from orders.pipeline.documents import document_bytes
from orders.previewing import files_to_write, foresee
from tests.factories import MembershipFactory
from tests.hub import Hub, connect
from tests.servers.recording import RecordingProxy

CARRIED = (ServiceName.ORDER_DELIVERY, ServiceName.SHIPMENT_PICKUP, ServiceName.SHIPMENT_UPLOAD)


@pytest.fixture
def begun(make_hub: Callable[..., Hub], commerce: Any) -> Hub:
    """A hub that was just set up: nothing is live, and nothing runs by itself. Its WMS's products are read."""
    hub = make_hub(live=False)
    Connection.objects.for_account(hub.account).update(live=False, activated_at=None)
    Service.objects.for_account(hub.account).update(every="", due_at=None)
    hub.run(ServiceName.INVENTORY_PICKUP)
    return hub


@pytest.fixture
def owner(begun: Hub) -> Client:
    client = Client()
    client.force_login(MembershipFactory.create(account=begun.account, user__email="olga@example.com", role=Role.OWNER).user)
    return client


def gate(hub: Hub, part: str = "") -> str:
    return f"/a/acme/connections/{hub.cart.public_id}/go-live/{part}"


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def lit(hub: Hub) -> int:
    return sum(station.state == "done" for station in _round(hub).stations)


def _round(hub: Hub) -> Round:
    return round_of(Connection.objects.for_account(hub.account).select_related("account").get(pk=hub.cart.pk), hub.wms)


def test_a_test_order_lights_up_one_station_after_the_other(begun: Hub, owner: Client) -> None:
    assert "File found: No file has come yet." in text_of(owner.get(gate(begun)))
    assert "is made" in text_of(owner.post(gate(begun, "test-order/"), {"sku": "CAP-001"}, follow=True))
    assert lit(begun) == 1
    document = InboundDocument.objects.for_account(begun.account).get()
    begun.run(ServiceName.ORDER_DOWNLOAD)
    order = begun.order(document=document)
    assert (lit(begun), order.is_test, order.hold) == (3, True, "")
    assert b"CAP-001" in b"".join(owner.get(_round(begun).stations[1].link).streaming_content)
    begun.run(ServiceName.ORDER_DELIVERY)
    order.refresh_from_db()
    assert lit(begun) == 4
    polled = owner.get(gate(begun, "stations/"))
    assert f"In QuickBooks Commerce: finalize, pack and ship order {order.wms_number}." in text_of(polled)
    assert 'hx-trigger="every 2s"' in polled.content.decode()
    assert 'id="go-live"' not in polled.content.decode()
    begun.commerce.drive("finalize", order_number=order.wms_number)
    begun.commerce.drive("pack_and_ship", order_number=order.wms_number)
    begun.run(ServiceName.SHIPMENT_PICKUP)
    assert lit(begun) == 5
    begun.run(ServiceName.SHIPMENT_UPLOAD)
    assert lit(begun) == 6
    for station in _round(begun).stations:
        assert station.at is not None
        assert owner.get(station.link).status_code == 200
    polled = owner.get(gate(begun, "stations/"))
    assert "A test order has gone round." in text_of(polled)
    assert "every 2s" not in polled.content.decode()
    assert 'id="go-live" aria-labelledby="go-live-head" hx-swap-oob="true"' in polled.content.decode()


def test_the_hub_carries_test_orders_on_although_services_are_off(begun: Hub, owner: Client) -> None:
    begun.place(count=1, skus=["CAP-001"])
    owner.post(gate(begun, "test-order/"), {"sku": "CAP-001"})
    assert [one.outcome for one in run_due(30)] == ["done"]
    for name in CARRIED:
        assert carry_test_orders() == 1
        assert [one.service.name for one in run_due(30)] == [name]
        if name == ServiceName.ORDER_DELIVERY:
            begun.commerce.drive("finalize", order_number=begun.order(is_test=True).cust_ref)
            begun.commerce.drive("pack_and_ship", order_number=begun.order(is_test=True).cust_ref)
        Service.objects.for_account(begun.account).filter(name=name).update(last_run_at=timezone.now() - timedelta(hours=2))
    assert lit(begun) == 6
    assert carry_test_orders() == 0
    assert begun.statuses()["confirmed"] == 1
    assert len(begun.at_commerce()) == 1, "the live order waits"


def test_a_test_order_that_the_cart_exports_is_seen_as_well(begun: Hub, owner: Client) -> None:
    begun.place(count=2)
    begun.run(ServiceName.ORDER_DOWNLOAD)
    assert "held no test order" in text_of(owner.get(gate(begun)))
    begun.place(count=1, test=True)
    begun.run(ServiceName.ORDER_DOWNLOAD)
    assert lit(begun) == 3


def test_sku_that_the_wms_lacks_makes_no_test_order(begun: Hub, owner: Client) -> None:
    assert "has no product with the SKU “NO-SUCH”" in text_of(
        owner.post(gate(begun, "test-order/"), {"sku": "NO-SUCH"}, follow=True)
    )
    assert not InboundDocument.objects.for_account(begun.account).exists()


def test_going_live_asks_for_a_test_or_for_a_word_that_is_kept(begun: Hub, owner: Client) -> None:
    begun.place(count=3, skus=["CAP-001", "TEE-001"])
    begun.run(ServiceName.ORDER_DOWNLOAD)
    assert "3 orders wait" in text_of(owner.get(gate(begun)))
    activate = f"/a/acme/connections/{begun.cart.public_id}/activate/"
    assert "No test order has gone round yet." in text_of(owner.post(activate, follow=True))
    assert not AuditEntry.objects.filter(verb__in=["connection.test_skipped", "connection.activated"], actor="olga@example.com")
    answer = owner.post(activate, {"skip_test": "yes", "back": gate(begun)}, follow=True)
    assert "was switched on with it. 3 waiting orders go out." in text_of(answer)
    skipped = AuditEntry.objects.get(account=begun.account, verb="connection.test_skipped")
    assert skipped.actor == "olga@example.com"
    assert set(Connection.objects.for_account(begun.account).values_list("live", flat=True)) == {True}
    begun.run(ServiceName.ORDER_DELIVERY)
    assert len(begun.at_commerce()) == 3


def test_back_in_test_mode_live_orders_wait_again(begun: Hub, owner: Client) -> None:
    base = f"/a/acme/connections/{begun.cart.public_id}"
    owner.post(f"{base}/activate/", {"skip_test": "yes"})
    begun.place(count=1, skus=["CAP-001"])
    begun.run(ServiceName.ORDER_DOWNLOAD)
    begun.cart.refresh_from_db()
    answer = owner.post(f"{base}/test-mode/", follow=True)
    assert "1 that had not left yet waits now." in text_of(answer)
    begun.run(ServiceName.ORDER_DELIVERY)
    assert begun.at_commerce() == []
    assert "1 waiting order goes out." in text_of(owner.post(f"{base}/activate/", follow=True))


# --- what would be sent ------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(begun: Hub) -> Iterator[RecordingProxy]:
    """What the WMS gets, to the byte."""
    proxy = RecordingProxy(begun.commerce.settings["api_url"])
    begun.wms = connect(begun.account, "quickbooks_commerce", begun.wms.name, begun.commerce, settings={"api_url": proxy.url})
    yield proxy
    proxy.stop()


def test_preview_is_to_the_byte_what_is_sent_afterwards(begun: Hub, owner: Client, recorded: RecordingProxy) -> None:
    begun.place(count=1, items=[{"sku": "CAP-001", "quantity": 2, "cost": "5.00"}, {"sku": "TEE-002", "quantity": 1}])
    begun.run(ServiceName.ORDER_DOWNLOAD)
    order = begun.order()
    before = len(recorded.sent)
    company, foreseen = foresee(order).requests
    assert all(one.method == "GET" for one in recorded.sent[before:])
    assert "it is made once" in company.notes[0]
    page = owner.get(f"/a/acme/orders/{order.public_id}/preview/")
    assert f'"order_number": "{order.cust_ref}"' in page.content.decode().replace("&quot;", '"')
    assert begun.commerce.secrets["access_token"] not in page.content.decode()
    assert f"/a/acme/orders/{order.public_id}/preview/" in owner.get(gate(begun)).content.decode()
    actions.connection_activate(connection=begun.cart, actor="test")
    owner.post(f"/a/acme/orders/{order.public_id}/release/")
    (known,) = foresee(begun.order()).requests[-1:]
    begun.run(ServiceName.ORDER_DELIVERY)
    (made,) = recorded.of("POST", "/companies")
    (sent,) = recorded.of("POST", "/orders")
    assert made.raw == company.body
    assert foreseen.body.replace(b'"company_id": 0', b'"company_id": %d' % sent.body["order"]["company_id"]) == sent.raw
    assert known.method + known.url == "POST" + recorded.url + "/orders"
    assert dict(known.headers)["Idempotency-Key"] == sent.headers["idempotency-key"]


def test_rows_for_the_cart_are_to_the_byte_what_is_written_afterwards(begun: Hub, owner: Client) -> None:
    owner.post(gate(begun, "test-order/"), {"sku": "CAP-001"})
    begun.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    for act in ("finalize", "pack_and_ship", "invoice"):
        begun.commerce.drive(act, order_number=begun.order().cust_ref)
    begun.run(ServiceName.SHIPMENT_PICKUP)
    foreseen = {file.purpose: file.body for file in files_to_write(begun.order())}
    assert set(foreseen) == {Purpose.SHIPMENTS, Purpose.INVOICES}
    assert "To DSCO: shipments, 1 row" in text_of(owner.get(f"/a/acme/orders/{begun.order().public_id}/preview/"))
    begun.run(ServiceName.SHIPMENT_UPLOAD, ServiceName.INVOICE_UPLOAD)
    written = {one.purpose: document_bytes(one) for one in OutboundDocument.objects.for_account(begun.account)}
    assert written == foreseen
    assert Order.objects.for_account(begun.account).count() == 1


def test_order_that_would_be_held_says_why_instead(begun: Hub, owner: Client) -> None:
    begun.place(count=1, items=[{"sku": "CAP-9", "quantity": 1}])
    begun.run(ServiceName.ORDER_DOWNLOAD)
    answer = owner.get(f"/a/acme/orders/{begun.order().public_id}/preview/", headers={"HX-Request": "true"})
    assert "has no active product with the SKU CAP-9" in text_of(answer)
    assert "<html" not in answer.content.decode()


def test_band_stands_on_every_page_while_a_cart_is_in_test_mode(begun: Hub, owner: Client) -> None:
    pages = ("", "orders/", "alerts/", f"connections/{begun.cart.public_id}/", "help/")
    band = "Test mode. Live orders of DSCO are loaded and wait; test orders run through."
    assert all(band in text_of(owner.get(f"/a/acme/{page}")) for page in pages)
    owner.post(f"/a/acme/connections/{begun.cart.public_id}/activate/", {"skip_test": "yes"})
    assert not any("Test mode." in text_of(owner.get(f"/a/acme/{page}")) for page in pages)
