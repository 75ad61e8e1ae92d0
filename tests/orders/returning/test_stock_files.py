"""Inventory files: at most one unsent, an older one never follows a newer one, and a drop of everything is asked about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import ServiceName
from orders import actions
from orders.models import ChannelStock, DocumentState, OutboundDocument
from tests.hub import Hub
from tests.orders.returning.test_stock import READ, TELL, ordered, tell
from tests.orders.returning.warehouse import open_alerts, run_by_itself, service


def _documents(hub: Hub) -> list[OutboundDocument]:
    return list(OutboundDocument.objects.for_account(hub.account).filter(purpose="stock").order_by("pk"))


def _at_dsco(hub: Hub, sku: str = "CAP-001") -> int | None:
    hub.dsco.drive("process")
    quantity: int | None = hub.dsco.drive("state")["inventory"][sku]["told_quantity"]
    return quantity


def test_an_unsent_file_is_replaced_by_the_next_reading_and_never_follows_it(hub: Hub) -> None:
    ordered(hub, "CAP-001", "TEE-001")
    hub.dsco.drive("fault", name="refuse_write", path="/in/*")
    tell(hub)
    hub.commerce.drive("set_stock", sku="CAP-001", quantity=50)
    hub.run(READ)
    hub.dsco.drive("clear_faults")
    hub.run(TELL)
    assert [one.state for one in _documents(hub)] == [DocumentState.REPLACED, DocumentState.SENT]
    assert _documents(hub)[1].rows == 2
    assert (_at_dsco(hub), _at_dsco(hub, "TEE-001")) == (69, 119)
    hub.run(TELL)
    assert len(hub.dsco.drive("process")) == 1


def test_never_more_than_one_file_is_unsent_even_between_tries(hub: Hub) -> None:
    ordered(hub, "CAP-001")
    hub.dsco.drive("fault", name="refuse_write", path="/in/*")
    hub.run(READ)
    run_by_itself(hub, TELL)
    assert _documents(hub)[0].due_at > timezone.now()
    hub.commerce.drive("set_stock", sku="CAP-001", quantity=50)
    hub.run(READ)
    run_by_itself(hub, TELL)
    assert [one.state for one in _documents(hub)] == [DocumentState.REPLACED, DocumentState.READY]


def test_stock_that_is_refused_again_and_again_is_one_alert(hub: Hub) -> None:
    ordered(hub, "CAP-001")
    hub.dsco.drive("fault", name="refuse_write", path="/in/*")
    hub.run(READ)
    for _ in range(4):
        hub.run(TELL)
    assert len(open_alerts(hub, "document_refused")) == 1
    hub.dsco.drive("clear_faults")
    hub.run(TELL)
    assert open_alerts(hub, "document_refused") == []


def test_after_an_unknown_outcome_all_its_skus_are_told_again(hub: Hub) -> None:
    ordered(hub, "CAP-001", "TEE-001")
    tell(hub)
    hub.dsco.drive("process")
    (first,) = _documents(hub)
    OutboundDocument.objects.for_account(hub.account).update(state=DocumentState.UNKNOWN)
    hub.dsco.drive("remove_file", path=f"/in/archive/{first.name}")
    hub.run(TELL)
    assert [(one.state, one.rows) for one in _documents(hub)] == [(DocumentState.REPLACED, 2), (DocumentState.SENT, 2)]
    assert not ChannelStock.objects.for_account(hub.account).filter(sure=False).exists()


def test_a_doubtful_file_that_lies_whole_at_dsco_is_not_told_again(hub: Hub) -> None:
    ordered(hub, "CAP-001")
    tell(hub)
    OutboundDocument.objects.for_account(hub.account).update(state=DocumentState.UNKNOWN)
    hub.run(TELL)
    assert [one.state for one in _documents(hub)] in ([DocumentState.SENT], [DocumentState.TAKEN])


def test_a_file_that_lies_cut_short_is_made_whole_before_a_newer_one_follows(hub: Hub) -> None:
    ordered(hub, "CAP-001", "TEE-001")
    hub.dsco.drive("settings", pick_up="paused")
    hub.run(READ, TELL)
    (first,) = _documents(hub)
    OutboundDocument.objects.for_account(hub.account).update(state=DocumentState.SENDING)
    hub.dsco.drive("put_file", path=f"/in/{first.name}", text="sku,up")
    hub.commerce.drive("set_stock", sku="CAP-001", quantity=50)
    hub.run(READ, TELL)
    assert [(one.state, one.rows) for one in _documents(hub)] == [(DocumentState.SENT, 2), (DocumentState.SENT, 1)]
    assert (_at_dsco(hub), _at_dsco(hub, "TEE-001")) == (69, 119)


def test_a_swallowed_answer_leaves_the_newest_stock_at_dsco(hub: Hub) -> None:
    ordered(hub, "CAP-001")
    hub.run(READ)
    hub.dsco.drive("fault", name="swallow", operation="rename", how="drop", times=1)
    hub.run(TELL)
    hub.commerce.drive("set_stock", sku="CAP-001", quantity=50)
    hub.run(READ, TELL)
    assert _at_dsco(hub) == 69


# --- the guard against a drop of everything ----------------------------------------------------------------------------------

SKUS = [f"{kind}-{number:03}" for kind in ("CAP", "TEE") for number in range(1, 11)]


@pytest.fixture
def full(hub: Hub) -> Hub:
    """A hub whose cart was told twenty SKUs."""
    ordered(hub, *SKUS)
    tell(hub)
    return hub


def _sell_out(hub: Hub, number: int) -> None:
    for sku in SKUS[:number]:
        for location in ("Main", "Overflow"):
            hub.commerce.drive("set_stock", sku=sku, quantity=0, location=location)


def test_when_too_much_falls_to_nothing_at_once_nothing_is_sent(full: Hub) -> None:
    _sell_out(full, 11)
    assert tell(full) == {}
    assert tell(full) == {}
    (alert,) = open_alerts(full, "stock_drop")
    assert "11 of 20" in alert.words
    assert full.run(TELL)[TELL].outcome == "problems"


def test_ten_skus_may_sell_out_at_once(full: Hub) -> None:
    _sell_out(full, 10)
    assert len(tell(full)) == 10
    assert open_alerts(full, "stock_drop") == []


def test_a_person_may_have_it_sent_anyway_just_this_once(full: Hub) -> None:
    _sell_out(full, 11)
    tell(full)
    actions.stock_send_anyway(full.cart, actor="bob@example.com")
    full.run(TELL)
    assert _documents(full)[-1].rows == 11
    full.run(TELL)
    assert open_alerts(full, "stock_drop") == []
    assert not service(full, TELL).cursor.get("send_anyway")


def test_stock_that_comes_back_ends_the_alert_and_the_permission(full: Hub) -> None:
    _sell_out(full, 11)
    tell(full)
    actions.stock_send_anyway(full.cart, actor="bob@example.com")
    for sku in SKUS[:11]:
        full.commerce.drive("set_stock", sku=sku, quantity=100)
        full.commerce.drive("set_stock", sku=sku, quantity=20, location="Overflow")
    assert tell(full) == {}
    assert not service(full, TELL).cursor.get("send_anyway")
    assert open_alerts(full, "stock_drop") == []


def test_the_guard_is_a_setting(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(cart_settings={"stock_drop_guard_percent": "100"})
    ordered(hub, *SKUS)
    tell(hub)
    _sell_out(hub, 20)
    assert len(tell(hub)) == 20


def test_nothing_is_told_while_a_reading_is_being_written(full: Hub) -> None:
    full.commerce.drive("set_stock", sku="CAP-001", quantity=5)
    full.run(READ)
    rows = service(full, READ).__class__.objects.for_account(full.account).filter(name=READ)
    rows.update(cursor={"writing": True}, lease_token="x", lease_owner="y", lease_until=timezone.now() + timedelta(minutes=1))
    full.run(TELL)
    assert len(_documents(full)) == 1
    rows.update(cursor={"writing": False}, lease_token="", lease_owner="", lease_until=None)
    full.run(ServiceName.INVENTORY_UPLOAD)
    assert len(_documents(full)) == 2
