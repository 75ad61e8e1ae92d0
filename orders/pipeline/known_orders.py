"""Stage: an order comes again. Equal is counted, changed is updated or shown, canceled is canceled; nothing is sent twice."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from django.db.models import Q

from cartrover.clock import hub_now
from cartrover.ids import new_ids
from cartrover.leasing import FREE
from connectors.contract import HoldReason, LineDraft, OrderDraft
from orders.alerts import raise_alert
from orders.holding import hold_order, lift_hold
from orders.models import InboundDocument, MessageState, Order, OrderEvent, OrderLine, OutboundMessage
from orders.pipeline.canceling import cancel_for_source, note_cart_canceled
from orders.pipeline.loader import insert_parts, parts_of_rows
from orders.pipeline.order_rows import LINE_NAMES, address_json, draft_totals, line_parts, ship_name
from orders.pipeline.ordered_items import note_ordered
from orders.pipeline.release import send_on_its_way
from orders.pipeline.route import Route
from orders.states import OrderState

MAYBE_AT_WMS = frozenset({HoldReason.GAVE_UP, HoldReason.INTERNAL, HoldReason.DUPLICATE_AT_WMS})
"""Holds of orders that were tried and that the WMS may have."""

LEFT_TO_PERSONS = frozenset({HoldReason.SUSPECTED_DUPLICATE, HoldReason.BY_PERSON, HoldReason.VOIDED_AT_WMS})
"""Holds that a change at the cart doesn't end."""


class Met(StrEnum):
    """What became of an order that came again."""

    SAME = "same"
    CHANGED = "changed"
    CANCELED = "canceled"
    ALERTED = "alerted"


def meet(order: Order, draft: OrderDraft, *, route: Route, document: InboundDocument | None, actor: str) -> Met:
    """Bring a known order and a draft of it with other content together; runs in the loader's transaction."""
    name = document.name if document else ""
    if draft.is_canceled:
        return _canceled(order, draft, route, name)
    lines = list(OrderLine.objects.for_account(order.account_id).filter(order=order).order_by("line_no"))
    merged = _merged_lines(order, lines, draft)
    differences = _differences(order, lines, draft, merged)
    if not differences:
        return Met.SAME
    if not take_back(order):
        return _changed_too_late(order, draft, differences, name)
    _rewrite(order, draft, merged)
    OrderEvent.objects.create(
        account_id=order.account_id,
        order=order,
        connection=order.source,
        kind="order.changed",
        document_name=name,
        actor=actor,
        words=f"Changed by {order.source.name} before it was sent: {', '.join(differences)}.",
    )
    _hold_again(order, route, lines=len(merged), expected=draft.expected_lines)
    return Met.CHANGED


def _line_key(line: LineDraft | OrderLine) -> tuple[str, str]:
    return (line.line_id, line.item) if line.line_id else ("", line.item)


def _merged_lines(order: Order, lines: list[OrderLine], draft: OrderDraft) -> list[LineDraft]:
    """Return what the lines are after this draft: all of them when it is whole, else the known ones and its own."""
    if draft.expected_lines is None or len(draft.lines) >= draft.expected_lines:
        return draft.lines
    mine = {_line_key(line): line for line in draft.lines}
    kept = [
        LineDraft(
            line_id=line.line_id,
            item=line.item,
            quantity=line.quantity,
            price=line.price,
            upc=line.upc,
            title=line.title,
            extra=line.extra,
            row=line.row,
        )
        for line in lines
        if _line_key(line) not in mine
    ]
    merged = [*kept, *draft.lines]
    return sorted(merged, key=_by_number) if all(line.line_id.isdigit() for line in merged) else merged


def _by_number(line: LineDraft) -> int:
    return int(line.line_id)


def _differences(order: Order, lines: list[OrderLine], draft: OrderDraft, merged: list[LineDraft]) -> list[str]:
    """Name what is different, in words that hold no personal data."""
    found: list[str] = []
    was = [(_line_key(line), line.quantity, line.price) for line in lines]
    will = [(_line_key(line), line.quantity, line.price) for line in merged]
    if sorted(map(str, was)) != sorted(str((key, quantity, _four(price))) for key, quantity, price in will):
        found.append(f"{len(was)} to {len(will)} lines" if len(was) != len(will) else "lines")
    if order.ship_to != address_json(draft.ship_to):
        found.append("ship-to address")
    if order.bill_to != address_json(draft.bill_to):
        found.append("billing address")
    for name in ("ship_code", "ship_carrier", "ship_method", "notes", "currency", "ship_by"):
        if getattr(order, name) != getattr(draft, name):
            found.append(name.replace("_", " "))
    if draft.expected_lines is None or len(draft.lines) >= draft.expected_lines:
        totals = draft_totals(draft)
        found += [
            name.replace("_", " ") for name in ("shipping_handling", "order_discount") if getattr(order, name) != totals[name]
        ]
    return found


