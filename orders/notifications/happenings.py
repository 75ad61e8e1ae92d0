"""What webhooks are told of beside alerts: what happens to orders, packages, and that stock was read.

Flows write an order's story as they go. Each pass looks through what was written since the last one, a little further back than
that, as a transaction may show its rows later than others that began after it; what is known already isn't written twice. An
event names the order and says what happened; whatever else a program wants to know it reads by the API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q

from cartrover.clock import hub_now
from orders.models import (
    ChannelKind,
    Notification,
    NotificationChannel,
    NotificationEvent,
    OrderEvent,
    StockReading,
)
from orders.notifications.notices import listening

OVERLAP = timedelta(minutes=3)
"""Longer than any transaction that writes stories."""

AT_ONCE = 5000

ORDERS: Mapping[str, str] = {
    "order.loaded": "order.new",
    "order.changed": "order.changed",
    "order.sent": "order.at_wms",
    "order.shipped": "order.shipped",
    "order.confirmed": "order.confirmed",
    "order.canceled": "order.canceled",
    "order.cancel_asked": "order.cancel_requested",
    "order.held": "order.error",
    "order.released": "order.released",
}
SHIPMENTS: Mapping[str, str] = {"shipment.seen": "shipment.new", "shipment.changed": "shipment.changed"}
"""Kinds of stories, and what programs are told each is."""

TYPES = {**ORDERS, **SHIPMENTS}

_WHY = "webhooks of all accounts are told"


def write_new() -> int:
    """Write down for each webhook what happened since it was last looked through; return how many things that are."""
    rows = NotificationChannel.objects.across_accounts(_WHY).filter(kind=ChannelKind.WEBHOOK, active=True)
    rows = rows.filter(Q(tell_orders=True) | Q(tell_shipments=True) | Q(tell_stock=True), looked_at__isnull=False)
    return sum(
        _write(channel) for channel in rows.order_by("pk") if listening(channel.account_id).filter(pk=channel.pk).exists()
    )


def _write(channel: NotificationChannel) -> int:
    now = hub_now()
    written = 0
    for some in _news(channel):
        made = Notification.objects.for_account(channel.account_id).bulk_create(some, ignore_conflicts=True)
        written += len(made)
    NotificationChannel.objects.for_account(channel.account_id).filter(pk=channel.pk).update(looked_at=now)
    return written


def _news(channel: NotificationChannel) -> Iterator[list[Notification]]:
    account_id, looked_at = channel.account_id, channel.looked_at
    if looked_at is None:
        return
    since = max(looked_at - OVERLAP, channel.created_at)
    known = Notification.objects.for_account(account_id).filter(channel=channel)
    kinds = [*(ORDERS if channel.tell_orders else ()), *(SHIPMENTS if channel.tell_shipments else ())]
    own: dict[str, Any] = {"account_id": account_id, "channel": channel}
    if kinds:
        stories = OrderEvent.objects.for_account(account_id).filter(at__gte=since, kind__in=kinds, order__isnull=False)
        stories = stories.exclude(pk__in=known.filter(story__isnull=False).values("story")).order_by("at", "pk")
        while pks := list(stories.values_list("pk", flat=True)[:AT_ONCE]):
            yield [Notification(**own, story_id=pk, event=NotificationEvent.HAPPENED) for pk in pks]
    if channel.tell_stock:
        readings = StockReading.objects.for_account(account_id).filter(finished_at__gte=since)
        readings = readings.exclude(pk__in=known.filter(reading__isnull=False).values("reading")).order_by("pk")
        pks = list(readings.values_list("pk", flat=True)[:AT_ONCE])
        if pks:
            yield [Notification(**own, reading_id=pk, event=NotificationEvent.STOCK) for pk in pks]


def told(one: Notification) -> Mapping[str, Any]:
    """Return what a program is told of a thing that isn't an alert; `id` stays the same whenever it is told again."""
    if one.story is not None and one.story.order is not None:
        story, order = one.story, one.story.order
        return {
            "id": str(one.public_id),
            "type": type_of(one),
            "at": story.at.isoformat(timespec="seconds"),
            "cust_ref": order.cust_ref,
            "cust_po_no": order.cust_po_no,
            "order_source": order.source.name,
            "order_status": str(order.status),
            "words": story.words,
        }
    reading = one.reading
    return {
        "id": str(one.public_id),
        "type": type_of(one),
        "at": reading.finished_at.isoformat(timespec="seconds") if reading is not None else None,
        "wms": reading.connection.name if reading is not None else None,
    }


def type_of(one: Notification) -> str:
    """Return what a program is told that this is."""
    if one.event in (NotificationEvent.OPENED, NotificationEvent.RESOLVED):
        return f"alert.{one.event}"
    return TYPES.get(one.story.kind, one.story.kind) if one.story is not None else "inventory.changed"


def about(one: Notification) -> str:
    """Return what it is about, for people: an order's number, an alert's words, or a WMS."""
    if one.alert is not None:
        return one.alert.words
    if one.story is not None:
        return f"{one.story.order.cust_ref}: {one.story.words}" if one.story.order is not None else one.story.words
    return one.reading.connection.name if one.reading is not None else ""
