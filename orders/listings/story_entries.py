"""What the entries of an order's story open to: the file that they came or went in, or what was asked and answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from orders.listings.files import COMING, GOING
from orders.models import InboundDocument, Order, OrderEvent, OutboundAttempt, OutboundDocument, OutboundMessage

ORDERS = "orders"
"""The feed of files that orders come in."""

TELLS_OF_ATTEMPT = frozenset({"order.sent", "order.held", "order.cancel_refused", "order.canceled"})
"""Kinds of entries that are written with the outcome of an attempt."""

WRITTEN_WITHIN = timedelta(seconds=2)
"""An attempt's outcome and the entry that tells of it are written one after the other, in one transaction."""


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Where the page of a file is."""

    connection_id: UUID
    way: str
    document_id: UUID
    name: str

    @classmethod
    def of(cls, document: InboundDocument | OutboundDocument) -> FilePlace:
        way = COMING if isinstance(document, InboundDocument) else GOING
        return cls(document.connection.public_id, way, document.public_id, document.name)


@dataclass(frozen=True, slots=True)
class Entry:
    """A sentence of the story with what it opens to; `file` is None where it came in no file, or in one that isn't known."""

    event: OrderEvent
    file: FilePlace | None
    attempt: OutboundAttempt | None

    @property
    def names_file_apart(self) -> bool:
        """Whether the sentence is about a file that it doesn't name."""
        return bool(self.event.document_name) and self.event.document_name not in self.event.words


def entries_of(order: Order, events: Sequence[OrderEvent], messages: Sequence[OutboundMessage]) -> list[Entry]:
    """Return the entries of an order's story, in two questions at most; messages come with their tries."""
    files = dict(_files(order, events))
    attempts = dict(_attempts(events, messages))
    return [Entry(event, files.get(event.pk), attempts.get(event.pk)) for event in events]


def _files(order: Order, events: Sequence[OrderEvent]) -> Iterator[tuple[int, FilePlace]]:
    named = [event for event in events if event.document_name and event.connection is not None]
    first = order.document
    loaded = {event.pk for event in named if first is not None and event.document_name == first.name}
    others = [event for event in named if event.pk not in loaded]
    going = _going(order, others)
    coming = _coming(order, [event for event in others if _key(event) not in going])
    for event in named:
        assert event.connection is not None  # noqa: S101 - only such are named
        place = event.connection.public_id
        if first is not None and event.pk in loaded:
            yield event.pk, FilePlace(place, COMING, first.public_id, first.name)
        elif _key(event) in going:
            yield event.pk, FilePlace(place, GOING, going[_key(event)], event.document_name)
        elif found := coming.get(_key(event)):
            known = [public_id for fetched_at, public_id in found if fetched_at is None or fetched_at <= event.at]
            yield event.pk, FilePlace(place, COMING, (known or [found[0][1]])[-1], event.document_name)


def _key(event: OrderEvent) -> tuple[int | None, str]:
    return event.connection_id, event.document_name


def _going(order: Order, events: Sequence[OrderEvent]) -> dict[tuple[int | None, str], UUID]:
    rows = OutboundDocument.objects.for_account(order.account_id).filter(
        connection__in={event.connection_id for event in events}, name__in={event.document_name for event in events}
    )
    return {
        (connection_id, name): public_id
        for connection_id, name, public_id in rows.values_list("connection_id", "name", "public_id")
    }


def _coming(
    order: Order, events: Sequence[OrderEvent]
) -> Mapping[tuple[int | None, str], Sequence[tuple[datetime | None, UUID]]]:
    """Files may come again under one name: all of each name, in the order in which they were fetched."""
    rows = InboundDocument.objects.for_account(order.account_id).filter(
        connection__in={event.connection_id for event in events},
        feed=ORDERS,
        name__in={event.document_name for event in events},
    )
    found: dict[tuple[int | None, str], list[tuple[datetime | None, UUID]]] = {}
    for connection_id, name, fetched_at, public_id in rows.order_by("fetched_at", "pk").values_list(
        "connection_id", "name", "fetched_at", "public_id"
    ):
        found.setdefault((connection_id, name), []).append((fetched_at, public_id))
    return found


def _attempts(events: Sequence[OrderEvent], messages: Sequence[OutboundMessage]) -> Iterator[tuple[int, OutboundAttempt]]:
    telling = sorted((event for event in events if event.kind in TELLS_OF_ATTEMPT), key=lambda event: (event.at, event.pk))
    tries = [one for message in messages for one in message.tries.all()]
    for attempt in tries:
        ended = attempt.finished_at
        if ended is None or not (attempt.request or attempt.answer):
            continue
        for event in telling:
            if ended <= event.at <= ended + WRITTEN_WITHIN:
                yield event.pk, attempt
                break
