"""Writing down what became of messages, many at a time, and only while their lease is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from cartrover.clock import hub_now
from cartrover.ids import new_id
from cartrover.leasing import FREE
from cartrover.redaction import excerpt
from connectors.contract import Exchange, HoldReason, OrderOut, Receipt, Sent
from connectors.errors import AlreadyTaken, ConnectorError, FixOrder, OutcomeUnknown, SlowDown, TryLater
from orders.holding import hold_order
from orders.models import MessagePurpose, MessageState, Order, OrderEvent, OrderLine, OutboundAttempt, OutboundMessage
from orders.pipeline.loader import OneOf, insert_rows, update_rows
from orders.pipeline.messages import Batch, taken_of
from orders.retrying import GIVE_UP_AFTER, next_try
from orders.states import OrderState

INTERNAL_TRIES = 3
"""How often a message that trips over a bug of ours is tried before a person must look."""

INTERNAL = "internal"
"""The outcome of such a try."""


@dataclass(slots=True)
class Delivered:
    """A message that the WMS has taken, or was found to have taken before."""

    message: OutboundMessage
    order_out: OrderOut
    sent: Sent
    attempt_id: int | None = None
    adopted: bool = False


def mark_sending(batch: Batch, messages: Sequence[OutboundMessage]) -> dict[int, int]:
    """Commit that an attempt begins for each of these; return the attempts' ids by message id."""
    now = hub_now()
    with transaction.atomic():
        rows = OutboundMessage.objects.for_account(batch.connection.account_id).filter(lease_token=batch.token)
        # Whoever holds an order in this moment either comes first, and it isn't sent, or sees that it is on its way.
        rows = rows.exclude(purpose=MessagePurpose.DELIVER, order__hold__gt="").select_for_update(of=("self",))
        held = set(rows.filter(OneOf(F("pk"), [one.pk for one in messages])).values_list("pk", flat=True))
        update_rows(
            OutboundMessage,
            ("state", "sent_at", "attempts", "generation", "taken"),
            [
                (one.pk, MessageState.SENDING, now, one.attempts + 1, one.generation, one.taken)
                for one in messages
                if one.pk in held
            ],
        )
        attempts = [(one.account_id, new_id(), one.pk, now, "", "", "", "") for one in messages if one.pk in held]
        insert_rows(
            OutboundAttempt,
            ("account_id", "public_id", "message_id", "started_at", "outcome", "request", "answer", "words"),
            attempts,
        )
        ids = OutboundAttempt.objects.for_account(batch.connection.account_id).filter(OneOf(F("message_id"), held))
        found = dict(ids.order_by("pk").values_list("message_id", "pk"))  # of each message the last one, which is this one
    for one in messages:
        if one.pk in found:
            one.state, one.sent_at, one.attempts = MessageState.SENDING, now, one.attempts + 1
    return found


def note_delivered(batch: Batch, delivered: Sequence[Delivered]) -> set[int]:
    """Write receipts: message done, order at the WMS, its lines with the SKU they were sent under, and the story.

    Return the ids of the messages that this was written of: those whose lease is still held.
    """
    if not delivered:
        return set()
    now = hub_now()
    with transaction.atomic():
        rows = OutboundMessage.objects.for_account(batch.connection.account_id)
        pks = [one.message.pk for one in delivered]
        held = set(rows.filter(OneOf(F("pk"), pks), lease_token=batch.token).values_list("pk", flat=True))
        mine = [one for one in delivered if one.message.pk in held]
        update_rows(
            OutboundMessage,
            ("state", "done_at", "words", "lease_token", "lease_owner", "lease_until"),
            [(one.message.pk, MessageState.DONE, now, "", "", "", None) for one in mine],
        )
        update_rows(
            Order,
            ("state", "wms_id", "wms_order_id", "wms_number", "wms_state", "delivered_at", "updated_at", "hold", "hold_words"),
            [_order_values(one, batch, now) for one in mine],
            where="state IN ('new', 'ready')",
        )
        _write_lines(mine)
        _finish_attempts([(one.attempt_id, one) for one in mine if one.attempt_id is not None], now)
        insert_rows(
            OrderEvent,
            ("account_id", "public_id", "order_id", "connection_id", "at", "kind", "words", "document_name", "actor", "data"),
            [_event(one, batch, now) for one in mine],
        )
    return held


