"""What a warehouse does that calls the hub: it takes orders, ships, cancels or refuses them. The pipeline's own stages do the
rest.

Each action is one transaction under the order's lock, and repeating it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from cartrover.clock import hub_now
from connectors.contract import HoldReason, RemoteState, ShipmentDraft, ShipmentLineDraft, ShipmentState
from connectors.models import Connection, Service, ServiceName
from connectors.readers import calls_us
from orders.alerts import raise_alert
from orders.holding import hold_order, lift_hold
from orders.models import MessagePurpose, MessageState, Order, OrderEvent, OrderLine, OutboundMessage, Shipment, ShipmentLine
from orders.models.outbound import OPEN_STATES
from orders.pipeline.canceling import Telling, open_cancels, tell_cart
from orders.pipeline.loader import update_rows
from orders.pipeline.packages import store_shipments
from orders.pipeline.settle import cancel_rest, count_shipped, settle, wake_carts
from orders.rules.aliases import wms_skus
from orders.run import Run
from orders.states import OrderState, advance
from orders.waking import wake_stock_uploads


class NotPossible(ValueError):
    """What the warehouse wants of an order can't be; the words say why."""


@dataclass(frozen=True, slots=True)
class PostedLine:
    """How many of a SKU (the WMS's or the cart's) are in a package; `line_no` tells lines of one SKU apart, "" = any."""

    item: str
    quantity: int
    line_no: str = ""
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PostedPackage:
    """A package as the warehouse posts it. `key` names it: posted again under the same key it is changed, not doubled.

    Without `lines` it holds whatever of the order hasn't shipped.
    """

    key: str
    tracking_no: str
    carrier: str
    method: str
    tracking_url: str
    shipped_at: Any
    lines: tuple[PostedLine, ...] | None
    details: dict[str, str] = field(default_factory=dict)


# --- taking an order ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def take(order: Order, *, number: str, actor: str) -> Order:
    """The warehouse has the order now, under this number of its own ("" = ours); return it as it stands.

    Raise `NotPossible` for one that is held, canceled or another WMS's.
    """
    order, wms = _locked(order)
    if order.state in (OrderState.SENT, OrderState.SHIPPED, OrderState.CONFIRMED):
        return order
    if order.state == OrderState.CANCELED:
        raise NotPossible(f"Order {order.cust_ref} is canceled. Don't ship it.")
    if order.hold:
        raise NotPossible(f"Order {order.cust_ref} is held: {order.hold_words}")
    if order.state != OrderState.READY or not advance(order, OrderState.SENT, because=f"Taken by {wms.name}.", actor=actor):
        raise NotPossible(f"Order {order.cust_ref} is {order.status} and can't be taken.")
    now = hub_now()
    deliveries = OutboundMessage.objects.for_account(order.account_id).filter(
        order=order, purpose=MessagePurpose.DELIVER, state__in=OPEN_STATES
    )
    deliveries.update(state=MessageState.DONE, done_at=now, sent_at=now)
    lines = list(OrderLine.objects.for_account(order.account_id).filter(order=order))
    skus = wms_skus(account_id=order.account_id, cart_id=order.source_id, cart_skus={line.item for line in lines})
    update_rows(
        OrderLine,
        ("wms_item", "external_id", "wms_quantity"),
        [(line.pk, line.chosen_item or skus.get(line.item, line.item), str(line.line_no), line.quantity) for line in lines],
    )
    order.wms_order_id, order.wms_number = str(order.public_id), (number or order.cust_ref)[:100]
    order.wms_state, order.delivered_at, order.updated_at = RemoteState.OPEN, now, now
    order.save(update_fields=["wms_order_id", "wms_number", "wms_state", "delivered_at", "updated_at"])
    wake_stock_uploads(order.account_id)
    return order


def _locked(order: Order) -> tuple[Order, Connection]:
    rows = Order.objects.for_account(order.account_id).select_for_update(of=("self",)).select_related("source", "wms")
    locked = rows.get(pk=order.pk)
    if locked.wms is None or not calls_us(locked.wms):
        name = locked.wms.name if locked.wms is not None else "no WMS"
        raise NotPossible(f"Order {locked.cust_ref} goes to {name}, which doesn't call this API.")
    return locked, locked.wms


# --- packages ----------------------------------------------------------------------------------------------------------------


