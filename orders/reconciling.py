"""Whether the counts of a cart agree, from file to telling: a difference is an alert."""

from __future__ import annotations

from django.db.models import Count, F, Q, Sum

from connectors.models import Connection
from orders.alerts import raise_alert, resolve_alerts
from orders.models import InboundDocument, InboundState, Order, OrderLine, Shipment, ShipmentLine, SkippedOrder


def count_cart(cart: Connection) -> dict[str, int]:
    """Return what came, what became of it, and what the cart was told, over the cart's whole life."""
    account_id = cart.account_id
    documents = InboundDocument.objects.for_account(account_id).filter(connection=cart)
    orders = Order.objects.for_account(account_id).filter(source=cart)
    lines = OrderLine.objects.for_account(account_id).filter(order__source=cart)
    told = ShipmentLine.objects.for_account(account_id).filter(line__order__source=cart).aggregate(told=Sum("told"))
    return {
        "files": documents.count(),
        "files_unread": documents.filter(state__in=[InboundState.WANTED, InboundState.FETCHED]).count(),
        "orders": orders.count(),
        "skipped": SkippedOrder.objects.for_account(account_id).filter(connection=cart).count(),
        "delivered": orders.exclude(wms_order_id="").count(),
        "shipped_lines": lines.filter(shipped__gt=0).count(),
        "told_quantity": int(told["told"] or 0),
        "told_on_lines": int(lines.aggregate(told=Sum("told"))["told"] or 0),
        "over_told": lines.filter(told__gt=F("quantity")).count(),
        "untold_packages": Shipment.objects.for_account(account_id)
        .filter(order__source=cart, document__isnull=True, nothing_to_tell=False, state="shipped")
        .count(),
    }


def reconcile(cart: Connection) -> dict[str, int]:
    """Compare the counts of a cart; raise an alert where they differ, and close it when they agree again."""
    counts = count_cart(cart)
    wrong = []
    if counts["told_quantity"] != counts["told_on_lines"]:
        wrong.append(f"packages tell {counts['told_quantity']} pieces, their order lines {counts['told_on_lines']}")
    read = InboundDocument.objects.for_account(cart.account_id).filter(connection=cart, state=InboundState.READ)
    for document in read.annotate(
        loaded=Count("orders", filter=Q(orders__source=cart)), kept_out=Count("skipped_orders", distinct=True)
    ).filter(counts__has_key="orders")[:1000]:
        if document.loaded < int(document.counts.get("orders", 0)) and not document.kept_out:
            wrong.append(f"{document.name} loaded {document.counts['orders']} orders, {document.loaded} are here")
    if wrong:
        raise_alert(
            account_id=cart.account_id,
            cause="counts_differ",
            subject=cart.name,
            connection=cart,
            words=f"The counts of {cart.name} don't agree: {'; '.join(wrong)}. Tell support.",
        )
    else:
        resolve_alerts(account_id=cart.account_id, cause="counts_differ", subjects=[cart.name])
    return counts
