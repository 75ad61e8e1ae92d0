"""From test mode to live, and back."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from cartrover.accounts.models import AuditEntry
from connectors import actions
from connectors.contract import HoldReason, ShipmentState
from connectors.models import Connection
from connectors.refusals import Refused
from orders.actions import after_going_live
from orders.holding import hold_order
from orders.models import DocumentState, MessageState, Order, OutboundMessage, Shipment
from orders.pipeline.route import Route
from orders.states import OrderState

TESTS = 100
"""The last test orders of a cart: one of them has gone round, or the round isn't known to work."""


@dataclass(frozen=True, slots=True)
class WentLive:
    """How many waiting orders go out, and the WMS that was switched on with the cart, if it wasn't before."""

    released: int
    wms: Connection | None


def went_round(cart: Connection) -> bool:
    """Say whether the cart was told of a test order's package: then all six stations work."""
    # The few test orders first: a join would begin with the packages, which are many.
    tests = Order.objects.for_account(cart.account_id).filter(source=cart, is_test=True).order_by("-pk").values("pk")
    packages = Shipment.objects.for_account(cart.account_id).filter(order__in=tests[:TESTS], state=ShipmentState.SHIPPED)
    return packages.filter(document__state__in=[DocumentState.SENT, DocumentState.TAKEN]).exists()


def may_go_live(cart: Connection) -> bool:
    """Say whether the cart may go live without anybody skipping the test: one went round, or it was live before."""
    return cart.activated_at is not None or went_round(cart)


def go_live(*, cart: Connection, actor: str, skip_test: bool = False) -> WentLive:
    """Make the cart live and its WMS with it, and release the orders that waited and aren't too old.

    Raise `Refused` while no test order has gone round, unless a person skips the test, which leaves an audit entry.
    """
    skips = not may_go_live(cart)
    if skips and not skip_test:
        raise Refused(
            "No test order has gone round yet. Let one go through all six stations, or tick that you go live without a test."
        )
    wms = Route.of(cart).wms
    wms = None if wms is None or wms.live else wms
    with transaction.atomic():
        if skips:
            AuditEntry.objects.create(
                account_id=cart.account_id,
                actor=actor[:254],
                verb="connection.test_skipped",
                subject=f"{cart.kind} {cart.name}"[:200],
                words="Went live although no test order had gone through all six stations.",
            )
        if wms is not None:
            actions.connection_activate(connection=wms, actor=actor)
        actions.connection_activate(connection=cart, actor=actor)
    return WentLive(after_going_live(cart), wms)


def back_to_test_mode(*, cart: Connection, actor: str) -> int:
    """Have live orders wait again; return how many that hadn't left yet wait from now on. Orders at the WMS go on.

    Raise `Refused` for a cart that isn't live.
    """
    actions.connection_to_test_mode(connection=cart, actor=actor)
    unsent = Order.objects.for_account(cart.account_id).filter(
        source=cart, hold="", is_test=False, state__in=[OrderState.NEW, OrderState.READY]
    )
    on_their_way = OutboundMessage.objects.for_account(cart.account_id).filter(
        order__source=cart, state__in=[MessageState.SENDING, MessageState.UNKNOWN]
    )
    held = 0
    for order in unsent.exclude(pk__in=on_their_way.values("order_id")).select_related("source").iterator(chunk_size=200):
        words = f"{cart.name} is in test mode. The order goes out when you go live."
        hold_order(order, HoldReason.NOT_LIVE, words, actor=actor)
        held += 1
    return held