@transaction.atomic
def ship(order: Order, packages: Sequence[PostedPackage], *, actor: str) -> Order:
    """Store the packages; what isn't known to be taken is taken by that. Return the order as it stands afterwards.

    Raise `NotPossible` for an order that can't ship, and for a SKU or a quantity that isn't left on it.
    """
    order = take(order, number="", actor=actor)
    if order.state not in (OrderState.SENT, OrderState.SHIPPED, OrderState.CONFIRMED):
        raise NotPossible(f"Order {order.cust_ref} is {order.status} and can't be shipped.")
    wms = order.wms
    if wms is None:
        raise NotPossible(f"Order {order.cust_ref} is at no WMS.")
    lines = list(OrderLine.objects.for_account(order.account_id).filter(order=order).order_by("line_no"))
    known = _known_packages(wms, order, packages)
    left = _left(lines, set(known))
    drafts = []
    for package in packages:
        contents = _contents(order, package, lines, left)
        draft = _draft(order, package, contents)
        if not _is_same(known.get(draft.external_id), draft):
            drafts.append(draft)
    if drafts:
        _store(wms, order, drafts, {_external_id(order, one.key): one for one in packages})
    order.refresh_from_db()
    return order


def _known_packages(wms: Connection, order: Order, packages: Sequence[PostedPackage]) -> dict[str, Shipment]:
    ids = [_external_id(order, one.key) for one in packages]
    rows = Shipment.objects.for_account(wms.account_id).filter(connection=wms, external_id__in=ids).prefetch_related("lines")
    return {one.external_id: one for one in rows}


def _external_id(order: Order, key: str) -> str:
    return f"{order.public_id.hex}:{key}"[:100]


def _left(lines: Sequence[OrderLine], replaced: set[str]) -> dict[int, int]:
    """Return how many of each line may still be in a package: those of packages that are posted anew count as free."""
    if not lines:
        return {}
    packed: dict[int, int] = {}
    rows = ShipmentLine.objects.for_account(lines[0].account_id).filter(
        line__in=[line.pk for line in lines], shipment__state=ShipmentState.SHIPPED
    )
    for line_id, quantity in rows.exclude(shipment__external_id__in=list(replaced)).values_list("line_id", "quantity"):
        if line_id is not None:
            packed[line_id] = packed.get(line_id, 0) + quantity
    return {line.pk: max(0, line.quantity - packed.get(line.pk, 0)) for line in lines}


def _contents(
    order: Order, package: PostedPackage, lines: Sequence[OrderLine], left: dict[int, int]
) -> list[tuple[OrderLine, int]]:
    """Say how many of which lines are in the package, and take them off what is left."""
    found: list[tuple[OrderLine, int]] = []
    if package.lines is None:
        found = [(line, left[line.pk]) for line in lines if left[line.pk]]
        for line, _ in found:
            left[line.pk] = 0
        if not found:
            raise NotPossible(f"Nothing is left to ship of order {order.cust_ref}. Say what is in the package.")
        return found
    for posted in package.lines:
        wanted = posted.quantity
        for line in lines:
            if wanted and _is_line(line, posted) and left[line.pk]:
                taken = min(wanted, left[line.pk])
                left[line.pk] -= taken
                wanted -= taken
                found.append((line, taken))
        if wanted:
            raise NotPossible(
                f"Order {order.cust_ref} has no {posted.quantity} of {posted.item[:60]} left to ship: {wanted} too many, or "
                "another SKU."
            )
    return found


def _is_line(line: OrderLine, posted: PostedLine) -> bool:
    number = line.extra.get("line_no") or str(line.line_no)
    return posted.item in (line.wms_item, line.item) and posted.line_no in ("", number)


def _draft(order: Order, package: PostedPackage, contents: Sequence[tuple[OrderLine, int]]) -> ShipmentDraft:
    now = hub_now()
    return ShipmentDraft(
        external_id=_external_id(order, package.key),
        external_order_id=order.wms_order_id,
        order_number=order.wms_number,
        state=ShipmentState.SHIPPED,
        tracking_number=package.tracking_no,
        carrier=package.carrier,
        service=package.method,
        tracking_url=package.tracking_url,
        shipped_at=package.shipped_at or now,
        lines=tuple(
            ShipmentLineDraft(external_id=f"{at}", external_line_id=line.external_id, quantity=quantity)
            for at, (line, quantity) in enumerate(contents, start=1)
        ),
        updated_at=now,
    )


def _is_same(known: Shipment | None, draft: ShipmentDraft) -> bool:
    if known is None or known.tracking_number != draft.tracking_number[:200] or known.state != draft.state:
        return False
    before = [(row.external_line_id, row.quantity) for row in sorted(known.lines.all(), key=lambda row: row.pk)]
    same_way = (known.carrier, known.service) == (draft.carrier[:100], draft.service[:100])
    return same_way and before == [(row.external_line_id, row.quantity) for row in draft.lines]


