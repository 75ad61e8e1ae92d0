"""What orders need at the WMS is there before they go: products by SKU, the retailer's company, and afterwards the line ids."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.contract import HoldReason
from connectors.models import Outcome, RemoteFact, Service, ServiceName
from orders import actions
from orders.dispatcher import run_named
from orders.models import OrderLine, ProductAlias, ShipmentLine
from orders.states import OrderState, Status
from tests.orders.outgoing.desk import Desk, draft, line

TWICE = [line("10", "CAP-001", 1, "10.00"), line("20", "TEE-001", 2, "5.00"), line("30", "CAP-001", 3, "9.00")]


# --- receipts and line ids ---------------------------------------------------------------------------------------------------


def test_a_sku_that_an_order_has_twice_is_told_apart_by_its_lines(desk: Desk) -> None:
    order = desk.load(draft("PO-1", *TWICE))
    desk.deliver()
    run_named([desk.wms], [ServiceName.SHIPMENT_PICKUP]).__next__()
    there = desk.there()[0]["lines"]
    lines = list(OrderLine.objects.for_account(desk.account).filter(order=order).order_by("line_no"))
    assert [one.external_id for one in lines] == [str(row["id"]) for row in there]
    assert [one.wms_item for one in lines] == ["CAP-001", "TEE-001", "CAP-001"]

    desk.commerce.drive("finalize", order_number="PO-1")
    desk.commerce.drive("pack_and_ship", order_number="PO-1", lines=[{"line": there[2]["id"], "quantity": 2}])
    run_named([desk.wms], [ServiceName.SHIPMENT_PICKUP]).__next__()
    lines = list(OrderLine.objects.for_account(desk.account).filter(order=order).order_by("line_no"))
    assert [one.shipped for one in lines] == [0, 0, 2]
    assert desk.order().status == Status.PARTIAL


def test_an_adopted_order_learns_its_line_ids_all_the_same(desk: Desk) -> None:
    order = desk.load(draft("PO-1", *TWICE))
    desk.fault("drop_after")
    desk.deliver()
    desk.commerce.drive("finalize", order_number="PO-1")
    desk.commerce.drive("pack_and_ship", order_number="PO-1")
    run_named([desk.wms], [ServiceName.SHIPMENT_PICKUP]).__next__()
    assert desk.order().state == OrderState.READY
    desk.deliver()
    run_named([desk.wms], [ServiceName.SHIPMENT_PICKUP]).__next__()
    lines = OrderLine.objects.for_account(desk.account).filter(order=order).order_by("line_no")
    assert [one.shipped for one in lines] == [1, 2, 3]
    assert not ShipmentLine.objects.for_account(desk.account).filter(line__isnull=True).exists()
    assert desk.order().state == OrderState.SHIPPED


def test_a_person_who_moves_lines_in_the_wms_moves_no_quantities_here(desk: Desk) -> None:
    order = desk.load(draft("PO-1", *TWICE))
    desk.deliver()
    run_named([desk.wms], [ServiceName.SHIPMENT_PICKUP]).__next__()
    desk.commerce.drive("delete_line", order_number="PO-1", line=desk.there()[0]["lines"][0]["id"])
    desk.commerce.drive("add_line", order_number="PO-1", sku="CAP-001", quantity=7)
    desk.commerce.drive("finalize", order_number="PO-1")
    desk.commerce.drive("pack_and_ship", order_number="PO-1")
    run_named([desk.wms], [ServiceName.SHIPMENT_PICKUP]).__next__()
    lines = list(OrderLine.objects.for_account(desk.account).filter(order=order).order_by("line_no"))
    assert [(one.shipped, one.canceled) for one in lines] == [(0, 1), (2, 0), (3, 0)]


# --- needs first -------------------------------------------------------------------------------------------------------------


def test_a_batch_asks_once_for_all_its_skus_and_makes_each_company_once(desk: Desk) -> None:
    skus = [f"CAP-{number:03d}" for number in range(1, 11)] + [f"TEE-{number:03d}" for number in range(1, 11)]
    drafts = [draft(f"PO-{at}", line("1", sku), customer_code=f"DSCO-{at % 2}") for at, sku in enumerate(skus)]
    desk.load(*drafts)
    assert desk.deliver().counts == {"sent": 20}
    assert desk.requests() == {"GET /variants": 1, "GET /companies": 2, "POST /companies": 2, "POST /orders": 20}
    desk.commerce.drive("clear_requests")
    desk.load(draft("PO-100", line("1", "CAP-001"), customer_code="DSCO-1"))
    desk.deliver()
    assert desk.requests() == {"POST /orders": 1}


def test_a_company_that_is_there_already_is_used(desk: Desk) -> None:
    desk.commerce.drive("add_stranger_order", company_code="DSCO-1000", company_name="Made by hand")
    desk.load()
    desk.deliver()
    assert desk.requests("POST /companies") == 0
    assert desk.there()[0]["company_name"] == "Made by hand"


@pytest.mark.parametrize("name", ["500_after", "drop_after", "html", "cut"])
def test_a_company_whose_making_has_no_answer_is_found_and_not_made_twice(desk: Desk, name: str) -> None:
    desk.load(draft("PO-1"), draft("PO-2"))
    desk.fault(name, path="/companies")
    finished = desk.deliver()
    assert finished.outcome == Outcome.PROBLEMS
    assert "DSCO-1000" in finished.problem
    assert desk.there() == []
    assert desk.order().hold == ""
    assert desk.deliver().counts == {"sent": 2}
    codes = [one["company_code"] for one in desk.commerce.drive("state")["companies"]]
    assert codes.count("DSCO-1000") == 1


def test_a_company_that_provably_was_not_made_is_made_a_minute_later(desk: Desk) -> None:
    desk.load()
    desk.fault("drop_before", path="/companies")
    desk.deliver()
    desk.deliver()
    assert desk.requests("POST /companies") == 1
    facts = RemoteFact.objects.for_account(desk.account).filter(kind="company")
    facts.update(seen_at=timezone.now() - timedelta(seconds=61))
    assert desk.deliver().counts == {"sent": 1}
    assert len(set(desk.sent_keys("/companies"))) == 1
    codes = [one["company_code"] for one in desk.commerce.drive("state")["companies"]]
    assert codes.count("DSCO-1000") == 1


def test_a_refused_company_holds_its_orders_only(desk: Desk) -> None:
    desk.load(draft("PO-1"), draft("PO-2", customer_code="DSCO-2"))
    desk.fault("422", path="/companies", errors={"name": ["is too odd"]})
    finished = desk.deliver()
    assert finished.counts == {"held": 1, "sent": 1}
    held = [one for one in (desk.order("dsco-PO-1"), desk.order("dsco-PO-2")) if one.hold]
    assert [one.hold for one in held] == [HoldReason.REFUSED]
    assert "is too odd" in held[0].hold_words
    actions.order_release(held[0], actor="bob")
    assert desk.deliver().counts == {"sent": 1}


# --- what is remembered and refused ------------------------------------------------------------------------------------------


def test_a_remembered_variant_that_is_refused_is_looked_up_anew_and_tried_once_more(desk: Desk) -> None:
    desk.load(draft("PO-1"))
    desk.deliver()
    desk.commerce.drive("remove_products", skus=["CAP-001"])
    (made,) = desk.commerce.drive("add_products", products=[{"sku": "CAP-001", "name": "Cap", "stock": {"Main": 5}}])
    desk.commerce.drive("clear_requests")
    order = desk.load(draft("PO-2"))
    assert desk.deliver().counts == {"sent": 1}
    assert desk.requests() == {"POST /orders": 2, "GET /variants": 1}
    assert desk.there("PO-2")[0]["lines"][0]["variant_id"] == made["variant_id"]
    assert desk.outcomes(order) == ["delivered"]
    fact = RemoteFact.objects.for_account(desk.account).get(kind="variant", key="CAP-001")
    assert fact.value == str(made["variant_id"])


def test_a_remembered_variant_that_is_gone_holds_the_order_for_its_sku(desk: Desk) -> None:
    desk.load(draft("PO-1"))
    desk.deliver()
    desk.commerce.drive("archive_products", skus=["CAP-001"])
    desk.load(draft("PO-2"), draft("PO-3", line("1", "TEE-001")))
    assert desk.deliver().counts == {"held": 1, "sent": 1}
    order = desk.order("dsco-PO-2")
    assert order.hold == HoldReason.UNKNOWN_SKU
    assert "CAP-001" in order.hold_words
    assert [one.subject for one in desk.alerts("hold.unknown_sku")] == ["CAP-001"]


def test_a_remembered_company_that_is_refused_is_looked_up_anew_and_tried_once_more(desk: Desk) -> None:
    desk.load(draft("PO-1"))
    desk.deliver()
    RemoteFact.objects.for_account(desk.account).filter(kind="company").update(value="999999")
    order = desk.load(draft("PO-2"))
    assert desk.deliver().counts == {"sent": 1}
    assert desk.there("PO-2")[0]["company_id"] == desk.there("PO-1")[0]["company_id"]
    assert desk.outcomes(order) == ["delivered"]
    codes = [one["company_code"] for one in desk.commerce.drive("state")["companies"]]
    assert codes.count("DSCO-1000") == 1


# --- unknown SKUs ------------------------------------------------------------------------------------------------------------


def test_an_unknown_sku_holds_its_orders_under_one_alert_until_the_product_is_there(desk: Desk) -> None:
    desk.load(draft("PO-1", line("1", "NEW-1")), draft("PO-2", line("1", "NEW-1")), draft("PO-3"))
    assert desk.deliver().counts == {"held": 2, "sent": 1}
    assert {desk.order(f"dsco-PO-{number}").status for number in (1, 2)} == {Status.ERROR}
    (alert,) = desk.alerts()
    assert (alert.cause, alert.subject, alert.times) == ("hold.unknown_sku", "NEW-1", 2)
    assert "NEW-1" in alert.words

    desk.commerce.drive("clear_requests")
    desk.deliver()
    assert desk.requests() == {"GET /variants": 1}
    desk.commerce.drive("add_products", products=[{"sku": "NEW-1"}])
    assert desk.deliver().counts == {"released": 2, "sent": 2}
    assert desk.alerts() == []
    assert len(desk.there()) == 3


def test_two_unknown_skus_of_an_order_are_told_one_after_the_other(desk: Desk) -> None:
    order = desk.load(draft("PO-1", line("1", "NEW-1"), line("2", "NEW-2")))
    desk.deliver()
    assert "NEW-1, NEW-2" in desk.order().hold_words
    desk.commerce.drive("add_products", products=[{"sku": "NEW-1"}])
    desk.deliver()
    assert [one.subject for one in desk.alerts()] == ["NEW-2"]
    order = desk.order()
    assert "NEW-2" in order.hold_words
    assert "NEW-1" not in order.hold_words
    desk.commerce.drive("add_products", products=[{"sku": "NEW-2"}])
    desk.deliver()
    assert desk.order().state == OrderState.SENT
    assert desk.alerts() == []


def test_held_skus_are_looked_up_hourly_and_at_once_when_aliases_change(desk: Desk) -> None:
    desk.load(draft("PO-1", line("1", "SHOP-1")))
    desk.deliver()
    desk.deliver()
    desk.commerce.drive("clear_requests")
    _run_as_a_worker(desk)
    assert desk.requests() == {}

    service = desk.service()
    past = (timezone.now() - timedelta(minutes=61)).isoformat()
    Service.objects.for_account(desk.account).filter(pk=service.pk).update(cursor={**service.cursor, "skus_checked_at": past})
    _run_as_a_worker(desk)
    assert desk.requests() == {"GET /variants": 1}

    ProductAlias.objects.create(account=desk.account, cart_sku="SHOP-1", wms_sku="CAP-002")
    actions.after_mapping_change(desk.account.pk)
    assert desk.service().due_at <= timezone.now()
    _run_as_a_worker(desk)
    order = desk.order()
    assert order.state == OrderState.SENT
    assert desk.there()[0]["lines"][0]["sku"] == "CAP-002"
    assert desk.alerts() == []


def _run_as_a_worker(desk: Desk) -> None:
    from orders.scheduling.running import run_service

    service = Service.objects.select_related("connection__account").for_account(desk.account).get(pk=desk.service().pk)
    run_service(service, named=False)


def test_a_sku_of_two_products_holds_the_order_in_words_that_help(desk: Desk) -> None:
    desk.commerce.drive("add_products", products=[{"sku": "DOUBLE"}, {"sku": "DOUBLE"}])
    desk.load(draft("PO-1", line("1", "DOUBLE")))
    desk.deliver()
    order = desk.order()
    assert order.hold == HoldReason.UNKNOWN_SKU
    assert "2 products" in order.hold_words
    desk.deliver()
    assert desk.order().hold == HoldReason.UNKNOWN_SKU


def test_the_last_order_that_an_unknown_sku_held_takes_its_alert_with_it(desk: Desk) -> None:
    order = desk.load(draft("PO-1", line("1", "NEW-1")))
    desk.deliver()
    assert len(desk.alerts()) == 1
    assert actions.order_cancel(desk.order(order.external_id), actor="bob")
    assert desk.alerts() == []
    assert desk.order().state == OrderState.CANCELED
