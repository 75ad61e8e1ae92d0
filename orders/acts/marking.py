"""Orders that were dealt with outside of the hub: a person says where they stand, and nobody is told anything for them.

What would make the two far sides disagree is refused: an order that the WMS has would ship there all the same, and what waits
to be told to the cart would still be told.
"""

from __future__ import annotations

from enum import StrEnum

from django.db import transaction

from cartrover.clock import hub_now
from connectors.contract import ShipmentState
from orders.alerts import resolve_alerts
from orders.holding import lift_hold
from orders.models import DocumentState, Invoice, LineCancellation, Order, OrderEvent, Shipment
from orders.pipeline.canceling import drop_unsent
from orders.states import OrderState, advance
from orders.waking import wake_stock_uploads

WHOLE = [DocumentState.SENT, DocumentState.TAKEN]


class Elsewhere(StrEnum):
    """What was done with an order elsewhere; `CONFIRMED`: it was shipped, and the cart was told."""

    SHIPPED = "shipped"
    CONFIRMED = "confirmed"
    CANCELED = "canceled"


WORDS = {
    Elsewhere.SHIPPED: "shipped elsewhere",
    Elsewhere.CONFIRMED: "shipped and confirmed elsewhere",
    Elsewhere.CANCELED: "canceled elsewhere",
}
STAMPS = {Elsewhere.SHIPPED: "shipped_at", Elsewhere.CONFIRMED: "confirmed_at", Elsewhere.CANCELED: "canceled_at"}
LONGEST_REASON = 200


@transaction.atomic
def order_mark(order: Order, done: Elsewhere, *, reason: str, actor: str) -> None:
    """Let an order stand where a person says that it stands. Raise `ValueError`, with words, where that can't be true here."""
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise ValueError("Say why: the reason stands in the order's story.")
    because = f"Marked as {WORDS[done]} by {actor}: {reason.rstrip('.')}. Nobody is told of it."
    match OrderState(order.state):
        case OrderState.NEW | OrderState.READY:
            _take_off(order, because, actor)
        case OrderState.SHIPPED if done == Elsewhere.CONFIRMED:
            _leave_untold(order, actor)
        case OrderState.SENT:
            raise ValueError(_at_wms(order, done))
        case _:
            raise ValueError(f"Order {order.cust_ref} is {order.state} already and can't be marked as {WORDS[done]}.")
    if not advance(order, OrderState(done.value), because=because, actor=actor):
        raise ValueError(f"Order {order.cust_ref} has moved on meanwhile. Look at it again.")
    now = hub_now()
    Order.objects.for_account(order.account_id).filter(pk=order.pk).update(updated_at=now, **{STAMPS[done]: now})
    wake_stock_uploads(order.account_id)


def _take_off(order: Order, because: str, actor: str) -> None:
    """Make sure that an order that wasn't sent never is."""
    if not drop_unsent(order, because):
        raise ValueError(
            f"Order {order.cust_ref} may have reached the WMS: it is on its way there, or its fate isn't known yet. Release it "
            "if it is held, wait until that is settled, and look again."
        )
    if order.hold:
        lift_hold(order, because=because, actor=actor)
    resolve_alerts(account_id=order.account_id, cause="cancel_wanted", subjects=[str(order.public_id)])


def _at_wms(order: Order, done: Elsewhere) -> str:
    wms = order.wms.name if order.wms else "the WMS"
    if done == Elsewhere.CANCELED:
        return f"Order {order.cust_ref} is at {wms}, which would still ship it. Cancel it instead: {wms} is asked first."
    return (
        f"Order {order.cust_ref} is at {wms}, which would ship it once more and is waited for. Enter the shipment there, or "
        "void the order there first."
    )


def _leave_untold(order: Order, actor: str) -> None:
    """Make sure that nothing more of a shipped order is told to its cart."""
    account_id, cart = order.account_id, order.source.name
    packages = Shipment.objects.for_account(account_id).filter(order=order, state=ShipmentState.SHIPPED, nothing_to_tell=False)
    on_its_way = packages.filter(document__isnull=False).exclude(document__state__in=WHOLE)
    if on_its_way.exists():
        raise ValueError(f"A package of order {order.cust_ref} is being told to {cart}: it is confirmed by itself afterwards.")
    if Invoice.objects.for_account(account_id).filter(order=order, document__isnull=True, is_void=False).exists():
        raise ValueError(
            f"An invoice of order {order.cust_ref} waits to be told to {cart}. Void it in the WMS if {cart} has it already."
        )
    if LineCancellation.objects.for_account(account_id).filter(line__order=order, document__isnull=True).exists():
        raise ValueError(
            f"{cart} is still to be told what of order {order.cust_ref} will not come. Run its cancel upload first."
        )
    untold = list(packages.filter(document__isnull=True))
    packages.filter(document__isnull=True).update(nothing_to_tell=True)
    resolve_alerts(account_id=account_id, cause="no_tracking", subjects=[str(one.public_id) for one in untold])
    OrderEvent.objects.bulk_create(
        OrderEvent(
            account_id=account_id,
            order=order,
            kind="shipment.nothing_to_tell",
            actor=actor,
            words=f"Package {one.tracking_number or one.external_id} is not told to {cart}: it was told elsewhere.",
        )
        for one in untold
    )
