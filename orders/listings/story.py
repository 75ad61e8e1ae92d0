"""An order with all that happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from cartrover.accounts.models import Account
from orders.listings.next_steps import NextStep, next_step
from orders.listings.story_entries import Entry, entries_of
from orders.models import (
    Alert,
    AlertState,
    Invoice,
    Order,
    OrderLine,
    OutboundAttempt,
    OutboundMessage,
    Shipment,
    ShipmentLine,
    ShipMethodMap,
)
from orders.states import OrderState

EVENTS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class OrderStory:
    """An order with all that happened to it; `more_events` is true where the oldest ones are left out."""

    order: Order
    next: NextStep
    lines: Sequence[OrderLine]
    entries: Sequence[Entry]
    more_events: bool
    messages: Sequence[OutboundMessage]
    shipments: Sequence[Shipment]
    invoices: Sequence[Invoice]
    alerts: Sequence[Alert]
    """Those that say something else than why the order is held."""
    ship_code_becomes: str
    """What its shipping code is at the WMS; "" where it isn't mapped and goes as it is."""

    @property
    def has_preview(self) -> bool:
        """True while something of the order is still to be sent, to the WMS or to the cart."""
        return self.order.state not in (OrderState.CONFIRMED, OrderState.CANCELED)

    @property
    def can_be_held(self) -> bool:
        return not self.order.hold and self.order.state in (OrderState.NEW, OrderState.READY)

    @property
    def can_be_sent_again(self) -> bool:
        """An order that waits for its next try; a held one is released instead."""
        return not self.order.hold and self.order.state == OrderState.READY

    @property
    def can_be_marked(self) -> bool:
        return self.order.state in (OrderState.NEW, OrderState.READY, OrderState.SHIPPED)

    @property
    def can_be_canceled(self) -> bool:
        return self.order.state in (OrderState.NEW, OrderState.READY, OrderState.SENT)


def order_story(account: Account, public_id: UUID) -> OrderStory | None:
    """Return an order of this account with its whole history, newest first; None when the account has no such order.

    Files come with their names and places, never with their bytes.
    """
    orders = Order.objects.for_account(account).select_related("source", "wms", "document")
    order = orders.filter(public_id=public_id).first()
    if order is None:
        return None
    events = list(order.events.select_related("connection").order_by("-at", "-pk")[: EVENTS_SHOWN + 1])
    tries = Prefetch("tries", OutboundAttempt.objects.order_by("-started_at", "-pk"))
    contents = Prefetch("lines", ShipmentLine.objects.select_related("line").order_by("pk"))
    messages = list(order.messages.select_related("connection").prefetch_related(tries).order_by("-pk"))
    shipments = list(_with_file(order.shipments).prefetch_related(contents).order_by("-pk"))
    alerts = order.alerts.filter(state=AlertState.OPEN).order_by("-last_seen_at")
    return OrderStory(
        order=order,
        next=next_step(order, messages, shipments),
        lines=list(order.lines.order_by("line_no")),
        entries=entries_of(order, events[:EVENTS_SHOWN], messages),
        more_events=len(events) > EVENTS_SHOWN,
        messages=messages,
        shipments=shipments,
        invoices=list(_with_file(order.invoices).order_by("-pk")),
        ship_code_becomes=_at_wms(order),
        alerts=[alert for alert in alerts if not order.hold or alert.words != order.hold_words],
    )


def _at_wms(order: Order) -> str:
    if not order.ship_code:
        return ""
    codes = ShipMethodMap.objects.for_account(order.account_id).filter(cart=order.source_id, cart_code__iexact=order.ship_code)
    return codes.values_list("wms_code", flat=True).first() or ""


def _with_file(rows: Any) -> Any:
    return rows.select_related("document__connection").defer("document__deflated")
