"""A merchant who leaves QuickBooks Commerce for QuickBooks Online: old orders are finished where they are, new ones go to the
new one from a moment on, and no order is at both or at neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from cartrover.accounts.models import User
from connectors.actions import connection_save
from connectors.contract import HoldReason, Purpose, RunningSandbox
from connectors.models import Connection, ServiceName
from orders import actions
from orders.connecting.connection_changes import choose_destination
from orders.dispatcher import run_named
from orders.models import ChannelStock, Order, OutboundMessage, ProductAlias
from orders.states import Status
from tests.factories import MembershipFactory, UserFactory
from tests.hub import ROUND, Hub, connect

SEND = ServiceName.ORDER_DELIVERY


@dataclass
class Move:
    """A hub with DSCO and QuickBooks Commerce, beside which QuickBooks Online is connected."""

    hub: Hub
    box: RunningSandbox
    books: Connection | None = None

    def connect(self) -> None:
        self.books = connect(self.hub.account, "quickbooks_online", "QuickBooks Online", self.box)
        self.hub.cart.refresh_from_db()

    def switch(self) -> None:
        choose_destination(cart=self.hub.cart, wms=self.books, actor="olga@example.com")
        self.hub.cart.refresh_from_db()

    def run(self, *names: ServiceName) -> None:
        connections = [self.hub.cart, self.hub.wms, *([self.books] if self.books else [])]
        for finished in run_named(connections, list(names) or ROUND):
            assert finished.outcome in ("done", "nothing", "problems", "later"), finished.problem

    def place(self, count: int = 1, **more: Any) -> list[str]:
        """Have DSCO place orders and the hub load them; return their full numbers."""
        placed = self.hub.place(count=count, **{"skus": ["CAP-001"], **more})
        self.run(ServiceName.ORDER_DOWNLOAD)
        return [order["po_number"] for order in placed]

    def at(self, box: RunningSandbox) -> set[str]:
        """Return the full numbers of the orders that a far side has and that aren't void there."""
        orders = box.drive("state")["orders"]
        return {one["reference_number"] for one in orders if one["status"] != "void"}

    def order(self, number: str) -> Order:
        return self.hub.order(cust_po_no=number)

    def told(self) -> dict[str, int]:
        rows = ChannelStock.objects.for_account(self.hub.account).filter(cart=self.hub.cart)
        return dict(rows.values_list("item", "quantity"))


@pytest.fixture
def move(make_hub: Callable[..., Hub], _wms_boxes: Callable[[str], RunningSandbox]) -> Move:
    box = _wms_boxes("quickbooks_online")
    box.drive("reset")
    return Move(make_hub(wms_settings={"resend_after_seconds": "0"}), box)


def test_old_orders_are_finished_where_they_are_and_new_ones_go_to_the_new_one(move: Move) -> None:
    commerce = move.hub.commerce
    ProductAlias.objects.create(account=move.hub.account, cart_sku="OUR-CAP", wms_sku="CAP-001")
    shipped, canceled = move.place(2)
    move.run(SEND)
    move.connect()
    assert move.hub.cart.destination == move.hub.wms  # connecting a second one changes nothing
    (between,) = move.place()
    move.run(SEND)
    (unsent,) = move.place()

    move.switch()
    (renamed,) = move.place(items=[{"sku": "OUR-CAP", "quantity": 2, "cost": "12.50"}])
    move.run()
    assert move.at(commerce) == {shipped, canceled, between}
    assert move.at(move.box) == {unsent, renamed}

    for number in (shipped, between):
        order = move.order(number)
        commerce.drive("finalize", order_number=order.cust_ref)
        commerce.drive("pack_and_ship", order_number=order.cust_ref)
        commerce.drive("invoice", order_number=order.cust_ref)
    actions.order_cancel(move.order(canceled), actor="olga@example.com")
    for number in (unsent, renamed):
        move.box.drive("pack_and_ship", order_number=move.order(number).cust_ref)
    move.run()
    statuses = {number: move.order(number).status for number in (shipped, canceled, between, unsent, renamed)}
    assert statuses == {**dict.fromkeys(statuses, Status.CONFIRMED), canceled: Status.CANCELED}
    assert move.at(commerce) == {shipped, between}
    told = [row["po_number"] for row in move.hub.told(Purpose.SHIPMENTS)]
    assert sorted(told) == sorted({shipped, between, unsent, renamed})
    billed = {row["po_number"] for row in move.hub.told(Purpose.INVOICES)}
    assert billed == {shipped, between, unsent, renamed}


