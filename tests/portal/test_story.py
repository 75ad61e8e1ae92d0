"""An order's story: what its entries open to, what is said once, and what comes next."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client

from cartrover.accounts.models import Account, Role, User
from connectors.contract import HoldReason, ShipmentState
from connectors.models import Connection, ConnectionState, ServiceName
from orders.listings.next_steps import next_step
from orders.listings.story import order_story
from orders.listings.story_entries import entries_of
from orders.models import InboundDocument, MessagePurpose, MessageState, Order, OutboundMessage, Shipment, ShipMethodMap
from orders.states import OrderState
from tests.factories import ConnectionFactory, MembershipFactory, OrderEventFactory, OrderFactory, ServiceFactory
from tests.hub import Hub

Browser = Callable[[User | None], Client]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _page(hub: Hub, order: Order, browser: Browser) -> tuple[Client, str]:
    client = browser(MembershipFactory.create(account=hub.account, role=Role.VIEWER).user)
    return client, client.get(f"/a/{hub.account.slug}/orders/{order.public_id}/").content.decode()


def _section(html: str, name: str) -> str:
    [section] = re.findall(rf'<section aria-labelledby="{name}">(.*?)</section>', html, re.S)
    return str(section)


# --- what entries open to ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_everything_that_came_or_went_in_a_file_opens_to_its_bytes(hub: Hub, browser: Browser) -> None:
    [placed] = hub.place(count=1, skus=["CAP-001"])
    hub.run()
    [at_wms] = hub.at_commerce()
    for act in ("finalize", "pack_and_ship", "invoice"):
        hub.commerce.drive(act, order_id=at_wms["id"])
    hub.run()
    order = hub.order(cust_po_no=placed["po_number"])
    package, invoice = order.shipments.get(), order.invoices.get()
    assert package.document is not None
    assert invoice.document is not None
    assert order.document is not None

    client, html = _page(hub, order, browser)
    files = f"/a/{hub.account.slug}/connections/{hub.cart.public_id}/files"
    came, told, billed = (
        (f"{files}/{way}/{file.public_id}/", file.name)
        for way, file in (("in", order.document), ("out", package.document), ("out", invoice.document))
    )
    linked = re.findall(r'<a class="break" href="([^"]+)">([^<]+)</a>', _section(html, "story"))
    assert linked == [billed, told, came]
    for part, place in (("packages", told), ("invoices", billed)):
        assert re.findall(r'<a class="break" href="([^"]+)">([^<]+)</a>', _section(html, part)) == [place]
    assert html.count(f'href="{came[0]}"') == 2, "in the head and in the story"
    for address, name in (came, told, billed):
        page = client.get(address).content.decode()
        assert name in page
        assert placed["po_number"] in page, "the bytes are there to be read"
    assert "Attempts to put it there" in client.get(told[0]).content.decode()


@pytest.mark.django_db
def test_sending_opens_to_what_was_asked_and_answered_without_secrets(hub: Hub, browser: Browser) -> None:
    [placed] = hub.place(count=1, skus=["CAP-001"])
    hub.run(ServiceName.INVENTORY_PICKUP, ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    order = hub.order(cust_po_no=placed["po_number"])
    _, html = _page(hub, order, browser)
    [entry] = [one for one in re.findall(r"<li>(.*?)</li>", _section(html, "story"), re.S) if "Sent to " in one]
    [target] = re.findall(r'href="#(attempt-[^"]+)"', entry)
    [opened] = re.findall(rf'<div id="{target}"[^>]*>(.*?)</div>', html, re.S)
    assert "Sent" in opened
    assert order.cust_ref in unescape(opened)
    for secret in hub.commerce.secrets.values():
        assert secret not in html


@pytest.mark.django_db
def test_refusal_opens_to_its_attempt_and_is_said_in_the_head_and_the_story_alone(hub: Hub, browser: Browser) -> None:
    hub.commerce.drive("fault", name="422", path="/orders", method="POST", times=0)
    [placed] = hub.place(count=1, skus=["CAP-001"])
    hub.run(ServiceName.INVENTORY_PICKUP, ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    order = hub.order(cust_po_no=placed["po_number"])
    assert order.hold == HoldReason.REFUSED
    _, html = _page(hub, order, browser)
    story = _section(html, "story")
    assert unescape(story).count(order.hold_words) == 1
    assert unescape(html).count(order.hold_words) == 2
    [target] = re.findall(r'href="#(attempt-[^"]+)"', story)
    [opened] = re.findall(rf'<div id="{target}"[^>]*>(.*?)</div>', html, re.S)
    assert order.cust_ref in unescape(opened)


@pytest.mark.django_db
def test_file_that_came_twice_under_one_name_is_the_one_of_the_entry_s_time(acme: Account) -> None:
    cart = ConnectionFactory.create(account=acme)
    order = OrderFactory.create(account=acme, source=cart)
    early, late = (
        InboundDocument.objects.create(
            account=acme, connection=cart, name="Orders.csv", size=size, modified_at=at, fetched_at=at
        )
        for size, at in ((1, NOW), (2, NOW + timedelta(hours=1)))
    )
    said = {"order": order, "connection": cart, "kind": "order.changed", "document_name": "Orders.csv"}
    first = OrderEventFactory.create(**said, at=NOW + timedelta(minutes=1))
    second = OrderEventFactory.create(**said, at=NOW + timedelta(minutes=61))
    unknown = OrderEventFactory.create(**(said | {"document_name": "Elsewhere.csv"}), at=NOW)
    files = [entry.file for entry in entries_of(order, [second, first, unknown], [])]
    assert [file.document_id if file else None for file in files] == [late.public_id, early.public_id, None]


@pytest.mark.django_db
def test_shipping_code_says_what_it_becomes(acme: Account, vera: User, browser: Browser) -> None:
    order = OrderFactory.create(account=acme, ship_code="fecg")
    path = f"/a/acme/orders/{order.public_id}/"
    assert "not mapped</a>" in browser(vera).get(path).content.decode()
    ShipMethodMap.objects.create(account=acme, cart=order.source, cart_code="FECG", wms_code="FedEx Home Delivery")
    assert '<span class="copy">FedEx Home Delivery</span>' in browser(vera).get(path).content.decode()


# --- what comes next ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def cart(acme: Account) -> Connection:
    return ConnectionFactory.create(account=acme, name="DSCO")


@pytest.fixture
def wms(acme: Account) -> Connection:
    return ConnectionFactory.create(account=acme, wms=True, name="QBC")


def _said(order: Order) -> str:
    story = order_story(order.account, order.public_id)
    assert story is not None
    return " ".join(part for part in (story.next.words, story.next.when) if part)


def _message(order: Order, wms: Connection, **fields: object) -> OutboundMessage:
    return OutboundMessage.objects.create(account=order.account, connection=wms, order=order, **fields)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"hold": HoldReason.NOT_LIVE}, "It goes to the WMS when DSCO goes live."),
        ({"hold": HoldReason.BY_PERSON}, "It goes on when somebody releases it."),
        ({"hold": HoldReason.UNKNOWN_SKU}, "It goes on by itself when that is mended, or when somebody releases it."),
        ({"state": OrderState.CANCELED}, "Nothing more: it is canceled."),
        ({"state": OrderState.CONFIRMED}, "Nothing more: DSCO was told of all that shipped or was canceled."),
        ({"state": OrderState.NEW}, "It goes to the WMS with the next order delivery."),
        ({"state": OrderState.SENT}, "QBC ships it."),
        ({"state": OrderState.SHIPPED}, "DSCO asks for its tracking."),
    ],
)
def test_every_order_says_what_happens_to_it_next(
    fields: dict[str, object], said: str, cart: Connection, wms: Connection
) -> None:
    assert _said(OrderFactory.create(account=cart.account, source=cart, wms=wms, **fields)) == said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "said"),
    [
        (MessageState.WAITING, "It goes to QBC"),
        (MessageState.SENDING, "It is being sent to QBC."),
        (MessageState.UNKNOWN, "QBC is asked whether it has it"),
    ],
)
def test_order_on_its_way_says_when_it_is_tried(state: MessageState, said: str, cart: Connection, wms: Connection) -> None:
    order = OrderFactory.create(account=cart.account, source=cart, wms=wms, state=OrderState.READY)
    ServiceFactory.create(connection=wms, name=ServiceName.ORDER_DELIVERY, every="automatic")
    message = _message(order, wms, state=state, due_at=NOW)
    step = next_step(order, [message], [])
    assert (step.words, step.at) == (said, None if state == MessageState.SENDING else NOW)
    wms.state = ConnectionState.BROKEN
    wms.save(update_fields=["state"])
    if state == MessageState.WAITING:
        assert _said(order) == "It goes to QBC when the connection works"


@pytest.mark.django_db
def test_order_whose_cancellation_is_asked_for_waits_for_the_answer(cart: Connection, wms: Connection) -> None:
    order = OrderFactory.create(account=cart.account, source=cart, wms=wms, state=OrderState.SENT)
    _message(order, wms, purpose=MessagePurpose.CANCEL, due_at=NOW)
    assert _said(order) == "QBC is asked to cancel it"


@pytest.mark.django_db
def test_order_at_the_wms_and_back_says_which_service_comes_when(cart: Connection, wms: Connection) -> None:
    order = OrderFactory.create(account=cart.account, source=cart, wms=wms, state=OrderState.SENT)
    soon = datetime.now(UTC) + timedelta(minutes=4)
    ServiceFactory.create(connection=wms, name=ServiceName.SHIPMENT_PICKUP, due_at=soon)
    step = next_step(order, [], [])
    assert (step.words, step.at) == ("QBC is asked for packages", soon)

    order.state = OrderState.SHIPPED
    ServiceFactory.create(connection=cart, name=ServiceName.SHIPMENT_UPLOAD, every="automatic")
    assert next_step(order, [], []).when == "when there is something to send"
    bare = Shipment(account=order.account, connection=wms, order=order, state=ShipmentState.SHIPPED)
    assert next_step(order, [], [bare]).words == "DSCO is told once a package has its tracking number."
