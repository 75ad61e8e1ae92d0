"""Changing an order by hand while nothing of it has reached the WMS: its address, codes, notes and SKUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from cartrover.clock import hub_now
from connectors.contract import Address
from orders.actions import order_release
from orders.holding import hold_order
from orders.models import MessagePurpose, MessageState, Order, OrderEvent, OrderLine, OutboundMessage
from orders.pipeline.canceling import MAYBE_THERE
from orders.pipeline.known_orders import take_back
from orders.pipeline.order_rows import address_json, ship_name
from orders.pipeline.route import Route
from orders.states import OrderState
from orders.waking import wake_stock_uploads

PERSONAL_EVENT = "order.edited"
"""Events of this kind hold what people's addresses were: retention forgets that with the addresses."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What an order is to say. `skus` are the WMS's SKUs by line number, "" for what aliases make of the line's own."""

    ship_to: Address
    ship_code: str
    notes: str
    skus: Mapping[int, str]


class ChangedMeanwhile(ValueError):
    """Somebody or something else has changed the order since its page was shown."""


def version_of(order: Order) -> str:
    """Return what changes whenever the order does."""
    return f"{order.updated_at.isoformat()}/{order.state}/{order.hold}"


def why_not(order: Order) -> str:
    """Say why an order can't be changed any more; "" while it can."""
    wms = order.wms.name if order.wms else "the WMS"
    match OrderState(order.state):
        case OrderState.NEW | OrderState.READY:
            pass
        case OrderState.SENT:
            return f"It is at {wms}{f' as {order.wms_number}' if order.wms_number else ''}. Change it there."
        case _:
            return f"It is {order.state}: nothing of it changes any more."
    if order.hold in MAYBE_THERE:
        return f"{wms} may have it. Release it first: it is looked up there, and can be changed if it isn't."
    messages = OutboundMessage.objects.for_account(order.account_id).filter(order=order)
    if messages.filter(state__in=[MessageState.SENDING, MessageState.UNKNOWN]).exists():
        return f"It is on its way to {wms}, or may be there already. Look again when that is known."
    return ""


@transaction.atomic
def order_edit(order: Order, edited: Edited, *, version: str, actor: str, send: bool = False) -> list[str]:
    """Make a locked order say this, and with `send` let it go; return what was changed, in words.

    Raise `ChangedMeanwhile` when it isn't what `version_of` said any more, `ValueError` with words when it is too late.
    """
    refusal = why_not(order)
    if refusal:
        raise ValueError(refusal)
    if version != version_of(order):
        raise ChangedMeanwhile("This order was changed meanwhile. What you typed is kept below: compare it, and save again.")
    if not take_back(order):
        raise ValueError("It was sent this very moment and can't be changed any more. Change it at the WMS.")
    lines = list(OrderLine.objects.for_account(order.account_id).filter(order=order).order_by("line_no"))
    changes = _changes(order, lines, edited)
    if changes:
        _write(order, lines, edited)
        _note(order, changes, actor)
        _hold_if_needed(order, len(lines))
    if send and order.hold:
        order_release(order, actor=actor)
    return list(changes)


def _changes(order: Order, lines: list[OrderLine], edited: Edited) -> dict[str, tuple[str, str]]:
    """Return what it was and what it will be, by words that name it."""
    will = address_json(edited.ship_to)
    pairs = {name: (order.ship_to.get(name, ""), will.get(name, "")) for name in Address.__slots__}
    said = {f"ship-to {name.replace('_', ' ')}": pair for name, pair in pairs.items()}
    said |= {"shipping code": (order.ship_code, edited.ship_code), "notes": (order.notes, edited.notes)}
    for line in lines:
        said[f"WMS SKU of line {line.line_no}"] = (line.chosen_item, edited.skus.get(line.line_no, line.chosen_item))
    return {name: (was, new) for name, (was, new) in said.items() if was != new}


def _write(order: Order, lines: list[OrderLine], edited: Edited) -> None:
    now = hub_now()
    values = {
        "ship_to": address_json(edited.ship_to),
        "ship_name": ship_name(edited.ship_to),
        "ship_code": edited.ship_code,
        "notes": edited.notes,
        "updated_at": now,
    }
    Order.objects.for_account(order.account_id).filter(pk=order.pk).update(**values)
    for name, value in values.items():
        setattr(order, name, value)
    for line in lines:
        sku = edited.skus.get(line.line_no, line.chosen_item)
        if sku != line.chosen_item:
            OrderLine.objects.for_account(order.account_id).filter(pk=line.pk).update(chosen_item=sku)
    # What was tried and provably not taken goes out anew under a key of its own: the old one stands for the old contents.
    tried = OutboundMessage.objects.for_account(order.account_id).filter(
        order=order, purpose=MessagePurpose.DELIVER, state__in=[MessageState.WAITING, MessageState.HELD], attempts__gt=0
    )
    tried.update(generation=F("generation") + 1)


def _note(order: Order, changes: Mapping[str, tuple[str, str]], actor: str) -> None:
    """The words name what was changed; what it was before and after is data, which retention can forget."""
    OrderEvent.objects.create(
        account_id=order.account_id,
        order=order,
        kind=PERSONAL_EVENT,
        words=f"Changed by hand: {', '.join(changes)}.",
        actor=actor,
        data={"changes": {name: list(pair) for name, pair in changes.items()}},
    )
    wake_stock_uploads(order.account_id)


def _hold_if_needed(order: Order, lines: int) -> None:
    if order.hold:
        return
    hold = Route.of(order.source).hold_of(
        is_test=order.is_test,
        lines=lines,
        expected_lines=order.expected_lines,
        ship_code=order.ship_code,
        cust_ref=order.cust_ref,
    )
    if hold is not None:
        hold_order(order, hold.reason, hold.words, subject=hold.subject)
