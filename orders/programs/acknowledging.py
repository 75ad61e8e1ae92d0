"""A cart that reads its tracking by itself says that it has it: what it read is fixed as a file, and the order is confirmed."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from connectors.contract import Purpose, ShipmentState
from orders.models import DocumentState, LineCancellation, Order, OrderEvent, OutboundDocument, Shipment
from orders.pipeline.settle import confirm
from orders.pipeline.tellings import acknowledge_cancels, acknowledge_shipments
from orders.states import OrderState


@transaction.atomic
def acknowledge(order: Order, *, tracking: Collection[str] | None, actor: str) -> bool:
    """Mark the packages with these tracking numbers (None = all that are shipped) as told; return whether the order is
    confirmed.

    Raise `ValueError`, with words, where nothing of the order is shipped, or a number is none of its packages'.
    """
    order = Order.objects.for_account(order.account_id).select_for_update().get(pk=order.pk)
    if order.state == OrderState.CONFIRMED:
        return True
    packages = list(
        Shipment.objects.for_account(order.account_id).filter(order=order, state=ShipmentState.SHIPPED).order_by("pk")
    )
    if not packages:
        raise ValueError(f"Order {order.cust_ref} is {order.status}: nothing of it is shipped, so there is nothing to confirm.")
    if tracking is not None:
        known = {one.tracking_number for one in packages}
        strange = [number for number in tracking if number not in known]
        if strange:
            raise ValueError(f"Order {order.cust_ref} has no package with tracking number {strange[0][:60]}.")
        packages = [one for one in packages if one.tracking_number in set(tracking)]
    _mark(order, [one for one in packages if one.document_id is None], actor)
    return bool(confirm(order.source, [order.pk]))


def _mark(order: Order, packages: list[Shipment], actor: str) -> None:
    cart = order.source
    document = acknowledge_shipments(cart, packages) if packages else None
    if document is not None:
        _taken(document, actor)
        OrderEvent.objects.create(
            account_id=order.account_id,
            order=order,
            connection=cart,
            kind=f"told.{Purpose.SHIPMENTS}",
            words=f"{cart.name} has taken the tracking of {len(packages)} package{'' if len(packages) == 1 else 's'}.",
            document_name=document.name,
            actor=actor,
        )
    untold = LineCancellation.objects.for_account(order.account_id).filter(line__order=order, document__isnull=True)
    waiting = list(untold.select_related("line__order").order_by("pk"))
    if waiting:
        _taken(acknowledge_cancels(cart, waiting), actor)


def _taken(document: OutboundDocument, actor: str) -> None:
    """A cart that has read it needs nothing to be sent."""
    OutboundDocument.objects.for_account(document.account_id).filter(pk=document.pk).update(
        state=DocumentState.TAKEN, sent_at=document.created_at, taken_at=document.created_at, words=f"Read by {actor}."
    )
