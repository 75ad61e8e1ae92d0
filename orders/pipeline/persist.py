"""Stage: drafts become orders, in chunks, each order once.

Lines, events and messages are written for the orders that are really new, in the same transaction. The key is the source and
the source's own id; whatever else looks alike is shown to a person and never dropped.

One load of an account goes on at a time, for the account's row is locked: what isn't known when a chunk begins is still new
when it is written, and its ids can be taken before. Were it ever not so, the unique key refuses the chunk whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import islice

import msgspec
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Upper

from cartrover import planner_facts
from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from cartrover.compiled_queries import CompiledQuery, Texts, number
from connectors.contract import HoldReason, OrderDraft
from connectors.models import Connection
from orders.alerts import raise_alert
from orders.holding import ALERTED_HOLDS
from orders.models import InboundDocument, Order, OrderEvent, OrderLine, OutboundMessage, SkippedOrder
from orders.pipeline import known_orders, order_rows
from orders.pipeline.loader import OneOf, insert_parts, instant_value, parts_of_rows, take_ids
from orders.pipeline.order_rows import DraftRows
from orders.pipeline.ordered_items import note_ordered
from orders.pipeline.read_ahead import read_ahead
from orders.pipeline.route import Hold, Route
from orders.rules.order_ids import candidates

CHUNK = 500
"""Orders in one transaction: at 0.25 ms of processor each a quarter of what others may be kept waiting for SQLite's lock."""

AHEAD = 2
"""Chunks that are made while one is written: a chunk that takes longer than others doesn't let the database wait."""


@dataclass(slots=True)
class LoadCounts:
    """What became of the drafts. `orders` are new ones, held ones among them; `held` counts those."""

    orders: int = 0
    lines: int = 0
    held: int = 0
    duplicates: int = 0
    updated: int = 0
    skipped: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(slots=True)
class _Load:
    """One load of one cart: what is the same for all its chunks."""

    connection: Connection
    document: InboundDocument | None
    actor: str
    route: Route
    force: bool
    rows: order_rows.Load = field(init=False)
    counts: LoadCounts = field(default_factory=LoadCounts)
    items: set[str] = field(default_factory=set)
    """SKUs that are known to be noted as ordered."""

    def __post_init__(self) -> None:
        document_id, document_name = (self.document.pk, self.document.name) if self.document else (None, "")
        self.rows = order_rows.Load(
            self.account_id, self.connection.pk, document_id, document_name, self.actor, parts_of_rows()
        )

    @property
    def account_id(self) -> int:
        return self.connection.account_id


def load_drafts(
    *,
    connection: Connection,
    drafts: Iterable[OrderDraft],
    document: InboundDocument | None,
    actor: str = "",
    force: bool = False,
    progress: Callable[[], None] | None = None,
    route: Route | None = None,
) -> LoadCounts:
    """Store what is new, update what changed and may change, count what is known, skip what must stay out.

    The account is the connection's, and `route` its own where the caller has it already. With `force` nothing is skipped: a
    person wants these orders. `progress` is called before each chunk. Running it again with the same drafts changes nothing.
    `drafts` is gone through in another thread, which makes rows of them meanwhile, and must not touch the database.
    """
    load = _Load(connection, document, actor, route or Route.of(connection), force)
    with closing(read_ahead(_chunks(load, drafts), AHEAD)) as chunks:
        for chunk in chunks:
            if progress is not None:
                progress()
            with transaction.atomic():
                _load_chunk(load, chunk)
            if len(chunk) == CHUNK:
                planner_facts.learn(Order, OrderLine, OrderEvent, OutboundMessage)
    return load.counts


def load_fresh(*, route: Route, drafts: Iterable[OrderDraft], actor: str) -> dict[str, str]:
    """Store drafts that the caller knows to be new, each once, inside its transaction and under the account's lock.

    Return the short numbers that were given, by external id; what must stay out has none.
    """
    load = _Load(route.cart, None, actor, route, force=False)
    refs: dict[str, str] = {}
    for chunk in _chunks(load, drafts):
        wanted = _without_skipped(load, list(chunk.values()))
        refs |= _insert(load, wanted) if wanted else {}
    return refs


def _chunks(load: _Load, drafts: Iterable[OrderDraft]) -> Iterator[dict[str, DraftRows]]:
    """Yield up to CHUNK drafts and their rows by external id; one that repeats within a chunk waits for the next."""
    waiting: list[OrderDraft] = []
    source = iter(drafts)
    while True:
        chunk: dict[str, OrderDraft] = {}
        again: list[OrderDraft] = []
        for draft in [*waiting, *islice(source, CHUNK - min(len(waiting), CHUNK))]:
            if draft.external_id in chunk:
                again.append(draft)
            else:
                chunk[draft.external_id] = draft
        waiting = again
        if not chunk:
            return
        yield dict(zip(chunk, order_rows.draft_rows(load.rows, list(chunk.values())), strict=True))