@pytest.mark.parametrize(("fault", "goes_to"), [("drop_after", "old"), ("drop_before", "new")])
def test_an_order_that_the_old_one_may_have_is_asked_for_there_first(move: Move, fault: str, goes_to: str) -> None:
    (number,) = move.place()
    move.hub.commerce.drive("fault", name=fault, path="/orders", method="POST", times=1)
    move.run(SEND)
    assert OutboundMessage.objects.for_account(move.hub.account).get().state == "unknown"
    move.connect()
    move.switch()
    move.run(SEND)
    move.run(SEND)
    assert (move.at(move.hub.commerce), move.at(move.box)) == (({number}, set()) if goes_to == "old" else (set(), {number}))
    assert move.order(number).wms == (move.hub.wms if goes_to == "old" else move.books)
    assert move.order(number).status == Status.AT_WMS


def test_an_order_that_was_held_goes_to_the_new_one_when_it_is_let_go(move: Move) -> None:
    (held,) = move.place(items=[{"sku": "NEW-1", "quantity": 1, "cost": "9.00"}])
    (kept,) = move.place()
    actions.order_hold(move.order(kept), actor="olga@example.com")
    move.run(SEND)
    assert move.order(held).hold == HoldReason.UNKNOWN_SKU
    move.connect()
    move.switch()
    move.box.drive("add_products", products=[{"sku": "NEW-1", "name": "New"}])
    for number in (held, kept):
        assert actions.order_release(move.order(number), actor="olga@example.com")
    move.run(SEND)
    assert (move.at(move.hub.commerce), move.at(move.box)) == (set(), {held, kept})
    assert {move.order(number).wms for number in (held, kept)} == {move.books}


def test_an_order_that_the_old_one_refused_goes_to_the_new_one_once_the_old_one_surely_has_not_got_it(move: Move) -> None:
    (number,) = move.place()
    move.hub.commerce.drive("fault", name="422", path="/orders", method="POST", times=1)
    move.run(SEND)
    assert move.order(number).hold == HoldReason.REFUSED
    move.connect()
    move.switch()
    assert actions.order_release(move.order(number), actor="olga@example.com")
    move.run(SEND)
    move.run(SEND)
    assert (move.at(move.hub.commerce), move.at(move.box)) == (set(), {number})


# --- stock -------------------------------------------------------------------------------------------------------------------


def test_stock_comes_from_the_new_one_from_the_switch_on(move: Move) -> None:
    move.place(items=[{"sku": sku, "quantity": 1, "cost": "9.00"} for sku in ("CAP-001", "TEE-001", "MUG-001")])
    move.run()
    before = move.told()
    assert set(before) == {"CAP-001", "TEE-001", "MUG-001"}
    move.connect()
    move.box.drive("set_stock", sku="CAP-001", quantity=33)
    move.box.drive("set_product", sku="TEE-001", Sku="TEE-X")  # which the new one knows under another name
    move.box.drive("set_product", sku="MUG-001", Type="NonInventory", TrackQtyOnHand=False)  # and this one without a quantity
    move.run()
    assert move.told() == before
    move.switch()
    move.run(ServiceName.INVENTORY_UPLOAD)
    move.run(ServiceName.INVENTORY_PICKUP, ServiceName.INVENTORY_UPLOAD)
    assert move.told() == {"CAP-001": 33, "TEE-001": 0, "MUG-001": before["MUG-001"]}


# --- what the merchant sees --------------------------------------------------------------------------------------------------


def test_the_portal_leads_through_it(move: Move) -> None:
    owner = MembershipFactory.create(account=move.hub.account, user=UserFactory.create(), role="owner").user
    browser = signed_in(owner)
    (sent,) = move.place()
    move.run(SEND)
    move.connect()
    (waiting,) = move.place()
    assert move.books is not None
    cart, old, new = (f"/a/acme/connections/{one.public_id}/" for one in (move.hub.cart, move.hub.wms, move.books))
    assert "Finishing its orders" not in text(browser, old)
    assert f'value="{move.hub.wms.public_id}" selected' in text(browser, f"{cart}settings/")
    answer = browser.post(f"{cart}destination/", {"wms": str(move.books.public_id)}, follow=True).content.decode()
    assert "go to “QuickBooks Online”. 1 that had not been sent yet goes there too." in answer
    assert "1 order that it has is not done yet" in text(browser, old)
    assert "Finishing its orders" not in text(browser, new)
    story = text(browser, f"/a/acme/orders/{move.order(waiting).public_id}/")
    assert "Goes to QuickBooks Online." in story
    move.hub.commerce.drive("finalize", order_number=move.order(sent).cust_ref)
    move.hub.commerce.drive("pack_and_ship", order_number=move.order(sent).cust_ref)
    move.run()
    assert "All that it had are done, so that it can be disconnected." in text(browser, old)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(browser: Client, page: str) -> str:
    return " ".join(browser.get(page).content.decode().split())


def test_a_second_wms_that_is_only_begun_takes_no_orders(move: Move) -> None:
    connection_save(account=move.hub.account, kind="quickbooks_online", name="Begun", actor="olga@example.com")
    move.hub.cart.refresh_from_db()
    assert move.hub.cart.destination == move.hub.wms
    (number,) = move.place()
    move.run(SEND)
    assert move.at(move.hub.commerce) == {number}
