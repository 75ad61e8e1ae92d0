"""Stage: orders go to the WMS, each once; cancellations follow them.

A batch is claimed, what is in doubt is looked up first, what the batch needs is resolved in one go, one commit marks the rest
as sending, up to N go out at once, and outcomes are committed a few times a second. After a crash whatever was marked and has
no outcome is looked up.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from django.db import connections as databases
from django.utils import timezone

from connectors import registry
from connectors.contract import HoldReason, OrderDestination, Receipt, RemoteState, Sent
from connectors.errors import AlreadyTaken, ConnectorError, FixConnection, FixOrder, OutcomeUnknown, SlowDown, TryLater
from connectors.opening import open_session
from connectors.readers import settings_of
from orders.alerts import raise_alert
from orders.canceling import cancel_order
from orders.models import MessagePurpose, MessageState, Order, OrderEvent, OutboundMessage
from orders.pipeline.messages import Batch, break_dead_batches, claim_batch, orders_out, receipt_of, resend_after
from orders.pipeline.outcomes import Delivered, adopted, give_back, mark_sending, note_delivered, note_failed
from orders.pipeline.unknown_skus import recheck_unknown_skus
from orders.run import Run
from orders.states import OrderState, advance

logger = logging.getLogger(__name__)

COMMIT_EVERY = timedelta(milliseconds=200)
COMMIT_AT = 50
"""Outcomes are committed at least this often: after a crash at most these many orders are looked up again."""


def deliver(run: Run) -> None:
    """Deliver all messages of the connection that are due; a named run tries each open one once, due or not."""
    break_dead_batches(run.connection)
    if not _anything_to_do(run):
        return
    with open_session(run.connection, progress=run.progress) as session:
        if not isinstance(session, OrderDestination):
            raise TypeError(f"{run.connection.kind} declares order delivery and has none")
        recheck_unknown_skus(run, session)
        tried: set[int] = set()
        asked_again: set[int] = set()
        while not run.out_of_time:
            batch = claim_batch(run.connection, named=run.named, without=tried)
            if batch is None:
                return
            tried |= {one.pk for one in batch.messages}
            delivery = _Delivery(run, session, batch)
            delivery.work()
            # "Taken" answers come at once and mean: look it up. That is no second try of the same thing.
            tried -= delivery.taken - asked_again
            asked_again |= delivery.taken
        run.unfinished = True


def _anything_to_do(run: Run) -> bool:
    waiting = OutboundMessage.objects.for_account(run.account_id).filter(
        connection=run.connection, state__in=[MessageState.WAITING, MessageState.SENDING, MessageState.UNKNOWN]
    )
    held = Order.objects.for_account(run.account_id).filter(wms=run.connection, hold=HoldReason.UNKNOWN_SKU)
    return waiting.exists() or held.exists()


class _Stopped(Exception):
    """This message was not sent because the run is stopping: provably nothing went out."""


class _Delivery:
    """One batch on its way."""

    def __init__(self, run: Run, session: OrderDestination, batch: Batch) -> None:
        self.run = run
        self.session = session
        self.batch = batch
        settings = settings_of(run.connection)
        self.resend_after = resend_after(settings["resend_after_seconds"])
        self.sends_at_once = int(settings["sends_at_once"] or registry.get(run.connection.kind).sends_at_once)
        self.orders = orders_out(batch.messages, run.connection)
        self.attempts: dict[int, int] = {}
        self.taken: set[int] = set()
        self.stop = threading.Event()
        self.stopped_by: ConnectorError | None = None

    def work(self) -> None:
        """Bring every message of the batch to an outcome, or give it back. Raise what concerns the whole connection."""
        left = {one.pk: one for one in self.batch.messages}
        try:
            cancels = [one for one in self.batch.messages if one.purpose == MessagePurpose.CANCEL]
            deliveries = [one for one in self.batch.messages if one.purpose == MessagePurpose.DELIVER]
            for message in cancels:
                self._cancel(message)
                left.pop(message.pk)
            fresh = [one for one in deliveries if one.state == MessageState.WAITING]
            for message in (one for one in deliveries if one.state != MessageState.WAITING):
                if self._settle_doubt(message):
                    fresh.append(message)
                else:
                    left.pop(message.pk)
            ready = self._prepared(fresh)
            left = {one.pk: one for one in ready}
            self._send(ready)
            left = {}
        finally:
            give_back(self.batch, list(left.values()), begun=False)
        if self.stopped_by is not None:
            raise self.stopped_by

    # --- in doubt ----------------------------------------------------------------------------------------------------------

    def _settle_doubt(self, message: OutboundMessage) -> bool:
        """Ask the WMS whether it has the order; return True when it may be sent again now."""
        message.state = MessageState.UNKNOWN
        order = self.orders[message.pk]
        try:
            found = self.session.find(order)
        except (TryLater, OutcomeUnknown) as error:
            later = error if isinstance(error, TryLater) else TryLater(error.words)
            self._failed(message, later)
            return False
        except FixOrder as error:
            self._failed(message, error)
            return False
        live = [one for one in found if one.state not in (RemoteState.VOID, RemoteState.DELETED)]
        if len(live) == 1:
            note_delivered(self.batch, [adopted(message, order, live[0])])
            self.run.count("adopted")
            return False
        if found:
            self._hold_found(message, live, found)
            return False
        return self._may_resend(message)

    def _hold_found(self, message: OutboundMessage, live: Sequence[Receipt], found: Sequence[Receipt]) -> None:
        name, ref = self.run.connection.name, message.order.cust_ref
        if live:
            words = f"{name} has {len(live)} orders with the number {ref}. Void all but one there, then release this order."
            reason = HoldReason.DUPLICATE_AT_WMS
        else:
            words = f"{name} has order {ref}, but voided. Release this order to send it again, or cancel it."
            reason = HoldReason.VOIDED_AT_WMS
        self._failed(message, FixOrder(words, reason=reason))

    def _may_resend(self, message: OutboundMessage) -> bool:
        """Nothing was found: an attempt that is too young may still be executed, so it is asked after again later."""
        taken = set(filter(None, message.taken.split(",")))
        now = timezone.now()
        if "number" in taken:
            words = (
                f"{self.run.connection.name} says that the order number {message.order.cust_ref} is taken, by an "
                "order that isn't "
                "this one. Rename or remove that order there, then release this one."
            )
            self._failed(message, FixOrder(words, reason=HoldReason.REFUSED))
            return False
        settled = message.sent_at is None or now - message.sent_at >= self.resend_after
        if not settled and taken != {"label"}:
            OutboundMessage.objects.for_account(message.account_id).filter(pk=message.pk, lease_token=self.batch.token).update(
                state=MessageState.UNKNOWN,
                due_at=_when(message.sent_at, now) + self.resend_after,
                lease_token="",
                lease_owner="",
                lease_until=None,
            )
            self.run.count("waiting")
            return False
        if "key" in taken:
            message.generation += 1
        return True

    # --- what a batch needs ------------------------------------------------------------------------------------------------

    def _prepared(self, messages: Sequence[OutboundMessage]) -> list[OutboundMessage]:
        """Resolve items and customers of all; what is wrong with single orders holds those only."""
        if not messages:
            return []
        problems = self.session.prepare([self.orders[one.pk] for one in messages])
        ready = []
        for message in messages:
            problem = problems.get(self.orders[message.pk].public_id)
            if problem is None:
                ready.append(message)
            else:
                self._failed(message, problem)
        return ready

    # --- sending -----------------------------------------------------------------------------------------------------------

    def _send(self, messages: Sequence[OutboundMessage]) -> None:
        if not messages:
            return
        self.batch.renew_if_old()
        self.attempts = mark_sending(self.batch, messages)
        messages = [one for one in messages if one.pk in self.attempts]
        delivered: list[Delivered] = []
        unsent: list[OutboundMessage] = []
        committed_at = timezone.now()
        with ThreadPoolExecutor(max_workers=self.sends_at_once, thread_name_prefix="send") as pool:
            futures: dict[Future[Sent], OutboundMessage] = {pool.submit(self._send_one, one): one for one in messages}
            pending = set(futures)
            while pending:
                done, pending = wait(pending, timeout=COMMIT_EVERY.total_seconds(), return_when=FIRST_COMPLETED)
                for future in done:
                    self._collect(futures[future], future, delivered, unsent)
                if len(delivered) >= COMMIT_AT or timezone.now() - committed_at >= COMMIT_EVERY:
                    self._commit(delivered)
                    committed_at = timezone.now()
                    self.batch.renew_if_old()
            self._commit(delivered)
        give_back(self.batch, unsent, begun=True)

    def _send_one(self, message: OutboundMessage) -> Sent:
        """Send one order, in a thread of the pool; whatever database connection that opened is closed again."""
        if self.stop.is_set():
            raise _Stopped
        try:
            taken = frozenset(filter(None, message.taken.split(",")))
            return self.session.send(self.orders[message.pk], message.key, taken)
        except (SlowDown, FixConnection):
            self.stop.set()
            raise
        finally:
            databases.close_all()

    def _collect(
        self, message: OutboundMessage, future: Future[Sent], delivered: list[Delivered], unsent: list[OutboundMessage]
    ) -> None:
        error = future.exception()
        if error is None:
            attempt_id = self.attempts[message.pk]
            delivered.append(Delivered(message, self.orders[message.pk], future.result(), attempt_id=attempt_id))
        elif isinstance(error, _Stopped):
            unsent.append(message)
        elif isinstance(error, (SlowDown, FixConnection)):
            self.stopped_by = error
            unsent.append(message)
        elif isinstance(error, Exception):
            self._failed(message, error, attempt_id=self.attempts[message.pk])
        else:
            raise error

    def _commit(self, delivered: list[Delivered]) -> None:
        note_delivered(self.batch, delivered)
        if delivered:
            self.run.count("sent", len(delivered))
        delivered.clear()

    def _failed(self, message: OutboundMessage, error: Exception, *, attempt_id: int | None = None) -> None:
        if not isinstance(error, ConnectorError):
            logger.error("sending order %s failed", message.order.public_id, exc_info=error)
        note_failed(self.batch, message, error, attempt_id=attempt_id, resend_after=self.resend_after)
        match error:
            case AlreadyTaken():
                self.taken.add(message.pk)
                return
            case FixOrder():
                self.run.count("held")
            case OutcomeUnknown():
                self.run.count("unknown")
            case _:
                self.run.count("later")
        words = error.words if isinstance(error, ConnectorError) else "Something went wrong inside the hub; it is logged."
        self.run.problem(f"Order {message.order.cust_ref}: {words}")

    # --- cancellations -----------------------------------------------------------------------------------------------------

    def _cancel(self, message: OutboundMessage) -> None:
        order = message.order
        if order.state in (OrderState.NEW, OrderState.READY, OrderState.CANCELED):
            self._done(message)
            if order.state != OrderState.CANCELED:
                cancel_order(order, because=message.words or "Canceled before it was sent.")
            return
        self.attempts |= mark_sending(self.batch, [message])
        attempt_id = self.attempts.get(message.pk)
        if attempt_id is None:
            return
        try:
            self.session.cancel(receipt_of(order))
        except FixOrder as error:
            words = f"{self.run.connection.name} doesn't cancel order {order.cust_ref}: {error.words}"
            self._done(message, state=MessageState.DROPPED, words=words)
            OrderEvent.objects.create(account_id=order.account_id, order=order, kind="order.cancel_refused", words=words)
            self._alert_cancel(order, words)
            return
        except (TryLater, OutcomeUnknown) as error:
            # Voiding what is void already is success, so that trying again can do no harm.
            self._failed(message, TryLater(error.words), attempt_id=attempt_id)
            return
        self._done(message)
        if advance(order, OrderState.CANCELED, because=f"Canceled at {self.run.connection.name}."):
            Order.objects.for_account(order.account_id).filter(pk=order.pk).update(
                canceled_at=timezone.now(), wms_state=RemoteState.VOID
            )
        self.run.count("canceled")

    def _alert_cancel(self, order: Order, words: str) -> None:
        raise_alert(
            account_id=order.account_id,
            cause="cancel_wanted",
            subject=str(order.public_id),
            words=words,
            connection=order.source,
            order=order,
        )

    def _done(self, message: OutboundMessage, *, state: MessageState = MessageState.DONE, words: str = "") -> None:
        OutboundMessage.objects.for_account(message.account_id).filter(pk=message.pk, lease_token=self.batch.token).update(
            state=state, done_at=timezone.now(), words=words, lease_token="", lease_owner="", lease_until=None
        )


def _when(moment: datetime | None, otherwise: datetime) -> datetime:
    return moment if moment is not None else otherwise
