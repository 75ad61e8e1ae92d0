"""Orders that were dealt with elsewhere: where they stand is said by a person, and nobody is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Account, User
from connectors.contract import HoldReason
from connectors.models import Connection
from orders.acts.marking import Elsewhere, order_mark
from orders.models import Invoice, MessageState, Order, OutboundMessage, Shipment
from orders.states import OrderState
from tests.factories import ConnectionFactory, OrderFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


@pytest.fixture
def wms(acme: Account) -> Connection:
    return ConnectionFactory.create(account=acme, wms=True, name="Books")


def _order(wms: Connection, **fields: Any) -> Order:
    message = fields.pop("message", None)
    order = OrderFactory.create(account=wms.account, wms=wms, **fields)
    if message:
        OutboundMessage.objects.create(account=wms.account, connection=wms, order=order, state=message)
    return order


def _package(order: Order, **fields: Any) -> Shipment:
    owned = {"account": order.account, "connection": order.wms, "order": order, "remote_updated_at": timezone.now()}
    return Shipment.objects.create(**owned, external_id="1", external_order_id="1", state="shipped", **fields)


@pytest.mark.parametrize("done", list(Elsewhere))
def test_order_that_was_not_sent_is_marked_and_never_sent(
    done: Elsewhere, bob: User, wms: Connection, browser: Browser
) -> None:
    order = _order(wms, state=OrderState.READY, hold=HoldReason.REFUSED, message=MessageState.HELD)
    fields = {"as": done, "reason": "Sent from the old system"}
    browser(bob).post(f"/a/acme/orders/{order.public_id}/mark/", fields)
    order.refresh_from_db()
    assert (order.state, order.hold) == (done.value, "")
    assert order.messages.get().state == MessageState.DROPPED
    event = order.events.get(kind=f"order.{done}")
    assert event.actor == "bob@example.com"
    assert "Sent from the old system. Nobody is told of it." in event.words


def test_what_would_make_the_far_sides_disagree_is_refused(wms: Connection) -> None:
    cases: list[tuple[dict[str, Any], Elsewhere, str]] = [
        ({"state": OrderState.SENT}, Elsewhere.SHIPPED, "is at Books, which would ship it once more"),
        ({"state": OrderState.SENT}, Elsewhere.CANCELED, "Cancel it instead"),
        ({"state": OrderState.READY, "message": MessageState.UNKNOWN}, Elsewhere.CANCELED, "may have reached the WMS"),
        ({"state": OrderState.READY, "message": MessageState.SENDING}, Elsewhere.SHIPPED, "may have reached the WMS"),
        ({"state": OrderState.SHIPPED}, Elsewhere.CANCELED, "is shipped already"),
        ({"state": OrderState.CANCELED}, Elsewhere.SHIPPED, "is canceled already"),
    ]
    for fields, done, said in cases:
        order = _order(wms, **fields)
        with pytest.raises(ValueError, match=said):
            order_mark(order, done, reason="Because", actor="bob")
        order.refresh_from_db()
        assert order.state == fields["state"]
    with pytest.raises(ValueError, match="Say why"):
        order_mark(_order(wms), Elsewhere.SHIPPED, reason=" ", actor="bob")


def test_shipped_order_is_confirmed_by_hand_and_its_package_is_told_no_more(wms: Connection) -> None:
    order = _order(wms, state=OrderState.SHIPPED)
    package = _package(order)
    order_mark(order, Elsewhere.CONFIRMED, reason="Typed in at DSCO", actor="bob")
    order.refresh_from_db()
    package.refresh_from_db()
    assert (order.state, package.nothing_to_tell) == (OrderState.CONFIRMED, True)
    assert order.confirmed_at is not None


def test_invoice_that_waits_keeps_an_order_from_being_confirmed_by_hand(wms: Connection) -> None:
    order = _order(wms, state=OrderState.SHIPPED)
    package = _package(order)
    Invoice.objects.create(account=wms.account, connection=wms, order=order, external_id="1")
    with pytest.raises(ValueError, match="An invoice of order"):
        order_mark(order, Elsewhere.CONFIRMED, reason="Typed in at DSCO", actor="bob")
    package.refresh_from_db()
    assert package.nothing_to_tell is False