def _order_values(one: Delivered, batch: Batch, now: datetime) -> tuple[object, ...]:
    receipt = one.sent.receipt
    return (
        one.message.order_id,
        OrderState.SENT,
        batch.connection.pk,
        receipt.external_id,
        receipt.number,
        receipt.state,
        now,
        now,
        "",
        "",
    )


def _write_lines(mine: Sequence[Delivered]) -> None:
    by_number = ("order_id", "line_no")
    under = [(one.message.order_id, line.line_no, line.wms_item) for one in mine for line in one.order_out.lines]
    update_rows(OrderLine, ("wms_item",), under, key=by_number)
    known = [
        (one.message.order_id, line.line_no, line.external_id, line.quantity)
        for one in mine
        for line in one.sent.receipt.lines or ()
    ]
    if known:
        update_rows(OrderLine, ("external_id", "wms_quantity"), known, key=by_number)


def _finish_attempts(pairs: Sequence[tuple[int, Delivered]], now: datetime) -> None:
    rows = []
    for pk, one in pairs:
        exchange = one.sent.exchange
        rows.append(
            (
                pk,
                now,
                "adopted" if one.adopted else "delivered",
                exchange.status if exchange else None,
                exchange.elapsed_ms if exchange else None,
                excerpt(exchange.request) if exchange else "",
                excerpt(exchange.answer) if exchange else "",
            )
        )
    update_rows(OutboundAttempt, ("finished_at", "outcome", "status", "elapsed_ms", "request", "answer"), rows)


def _event(one: Delivered, batch: Batch, now: datetime) -> list[object]:
    number = one.sent.receipt.number or one.sent.receipt.external_id
    if one.adopted:
        words = f"Found at {batch.connection.name} as {number}: an earlier try had worked."
    else:
        exchange = one.sent.exchange
        how = f" ({exchange.status}, {exchange.elapsed_ms} ms)" if exchange else ""
        words = f"Sent to {batch.connection.name} as {number}{how}."
    data = {"wms_order_id": one.sent.receipt.external_id}
    return [
        one.message.account_id,
        new_id(),
        one.message.order_id,
        batch.connection.pk,
        now,
        f"order.{OrderState.SENT}",
        words,
        "",
        "",
        data,
    ]


def note_failed(
    batch: Batch, message: OutboundMessage, error: Exception, *, attempt_id: int | None, resend_after: timedelta
) -> None:
    """Write what a message's failure means for it: wait, be asked after, or hold the order."""
    now = hub_now()
    with transaction.atomic():
        rows = OutboundMessage.objects.for_account(batch.connection.account_id).filter(pk=message.pk, lease_token=batch.token)
        if attempt_id is None and not isinstance(error, ConnectorError):
            attempt_id = _attempt_of_a_bug(message, now)
        if attempt_id is not None:
            finish_attempt(message.account_id, attempt_id, error)
        if not rows.exists():
            return
        match error:
            case SlowDown():
                rows.update(state=_unsent_state(message), attempts=max(0, message.attempts - 1), **FREE)
            case AlreadyTaken():
                known = taken_of(message)
                # What was told before and is told again isn't solved by asking at once.
                due_at = now + resend_after if error.what in known else now
                taken = ",".join(sorted({*known, error.what}))
                rows.update(state=MessageState.UNKNOWN, taken=taken, words=error.words, due_at=due_at, **FREE)
            case OutcomeUnknown():
                first = message.first_failed_at or now
                due_at = now + resend_after
                rows.update(state=MessageState.UNKNOWN, words=error.words, due_at=due_at, first_failed_at=first, **FREE)
            case FixOrder():
                rows.update(state=MessageState.HELD, words=error.words, **FREE)
                hold_order(message.order, HoldReason(error.reason), error.words, subject=error.subject)
            case TryLater():
                # One that failed before anything was sent has no attempt of its own, and counts all the same.
                tries = message.attempts + (attempt_id is None)
                _try_later(rows, message, error, now, tries)
            case _:
                _trip(rows, message, error, now)


def _words(error: Exception) -> str:
    return str(getattr(error, "words", "")) or f"{type(error).__name__} inside the hub"