def _four(price: object) -> object:
    return price.quantize(Decimal("0.0001")) if isinstance(price, Decimal) else price


def take_back(order: Order) -> bool:
    """Say whether nothing of the order can have reached the WMS; if so, take it back from a sender who has claimed it."""
    if order.state not in (OrderState.NEW, OrderState.READY):
        return False
    messages = OutboundMessage.objects.for_account(order.account_id).filter(order=order)
    # Who marks it as sending does so only while he holds the lease, so that one of the two comes first.
    messages.filter(state=MessageState.WAITING).exclude(lease_token="").update(**FREE)
    begun = Q(state__in=[MessageState.SENDING, MessageState.UNKNOWN])
    if order.hold in MAYBE_AT_WMS:
        begun |= Q(state=MessageState.HELD, attempts__gt=0)
    return not messages.filter(begun).exists()


def _changed_too_late(order: Order, draft: OrderDraft, differences: list[str], name: str) -> Met:
    words = _too_late_words(order, ", ".join(differences))
    OrderEvent.objects.create(
        account_id=order.account_id,
        order=order,
        connection=order.source,
        kind="order.changed_after_sending",
        words=words,
        document_name=name,
    )
    raise_alert(
        account_id=order.account_id,
        cause="changed_after_sending",
        subject=str(order.public_id),
        words=words,
        connection=order.source,
        order=order,
    )
    Order.objects.for_account(order.account_id).filter(pk=order.pk).update(content_hash=draft.content_hash)
    return Met.ALERTED


def _too_late_words(order: Order, differences: str) -> str:
    cart, ref = order.source.name, order.cust_ref
    if order.state == OrderState.CANCELED:
        return (
            f"{cart} changed order {ref} ({differences}), but it is canceled and nothing is sent. Ask the retailer whether it "
            "is still wanted; if so, enter it in the WMS by hand."
        )
    return (
        f"{cart} changed order {ref} after it was sent ({differences}). The WMS has the old version: change it there, or "
        "cancel it and send it again."
    )


def _rewrite(order: Order, draft: OrderDraft, merged: list[LineDraft]) -> None:
    whole = OrderDraft(
        external_id=draft.external_id,
        cust_po_no=draft.cust_po_no,
        lines=merged,
        shipping_charge=draft.shipping_charge,
        discount=draft.discount,
        tax=draft.tax,
    )
    changes = {
        "retailer_name": draft.retailer_name[:200],
        "customer_code": draft.customer_code[:120],
        "order_date": draft.order_date,
        "ship_by": draft.ship_by,
        "currency": draft.currency[:3],
        "ship_name": ship_name(draft.ship_to),
        "ship_to": address_json(draft.ship_to),
        "bill_to": address_json(draft.bill_to),
        "ship_code": draft.ship_code[:100],
        "ship_carrier": draft.ship_carrier[:100],
        "ship_method": draft.ship_method[:100],
        "notes": draft.notes,
        "expected_lines": draft.expected_lines,
        "extra": draft.extra,
        "content_hash": draft.content_hash,
        "updated_at": hub_now(),
        **draft_totals(whole),
    }
    Order.objects.for_account(order.account_id).filter(pk=order.pk).update(**changes)
    for name, value in changes.items():
        setattr(order, name, value)
    OrderLine.objects.for_account(order.account_id).filter(order=order).delete()
    parts = parts_of_rows()
    begin = parts.first(order.pk)
    lines = line_parts(parts, order.account_id, merged, iter(new_ids(len(merged))))
    insert_parts(OrderLine, LINE_NAMES, [begin + line for line in lines])
    note_ordered(order.source, {line.item[:200] for line in merged})


def _hold_again(order: Order, route: Route, *, lines: int, expected: int | None) -> None:
    """After a change the reasons to wait are asked anew; a hold that came from the WMS's refusal gets a new try."""
    hold = route.hold_of(
        is_test=order.is_test, lines=lines, expected_lines=expected, ship_code=order.ship_code, cust_ref=order.cust_ref
    )
    if order.hold in LEFT_TO_PERSONS:
        return
    if hold is not None:
        hold_order(order, hold.reason, hold.words, subject=hold.subject)
        return
    if order.hold:
        lift_hold(order, because="What it waited for has come.")
    send_on_its_way(order, route)


def _canceled(order: Order, draft: OrderDraft, route: Route, name: str) -> Met:
    if order.state == OrderState.CANCELED:
        note_cart_canceled(order)
        return Met.SAME
    Order.objects.for_account(order.account_id).filter(pk=order.pk).update(content_hash=draft.content_hash)
    cancel_for_source(order, tell_wms=bool(route.settings["send_cancels_to_wms"]), document_name=name)
    return Met.CANCELED
