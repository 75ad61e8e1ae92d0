"""Claiming messages to a WMS in disjoint batches, and building what is to be sent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, F, OuterRef, Q

from cartrover.clock import database_now
from cartrover.leasing import FREE, LEASE, RENEW_AFTER, LeaseLost, free_at, owner_is_dead, owner_name
from connectors.contract import Address, OrderLineOut, OrderOut, Receipt, RemoteState
from connectors.models import Connection
from orders.models import MessagePurpose, MessageState, Order, OrderLine, OutboundMessage
from orders.models.outbound import OPEN_STATES
from orders.outages import outlast
from orders.pipeline.loader import OneOf
from orders.rules.aliases import wms_skus
from orders.rules.ship_methods import ShipMethods

BATCH = 100
"""Messages that one process claims at once, where it has few senders: enough to keep them busy, few enough to share."""

WORKED_ON = [MessageState.WAITING, MessageState.SENDING, MessageState.UNKNOWN]

VOID_IS_KNOWN = "void"
"""Stands among what is taken once a person wants an order sent anew although the WMS has it, void: those don't count then."""


@dataclass(slots=True)
class Batch:
    """Messages that this process alone works on, under one token."""

    connection: Connection
    token: str
    messages: list[OutboundMessage]
    renewed: float = field(default_factory=time.monotonic)
    """When the leases were renewed last, by the steady clock, as `leasing.Lease` does."""

    def renew_if_old(self) -> None:
        """Make the leases last. Raise `LeaseLost` when none of them is held any more."""
        if time.monotonic() - self.renewed < RENEW_AFTER.total_seconds():
            return
        asked = time.monotonic()
        pks = [one.pk for one in self.messages]
        rows = OutboundMessage.objects.for_account(self.connection.account_id).filter(pk__in=pks, lease_token=self.token)
        if not rows.update(lease_until=database_now() + LEASE) and self.messages:
            raise LeaseLost("the batch was taken over")
        self.renewed = asked


def break_dead_batches(connection: Connection) -> None:
    """Free the messages of processes on this machine that are certainly gone, without waiting for their leases."""
    rows = OutboundMessage.objects.for_account(connection.account_id).filter(connection=connection, state__in=WORKED_ON)
    held = rows.exclude(lease_token="")
    for token, owner in set(held.values_list("lease_token", "lease_owner")):
        if owner_is_dead(owner):
            held.filter(lease_token=token).update(**FREE)


def claim_batch(connection: Connection, *, named: bool, without: Collection[int], size: int = BATCH) -> Batch | None:
    """Claim up to `size` messages that are due (all of them for a named run), oldest first and one of each order."""
    now = database_now()
    rows = OutboundMessage.objects.for_account(connection.account_id).filter(
        free_at(now), connection=connection, state__in=WORKED_ON
    )
    if not named:
        rows = rows.filter(due_at__lte=now)
    # A delivery that is held must not keep the cancellation behind it waiting.
    earlier = OutboundMessage.objects.for_account(connection.account_id).filter(
        order=OuterRef("order_id"), pk__lt=OuterRef("pk"), state__in=WORKED_ON
    )
    held = Q(purpose=MessagePurpose.DELIVER, state=MessageState.WAITING, order__hold__gt="")
    chosen = rows.exclude(pk__in=list(without)).exclude(held).filter(~Exists(earlier))
    token = uuid.uuid4().hex
    try:
        with transaction.atomic():
            pks = list(chosen.order_by("due_at", "pk").values_list("pk", flat=True)[:size])
            rows.filter(OneOf(F("pk"), pks)).update(lease_token=token, lease_owner=owner_name(), lease_until=now + LEASE)
        mine = OutboundMessage.objects.for_account(connection.account_id).filter(OneOf(F("pk"), pks), lease_token=token)
        messages = list(mine.order_by("due_at", "pk"))
    except (OperationalError, InterfaceError):
        # The claim may have been committed before the database went away; nobody has seen the messages yet.
        outlast(lambda: _unclaim(connection, token))
        raise
    return Batch(connection, token, messages) if messages else None


def _unclaim(connection: Connection, token: str) -> None:
    rows = OutboundMessage.objects.for_account(connection.account_id).filter(connection=connection, lease_token=token)
    rows.update(**FREE)


def taken_of(message: OutboundMessage) -> set[str]:
    """Return what the far side said is taken already."""
    return set(filter(None, message.taken.split(",")))


