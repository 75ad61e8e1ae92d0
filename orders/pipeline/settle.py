"""Stage: what shipped and what was canceled decides where an order stands."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Sum
from django.utils import timezone

from connectors.contract import ShipmentState
from connectors.models import ServiceName
from orders.alerts import resolve_alerts
from orders.models import DocumentState, LineCancellation, Order, OrderEvent, OrderLine, Shipment, ShipmentLine
from orders.states import OrderState, advance
from orders.waking import wake

WHOLE = [DocumentState.SENT, DocumentState.TAKEN]


def count_shipped(account_id: int, order_ids: Collection[int]) -> None:
    """Recompute what shipped of each line from its packages; voided ones don't count. Runs in the caller's transaction."""
    lines = OrderLine.objects.for_account(account_id).filter(order__in=list(order_ids))
    sums = dict(
        ShipmentLine.objects.for_account(account_id)
        .filter(line__order__in=list(order_ids), shipment__state=ShipmentState.SHIPPED)
        .values_list("line")
        .annotate(total=Sum("quantity"))
    )
    totals: dict[int, int] = dict.fromkeys(order_ids, 0)
    for line in lines:
        shipped = min(sums.get(line.pk, 0), line.quantity)
        totals[line.order_id] += shipped
        if shipped != line.shipped:
            lines.filter(pk=line.pk).update(shipped=shipped)
    for order_id, total in totals.items():
        Order.objects.for_account(account_id).filter(pk=order_id).exclude(shipped_quantity=total).update(shipped_quantity=total)


def cancel_rest(line: OrderLine, canceled: int, because: str) -> int:
    """Make `canceled` the quantity of the line that will not come, and note the cancel row for the cart; it never shrinks."""
    more = min(canceled, line.quantity - line.shipped) - line.canceled
    if more <= 0:
        return 0
    OrderLine.objects.for_account(line.account_id).filter(pk=line.pk).update(canceled=line.canceled + more)
    line.canceled += more
    LineCancellation.objects.create(account_id=line.account_id, line=line, quantity=more, because=because)
    OrderEvent.objects.create(
        account_id=line.account_id,
        order_id=line.order_id,
        kind="line.canceled",
        words=f"{more} of {line.quantity} {line.item} will not come: {because}",
    )
    return more


def settle(order: Order) -> None:
    """Move a delivered order on when all of it is shipped or canceled; runs in the caller's transaction."""
    if order.state != OrderState.SENT:
        return
    lines = list(OrderLine.objects.for_account(order.account_id).filter(order=order))
    if not lines or any(line.shipped + line.canceled < line.quantity for line in lines):
        return
    now = timezone.now()
    rows = Order.objects.for_account(order.account_id).filter(pk=order.pk)
    if any(line.shipped for line in lines):
        if advance(order, OrderState.SHIPPED, because="All of it is shipped or canceled."):
            rows.update(shipped_at=now, updated_at=now)
    elif advance(order, OrderState.CANCELED, because="Nothing of it will come."):
        rows.update(canceled_at=now, updated_at=now)


def wake_carts(account_id: int, order_ids: Collection[int]) -> None:
    """Make the uploads of these orders' carts due."""
    orders = Order.objects.for_account(account_id).filter(pk__in=list(order_ids)).select_related("source")
    for cart in {order.source_id: order.source for order in orders}.values():
        for name in (ServiceName.SHIPMENT_UPLOAD, ServiceName.INVOICE_UPLOAD, ServiceName.CANCEL_UPLOAD):
            wake(cart, name)


def confirm(account_id: int, order_ids: Collection[int]) -> int:
    """Confirm every shipped order whose packages and cancellations are all told in files that lie whole at the cart."""
    confirmed = 0
    orders = Order.objects.for_account(account_id).filter(pk__in=list(order_ids), state=OrderState.SHIPPED)
    for order in orders:
        shipments = Shipment.objects.for_account(account_id).filter(
            order=order, state=ShipmentState.SHIPPED, nothing_to_tell=False
        )
        if shipments.exclude(document__state__in=WHOLE).exists():
            continue
        cancellations = LineCancellation.objects.for_account(account_id).filter(line__order=order)
        if cancellations.exclude(document__state__in=WHOLE).exists():
            continue
        if advance(order, OrderState.CONFIRMED, because=f"{order.source.name} was told everything."):
            Order.objects.for_account(account_id).filter(pk=order.pk).update(confirmed_at=timezone.now())
            resolve_alerts(account_id=account_id, cause="no_tracking", order=order)
            confirmed += 1
    return confirmed
