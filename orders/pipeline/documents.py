"""Files for carts: fixed and stored first, then sent, found again when in doubt, and watched until they are taken."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cartrover.clock import hub_now
from connectors import registry
from connectors.contract import DocumentSink, Place, Placement, Purpose
from connectors.errors import ConnectorError, OutcomeUnknown, TryLater
from connectors.models import Connection, ServiceName
from connectors.readers import settings_of
from orders.alerts import raise_alert, resolve_alerts
from orders.models import ChannelStock, DocumentState, Order, OrderEvent, OutboundAttempt, OutboundDocument
from orders.pipeline.settle import confirm
from orders.retrying import next_try
from orders.run import Run
from orders.waking import wake

UNSENT = [DocumentState.READY, DocumentState.SENDING, DocumentState.UNKNOWN]
REFUSED_TIMES = 3
"""A file that the cart refuses, or that doesn't get there whole, is tried this often before it is an alert."""

ASK_AFTER = timedelta(minutes=1)
WATCHED = 5000
WATCHED_FOR = timedelta(days=60)
"""DSCO keeps what it took for so long; an older file can't be found any more (DSCO reference 2)."""


def make_document(cart: Connection, purpose: Purpose, rows: Sequence[Any]) -> OutboundDocument:
    """Fix name and bytes of a file and store it; runs in the transaction that marks its rows as told."""
    body = registry.get(cart.kind).renderers[purpose](rows, settings_of(cart))
    return store_document(cart, purpose, body, rows=len(rows))


def store_document(cart: Connection, purpose: Purpose, body: bytes, *, rows: int) -> OutboundDocument:
    """Store a file under a name that no other file of the cart has, and that sorts behind the names of earlier ones: a far
    side that finds two files may take them in the order of their names."""
    spec = registry.get(cart.kind)
    if spec.name_document is None:
        raise TypeError(f"{spec.kind} declares files and can't name them")
    public_id, made_at = uuid.uuid4(), hub_now()
    short_id = f"{made_at.microsecond:05x}{public_id.hex[:3]}"
    name = spec.name_document(purpose, made_at, short_id, settings_of(cart))
    return OutboundDocument.objects.create(
        account_id=cart.account_id,
        public_id=public_id,
        connection=cart,
        purpose=purpose,
        name=name,
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        deflated=zlib.compress(body, 6),
        rows=rows,
        due_at=made_at,
        created_at=made_at,
    )


def document_bytes(document: OutboundDocument) -> bytes:
    """Return the bytes as they were fixed. Raise `ValueError` once they are purged."""
    if document.deflated is None:
        raise ValueError(f"The bytes of {document.name} are past the account's retention and were removed.")
    return zlib.decompress(bytes(document.deflated))


def unsent_documents(run: Run, purpose: Purpose) -> list[OutboundDocument]:
    """Return the files of this purpose that aren't whole at the cart, due or not, oldest first."""
    rows = OutboundDocument.objects.for_account(run.account_id).filter(
        connection=run.connection, purpose=purpose, state__in=UNSENT
    )
    return list(rows.order_by("pk"))


def is_due(run: Run, document: OutboundDocument) -> bool:
    """Say whether a file may be tried now; a named run tries each once."""
    return run.named or document.due_at <= hub_now()


class InOrder:
    """Sends files, oldest first, so that none overtakes an earlier one that tells of the same order."""

    def __init__(self, run: Run, session: DocumentSink) -> None:
        self._run = run
        self._session = session
        self._unsettled: dict[int, datetime] = {}
        """Orders of which a file isn't whole at the cart yet, with when that file is tried again."""

    def send(self, document: OutboundDocument) -> None:
        """Bring one file to the cart if it is due and nothing stands before it, which it waits for otherwise."""
        if before := [self._unsettled[one] for one in self._orders_of(document) if one in self._unsettled]:
            _update(document, due_at=max(before))
        elif is_due(self._run, document):
            send(self._run, self._session, document)
        if document.state in UNSENT:
            self._unsettled |= dict.fromkeys(told_order_ids(document), document.due_at)

    def _orders_of(self, document: OutboundDocument) -> list[int]:
        return told_order_ids(document) if self._unsettled else []


