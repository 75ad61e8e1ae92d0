"""Stage: what shipped and what was canceled decides where an order stands.

Everything here runs in the caller's transaction, in a number of statements that doesn't grow with the number of orders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db.models import Exists, F, OuterRef, Q, Sum

from cartrover.clock import hub_now
from connectors.contract import ShipmentState
from connectors.models import Connection, ServiceName
from orders.alerts import raise_alert, resolve_alerts
from orders.models import (
    DocumentState,
    LineCancellation,
    Order,
    OrderEvent,
    OrderLine,
    Shipment,
    ShipmentLine,
)
from orders.pipeline.loader import update_rows
from orders.states import OrderState, advance_all
from orders.waking import wake

WHOLE = [DocumentState.SENT, DocumentState.TAKEN]


def count_shipped(account_id: int, order_ids: Collection[int]) -> None:
    """Recompute what shipped of each line from its packages; voided ones don't count."""
    lines = list(OrderLine.objects.for_account(account_id).filter(order__in=list(order_ids)))
    sums = dict(
        ShipmentLine.objects.for_account(account_id)
        .filter(line__order__in=list(order_ids), shipment__state=ShipmentState.SHIPPED)
        .values_list("line")
        .annotate(total=Sum("quantity"))
    )
    totals: dict[int, int] = dict.fromkeys(order_ids, 0)
    changed: list[OrderLine] = []
    for line in lines:
        shipped = min(sums.get(line.pk, 0), line.quantity)
        totals[line.order_id] += shipped
        if shipped != line.shipped:
            line.shipped = shipped
            changed.append(line)
    update_rows(OrderLine, ("shipped",), [(line.pk, line.shipped) for line in changed])
    stands = dict(Order.objects.for_account(account_id).filter(pk__in=list(order_ids)).values_list("pk", "shipped_quantity"))
    update_rows(Order, ("shipped_quantity",), [(pk, totals[pk]) for pk, total in stands.items() if total != totals[pk]])
    for line in changed:
        if line.shipped + line.canceled > line.quantity:
            _take_back(line)


def _take_back(line: OrderLine) -> None:
    """More shipped than a cancellation left over: what the cart wasn't told yet of the cancellation is taken back."""
    excess = line.shipped + line.canceled - line.quantity
    untold = LineCancellation.objects.for_account(line.account_id).filter(line=line, document__isnull=True)
    for row in untold.select_for_update().order_by("-pk"):
        less = min(row.quantity, excess)
        excess -= less
        line.canceled -= less
        if less == row.quantity:
            untold.filter(pk=row.pk).delete()
        elif less:
            untold.filter(pk=row.pk).update(quantity=row.quantity - less)
    OrderLine.objects.for_account(line.account_id).filter(pk=line.pk).update(canceled=line.canceled)
    if not excess:
        return
    order = Order.objects.for_account(line.account_id).select_related("source").get(pk=line.order_id)
    raise_alert(
        account_id=line.account_id,
        cause="shipped_after_cancel",
        subject=str(line.public_id),
        words=f"{excess} of {line.item} in order {order.cust_ref} shipped after {order.source.name} was told that they will "
        "not come. They are not told as shipped: settle it with the retailer.",
        connection=order.source,
        order=order,
    )


def cancel_rest(order: Order, line: OrderLine, canceled: int, because: str, *, code: str | None = "") -> int:
    """Make `canceled` the quantity of the line that will not come; it never shrinks. Return by how much it grew.

    The cart is told so with `code`, "" for the one in its settings. It is told nothing with None, or where it canceled the
    order itself: it would refuse a row about a line of which nothing is left to cancel.
    """
    more = min(canceled, line.quantity - line.shipped) - line.canceled
    if more <= 0:
        return 0
    OrderLine.objects.for_account(line.account_id).filter(pk=line.pk).update(canceled=line.canceled + more)
    line.canceled += more
    if code is not None and order.cart_canceled_at is None:
        LineCancellation.objects.create(account_id=line.account_id, line=line, quantity=more, because=because, code=code)
    OrderEvent.objects.create(
        account_id=line.account_id,
        order_id=line.order_id,
        kind="line.canceled",
        words=f"{more} of {line.quantity} {line.item} will not come: {because}",
    )
    return more


def settle(account_id: int, order_ids: Collection[int]) -> None:
    """Move delivered orders on when all of them is shipped or canceled, and back when a package turned out not to be."""
    lines = OrderLine.objects.for_account(account_id).filter(order=OuterRef("pk"))
    orders = (
        Order.objects.for_account(account_id)
        .filter(pk__in=list(order_ids), state__in=[OrderState.SENT, OrderState.SHIPPED])
        .annotate(
            is_open=Exists(lines.filter(quantity__gt=F("shipped") + F("canceled"))) | ~Exists(lines),
            has_shipped=Exists(lines.filter(shipped__gt=0)),
        )
    )
    sent = [order for order in orders if order.state == OrderState.SENT and not order.is_open]
    back = [order for order in orders if order.state == OrderState.SHIPPED and order.is_open]
    now = hub_now()
    moved = advance_all(
        [order for order in sent if order.has_shipped], OrderState.SHIPPED, because="All of it is shipped or canceled."
    )
    _stamp(account_id, moved, shipped_at=now, updated_at=now)
    moved = advance_all(
        [order for order in sent if not order.has_shipped], OrderState.CANCELED, because="Nothing of it will come."
    )
    _stamp(account_id, moved, canceled_at=now, updated_at=now)
    moved = advance_all(back, OrderState.SENT, because="A package was voided: not all of it is shipped after all.")
    _stamp(account_id, moved, shipped_at=None, updated_at=now)


def _stamp(account_id: int, orders: Sequence[Order], **changes: object) -> None:
    if orders:
        Order.objects.for_account(account_id).filter(pk__in=[order.pk for order in orders]).update(**changes)


def wake_carts(account_id: int, order_ids: Collection[int]) -> None:
    """Make the uploads of these orders' carts due."""
    sources = Order.objects.for_account(account_id).filter(pk__in=list(order_ids)).values("source")
    for cart in Connection.objects.for_account(account_id).filter(pk__in=sources):
        for name in (ServiceName.SHIPMENT_UPLOAD, ServiceName.INVOICE_UPLOAD, ServiceName.CANCEL_UPLOAD):
            wake(cart, name)


def confirm(cart: Connection, order_ids: Iterable[int]) -> int:
    """Confirm every shipped order of the cart whose packages and cancellations all stand in files that lie whole there."""
    account_id = cart.account_id
    untold = Q(document__isnull=True) | ~Q(document__state__in=WHOLE)
    packages = Shipment.objects.for_account(account_id).filter(
        untold, order=OuterRef("pk"), state=ShipmentState.SHIPPED, nothing_to_tell=False
    )
    cancellations = LineCancellation.objects.for_account(account_id).filter(untold, line__order=OuterRef("pk"))
    orders = Order.objects.for_account(account_id).filter(pk__in=list(order_ids), state=OrderState.SHIPPED)
    told = list(orders.filter(~Exists(packages), ~Exists(cancellations)))
    moved = advance_all(told, OrderState.CONFIRMED, because=f"{cart.name} was told of all that shipped or was canceled.")
    _stamp(account_id, moved, confirmed_at=hub_now())
    resolve_alerts(account_id=account_id, cause="no_tracking", orders=moved)
    return len(moved)
