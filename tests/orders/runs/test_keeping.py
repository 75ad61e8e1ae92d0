"""What is kept, what is forgotten when retention is over, and whether the counts agree every night."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.contract import CancelRow, Purpose
from connectors.models import Connection, Service
from orders.actions import skipped_load
from orders.models import (
    Alert,
    AlertState,
    InboundBody,
    InboundDocument,
    Order,
    OrderLine,
    OutboundAttempt,
    OutboundDocument,
    OutboundMessage,
    Shipment,
    ShipmentLine,
    SkippedOrder,
)
from orders.pipeline.documents import document_bytes, make_document
from orders.states import OrderState
from orders.upkeep import housekeeping
from orders.upkeep.housekeeping import keep
from orders.upkeep.reconciling import count_cart, reconcile
from tests.connectors.dsco.files import row
from tests.inbox import Inbox

LONG_AGO = timedelta(days=401)
PERSON = {
    "gift_message": "For Ann",
    "line_item_personalization": "Ann Lee",
    "bill_to_first_name": "Ann",
    "message": "ring twice",
}


def _age(inbox: Inbox, by: timedelta = LONG_AGO) -> None:
    """Let everything be older."""
    at = timezone.now() - by
    for model, column in (
        (InboundDocument, "seen_at"),
        (OutboundDocument, "created_at"),
        (Order, "created_at"),
        (OutboundAttempt, "started_at"),
        (SkippedOrder, "created_at"),
    ):
        model.objects.for_account(inbox.account).update(**{column: at})


def _delivered(inbox: Inbox, state: OrderState = OrderState.CONFIRMED) -> None:
    Order.objects.for_account(inbox.account).update(state=state, wms_order_id="100")
    for message in OutboundMessage.objects.for_account(inbox.account):
        OutboundAttempt.objects.create(account=inbox.account, message=message, request="Ann Lee", answer="Ann Lee, Boise")
    OutboundMessage.objects.for_account(inbox.account).update(state="done")


def _all_that_is_stored(inbox: Inbox) -> str:
    rows: list[Any] = []
    for model in (Order, OrderLine, OutboundAttempt, SkippedOrder):
        rows += model.objects.for_account(inbox.account).values()
    return repr(rows)


# --- 22: retention -----------------------------------------------------------------------------------------------------------


def test_after_retention_bytes_and_personal_fields_are_gone_and_keys_stay(inbox: Inbox) -> None:
    inbox.read([row(1, **PERSON), row(2, test_flag="1", **PERSON)])
    _delivered(inbox)
    OrderLine.objects.for_account(inbox.account).update(told=2, invoiced=2, shipped=2)
    document = make_document(inbox.cart, Purpose.CANCELS, [_cancel_row()])
    before = Order.objects.for_account(inbox.account).values("external_id", "alternate_id", "cust_ref", "content_hash").get()
    sha256 = InboundDocument.objects.for_account(inbox.account).get().sha256
    assert "Ann" in _all_that_is_stored(inbox)
    _age(inbox)
    keep()

    assert "Ann" not in _all_that_is_stored(inbox)
    assert "Boise" not in _all_that_is_stored(inbox)
    assert not InboundBody.objects.for_account(inbox.account).exists()
    document.refresh_from_db()
    with pytest.raises(ValueError, match="past the account's retention"):
        document_bytes(document)
    assert Order.objects.for_account(inbox.account).values(*before).get() == before
    line = OrderLine.objects.for_account(inbox.account).get()
    assert (line.item, line.told, line.invoiced) == ("SKU-1", 2, 2)
    kept = InboundDocument.objects.for_account(inbox.account).get()
    assert (kept.name, kept.sha256) == ("Purchase_Order_1.csv", sha256)
    assert inbox.events("order.purged") == ["Personal data was removed."]


def test_an_order_does_not_come_twice_after_its_personal_data_is_gone(inbox: Inbox) -> None:
    rows = [row(1, **PERSON), row(2, test_flag="1")]
    inbox.read(rows, "Purchase_Order_1.csv")
    _delivered(inbox)
    _age(inbox)
    keep()
    finished = inbox.read(rows, "Purchase_Order_2.csv")
    assert (finished.counts["duplicates"], finished.counts["skipped"], "orders" in finished.counts) == (1, 1, False)
    changed = inbox.read([row(1, line_item_quantity="9", **PERSON)], "Purchase_Order_3.csv")
    assert "orders" not in changed.counts
    assert Order.objects.for_account(inbox.account).count() == 1
    assert OutboundMessage.objects.for_account(inbox.account).count() == 1
    assert Order.objects.for_account(inbox.account).get().ship_to == {}


def test_what_is_younger_stays_as_it_is(inbox: Inbox) -> None:
    inbox.read([row(1, **PERSON)])
    _delivered(inbox)
    _age(inbox, timedelta(days=399))
    keep()
    assert inbox.order("PO-1").ship_to["first_name"] == "Ann"
    assert InboundBody.objects.for_account(inbox.account).exists()


def test_an_account_may_keep_things_for_a_shorter_time(inbox: Inbox) -> None:
    inbox.read([row(1, **PERSON)])
    _delivered(inbox)
    type(inbox.account).objects.filter(pk=inbox.account.pk).update(retention_days=30)
    _age(inbox, timedelta(days=31))
    keep()
    assert inbox.order("PO-1").ship_to == {}


def test_an_order_that_still_waits_to_be_delivered_keeps_its_address(inbox: Inbox) -> None:
    inbox.read([row(1), row(2)])
    Order.objects.for_account(inbox.account).filter(cust_po_no="PO-2").update(state=OrderState.SENT)
    _age(inbox)
    keep()
    assert inbox.order("PO-1").ship_to["first_name"] == "Ann"
    assert inbox.order("PO-2").ship_to == {}


def test_a_skipped_order_can_not_be_loaded_once_it_is_forgotten(inbox: Inbox) -> None:
    inbox.read([row(1, test_flag="1")])
    _age(inbox)
    keep()
    (skipped,) = SkippedOrder.objects.for_account(inbox.account).select_related("connection", "document")
    with pytest.raises(ValueError, match="PO-1"):
        skipped_load(skipped, actor="bob")


def test_forgetting_happens_once_a_day_in_small_pieces(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.upkeep.retention.AT_ONCE", 2)
    inbox.read([row(number) for number in range(5)])
    _delivered(inbox)
    _age(inbox)
    calls: list[int] = []
    forget = housekeeping.forget_old
    monkeypatch.setattr(housekeeping, "forget_old", lambda account, now: calls.append(account.pk) or forget(account, now))
    keep()
    keep()
    assert calls == [inbox.account.pk]
    assert not Order.objects.for_account(inbox.account).exclude(ship_to={}).exists()
    for service in Service.objects.for_account(inbox.account):
        service.cursor = {name: (timezone.now() - timedelta(hours=25)).isoformat() for name in service.cursor}
        service.save()
    keep()
    assert len(calls) == 2


# --- 23: counts --------------------------------------------------------------------------------------------------------------


def _open_alerts(inbox: Inbox) -> list[str]:
    rows = Alert.objects.for_account(inbox.account).filter(cause="counts_differ", state=AlertState.OPEN)
    return list(rows.values_list("words", flat=True))


def test_every_night_a_carts_files_rows_orders_and_tellings_are_counted(inbox: Inbox) -> None:
    inbox.read([row(1, 1), row(1, 2), row(2, line_item_quantity="x"), row(3, test_flag="1")], "Purchase_Order_1.csv")
    inbox.read([row(1, 1), row(1, 2), row(4)], "Purchase_Order_2.csv")
    counts = count_cart(inbox.cart)
    expected = {"files": 2, "rows": 7, "orders": 2, "skipped": 2, "delivered": 0, "idle": 0, "told_quantity": 0}
    assert {name: counts[name] for name in expected} == expected
    keep()
    assert _open_alerts(inbox) == []


def _lose_an_order(inbox: Inbox) -> Callable[[], object]:
    orders = Order.objects.for_account(inbox.account).filter(cust_po_no="PO-1")
    document = inbox.order("PO-1").document
    orders.update(document=None)
    return lambda: orders.update(document=document)


def _lose_a_message(inbox: Inbox) -> Callable[[], object]:
    message = OutboundMessage.objects.for_account(inbox.account).get(order__cust_po_no="PO-1")
    message.delete()
    return lambda: message.save(force_insert=True)


def _lose_a_refusal(inbox: Inbox) -> Callable[[], object]:
    skipped = SkippedOrder.objects.for_account(inbox.account).get()
    skipped.delete()
    return lambda: skipped.save(force_insert=True)


def _tell_too_little(inbox: Inbox) -> Callable[[], object]:
    order = inbox.order("PO-1")
    wms = Connection.objects.for_account(inbox.account).get(side="wms")
    package = Shipment.objects.create(
        account=inbox.account, connection=wms, order=order, state="shipped", remote_updated_at=timezone.now()
    )
    line = ShipmentLine.objects.create(account=inbox.account, shipment=package, line=order.lines.get(), quantity=2, told=2)
    return lambda: ShipmentLine.objects.for_account(inbox.account).filter(pk=line.pk).update(told=0)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_lose_an_order, "Purchase_Order_1.csv loaded 2 orders, 1 are here"),
        (_lose_a_message, "nothing holds 1 new orders and nothing sends them"),
        (_lose_a_refusal, "1 orders of Purchase_Order_1.csv were refused, 0 are listed"),
        (_tell_too_little, "packages tell 2 pieces, their order lines 0"),
    ],
)
def test_a_difference_is_an_alert_until_the_counts_agree_again(
    inbox: Inbox, spoil: Callable[[Inbox], Callable[[], object]], words: str
) -> None:
    inbox.read([row(1), row(2), row(3, line_item_quantity="x")])
    undo = spoil(inbox)
    reconcile(inbox.cart)
    reconcile(inbox.cart)
    assert [words in alert for alert in _open_alerts(inbox)] == [True]
    undo()
    reconcile(inbox.cart)
    assert _open_alerts(inbox) == []


def test_counting_happens_once_a_day(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(housekeeping, "reconcile", lambda cart: calls.append(cart.name))
    keep()
    keep()
    assert calls == ["DSCO"]


def _cancel_row() -> CancelRow:
    return CancelRow(
        cust_po_no="PO-1", external_order_id="90001", line_id="1", item="SKU-1", code="CXSO", reason="other", quantity=1
    )