def cancels_wanted(deliveries: Sequence[OutboundMessage]) -> set[int]:
    """Return the ids of those of one account's deliveries whose orders are to be canceled once they are out of the way."""
    if not deliveries:
        return set()
    messages = OutboundMessage.objects.for_account(deliveries[0].account_id).filter(
        order__in=[one.order_id for one in deliveries], purpose=MessagePurpose.CANCEL, state__in=OPEN_STATES
    )
    canceled = set(messages.values_list("order_id", flat=True))
    return {one.pk for one in deliveries if one.order_id in canceled}


def orders_out(batch: Sequence[OutboundMessage], connection: Connection) -> dict[int, OrderOut]:
    """Build what is to be sent, by message id: lines in the file's order, SKUs after aliases, the WMS's shipping code."""
    outs = _outs(connection.account_id, [one.order_id for one in batch])
    return {one.pk: outs[one.order_id] for one in batch}


def foreseen(order: Order) -> OrderOut:
    """Return one order as a destination would get it now, whether or not a message of it exists."""
    return _outs(order.account_id, [order.pk])[order.pk]


ORDER_FACTS = (
    "id", "source_id", "public_id", "cust_ref", "cust_po_no", "order_date", "ship_by", "retailer_name", "customer_code",
    "currency", "ship_to", "bill_to", "ship_code", "ship_carrier", "ship_method", "notes", "shipping_handling",
    "order_discount", "is_test", "extra",
)  # fmt: skip
LINE_FACTS = ("order_id", "line_no", "item", "chosen_item", "quantity", "price", "title", "upc")


def _outs(account_id: int, order_ids: Collection[int]) -> dict[int, OrderOut]:
    """Build orders of one account as a destination gets them, by id. Rows, not instances: a batch has hundreds of them."""
    if not order_ids:
        return {}
    orders = Order.objects.for_account(account_id).filter(OneOf(F("pk"), order_ids)).values_list(*ORDER_FACTS, named=True)
    lines: dict[int, list[Any]] = {}
    rows = OrderLine.objects.for_account(account_id).filter(OneOf(F("order_id"), order_ids))
    for line in rows.order_by("line_no").values_list(*LINE_FACTS, named=True):
        lines.setdefault(line.order_id, []).append(line)
    by_cart: dict[int, list[Any]] = {}
    for order in orders:
        by_cart.setdefault(order.source_id, []).append(order)
    outs: dict[int, OrderOut] = {}
    for cart in Connection.objects.for_account(account_id).filter(pk__in=list(by_cart)):
        its = by_cart[cart.pk]
        items = {line.item for order in its for line in lines.get(order.id, [])}
        skus = wms_skus(account_id=account_id, cart_id=cart.pk, cart_skus=items)
        methods = ShipMethods.of(cart, hold_unmapped=False)
        outs |= {order.id: _order_out(order, lines.get(order.id, []), skus, methods) for order in its}
    return outs


def _order_out(order: Any, lines: Sequence[Any], skus: dict[str, str], methods: ShipMethods) -> OrderOut:
    """Return the order of these rows of ORDER_FACTS and LINE_FACTS as a destination gets it: pure."""
    return OrderOut(
        public_id=str(order.public_id),
        cust_ref=order.cust_ref,
        cust_po_no=order.cust_po_no,
        order_date=order.order_date,
        ship_by=order.ship_by,
        retailer_name=order.retailer_name,
        customer_code=order.customer_code,
        currency=order.currency,
        ship_to=Address(**order.ship_to),
        bill_to=Address(**order.bill_to),
        ship_code=methods.at_wms(order.ship_code),
        ship_carrier=order.ship_carrier,
        ship_method=order.ship_method,
        notes=order.notes,
        shipping_charge=order.shipping_handling,
        discount=order.order_discount,
        is_test=order.is_test,
        lines=tuple(
            OrderLineOut(
                line_no=line.line_no,
                item=line.item,
                wms_item=line.chosen_item or skus.get(line.item, line.item),
                quantity=line.quantity,
                price=line.price,
                title=line.title,
                upc=line.upc,
            )
            for line in lines
        ),
        extra=order.extra,
    )


def receipt_of(order: Order) -> Receipt:
    """Return the receipt that the hub keeps of a delivered order."""
    return Receipt(
        external_id=order.wms_order_id,
        number=order.wms_number,
        state=RemoteState(order.wms_state) if order.wms_state else RemoteState.OPEN,
        reference=order.cust_po_no,
    )