def _unsent_state(message: OutboundMessage) -> MessageState:
    """A message whose earlier attempt is in doubt stays in doubt, whatever stopped this one before it began."""
    return MessageState.UNKNOWN if message.state == MessageState.UNKNOWN else MessageState.WAITING


def finish_attempt(account_id: int, attempt_id: int, result: Exception | Exchange | None) -> None:
    """Note how an attempt ended: with an error, or done; and what of the request and the answer says why."""
    error = result if isinstance(result, Exception) else None
    exchange = error.exchange if isinstance(error, ConnectorError) else result if isinstance(result, Exchange) else None
    changes: dict[str, object] = {"finished_at": hub_now(), "outcome": "done", "words": ""}
    if error is not None:
        changes |= {
            "outcome": type(error).__name__ if isinstance(error, ConnectorError) else INTERNAL,
            "words": _words(error),
        }
    if exchange is not None:
        changes |= {
            "status": exchange.status,
            "elapsed_ms": exchange.elapsed_ms,
            "request": excerpt(exchange.request),
            "answer": excerpt(exchange.answer),
        }
    OutboundAttempt.objects.for_account(account_id).filter(pk=attempt_id).update(**changes)


def gave_up_words(last: str) -> str:
    """Say that a message was tried for as long as it is worth it."""
    return f"Tried for {GIVE_UP_AFTER.days} days without success. The last answer: {last}"


def _try_later(rows: QuerySet[OutboundMessage], message: OutboundMessage, error: TryLater, now: datetime, tries: int) -> None:
    first = message.first_failed_at or now
    due_at = next_try(failures=max(1, tries), first_failed_at=first, now=now, after=error.after)
    if due_at is None:
        words = gave_up_words(error.words)
        rows.update(state=MessageState.HELD, words=words, attempts=tries, **FREE)
        hold_order(message.order, HoldReason.GAVE_UP, words)
        return
    rows.update(state=_unsent_state(message), first_failed_at=first, due_at=due_at, words=error.words, attempts=tries, **FREE)


def _attempt_of_a_bug(message: OutboundMessage, now: datetime) -> int:
    """Note a try that tripped over us before anything was sent, so that such tries are counted and seen."""
    return OutboundAttempt.objects.create(account_id=message.account_id, message=message, started_at=now).pk


def _trip(rows: QuerySet[OutboundMessage], message: OutboundMessage, error: Exception, now: datetime) -> None:
    trips = OutboundAttempt.objects.for_account(message.account_id).filter(message=message, outcome=INTERNAL).count()
    if trips >= INTERNAL_TRIES:
        words = "Something went wrong inside the hub while this order was sent. It is logged; tell support."
        rows.update(state=MessageState.HELD, words=words, **FREE)
        hold_order(message.order, HoldReason.INTERNAL, words)
        return
    rows.update(
        # Nobody knows how far it came: the far side is asked before it is tried again.
        state=MessageState.UNKNOWN,
        due_at=now + timedelta(minutes=1),
        words=_words(error),
        **FREE,
    )


def give_back(batch: Batch, messages: Sequence[OutboundMessage], *, begun: bool) -> None:
    """Return messages that were not tried after all; `begun` ones were marked as sending and provably never went out."""
    if not messages:
        return
    with transaction.atomic():
        rows = OutboundMessage.objects.for_account(batch.connection.account_id).filter(lease_token=batch.token)
        changes: dict[str, object] = dict(FREE)
        if begun:
            changes |= {"state": MessageState.WAITING, "attempts": F("attempts") - 1}
        rows.filter(pk__in=[one.pk for one in messages]).update(**changes)
        if begun:
            OutboundAttempt.objects.for_account(batch.connection.account_id).filter(
                message__in=messages, finished_at__isnull=True
            ).update(finished_at=hub_now(), outcome="not_begun")


def adopted(message: OutboundMessage, order: OrderOut, receipt: Receipt) -> Delivered:
    """Return the outcome of a message whose order the WMS turned out to have."""
    last = (
        OutboundAttempt.objects.for_account(message.account_id)
        .filter(message=message)
        .order_by("-pk")
        .values_list("pk", flat=True)
    )
    return Delivered(message, order, Sent(receipt=receipt), attempt_id=last.first(), adopted=True)
