"""Whatever retailers, a warehouse, people, faults and crashes do, in whatever order: in the end both far sides say the same.

`STORIES=200 pytest tests/orders/test_any_story.py` tells many; a plain run tells a few. Each story has a hub of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from cartrover.leasing import Leased, owner_name
from connectors.contract import Address
from connectors.models import Connection, ServiceName
from orders.actions import order_cancel, order_hold, order_release
from orders.acts.editing import Edited, order_edit, version_of, why_not
from orders.models import Alert, AlertState, Order, OutboundDocument, OutboundMessage
from orders.models.outbound import OPEN_STATES
from orders.pipeline.canceling import Telling
from tests.hub import Hub
from tests.orders.ledger import Deal, Piece, differences

STORIES = int(os.environ.get("STORIES", "4"))
STEPS = 22
ROUNDS = 8
"""Undisturbed rounds after which all must have settled."""

SKUS = ("CAP-001", "CAP-002", "TEE-001", "MUG-001")
API_FAULTS = ("500_after", "503_after", "drop_after", "drop_before", "500", "503", "cut", "html", "broken_json", "401_expired")
DSCO_FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop", {"during": "read", "after_bytes": 300}),
    ("drop", {"during": "write", "after_bytes": 60}),
    ("swallow", {"operation": "rename", "how": "drop"}),
    ("swallow", {"operation": "close", "how": "drop"}),
    ("refuse_login", {}),
    ("refuse_rename", {}),
    ("refuse_list", {}),
)
WHICH = st.integers(0, 30)


class Killed(BaseException):
    """A worker's process ends here."""


