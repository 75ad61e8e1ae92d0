"""Stage: orders go to the WMS, each once; cancellations follow them.

A batch is claimed, what is in doubt is looked up first, what the batch needs is resolved in one go, one commit marks the rest
as sending, up to N go out at once, and outcomes are committed a few times a second. After a crash whatever was marked and has
no outcome is looked up.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from connectors import registry
from connectors.contract import HoldReason, OrderDestination, Sent
from connectors.errors import ConnectorError, FixConnection, OutcomeUnknown, SlowDown, TryLater
from connectors.hub_fields import resend_after
from connectors.opening import open_session
from connectors.readers import settings_of
from connectors.thread_database import brief_use
from orders.models import MessagePurpose, MessageState, Order, OutboundMessage
from orders.models.order import held_for
from orders.outages import outlast
from orders.pipeline.batch_work import BatchWork, answer_to
from orders.pipeline.cancel_at_wms import cancel_at_wms
from orders.pipeline.doubts import settle_doubt
from orders.pipeline.messages import (
    BATCH,
    Batch,
    break_dead_batches,
    cancels_wanted,
    claim_batch,
    orders_out,
    taken_of,
)
from orders.pipeline.outcomes import Delivered, give_back, mark_sending, note_delivered
from orders.pipeline.unknown_skus import recheck_unknown_skus
from orders.restoring import asks_first
from orders.run import Run

COMMIT_EVERY = 0.2
COMMIT_AT = 50
"""Outcomes are committed at least this often: after a crash about as many orders that arrived are looked up again."""

TURNS = 8
"""Orders that each sender gets of one batch: between batches all senders wait for the slowest."""


def deliver(run: Run) -> None:
    """Deliver all messages of the connection that are due; a named run tries each open one once, due or not."""
    break_dead_batches(run.connection)
    if not _anything_to_do(run):
        return
    with open_session(run.connection, progress=run.progress) as session:
        if not isinstance(session, OrderDestination):
            raise TypeError(f"{run.connection.kind} declares order delivery and has none")
        recheck_unknown_skus(run, session)
        sends_at_once = _sends_at_once(run)
        with ThreadPoolExecutor(sends_at_once, thread_name_prefix="send") as senders:
            run.unfinished = not _deliver_batches(run, session, senders, sends_at_once)


def _deliver_batches(run: Run, session: OrderDestination, senders: ThreadPoolExecutor, sends_at_once: int) -> bool:
    """Deliver batch after batch; return False when the run's time was over before all was tried."""
    tried: set[int] = set()
    asked_again: set[int] = set()
    size = max(BATCH, TURNS * sends_at_once)
    while not run.out_of_time:
        batch = claim_batch(run.connection, named=run.named, without=tried, size=size)
        if batch is None:
            return True
        with _given_back(batch):
            delivery = _Delivery(run, session, batch, senders, min(sends_at_once, COMMIT_AT // 2))
            delivery.deliver()
        # What was delivered isn't claimed again anyway: the database need not be told of it with each claim.
        tried |= {one.pk for one in batch.messages} - delivery.delivered
        # "Taken" answers come at once and mean: look it up. That is no second try of the same thing.
        taken = delivery.work.taken
        tried -= taken - asked_again
        asked_again |= taken
    return False


@contextlib.contextmanager
def _given_back(batch: Batch) -> Iterator[None]:
    """Let go of the batch at the end, however it comes. Whatever has an outcome is out of our hands already."""
    try:
        yield
    finally:
        outlast(lambda: give_back(batch, batch.messages, begun=False))


def _anything_to_do(run: Run) -> bool:
    waiting = OutboundMessage.objects.for_account(run.account_id).filter(
        connection=run.connection, state__in=[MessageState.WAITING, MessageState.SENDING, MessageState.UNKNOWN]
    )
    held = Order.objects.for_account(run.account_id).filter(held_for(HoldReason.UNKNOWN_SKU), wms=run.connection)
    return waiting.exists() or held.exists()


def _sends_at_once(run: Run) -> int:
    return int(settings_of(run.connection)["sends_at_once"] or registry.get(run.connection.kind).sends_at_once)


class _Stopped(Exception):
    """This message was not sent because the run is stopping: provably nothing went out."""


class _Delivery:
    """One batch on its way."""

    def __init__(self, run: Run, session: OrderDestination, batch: Batch, senders: ThreadPoolExecutor, look_after: int) -> None:
        orders = orders_out(batch.messages, run.connection)
        self.work = BatchWork(run, session, batch, orders, resend_after(settings_of(run.connection)))
        self.batch = batch
        self.senders = senders
        self.look_after = look_after
        self.asks_first = asks_first(run.cursor)
        self.home = threading.get_ident()
        self.attempts: dict[int, int] = {}
        self.delivered: set[int] = set()
        self.stop = threading.Event()
        self.stopped_by: ConnectorError | None = None

    def deliver(self) -> None:
        """Bring every message of the batch as far as it goes. Raise what concerns the whole connection."""
        fresh = [message for message in self.batch.messages if self._wants_sending(message)]
        self._send(self._prepared(self._still_wanted(fresh)))
        if self.stopped_by is not None:
            raise self.stopped_by

    def _wants_sending(self, message: OutboundMessage) -> bool:
        """Bring a message as far as it goes without the order being sent; return whether that is left to do."""
        self.batch.renew_if_old()
        if message.purpose == MessagePurpose.CANCEL:
            cancel_at_wms(self.work, message)
            return False
        if message.state != MessageState.WAITING or (self.asks_first and not message.attempts):
            return settle_doubt(self.work, message)
        return True

    def _still_wanted(self, messages: Sequence[OutboundMessage]) -> list[OutboundMessage]:
        """Drop what was never tried and is to be canceled: the WMS need not hear of it at all."""
        canceled = cancels_wanted([one for one in messages if one.state == MessageState.WAITING])
        for message in messages:
            if message.pk in canceled:
                self.work.done(message, state=MessageState.DROPPED, words="The order was canceled.")
        return [one for one in messages if one.pk not in canceled]

    # --- what a batch needs ------------------------------------------------------------------------------------------------

    def _prepared(self, messages: Sequence[OutboundMessage]) -> list[OutboundMessage]:
        """Resolve items and customers of all; what is wrong with single orders holds those only."""
        if not messages:
            return []
        try:
            problems = self._problems(messages)
        except (TryLater, OutcomeUnknown) as error:
            later = error if isinstance(error, TryLater) else TryLater(error.words)
            for message in messages:
                self.work.failed(message, later)
            # The far side is out of reach: the next batch would fare no better.
            raise later from error
        ready = []
        for message in messages:
            problem = problems.get(self.work.orders[message.pk].public_id)
            if problem is None:
                ready.append(message)
            else:
                self.work.failed(message, problem)
        return ready

    def _problems(self, messages: Sequence[OutboundMessage]) -> Mapping[str, Exception]:
        """Return what is wrong, by the order's public id. An order that trips us up is told apart from its neighbours."""
        orders = [self.work.orders[one.pk] for one in messages]
        problems = answer_to(lambda: self.work.session.prepare(orders))
        if isinstance(problems, ConnectorError):
            raise problems
        if not isinstance(problems, Exception):
            return problems
        if len(messages) == 1:
            return {orders[0].public_id: problems}
        found: dict[str, Exception] = {}
        for message in messages:
            self.batch.renew_if_old()
            found |= self._problems([message])
        return found

    # --- sending -----------------------------------------------------------------------------------------------------------

    def _send(self, messages: Sequence[OutboundMessage]) -> None:
        if not messages:
            return
        self.batch.renew_if_old()
        self.attempts = mark_sending(self.batch, messages)
        under_way: dict[Future[Sent], OutboundMessage] = {}
        ended: deque[Future[Sent]] = deque()
        enough = threading.Event()

        def note(future: Future[Sent]) -> None:
            # This thread is woken for many at once: woken for each, it and the senders would be in each other's way.
            ended.append(future)
            if len(ended) >= min(self.look_after, len(under_way)):
                enough.set()

        delivered: list[Delivered] = []
        unsent: list[OutboundMessage] = []
        try:
            for one in messages:
                if one.pk in self.attempts:
                    future = self.senders.submit(self._send_one, one)
                    under_way[future] = one
                    future.add_done_callback(note)
            committed_at = time.monotonic()
            while under_way:
                enough.wait(COMMIT_EVERY)
                enough.clear()
                while ended:
                    future = ended.popleft()
                    self._collect(under_way.pop(future), future, delivered, unsent)
                if self.work.run.out_of_time:
                    self.stop.set()  # what wasn't begun is given back
                if len(delivered) >= COMMIT_AT or time.monotonic() - committed_at >= COMMIT_EVERY:
                    self._commit(delivered)
                    committed_at = time.monotonic()
                    self.batch.renew_if_old()
        finally:
            if under_way:  # an error ended the loop: nothing of this batch goes out once it is out of our hands
                self.stop.set()
                wait(under_way)
        self._commit(delivered)
        give_back(self.batch, unsent, begun=True)

    def _send_one(self, message: OutboundMessage) -> Sent:
        """Send one order, in a thread of its own."""
        if self.stop.is_set():
            raise _Stopped
        try:
            with brief_use(self.home):
                return self.work.session.send(self.work.orders[message.pk], message.key, frozenset(taken_of(message)))
        except (SlowDown, FixConnection):
            self.stop.set()
            raise

    def _collect(
        self, message: OutboundMessage, ended: Future[Sent], delivered: list[Delivered], unsent: list[OutboundMessage]
    ) -> None:
        match ended.exception():
            case None:
                order, attempt_id = self.work.orders[message.pk], self.attempts[message.pk]
                delivered.append(Delivered(message, order, ended.result(), attempt_id=attempt_id))
            case _Stopped():
                unsent.append(message)
            case (SlowDown() | FixConnection()) as stopped_by:
                self.stopped_by = stopped_by
                unsent.append(message)
            case Exception() as error:
                self.work.failed(message, error, attempt_id=self.attempts[message.pk])
            case error:
                raise error

    def _commit(self, delivered: list[Delivered]) -> None:
        self.delivered |= note_delivered(self.batch, delivered)
        self.work.run.count("sent", len(delivered))
        delivered.clear()