def lock_loading(account_id: int) -> None:
    """Let one load at a time give out short numbers in an account, until the transaction ends; on SQLite that is the lock.

    The account's key isn't locked: rows that point at it are written meanwhile, by deliveries for example.
    """
    if connection.features.has_select_for_update:
        _LOCK.rows(account_id=account_id)


_LOCK = CompiledQuery(lambda: Account.objects.select_for_update(no_key=True).filter(pk=number("account_id")).values_list("pk"))


def _load_chunk(load: _Load, chunk: dict[str, DraftRows]) -> None:
    lock_loading(load.account_id)
    orders = Order.objects.for_account(load.account_id).filter(source=load.connection)
    rows = orders.filter(OneOf(F("external_id"), chunk)).values_list("external_id", "content_hash", "pk")
    known = {external_id: (content_hash, pk) for external_id, content_hash, pk in rows}
    fresh: list[DraftRows] = []
    for external_id, made in chunk.items():
        content_hash, pk = known.get(external_id, ("", 0))
        if not pk:
            fresh.append(made)
        elif content_hash == made.draft.content_hash:
            load.counts.duplicates += 1
        else:
            order = orders.select_related("source", "wms").get(pk=pk)
            met = known_orders.meet(order, made.draft, route=load.route, document=load.document, actor=load.actor)
            _count_known(load, met)
    wanted = _without_skipped(load, fresh)
    if wanted:
        _insert(load, wanted)


def _count_known(load: _Load, met: known_orders.Met) -> None:
    if met is known_orders.Met.SAME:
        load.counts.duplicates += 1
    else:
        load.counts.updated += 1


# --- what stays out ----------------------------------------------------------------------------------------------------------


def skip_reason(draft: OrderDraft, route: Route) -> tuple[str, str] | None:
    """Return reason and words for an order that must not be loaded; None for one that may be."""
    earliest = route.earliest_order_date
    if earliest is not None and draft.order_date is not None and draft.order_date < earliest:
        return "too_old", f"Placed on {draft.order_date}, before the earliest order date {earliest} of {route.cart.name}."
    if draft.is_canceled:
        return "canceled_at_source", f"{route.cart.name} says that it was canceled before it was ever loaded."
    if draft.is_test and route.cart.live:
        return "test_order", f"A test order, and {route.cart.name} is live."
    return None


def _without_skipped(load: _Load, fresh: list[DraftRows]) -> list[DraftRows]:
    if load.force:
        return fresh
    wanted: list[DraftRows] = []
    skipped: list[SkippedOrder] = []
    for made in fresh:
        draft = made.draft
        reason = skip_reason(draft, load.route)
        if reason is None:
            wanted.append(made)
            continue
        skipped.append(
            SkippedOrder(
                account_id=load.account_id,
                connection=load.connection,
                external_id=draft.external_id[:200],
                cust_po_no=draft.cust_po_no[:200],
                retailer_name=draft.retailer_name[:200],
                reason=reason[0],
                words=reason[1],
                document=load.document,
                row=draft.row,
                draft=msgspec.to_builtins(draft),
            )
        )
    if skipped:
        SkippedOrder.objects.bulk_create(skipped, ignore_conflicts=True)
        load.counts.skipped += len(skipped)
    return wanted


def draft_of(skipped: SkippedOrder) -> OrderDraft:
    """Return the draft that a skipped order was kept with. Raise `ValueError` where it could not be read in the first place."""
    if skipped.draft is None:
        raise ValueError(f"{skipped.cust_po_no} could not be read; correct the file and read it again")
    return msgspec.convert(skipped.draft, OrderDraft)


# --- what is new -------------------------------------------------------------------------------------------------------------


def _insert(load: _Load, made: list[DraftRows]) -> dict[str, str]:
    """Store new drafts and what belongs to them; return their short numbers by external id."""
    now = instant_value(hub_now())
    drafts = [one.draft for one in made]
    refs = _short_numbers(load.account_id, drafts, load.route)
    suspects = _suspected_duplicates(load, drafts)
    load.route.ship_methods.note_seen({draft.ship_code for draft in drafts})
    holds = {draft.external_id: suspects.get(draft.external_id) or _hold(load.route, draft, refs) for draft in drafts}
    ids = dict(zip((draft.external_id for draft in drafts), take_ids(Order, len(drafts)), strict=True))
    rows, wms = load.rows, load.route.wms
    orders = order_rows.order_rows(rows, made, ids=ids, refs=refs, holds=holds, wms_id=wms.pk if wms else None, now=now)
    insert_parts(Order, order_rows.ORDER_NAMES, orders)
    insert_parts(OrderLine, order_rows.LINE_NAMES, order_rows.line_rows(rows, made, ids))
    items = {line.item[:200] for draft in drafts for line in draft.lines}
    note_ordered(load.connection, items - load.items)
    load.items |= items
    insert_parts(OrderEvent, order_rows.EVENT_NAMES, order_rows.event_rows(rows, made, ids=ids, holds=holds, now=now))
    if wms is not None:
        free = [ids[draft.external_id] for draft in drafts if holds[draft.external_id] is None]
        messages = order_rows.message_rows(rows, free, connection_id=wms.pk, now=now)
        insert_parts(OutboundMessage, order_rows.MESSAGE_NAMES, messages)
    _alert(load, drafts, ids, holds)
    load.counts.orders += len(drafts)
    load.counts.lines += sum(len(draft.lines) for draft in drafts)
    load.counts.held += sum(1 for hold in holds.values() if hold)
    return refs


