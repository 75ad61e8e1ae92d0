"""A database restored from an older copy: the WMS is asked before anything goes out, and the archive is read again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from connectors.models import Connection, ServiceName
from orders.models import DocumentState, InboundDocument, Order, OrderEvent, OutboundAttempt, OutboundDocument, OutboundMessage
from orders.restoring import ASK_FIRST_FOR, Restored, note_restored
from orders.states import OrderState
from tests.far_sides import EVERY_WMS
from tests.hub import Hub
from tests.orders.commands.conftest import Finished, manage
from tests.orders.returning.warehouse import delivered, open_alerts, service, ship

__all__ = ["manage"]

DELIVER = ServiceName.ORDER_DELIVERY
A_DAY = 25 * 3600
"""Seconds after which QuickBooks Commerce has forgotten a request's key."""


def _forget_delivery(hub: Hub) -> None:
    """Make all orders look as they do when they were loaded from their file once more, and never sent."""
    OutboundAttempt.objects.for_account(hub.account).delete()
    Order.objects.for_account(hub.account).update(state=OrderState.READY, wms_order_id="", delivered_at=None)
    for message in OutboundMessage.objects.for_account(hub.account):
        OutboundMessage.objects.for_account(hub.account).filter(pk=message.pk).update(
            public_id=uuid.uuid4(), state="waiting", attempts=0, sent_at=None, done_at=None, due_at=timezone.now()
        )


@EVERY_WMS
def test_orders_that_look_unsent_are_asked_for_and_not_made_twice(hub: Hub) -> None:
    for _ in range(2):
        delivered(hub)
    there = {order["order_number"]: order["id"] for order in hub.at_commerce()}
    _forget_delivery(hub)
    hub.commerce.drive("advance", seconds=A_DAY)
    note_restored()
    hub.commerce.drive("clear_requests")
    finished = hub.run(DELIVER)[DELIVER]
    assert finished.counts.get("adopted") == 2
    routes = hub.commerce.drive("requests")["counters"]["by_route"]
    # QuickBooks Online is asked several questions at once by a batch.
    assert {route for route in routes if route.startswith("POST")} <= {"POST /batch"}
    assert {order["order_number"]: order["id"] for order in hub.at_commerce()} == there
    assert set(Order.objects.for_account(hub.account).values_list("state", flat=True)) == {"sent"}


def test_an_order_that_the_wms_has_not_got_goes_out_at_once(hub: Hub) -> None:
    note_restored()
    delivered(hub)
    assert len(hub.at_commerce()) == 1


def test_after_a_week_nothing_is_asked_first_any_more(hub: Hub) -> None:
    note_restored()
    row = service(hub, DELIVER)
    row.cursor["restored_at"] = (timezone.now() - ASK_FIRST_FOR - timedelta(minutes=1)).isoformat()
    row.save(update_fields=["cursor"])
    hub.commerce.drive("clear_requests")
    delivered(hub)
    assert "GET /orders" not in hub.commerce.drive("requests")["counters"]["by_route"]


def test_files_that_were_read_since_the_copy_are_read_again_from_the_archive_at_once(hub: Hub) -> None:
    Connection.objects.for_account(hub.account).update(activated_at=timezone.now() - timedelta(hours=1))
    hub.place(count=1, skus=["CAP-001"])
    hub.run(ServiceName.ORDER_DOWNLOAD)
    known = InboundDocument.objects.for_account(hub.account).get()
    InboundDocument.objects.for_account(hub.account).filter(pk=known.pk).update(name="never-seen.csv")
    hub.run(ServiceName.ORDER_DOWNLOAD)
    assert InboundDocument.objects.for_account(hub.account).count() == 1
    note_restored()
    counts = hub.run(ServiceName.ORDER_DOWNLOAD)[ServiceName.ORDER_DOWNLOAD].counts
    assert counts["read_again"] == 1
    assert OrderEvent.objects.for_account(hub.account).filter(kind="file.read_again", document_name=known.name).exists()
    assert open_alerts(hub, "taken_by_others") == []
    assert Order.objects.for_account(hub.account).count() == 1


def test_a_file_that_looks_unsent_is_looked_for_and_not_sent_twice(hub: Hub) -> None:
    ship(hub, delivered(hub), tracking="1ZCOPY")
    hub.run(ServiceName.SHIPMENT_PICKUP, ServiceName.SHIPMENT_UPLOAD)
    hub.dsco.drive("process")
    OutboundDocument.objects.for_account(hub.account).update(state=DocumentState.READY, sent_at=None, due_at=timezone.now())
    assert note_restored() == Restored(connections=2, files=1)
    hub.run(ServiceName.SHIPMENT_UPLOAD)
    assert OutboundDocument.objects.for_account(hub.account).get().state == DocumentState.TAKEN
    assert len(hub.dsco.drive("process")) == 1


def test_the_command_says_what_it_did_and_may_be_given_twice(hub: Hub, manage: Callable[..., Finished]) -> None:
    for _ in range(2):
        finished = manage("after_restore")
        assert (finished.code, finished.err) == (0, "")
        assert "2 connections go on as after a restore" in finished.out
    assert manage("after_restore", "--json").document == {"connections": 2, "files": 0}