def _store(wms: Connection, order: Order, drafts: Sequence[ShipmentDraft], posted: dict[str, PostedPackage]) -> None:
    touched = store_shipments(_run(wms), drafts)
    rows = Shipment.objects.for_account(wms.account_id).filter(
        connection=wms, external_id__in=[draft.external_id for draft in drafts]
    )
    for shipment in rows.prefetch_related("lines"):
        package = posted[shipment.external_id]
        if package.details:
            rows.filter(pk=shipment.pk).update(details=package.details)
        _keep_details(shipment, package)
    if touched:
        count_shipped(order.account_id, touched)
        settle(order.account_id, touched)
        wake_carts(order.account_id, touched)


def _keep_details(shipment: Shipment, package: PostedPackage) -> None:
    """Keep what is said of contents beside the rows that hold them, as far as these are one to one."""
    contents = list(package.lines or ())
    rows = sorted(shipment.lines.all(), key=lambda row: row.pk)
    if len(contents) == len(rows):
        for row, posted in zip(rows, contents, strict=True):
            if posted.details:
                ShipmentLine.objects.for_account(row.account_id).filter(pk=row.pk).update(details=posted.details)


def _run(wms: Connection) -> Run:
    """A run of nobody's service: the stages count in it, and nobody reads the counts."""
    service = Service(account_id=wms.account_id, connection=wms, name=ServiceName.SHIPMENT_PICKUP)
    return Run(service=service, connection=wms, named=True, lease=None)


# --- what will not come ------------------------------------------------------------------------------------------------------


@transaction.atomic
def cancel(order: Order, *, because: str, actor: str) -> Order:
    """The warehouse will not ship what is left of the order; the cart is told as of any cancellation.

    Raise `NotPossible` for an order that is shipped or another WMS's.
    """
    order, wms = _locked(order)
    if order.state == OrderState.CANCELED:
        return order
    if order.state == OrderState.READY and not order.hold:
        order = take(order, number="", actor=actor)
    if order.state != OrderState.SENT:
        raise NotPossible(f"Order {order.cust_ref} is {order.status} and can't be canceled by the warehouse.")
    asked = open_cancels(order.account_id, [order.pk])
    wishes = list(asked.values_list("telling", flat=True))
    asked.update(state=MessageState.DONE, done_at=hub_now())
    if order.hold:
        lift_hold(order, because="Canceled.", actor=actor)
    if wishes and not order.shipped_quantity:
        _cancel_as_asked(order, wms, [Telling(**wish) for wish in wishes if wish])
    else:
        _cancel_rest(order, because or f"{wms.name} canceled the order.")
    wake_stock_uploads(order.account_id)
    order.refresh_from_db()
    return order


def _cancel_as_asked(order: Order, wms: Connection, tellings: Sequence[Telling]) -> None:
    """Somebody on this side wanted it: the cart is told what they chose to tell it, if anything."""
    now = hub_now()
    if advance(order, OrderState.CANCELED, because=f"Canceled at {wms.name}."):
        Order.objects.for_account(order.account_id).filter(pk=order.pk).update(
            canceled_at=now, updated_at=now, wms_state=RemoteState.VOID
        )
        for telling in tellings:
            tell_cart(order, telling)


def _cancel_rest(order: Order, words: str) -> None:
    """The warehouse wanted it: the cart is told what will not come."""
    for line in OrderLine.objects.for_account(order.account_id).filter(order=order).order_by("line_no"):
        cancel_rest(order, line, line.quantity, words)
    Order.objects.for_account(order.account_id).filter(pk=order.pk).update(wms_state=RemoteState.VOID, updated_at=hub_now())
    settle(order.account_id, [order.pk])
    wake_carts(order.account_id, [order.pk])


@transaction.atomic
def refuse(order: Order, *, words: str, actor: str) -> Order:
    """The warehouse can't work on the order, or won't cancel it: a person is shown why. Raise `NotPossible` as `cancel`
    does.
    """
    order, wms = _locked(order)
    if order.state in (OrderState.SHIPPED, OrderState.CONFIRMED, OrderState.CANCELED):
        raise NotPossible(f"Order {order.cust_ref} is {order.status} already.")
    said = f"{wms.name}: {words}"
    asked = open_cancels(order.account_id, [order.pk])
    if asked.exists():
        asked.update(state=MessageState.DROPPED, done_at=hub_now(), words=said)
        OrderEvent.objects.create(
            account_id=order.account_id, order=order, kind="order.cancel_refused", words=said, actor=actor
        )
        raise_alert(
            account_id=order.account_id,
            cause="cancel_wanted",
            subject=str(order.public_id),
            words=f"{wms.name} doesn't cancel order {order.cust_ref}: {words}",
            connection=order.source,
            order=order,
        )
        return order
    hold_order(order, HoldReason.REFUSED, said, actor=actor)
    return order