def send(run: Run, session: DocumentSink, document: OutboundDocument) -> None:
    """Bring one file to the cart: a doubtful one is looked for first; what can't be settled now is tried again later."""
    if document.state != DocumentState.READY and not _settle_doubt(run, session, document):
        return
    run.progress()
    attempt = _begin(run, document)
    try:
        placement = session.send_document(Purpose(document.purpose), document.name, document_bytes(document))
    except OutcomeUnknown as doubt:
        _finish(attempt, "OutcomeUnknown", doubt.words)
        _doubt(run, document, doubt.words)
        return
    except TryLater as refused:
        _finish(attempt, "TryLater", refused.words)
        _refused(run, document, refused)
        return
    except ConnectorError as problem:
        # The connection's trouble and not the file's: it costs no try.
        _finish(attempt, type(problem).__name__, problem.words)
        _update(document, state=DocumentState.UNKNOWN, attempts=document.attempts - 1)
        raise
    if placement.size != document.size:
        words = f"{placement.size} of {document.size} bytes arrived; it is written again."
        _finish(attempt, "short", words)
        _doubt(run, document, words)
        return
    _finish(attempt, "sent", placement.words)
    if placement.words:
        run.note(placement.words)
    mark_whole(run, document, DocumentState.TAKEN if placement.place is Place.TAKEN else DocumentState.SENT, placement)


def _begin(run: Run, document: OutboundDocument) -> OutboundAttempt:
    """Commit that an attempt begins: whoever finds it without an outcome asks the cart first."""
    with transaction.atomic():
        run.lease_required()
        _update(document, state=DocumentState.SENDING, attempts=document.attempts + 1)
        return OutboundAttempt.objects.create(account_id=run.account_id, document=document, started_at=hub_now())


def _doubt(run: Run, document: OutboundDocument, words: str) -> None:
    _update(document, state=DocumentState.UNKNOWN, words=words, due_at=hub_now() + ASK_AFTER)
    named = f"{document.name}: {words}"
    run.problem(named)
    _raise_refused(run, document, named)


def _settle_doubt(run: Run, session: DocumentSink, document: OutboundDocument) -> bool:
    """Look where the file lies; return True when it must be written (again) now."""
    found = session.find_documents(Purpose(document.purpose), [document.name]).get(document.name, Placement(Place.NOWHERE))
    if found.place is Place.NOWHERE:
        return True
    if found.size == document.size:
        mark_whole(run, document, DocumentState.TAKEN if found.place is Place.TAKEN else DocumentState.SENT, found)
        return False
    if found.place is Place.WAITING:
        return True
    if found.place is Place.PROCESSING:
        _update(document, due_at=hub_now() + ASK_AFTER)
        return False
    words = (
        f"{run.connection.name} took {document.name} with {found.size} of its {document.size} bytes. Look at the job's history "
        "there: only the rows that are missing may be told again."
    )
    _update(document, state=DocumentState.HELD, words=words)
    raise_alert(account_id=run.account_id, cause="document_cut", subject=document.name, words=words, connection=run.connection)
    _resolve_refused(run)
    run.problem(words)
    return False


def _refused(run: Run, document: OutboundDocument, refused: TryLater) -> None:
    now = hub_now()
    words = refused.words if document.name in refused.words else f"{document.name}: {refused.words}"
    due_at = next_try(failures=document.attempts, first_failed_at=document.created_at, now=now, after=refused.after)
    _update(document, state=DocumentState.READY, words=refused.words, due_at=due_at or now + timedelta(hours=1))
    run.problem(words)
    _raise_refused(run, document, words)


def _raise_refused(run: Run, document: OutboundDocument, words: str) -> None:
    """Raise one alert for the cart, however many files wait: what keeps one out of a folder keeps the others out as well."""
    if document.attempts < REFUSED_TIMES:
        return
    others = _refused_often(run).exclude(pk=document.pk).count()
    beside = f" {others:,} other files wait as well." if others > 1 else " Another file waits as well." if others else ""
    raise_alert(
        account_id=run.account_id,
        cause="document_refused",
        subject=str(run.connection.public_id),
        connection=run.connection,
        words=f"A file didn't get to {run.connection.name} in {document.attempts} tries and is tried again. {words}{beside}",
    )


