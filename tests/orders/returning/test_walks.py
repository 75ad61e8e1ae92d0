"""Lists of changes: walked once, picked up where they broke off, and checked by direct questions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.models import Service, ServiceName
from orders.models import Invoice, InvoiceLine, Order, OrderEvent, OrderLine, Shipment, ShipmentLine
from orders.upkeep.housekeeping import keep
from tests.hub import Hub
from tests.orders.returning.warehouse import (
    again,
    delivered,
    go_back,
    invoice,
    line_of,
    open_alerts,
    service,
    ship,
)

PICKUP = ServiceName.SHIPMENT_PICKUP


@pytest.fixture
def frozen(dsco: Any, commerce: Any) -> Callable[[], Any]:
    """Give a way to stop all clocks, so that everything that happens at the WMS meanwhile has one stamp."""
    return lambda: time_machine.travel(datetime.now(UTC), tick=False)


def _asked(hub: Hub, path: str) -> list[str]:
    """Return the queries that the WMS was asked under this path since the last look."""
    log = hub.commerce.drive("requests", clear=True)["log"]
    return [one["query"] for one in log if one["path"].removesuffix(".json") == path]


def _many(hub: Hub, count: int) -> list[Order]:
    hub.place(count=count, items=[{"sku": "CAP-001", "quantity": 1, "cost": "5.00"}, {"sku": "TEE-001", "quantity": 1}])
    hub.commerce.drive("set_stock", sku="CAP-001", quantity=10_000)
    hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    return list(Order.objects.for_account(hub.account).filter(state="sent").order_by("pk"))


def test_the_first_walk_begins_a_month_before_the_connection_and_not_at_the_beginning(hub: Hub) -> None:
    hub.run(PICKUP)
    (query,) = _asked(hub, "/fulfillments")
    assert "updated_at_min" in query


def test_a_walk_goes_on_ten_minutes_before_the_last_one_began(hub: Hub) -> None:
    before = timezone.now()
    hub.run(PICKUP)
    after = timezone.now()
    for name in ("orders_since", "shipments_since", "invoices_since"):
        stands = datetime.fromisoformat(service(hub, PICKUP).cursor[name])
        assert before - timedelta(seconds=2) <= stands + timedelta(minutes=10) <= after + timedelta(seconds=2)


def test_a_walk_that_finds_nothing_costs_one_request_a_list(hub: Hub) -> None:
    delivered(hub)
    hub.run(PICKUP)
    Service.objects.for_account(hub.account).filter(name=PICKUP).update(
        cursor={
            **service(hub, PICKUP).cursor,
            **dict.fromkeys(("orders_since", "shipments_since", "invoices_since"), timezone.now().isoformat()),
        }
    )
    hub.commerce.drive("requests", clear=True)
    hub.run(PICKUP)
    by_route = hub.commerce.drive("requests")["counters"]["by_route"]
    assert by_route == {"GET /orders": 1, "GET /fulfillments": 1, "GET /invoices": 2}


def test_what_the_overlap_shows_again_changes_nothing(hub: Hub) -> None:
    order = delivered(hub)
    ship(hub, order)
    invoice(hub, order)
    go_back(hub)
    events = OrderEvent.objects.for_account(hub.account).count()
    finished = hub.run(PICKUP)[PICKUP]
    assert finished.counts == {}
    assert OrderEvent.objects.for_account(hub.account).count() == events


def test_more_than_a_page_of_equal_stamps_loses_nothing(hub: Hub, frozen: Callable[[], Any]) -> None:
    orders = _many(hub, 3)
    with frozen():
        ship(hub, orders[0])
        hub.commerce.drive("add_stranger_order", count=130)
        hub.commerce.drive("pack_and_ship", all=True, lines=None)
        hub.commerce.drive("add_stranger_order", count=130, lines={"MUG-001": 1})
        hub.commerce.drive("set_stock", sku="MUG-001", quantity=1000)
        hub.commerce.drive("pack_and_ship", all=True)
    hub.run(PICKUP)
    shipments = Shipment.objects.for_account(hub.account)
    assert shipments.count() == 263
    assert len({one.remote_updated_at for one in shipments}) == 1
    assert shipments.filter(order__isnull=False).count() == 3
    assert {again(order).status for order in orders} == {"shipped"}


def test_a_walk_that_breaks_off_keeps_what_it_had_and_goes_on_from_there(hub: Hub) -> None:
    orders = _many(hub, 2)
    ship(hub, orders[0])
    hub.commerce.drive("add_stranger_order", count=260)
    hub.commerce.drive("pack_and_ship", all=True)
    hub.commerce.drive("fault", name="500", path="/fulfillments", skip=1, times=0)
    finished = hub.run(PICKUP)[PICKUP]
    assert finished.outcome == "later"
    assert Shipment.objects.for_account(hub.account).count() == 250
    stands = datetime.fromisoformat(service(hub, PICKUP).cursor["shipments_since"])
    assert stands > timezone.now() - timedelta(minutes=11)
    hub.commerce.drive("clear_faults")
    hub.run(PICKUP)
    assert Shipment.objects.for_account(hub.account).count() == 262
    assert {again(order).status for order in orders} == {"shipped"}


def test_a_run_killed_between_two_pages_moves_the_cursor_only_with_its_rows(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(hub, delivered(hub))
    before = service(hub, PICKUP).cursor

    def killed(*_: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("orders.pipeline.pickup.count_shipped", killed)
        assert hub.run(PICKUP)[PICKUP].outcome == "failed"
    assert service(hub, PICKUP).cursor.get("shipments_since") == before.get("shipments_since")
    assert not Shipment.objects.for_account(hub.account).exists()
    hub.run(PICKUP)
    assert again(hub.order()).status == "shipped"


def test_packages_and_invoices_that_come_before_the_receipt_are_matched_later(hub: Hub) -> None:
    hub.place(count=1, items=[{"sku": "CAP-001", "quantity": 2, "cost": "5.00"}])
    hub.commerce.drive("fault", name="drop_after", path="/orders", method="POST", times=1)
    hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    order = hub.order()
    assert order.status == "new"
    ship(hub, order, tracking="1ZEARLY")
    invoice(hub, order, invoice_number="INV-EARLY")
    go_back(hub)
    assert Shipment.objects.for_account(hub.account).get().order is None
    hub.run(ServiceName.ORDER_DELIVERY)
    assert again(order).status == "at_wms"
    go_back(hub)
    assert [row["package_tracking_number"] for row in hub.told("shipments")] == ["1ZEARLY"]
    assert [row["invoice_id"] for row in hub.told("invoices")] == ["INV-EARLY"]
    assert again(order).status == "confirmed"


def test_a_run_killed_as_it_matches_early_packages_leaves_no_order_behind(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is matched once isn't looked at again: it is counted in the same moment, or it isn't matched."""
    order = _with_early_package(hub)

    def killed(*_: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("orders.pipeline.pickup.count_shipped", killed)
        assert hub.run(PICKUP)[PICKUP].outcome == "failed"
    assert Shipment.objects.for_account(hub.account).get().order is None
    hub.run(PICKUP)
    assert again(order).status == "shipped"


def test_an_order_whose_packages_were_never_counted_is_when_it_is_asked_for_by_name(hub: Hub) -> None:
    order = _with_early_package(hub)
    Shipment.objects.for_account(hub.account).update(order=order)
    ShipmentLine.objects.for_account(hub.account).update(line=line_of(order))
    hub.run(PICKUP)
    assert again(order).status == "at_wms"
    _blind(hub, asked=timedelta(hours=25))
    hub.run(PICKUP)
    assert again(order).status == "shipped"


def test_a_receipt_that_comes_in_the_middle_of_a_walk_loses_no_line(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line ids were asked for a moment before: the package waits for the next run, which knows them."""
    order = delivered(hub)
    OrderLine.objects.for_account(hub.account).update(external_id="")
    ship(hub, order, tracking="1ZMIDDLE")
    with monkeypatch.context() as patch:
        patch.setattr("orders.pipeline.pickup._Pickup.learn_lines", lambda *_: None)
        patch.setattr("orders.pipeline.pickup._Pickup.apply_orders", lambda *_: None)
        hub.run(PICKUP)
    hub.run(PICKUP)
    assert again(order).status == "shipped"


def _with_early_package(hub: Hub) -> Order:
    """Return an order at the WMS of which a package was seen before its receipt."""
    order = delivered(hub)
    at_wms = order.wms_order_id
    Order.objects.for_account(hub.account).filter(pk=order.pk).update(wms_order_id="")
    ship(hub, order, tracking="1ZEARLY")
    hub.run(PICKUP)
    assert Shipment.objects.for_account(hub.account).get().order is None
    Order.objects.for_account(hub.account).filter(pk=order.pk).update(wms_order_id=at_wms)
    return order


def test_the_packages_of_strangers_are_kept_thirty_days_and_told_to_nobody(hub: Hub) -> None:
    order = delivered(hub)
    ship(hub, order)
    hub.commerce.drive("add_stranger_order", count=3)
    hub.commerce.drive("pack_and_ship", all=True)
    hub.commerce.drive("invoice", all=True)
    go_back(hub)
    shipments, invoices = Shipment.objects.for_account(hub.account), Invoice.objects.for_account(hub.account)
    assert (shipments.filter(order=None).count(), invoices.filter(order=None).count()) == (3, 3)
    assert len(hub.told("shipments")) == 1
    for days, kept in ((29, 3), (31, 0)):
        long_ago = timezone.now() - timedelta(days=days)
        shipments.update(seen_at=long_ago)
        invoices.update(seen_at=long_ago)
        keep()
        assert (shipments.filter(order=None).count(), invoices.filter(order=None).count()) == (kept, kept)
    assert shipments.count() == invoices.count() == 1
    assert ShipmentLine.objects.for_account(hub.account).count() == 1
    assert InvoiceLine.objects.for_account(hub.account).count() == 1


# --- direct questions --------------------------------------------------------------------------------------------------------


def _blind(hub: Hub, *, asked: timedelta) -> None:
    """Let the walks miss whatever happened so far, and the last direct question be so long ago."""
    soon = (timezone.now() + timedelta(hours=1)).isoformat()
    cursor = dict.fromkeys(("orders_since", "shipments_since", "invoices_since"), soon)
    Service.objects.for_account(hub.account).filter(name=PICKUP).update(
        cursor={**cursor, "asked_directly_at": (timezone.now() - asked).isoformat()}
    )


def test_once_a_day_open_orders_are_asked_for_by_name(hub: Hub) -> None:
    shipped, cut = delivered(hub), delivered(hub, [("TEE-001", 3)])
    ship(hub, shipped)
    hub.commerce.drive("cut_line", order_number=cut.cust_ref, line="TEE-001", quantity=1)
    _blind(hub, asked=timedelta(hours=23))
    hub.run(PICKUP)
    assert again(shipped).status == "at_wms"
    _blind(hub, asked=timedelta(hours=25))
    hub.run(PICKUP)
    assert again(shipped).status == "shipped"
    assert line_of(cut).canceled == 2


def test_late_tracking_is_asked_for_too(hub: Hub) -> None:
    order = delivered(hub)
    (box,) = ship(hub, order, without_tracking=True)
    hub.run(PICKUP)
    hub.commerce.drive("set_tracking", fulfillment_id=box["id"], tracking="1ZLATE")
    _blind(hub, asked=timedelta(hours=25))
    hub.run(PICKUP)
    assert Shipment.objects.for_account(hub.account).get().tracking_number == "1ZLATE"


def test_a_direct_question_that_breaks_off_goes_on_where_it_was(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.pipeline.pickup.ASKED_AT_ONCE", 1)
    orders = [delivered(hub) for _ in range(3)]
    for order in orders:
        ship(hub, order)
    _blind(hub, asked=timedelta(hours=25))
    hub.commerce.drive("fault", name="500", path="/fulfillments", skip=2, times=0)
    hub.run(PICKUP)
    assert [again(order).status for order in orders] == ["shipped", "at_wms", "at_wms"]
    hub.commerce.drive("clear_faults")
    hub.commerce.drive("requests", clear=True)
    hub.run(PICKUP)
    assert [again(order).status for order in orders] == ["shipped"] * 3
    assert len([query for query in _asked(hub, "/fulfillments") if "order_id" in query]) == 2


def test_an_order_that_the_wms_no_longer_shows_is_an_alert_and_not_canceled(hub: Hub) -> None:
    order = delivered(hub)
    known = order.wms_order_id
    Order.objects.for_account(hub.account).update(wms_order_id="999999")
    _blind(hub, asked=timedelta(hours=25))
    hub.run(PICKUP)
    assert again(order).status == "at_wms"
    assert len(open_alerts(hub, "missing_at_wms")) == 1
    Order.objects.for_account(hub.account).update(wms_order_id=known)
    _blind(hub, asked=timedelta(hours=25))
    hub.run(PICKUP)
    assert open_alerts(hub, "missing_at_wms") == []


# --- costs -------------------------------------------------------------------------------------------------------------------


def _statements(hub: Hub, *names: ServiceName) -> int:
    with CaptureQueriesContext(connection) as captured:
        hub.run(*names)
    return len(captured)


def test_a_page_of_packages_costs_the_same_statements_however_many_orders_it_holds(hub: Hub) -> None:
    costs = []
    for count in (2, 30):
        for order in _many(hub, count):
            ship(hub, order)
            invoice(hub, order)
        picked = _statements(hub, PICKUP)
        told = _statements(hub, ServiceName.SHIPMENT_UPLOAD, ServiceName.INVOICE_UPLOAD)
        assert hub.statuses()["confirmed"] == sum(one[2] for one in costs) + count
        costs.append((picked, told, count))
    (few_picked, few_told, _), (many_picked, many_told, _) = costs
    assert many_picked <= few_picked + 6
    assert many_told <= few_told + 6


def test_a_page_of_packages_is_one_request(hub: Hub) -> None:
    for order in _many(hub, 20):
        ship(hub, order)
    hub.run(PICKUP)
    hub.commerce.drive("requests", clear=True)
    hub.run(PICKUP)
    by_route = hub.commerce.drive("requests")["counters"]["by_route"]
    assert by_route == {"GET /orders": 1, "GET /order_line_items": 1, "GET /fulfillments": 1, "GET /invoices": 2}
