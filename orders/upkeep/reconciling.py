"""Whether the counts of a cart agree, from file to telling: a difference is an alert."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Sum

from connectors.models import Connection
from orders.alerts import raise_alert, resolve_alerts
from orders.models import (
    InboundDocument,
    InboundState,
    MessagePurpose,
    Order,
    OrderLine,
    OutboundMessage,
    Shipment,
    ShipmentLine,
    SkippedOrder,
)
from orders.models.outbound import OPEN_STATES
from orders.pipeline.skipped import LISTED_REFUSALS, REFUSED_ROW
from orders.states import OrderState

NAMED = 5
"""Files that an alert names: enough to start looking."""


def count_cart(cart: Connection) -> dict[str, int]:
    """Return what came, what became of it, and what the cart was told, over the cart's whole life.

    `idle` are orders that nothing holds and nothing moves; `over_told` are lines of which more was told than was ordered.
    """
    account_id = cart.account_id
    orders = Order.objects.for_account(account_id).filter(source=cart)
    lines = OrderLine.objects.for_account(account_id).filter(order__source=cart)
    told = ShipmentLine.objects.for_account(account_id).filter(line__order__source=cart).aggregate(told=Sum("told"))
    documents = InboundDocument.objects.for_account(account_id).filter(connection=cart)
    packages = Shipment.objects.for_account(account_id).filter(order__source=cart, nothing_to_tell=False, state="shipped")
    return {
        "files": documents.count(),
        "files_unread": documents.filter(state__in=[InboundState.WANTED, InboundState.FETCHED]).count(),
        "rows": sum(int(counts.get("rows", 0)) for counts in documents.values_list("counts", flat=True).iterator()),
        "orders": orders.count(),
        "skipped": SkippedOrder.objects.for_account(account_id).filter(connection=cart).count(),
        "idle": _idle(orders).count(),
        "delivered": orders.exclude(wms_order_id="").count(),
        "shipped_lines": lines.filter(shipped__gt=0).count(),
        "told_quantity": int(told["told"] or 0),
        "told_on_lines": int(lines.aggregate(told=Sum("told"))["told"] or 0),
        "over_told": lines.filter(told__gt=F("quantity")).count(),
        "untold_packages": packages.filter(document__isnull=True).count(),
    }


def reconcile(cart: Connection) -> dict[str, int]:
    """Compare the counts of a cart; raise an alert where they differ, and close it when they agree again."""
    counts = count_cart(cart)
    wrong = [*_wrong_files(cart)]
    if counts["idle"]:
        wrong.append(f"nothing holds {counts['idle']} new orders and nothing sends them")
    if counts["told_quantity"] != counts["told_on_lines"]:
        wrong.append(f"packages tell {counts['told_quantity']} pieces, their order lines {counts['told_on_lines']}")
    if counts["over_told"]:
        wrong.append(f"more than was ordered is told of {counts['over_told']} lines")
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


def _idle(orders: QuerySet[Order]) -> QuerySet[Order]:
    deliveries = OutboundMessage.objects.across_accounts("the orders are of one account").filter(
        order=OuterRef("pk"), purpose=MessagePurpose.DELIVER, state__in=OPEN_STATES
    )
    return orders.filter(state__in=[OrderState.NEW, OrderState.READY], hold="").filter(~Exists(deliveries))


def _wrong_files(cart: Connection) -> Iterator[str]:
    """Say of which files there are fewer orders, or fewer refusals, than were counted when they were read."""
    loaded = _by_document(Order.objects.for_account(cart.account_id).filter(source=cart))
    refused = _by_document(SkippedOrder.objects.for_account(cart.account_id).filter(connection=cart, reason=REFUSED_ROW))
    read = InboundDocument.objects.for_account(cart.account_id).filter(connection=cart, state=InboundState.READ)
    found: list[str] = []
    for pk, name, counts in read.order_by("-pk").values_list("pk", "name", "counts").iterator():
        orders, refusals = int(counts.get("orders", 0)), min(int(counts.get("refused", 0)), LISTED_REFUSALS)
        if loaded.get(pk, 0) < orders:
            found.append(f"{name} loaded {orders} orders, {loaded.get(pk, 0)} are here")
        if refused.get(pk, 0) < refusals:
            found.append(f"{refusals} orders of {name} were refused, {refused.get(pk, 0)} are listed")
    yield from found[:NAMED]
    if len(found) > NAMED:
        yield f"and {len(found) - NAMED} more like these"


def _by_document(rows: QuerySet[Order] | QuerySet[SkippedOrder]) -> dict[int, int]:
    counted = rows.filter(document__isnull=False).order_by().values("document").annotate(number=Count("pk"))
    return dict(counted.values_list("document", "number"))