def _resolve_refused(run: Run) -> None:
    """Close that alert once none of the files that were tried so often still waits."""
    if not _refused_often(run).exists():
        resolve_alerts(account_id=run.account_id, cause="document_refused", connection=run.connection)


def _refused_often(run: Run) -> QuerySet[OutboundDocument]:
    documents = OutboundDocument.objects.for_account(run.account_id).filter(connection=run.connection)
    return documents.filter(state__in=UNSENT, attempts__gte=REFUSED_TIMES)


def _update(document: OutboundDocument, **changes: Any) -> None:
    OutboundDocument.objects.for_account(document.account_id).filter(pk=document.pk).update(**changes)
    for name, value in changes.items():
        setattr(document, name, value)


def _finish(attempt: OutboundAttempt, outcome: str, words: str) -> None:
    OutboundAttempt.objects.for_account(attempt.account_id).filter(pk=attempt.pk).update(
        finished_at=hub_now(), outcome=outcome, words=words
    )


def mark_whole(run: Run, document: OutboundDocument, state: DocumentState, placement: Placement) -> None:
    """The file lies whole in a folder of the cart's: what it tells is told, and orders may be confirmed."""
    now = hub_now()
    with transaction.atomic():
        run.lease_required()
        _update(document, state=state, sent_at=document.sent_at or now, words=placement.words)
        if state is DocumentState.TAKEN:
            _update(document, taken_at=now)
        for cause in ("not_taken", "document_cut"):
            resolve_alerts(account_id=run.account_id, cause=cause, subjects=[document.name])
        _resolve_refused(run)
        if document.purpose == Purpose.STOCK:
            ChannelStock.objects.for_account(run.account_id).filter(document=document).update(sure=True, told_at=now)
        else:
            run.count("confirmed", _note_told(run, document))
    if document.purpose == Purpose.SHIPMENTS:
        wake(run.connection, ServiceName.INVOICE_UPLOAD)  # invoices of these packages have waited for them
    run.count("files")
    run.count("rows", document.rows)


def _note_told(run: Run, document: OutboundDocument) -> int:
    order_ids = told_order_ids(document)
    OrderEvent.objects.bulk_create(
        OrderEvent(
            account_id=run.account_id,
            order_id=order_id,
            connection=run.connection,
            kind=f"told.{document.purpose}",
            words=f"{run.connection.name} was told in {document.name}.",
            document_name=document.name,
        )
        for order_id in order_ids
    )
    return confirm(run.connection, order_ids)


def told_order_ids(document: OutboundDocument) -> list[int]:
    """Return the orders that a file of shipments, invoices or cancellations is about."""
    orders = Order.objects.for_account(document.account_id)
    match document.purpose:
        case Purpose.SHIPMENTS:
            rows = orders.filter(shipments__document=document)
        case Purpose.INVOICES:
            rows = orders.filter(invoices__document=document)
        case _:
            rows = orders.filter(lines__cancellations__document=document)
    return list(rows.order_by("pk").values_list("pk", flat=True).distinct())


def watch_taken(run: Run, session: DocumentSink, purpose: Purpose) -> None:
    """See which of the files that lie at the cart were taken by its import jobs."""
    now = hub_now()
    rows = OutboundDocument.objects.for_account(run.account_id).filter(
        connection=run.connection, purpose=purpose, state=DocumentState.SENT, sent_at__gte=now - WATCHED_FOR
    )
    waiting = {document.name: document for document in rows.defer("deflated").order_by("-pk")[:WATCHED]}
    if not waiting:
        return
    found = session.find_documents(purpose, list(waiting))
    taken = [waiting[name] for name, placement in found.items() if placement.place is Place.TAKEN]
    for document in taken:
        _update(document, state=DocumentState.TAKEN, taken_at=now)
    if taken:
        resolve_alerts(account_id=run.account_id, cause="not_taken", subjects=[document.name for document in taken])
        run.count("taken", len(taken))