class Story(RuleBasedStateMachine):
    """Commands in any order; `teardown` lets everything settle and compares."""

    make_hub: Callable[..., Hub]

    @initialize()
    def begins(self) -> None:
        call_command("flush", interactive=False, reset_sequences=False, verbosity=0)
        self.hub = type(self).make_hub(cart_settings={"cancel_code": "CXSS"}, wms_settings={"resend_after_seconds": "0"})
        self.hub.dsco.drive("reset")
        self.hub.commerce.drive("reset")
        self.hub.commerce.drive("set", rate_limit=1_000_000)
        self._reconnected()
        self.deals: dict[str, Deal] = {}

    def _reconnected(self) -> None:
        self.hub.run(ServiceName.INVENTORY_PICKUP)

    def teardown(self) -> None:
        if hasattr(self, "deals"):
            self._settles()

    # --- retailers -------------------------------------------------------------------------------------------------------

    @rule(lines=st.dictionaries(st.sampled_from(SKUS), st.integers(1, 4), min_size=1, max_size=3), handed_on=st.booleans())
    def a_retailer_orders(self, lines: dict[str, int], handed_on: bool) -> None:
        items = [{"sku": sku, "quantity": quantity, "cost": "5.25"} for sku, quantity in lines.items()]
        (placed,) = self.hub.dsco.drive("place_orders", count=1, items=items)
        pieces = {sku: Piece(quantity) for sku, quantity in lines.items()}
        self.deals[placed["dsco_order_id"]] = Deal(placed["dsco_order_id"], placed["po_number"], pieces)
        if handed_on:
            self.hub.dsco.drive("export")

    @rule(again=st.booleans(), scattered=st.booleans(), seed=WHICH)
    def dsco_writes_a_file(self, again: bool, scattered: bool, seed: int) -> None:
        self.hub.dsco.drive("export", orders="all" if again else None, scattered=scattered, shuffle_columns=again, seed=seed)

    @precondition(lambda self: self._untouched())
    @rule(which=WHICH)
    def a_retailer_calls_it_off(self, which: int) -> None:
        deal = self._one_of(self._untouched(), which)
        self.hub.dsco.drive("cancel_orders", orders=[deal.dsco_id])
        self.hub.dsco.drive("export", orders=[deal.dsco_id])
        deal.called_off = "retailer"

    # --- the warehouse ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: self._open())
    @rule(which=WHICH, whole=st.booleans(), tracked=st.booleans())
    def the_warehouse_ships(self, which: int, whole: bool, tracked: bool) -> None:
        deal = self._one_of(self._open(), which)
        sku = next(sku for sku, piece in deal.lines.items() if piece.open)
        goes = {sku: one.open for sku, one in deal.lines.items() if one.open} if whole else {sku: 1}
        self._warehouse("finalize", deal)
        made = self._warehouse("pack_and_ship", deal, lines=goes, without_tracking=not tracked)["fulfillments"]
        for sku, number in goes.items():
            deal.lines[sku].shipped += number
            deal.lines[sku].untracked += 0 if tracked else number
        if not tracked:
            deal.without_tracking.append((made[0]["id"], goes))

    @precondition(lambda self: self._untracked())
    @rule(which=WHICH)
    def a_package_gets_its_number(self, which: int) -> None:
        deal = self._one_of(self._untracked(), which)
        package, goes = deal.without_tracking.pop()
        self.hub.commerce.drive("set_tracking", fulfillment_id=package, tracking=f"1Z{package:09}", carrier="UPS")
        for sku, number in goes.items():
            deal.lines[sku].untracked -= number

    @precondition(lambda self: self._uninvoiced())
    @rule(which=WHICH)
    def the_office_invoices(self, which: int) -> None:
        deal = self._one_of(self._uninvoiced(), which)
        self._warehouse("finalize", deal)
        self._warehouse("invoice", deal)
        for piece in deal.lines.values():
            piece.invoiced = piece.ordered - piece.cut

    @precondition(lambda self: self._uninvoiced())
    @rule(which=WHICH)
    def the_warehouse_has_too_few(self, which: int) -> None:
        deal = self._one_of(self._uninvoiced(), which)
        for sku, piece in deal.lines.items():
            # A line that is cut whole is another command of the warehouse.
            if piece.shipped and piece.open:
                self._warehouse("cut_line", deal, line=sku, quantity=piece.shipped)
                piece.cut = piece.ordered - piece.shipped

    @precondition(lambda self: [deal for deal in self._there() if not deal.touched])
    @rule(which=WHICH)
    def the_warehouse_voids_it(self, which: int) -> None:
        deal = self._one_of([deal for deal in self._there() if not deal.touched], which)
        if self.hub.order(external_id=deal.dsco_id).state == "sent":
            self._warehouse("void", deal)
            deal.called_off = "warehouse"

    # --- people ----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self._untouched())
    @rule(which=WHICH, told=st.booleans())
    def a_person_cancels_it(self, which: int, told: bool) -> None:
        deal = self._one_of(self._untouched(), which)
        order = self._known(deal)
        if order is None or order.hold in ("gave_up", "internal"):
            return
        telling = Telling("CXSD", "Discontinued") if told else None
        order_cancel(order, actor="bob", telling=telling)
        deal.called_off, deal.told_why = "person", told

    @precondition(lambda self: self._untouched())
    @rule(which=WHICH)
    def a_person_holds_it(self, which: int) -> None:
        order = self._known(self._one_of(self._untouched(), which))
        if order is not None and order.state in ("new", "ready") and not order.hold:
            order_hold(order, actor="bob")

    @precondition(lambda self: self._untouched())
    @rule(which=WHICH, notes=st.sampled_from(["Ring twice.", "Leave it at the door.", "Für Ömer, bitte"]))
    def a_person_edits_it(self, which: int, notes: str) -> None:
        deal = self._one_of(self._untouched(), which)
        order = self._known(deal)
        if order is None or why_not(order):
            return
        edited = Edited(Address(**order.ship_to), order.ship_code, notes, {})
        order_edit(order, edited, version=version_of(order), actor="bob")
        deal.notes = notes

    @precondition(lambda self: self._untouched())
    @rule(which=WHICH)
    def a_person_releases_it(self, which: int) -> None:
        order = self._known(self._one_of(self._untouched(), which))
        if order is not None and order.hold:
            order_release(order, actor="bob")

    # --- bad days, and the hub -------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(API_FAULTS), skip=st.integers(0, 4))
    def the_api_fails(self, name: str, skip: int) -> None:
        self.hub.commerce.drive("fault", name=name, skip=skip, times=1)

    @rule(fault=st.sampled_from(DSCO_FAULTS))
    def dsco_fails(self, fault: tuple[str, dict[str, Any]]) -> None:
        name, how = fault
        self.hub.dsco.drive("fault", name=name, times=1, **how)

    @rule(names=st.lists(st.sampled_from(list(ServiceName)), max_size=3))
    def the_hub_runs(self, names: list[ServiceName]) -> None:
        self.hub.run(*names)

    @rule(statement=st.integers(1, 60))
    def the_hub_is_killed_at_work(self, statement: int) -> None:
        with _killed_at(statement):
            self.hub.run()

    # --- how it ends -----------------------------------------------------------------------------------------------------

    def _settles(self) -> None:
        self.hub.dsco.drive("clear_faults")
        self.hub.commerce.drive("clear_faults")
        self.hub.dsco.drive("export")
        found: list[str] = []
        for _ in range(ROUNDS):
            self.hub.run()
            for order in Order.objects.for_account(self.hub.account).exclude(hold=""):
                order_release(order, actor="bob")
            self.hub.dsco.drive("process")
            found = list(self._differences())
            if not found:
                return
        raise AssertionError("\n".join(found))

    def _differences(self) -> Iterator[str]:
        account = self.hub.account
        at_dsco = self.hub.dsco.drive("state", only=["orders", "problems"])
        orders = Order.objects.for_account(account).values_list("external_id", "state", "hold")
        in_hub = {external_id: (state, hold) for external_id, state, hold in orders}
        yield from differences(self.deals, at_dsco=at_dsco, at_commerce=self.hub.commerce.drive("state"), in_hub=in_hub)
        yield from (f"DSCO refused a row: {one}" for one in at_dsco["problems"] if one["code"] != "not_shipped_yet")
        yield from (f"alert: {one.words}" for one in Alert.objects.for_account(account).filter(state=AlertState.OPEN))
        for message in OutboundMessage.objects.for_account(account).filter(state__in=OPEN_STATES):
            yield f"message: {message.purpose} {message.state} {message.words}"
        for document in OutboundDocument.objects.for_account(account).exclude(state__in=["sent", "taken", "replaced"]):
            yield f"file: {document.name} {document.state} {document.words}"
        for cart in Connection.objects.for_account(account).exclude(state="ok"):
            yield f"{cart.name} is {cart.state}: {cart.broken_words}"
        for model in _leased():
            yield from (f"{model.__name__} {row.pk} is leased" for row in model._base_manager.exclude(lease_token=""))

    # --- who is who ------------------------------------------------------------------------------------------------------

    def _alive(self) -> list[Deal]:
        return [deal for deal in self.deals.values() if not deal.called_off]

    def _untouched(self) -> list[Deal]:
        return [deal for deal in self._alive() if not deal.touched]

    def _there(self) -> list[Deal]:
        if not hasattr(self, "hub"):
            return []
        there = {order["reference_number"] for order in self.hub.at_commerce() if order["status"] in ("active", "finalized")}
        return [deal for deal in self._alive() if deal.number in there]

    def _open(self) -> list[Deal]:
        return [deal for deal in self._there() if any(piece.open for piece in deal.lines.values())]

    def _uninvoiced(self) -> list[Deal]:
        return [deal for deal in self._there() if not any(piece.invoiced for piece in deal.lines.values())]

    def _untracked(self) -> list[Deal]:
        return [deal for deal in self._alive() if deal.without_tracking]

    def _one_of(self, deals: list[Deal], which: int) -> Deal:
        return deals[which % len(deals)]

    def _known(self, deal: Deal) -> Order | None:
        orders = Order.objects.for_account(self.hub.account).select_related("source", "wms")
        return orders.filter(external_id=deal.dsco_id).first()

    def _warehouse(self, command: str, deal: Deal, **how: Any) -> Any:
        return self.hub.commerce.drive(command, reference_number=deal.number, **how)


def _leased() -> list[type[Leased]]:
    return [model for model in apps.get_models() if issubclass(model, Leased)]


@contextmanager
def _killed_at(number: int) -> Iterator[None]:
    """End a run before its statement of this number, and let what it held look as if its process were gone."""
    left = [number]

    def ask(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        left[0] -= not sql.startswith("SELECT")
        if left[0] < 0:
            raise Killed
        return execute(sql, *rest)

    try:
        with connection.execute_wrapper(ask):
            yield
    except Killed:
        pass
    gone = owner_name().rpartition("|")[0] + "|1"
    for model in _leased():
        model._base_manager.exclude(lease_token="").update(lease_owner=gone)


@pytest.mark.timeout(120 + 30 * STORIES)
def test_in_any_story_both_far_sides_and_the_hub_agree_in_the_end(make_hub: Callable[..., Hub]) -> None:
    Story.make_hub = staticmethod(make_hub)  # type: ignore[method-assign]  # hypothesis makes the machines
    told = settings(
        max_examples=STORIES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        # What broke is told as it was; looking for a shorter story takes minutes.
        phases=[Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if STORIES > 10 else [])],
        print_blob=True,
    )
    run_state_machine_as_test(Story, settings=told)
