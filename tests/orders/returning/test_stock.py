"""What a cart is told that it may sell."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cartrover.accounts.models import Account
from connectors.contract import RunningSandbox, StockPage
from connectors.models import Connection, ServiceName
from connectors.opening import open_session
from orders import actions
from orders.models import OutboundDocument, ProductAlias, StockReading
from orders.pipeline.stock_upload import sellable
from tests.factories import ConnectionFactory, OrderFactory
from tests.hub import Hub
from tests.orders.returning.warehouse import delivered, service, ship

READ, TELL = ServiceName.INVENTORY_PICKUP, ServiceName.INVENTORY_UPLOAD


def ordered(hub: Hub, *skus: str, quantity: int = 1) -> None:
    """Let the cart have ordered these SKUs, in an order that nobody delivers yet."""
    hub.place(count=1, items=[{"sku": sku, "quantity": quantity, "cost": "5.00"} for sku in skus])
    hub.run(ServiceName.ORDER_DOWNLOAD)


def tell(hub: Hub) -> dict[str, int]:
    """Read the WMS's stock and tell it; return what this told, by the cart's SKU."""
    before = OutboundDocument.objects.for_account(hub.account).filter(purpose="stock").count()
    hub.run(READ, TELL)
    files = hub.told("stock")
    after = OutboundDocument.objects.for_account(hub.account).filter(purpose="stock").order_by("pk")
    rows = files[sum(one.rows for one in after[:before]) :]
    return {row["sku"]: int(row["quantity_available"]) for row in rows}


def now(hub: Hub) -> dict[str, tuple[int, str]]:
    return {row.item: (row.quantity, row.status) for row in sellable(hub.cart)}


def test_only_what_changed_is_told(hub: Hub) -> None:
    delivered(hub, [("CAP-001", 1), ("TEE-001", 1)])
    assert tell(hub) == {"CAP-001": 119, "TEE-001": 119}
    assert tell(hub) == {}
    hub.commerce.drive("set_stock", sku="CAP-001", quantity=50)
    assert tell(hub) == {"CAP-001": 69}
    inventory = hub.dsco.drive("wait") and hub.dsco.drive("state")["inventory"]
    assert (inventory["CAP-001"]["told_quantity"], inventory["CAP-001"]["told_status"]) == (69, "in-stock")


def test_orders_that_were_not_delivered_when_the_reading_began_are_taken_off(hub: Hub) -> None:
    ordered(hub, "CAP-001", quantity=7)
    assert tell(hub) == {"CAP-001": 113}
    hub.run(ServiceName.ORDER_DELIVERY)
    assert now(hub)["CAP-001"] == (113, "in-stock")
    assert tell(hub) == {}


def test_an_order_that_was_delivered_and_shipped_after_the_reading_stays_taken_off(hub: Hub) -> None:
    ordered(hub, "CAP-001", quantity=7)
    tell(hub)
    hub.run(ServiceName.ORDER_DELIVERY)
    ship(hub, hub.order())
    hub.run(ServiceName.SHIPMENT_PICKUP, ServiceName.SHIPMENT_UPLOAD)
    assert hub.order().status == "confirmed"
    assert now(hub)["CAP-001"] == (113, "in-stock")


def test_drafts_commit_nothing_and_are_taken_off(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(wms_settings={"order_status": "draft"})
    delivered(hub, [("CAP-001", 7)])
    assert hub.commerce.drive("state")["stock"]["CAP-001"]["Main"]["available"] in ("100", "100.0")
    assert tell(hub) == {"CAP-001": 113}
    assert tell(hub) == {}


@pytest.mark.parametrize(("setting", "left"), [("no", 120), ("yes", 113)])
def test_held_orders_are_taken_off_only_by_setting(make_hub: Callable[..., Hub], setting: str, left: int) -> None:
    hub = make_hub(cart_settings={"subtract_held_orders": setting})
    ordered(hub, "CAP-001", quantity=7)
    actions.order_hold(hub.order(), actor="bob@example.com")
    assert tell(hub) == {"CAP-001": left}


def test_what_is_taken_off_never_goes_below_nothing(hub: Hub) -> None:
    ordered(hub, "CAP-001", quantity=500)
    assert tell(hub) == {"CAP-001": 0}


def test_two_skus_of_the_cart_may_be_one_product(hub: Hub) -> None:
    ProductAlias.objects.create(account=hub.account, cart=hub.cart, cart_sku="RED", wms_sku="CAP-001")
    ProductAlias.objects.create(account=hub.account, cart_sku="ROT", wms_sku="CAP-001")
    ordered(hub, "RED", "ROT", quantity=3)
    assert tell(hub) == {"RED": 114, "ROT": 114}


def test_an_alias_that_comes_later_lets_its_sku_be_told(hub: Hub) -> None:
    ordered(hub, "STRANGE")
    assert tell(hub) == {}
    ProductAlias.objects.create(account=hub.account, cart_sku="STRANGE", wms_sku="CAP-002")
    assert tell(hub) == {"STRANGE": 119}


def test_a_carts_own_alias_comes_before_one_for_all(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(cart_settings={"tell_all_products": "yes"})
    ProductAlias.objects.create(account=hub.account, cart_sku="RED", wms_sku="CAP-001")
    ProductAlias.objects.create(account=hub.account, cart=hub.cart, cart_sku="RED", wms_sku="CAP-002")
    hub.commerce.drive("set_stock", sku="CAP-002", quantity=3)
    told = tell(hub)
    assert told["RED"] == 23
    assert told["CAP-001"] == 120
    assert "CAP-002" not in told


def test_a_sku_that_the_wms_never_had_is_not_told(hub: Hub) -> None:
    ordered(hub, "CAP-001", "NEVER-1")
    assert tell(hub) == {"CAP-001": 119}


@pytest.mark.parametrize("status", ["out-of-stock", "discontinued"])
def test_a_sku_that_the_wms_no_longer_has_is_told_as_nothing(make_hub: Callable[..., Hub], status: str) -> None:
    hub = make_hub(cart_settings={"gone_status": status})
    ordered(hub, "CAP-001", "TEE-001")
    tell(hub)
    hub.commerce.drive("archive_products", skus=["TEE-001"])
    assert tell(hub) == {"TEE-001": 0}
    assert now(hub)["TEE-001"] == (0, status)
    assert tell(hub) == {}


class _Doctored:
    """A session of the WMS whose list of stock is changed page by page before the hub sees it."""

    def __init__(self, session: Any, change: Callable[[StockPage], StockPage]) -> None:
        self._session, self._change = session, change
        self.ask_stock = session.ask_stock

    def list_stock(self) -> Iterator[StockPage]:
        return map(self._change, self._session.list_stock())


def _doctor(monkeypatch: pytest.MonkeyPatch, change: Callable[[StockPage], StockPage]) -> None:
    @contextlib.contextmanager
    def opened(*args: Any, **kwargs: Any) -> Iterator[_Doctored]:
        with open_session(*args, **kwargs) as session:
            yield _Doctored(session, change)

    monkeypatch.setattr("orders.pipeline.stock_pickup.open_session", opened)


def test_absence_from_the_list_alone_is_no_proof(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered(hub, "CAP-001", "TEE-001")
    tell(hub)

    def without_tee(page: StockPage) -> StockPage:
        items = tuple(item for item in page.items if item.sku != "TEE-001")
        return replace(page, items=items, total=len(items))

    _doctor(monkeypatch, without_tee)
    assert tell(hub) == {}
    assert now(hub)["TEE-001"] == (119, "in-stock")
    assert StockReading.objects.for_account(hub.account).count() == 2


def test_a_reading_that_is_not_whole_is_thrown_away(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered(hub, "CAP-001")
    tell(hub)
    _doctor(monkeypatch, lambda page: replace(page, items=page.items[:-1]))
    finished = hub.run(READ)[READ]
    assert finished.outcome == "later"
    assert "39 of 40" in finished.problem
    assert StockReading.objects.for_account(hub.account).count() == 1


@pytest.mark.parametrize("fault", ["html", "broken_json", "500", "cut"])
def test_a_bad_page_discards_the_reading(hub: Hub, fault: str) -> None:
    ordered(hub, "CAP-001")
    tell(hub)
    hub.commerce.drive("set_stock", sku="CAP-001", quantity=5)
    hub.commerce.drive("fault", name=fault, path="/variants", times=0)
    finished = hub.run(READ, TELL)
    hub.commerce.drive("clear_faults")
    assert finished[READ].outcome in ("later", "problems")
    assert finished[READ].problem
    assert StockReading.objects.for_account(hub.account).count() == 1
    assert now(hub)["CAP-001"] == (119, "in-stock")


def test_nothing_is_told_before_the_first_whole_reading(hub: Hub) -> None:
    ordered(hub, "CAP-001")
    hub.run(TELL)
    assert hub.told("stock") == []


def test_stock_that_the_wms_does_not_track_is_not_told(hub: Hub) -> None:
    ordered(hub, "CAP-001", "GIFT-CARD")
    assert tell(hub) == {"CAP-001": 119}
    hub.commerce.drive("set_product", sku="CAP-001", manage_stock=False)
    assert tell(hub) == {}
    assert "CAP-001" not in now(hub)


@pytest.mark.parametrize(("stock", "told"), [(4, 0), (5, 5)])
def test_below_the_minimum_nothing_is_for_sale(make_hub: Callable[..., Hub], stock: int, told: int) -> None:
    hub = make_hub(cart_settings={"minimum_stock": "5"}, wms_settings={"stock_location": "Overflow"})
    hub.commerce.drive("set_stock", sku="CAP-001", quantity=stock + 1, location="Overflow")
    ordered(hub, "CAP-001")
    assert tell(hub) == {"CAP-001": told}


def test_only_the_locations_of_the_settings_count(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(wms_settings={"stock_location": "Overflow"})
    ordered(hub, "CAP-001")
    assert tell(hub) == {"CAP-001": 19}


def test_a_location_that_is_not_there_is_a_broken_connection_and_no_empty_shelf(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub()
    ordered(hub, "CAP-001")
    tell(hub)
    hub.wms.settings = {**hub.wms.settings, "stock_location": "Mars"}
    hub.wms.save()
    finished = hub.run(READ)[READ]
    assert finished.outcome == "broken"
    assert "Mars" in finished.problem
    assert now(hub)["CAP-001"] == (119, "in-stock")


def test_all_products_are_told_by_a_setting(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(cart_settings={"tell_all_products": "yes"})
    told = tell(hub)
    assert len(told) == 39
    assert told["MUG-001"] == 120
    assert "GIFT-CARD" not in told


def test_of_two_products_with_one_sku_the_smaller_stock_is_told(hub: Hub) -> None:
    ordered(hub, "CAP-001")
    hub.commerce.drive("add_products", products=[{"sku": "CAP-001", "stock": {"Main": 9}}])
    assert tell(hub) == {"CAP-001": 8}


def test_what_one_cart_orders_the_other_cannot_sell(hub: Hub) -> None:
    delivered(hub, [("CAP-001", 1)])
    tell(hub)
    other: Connection = ConnectionFactory.create(account=hub.account, name="Other")
    OrderFactory.create(
        account=hub.account, source=other, wms=hub.wms, state="ready", lines=[{"item": "CAP-001", "quantity": 20}]
    )
    assert now(hub)["CAP-001"] == (99, "in-stock")


def test_loading_orders_wakes_the_stock_upload_of_every_cart(hub: Hub, dsco: RunningSandbox) -> None:
    account: Account = hub.account
    before = service(hub, TELL).due_at
    ordered(hub, "CAP-001")
    after = service(hub, TELL).due_at
    assert account == hub.cart.account
    assert after is not None
    assert before is None or after <= before