def _hold(route: Route, draft: OrderDraft, refs: Mapping[str, str]) -> Hold | None:
    return route.hold_of(
        is_test=draft.is_test,
        lines=len(draft.lines),
        expected_lines=draft.expected_lines,
        ship_code=draft.ship_code,
        cust_ref=refs[draft.external_id],
    )


def _alert(load: _Load, drafts: list[OrderDraft], ids: Mapping[str, int], holds: Mapping[str, Hold | None]) -> None:
    alerted: set[tuple[str, str]] = set()
    for draft in drafts:
        hold = holds[draft.external_id]
        if hold is None or hold.reason not in ALERTED_HOLDS:
            continue
        shared = hold.subject or (load.connection.name if hold.reason is HoldReason.NO_ROUTE else "")
        order = None if shared else Order.objects.for_account(load.account_id).get(pk=ids[draft.external_id])
        subject = str(order.public_id) if order is not None else shared
        if (hold.reason, subject) not in alerted:
            alerted.add((hold.reason, subject))
            raise_alert(
                account_id=load.account_id,
                cause=f"hold.{hold.reason}",
                subject=subject,
                words=hold.words,
                connection=load.connection,
                order=order,
            )


_TAKEN = CompiledQuery(
    lambda: (
        Order.objects.filter(OneOf(Upper("cust_ref"), Texts("wanted")), account_id=number("account_id"))
        .annotate(upper_ref=Upper("cust_ref"))
        .values_list("upper_ref")
    )
)
"""Short numbers of an account, in capitals, that some order has."""


def _short_numbers(account_id: int, drafts: list[OrderDraft], route: Route) -> dict[str, str]:
    """Give each draft a short number that no order of the account has, compared without case."""
    streams = {
        draft.external_id: candidates(draft.cust_ref or draft.cust_po_no, route.id_rule, draft.external_id) for draft in drafts
    }
    given: dict[str, str] = {}
    used: set[str] = set()
    open_ids = list(streams)
    while open_ids:
        proposals = {external_id: next(streams[external_id]) for external_id in open_ids}
        wanted = {ref.upper() for ref in proposals.values()}
        taken = set(_TAKEN.column(account_id=account_id, wanted=wanted))
        open_ids = []
        for external_id, ref in proposals.items():
            if ref.upper() in taken or ref.upper() in used:
                open_ids.append(external_id)
            else:
                given[external_id] = ref
                used.add(ref.upper())
    return given


def _suspected_duplicates(load: _Load, drafts: list[OrderDraft]) -> dict[str, Hold]:
    """Find orders that came once with and once without the source's own id: the same, or not, is for a person to say."""
    drafts = [draft for draft in drafts if draft.alternate_id]
    if not drafts:  # a source that knows no other name for its orders: no two of them are alike
        return {}
    alternates = {draft.alternate_id for draft in drafts if draft.alternate_id != draft.external_id}
    externals = {draft.external_id for draft in drafts}
    known = Order.objects.for_account(load.account_id).filter(source=load.connection)
    by_external = dict(known.filter(OneOf(F("external_id"), alternates)).values_list("external_id", "cust_ref"))
    by_alternate = dict(known.filter(OneOf(F("alternate_id"), externals)).values_list("alternate_id", "cust_ref"))
    suspects: dict[str, Hold] = {}
    seen: dict[str, OrderDraft] = {}
    for draft in drafts:
        other = by_external.get(draft.alternate_id) or by_alternate.get(draft.external_id)
        if other is None:
            twin = seen.get(draft.alternate_id) or seen.get(draft.external_id)
            other = twin.cust_po_no if twin is not None and twin.external_id != draft.external_id else None
        if other is not None:
            suspects[draft.external_id] = Hold(
                HoldReason.SUSPECTED_DUPLICATE,
                f"Looks like order {other}: the same retailer and number, once with and once without {load.connection.name}'s "
                "own order id. Release it if it is another order, cancel it if it is the same.",
            )
        seen.setdefault(draft.alternate_id, draft)
    return suspects
