"""Stage: files of orders are listed, registered, fetched and stored, in this order.

A document's row is committed before its fetch begins: a file that the far side archives under our hands is then looked for
where it went. Nothing at the far side is ever deleted.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cartrover.clock import hub_now
from connectors.contract import Body, DocumentRef, Listing, OrderSource
from connectors.errors import BadDocument, TryLater
from connectors.models import Connection
from orders.alerts import raise_alert, resolve_alerts
from orders.models import Alert, InboundBody, InboundDocument, InboundState, OrderEvent
from orders.restoring import TAKEN_CHECKED_AT, restored_at
from orders.retrying import next_try
from orders.run import Run

SETTLED_AFTER = timedelta(seconds=30)
"""How long a file must have lain still, by the server's clock, to be taken for whole."""

TAKEN_CHECK_EVERY = timedelta(hours=1)
TAKEN_ALERT_ENDS = timedelta(days=1)
"""After this long without a file that somebody else took, whoever it was has stopped."""

LOOKED_FOR = 2
"""How often a file that lies nowhere is looked for: it may just be on its way to the archive."""

UNREAD = [InboundState.SEEN, InboundState.WANTED, InboundState.FETCHED]
PIECE = 1 << 20
"""Bytes of a document in one row, before compression."""


def retrieve(run: Run, session: OrderSource) -> None:
    """Register what lies there and fetch all that is whole; what can't be fetched now is tried again in a later run."""
    listing = session.list_orders()
    _register(run, listing)
    _settle_vanished(run, session, listing)
    _look_at_taken(run, session)
    for document in _wanted(run):
        if run.out_of_time:
            run.unfinished = True
            return
        run.progress()
        _fetch(run, session, document)


def _documents(connection: Connection) -> QuerySet[InboundDocument]:
    return InboundDocument.objects.for_account(connection.account_id).filter(connection=connection, feed="orders")


def _register(run: Run, listing: Listing) -> None:
    """Make a row for every file that isn't known; mark those that are whole as wanted."""
    documents = _documents(run.connection)
    for ref in listing.refs:
        known = documents.filter(name=ref.name, size=ref.size, modified_at=ref.modified_at).first()
        if known is not None:
            # The same size in a later run, or there again after it was nowhere.
            waiting = documents.filter(pk=known.pk, state__in=[InboundState.SEEN, InboundState.GONE])
            waiting.update(state=InboundState.WANTED, attempts=0, due_at=None)
            continue
        same_size = documents.filter(name=ref.name, size=ref.size, state__in=UNREAD).exists()
        settled = same_size or listing.far_now - ref.modified_at >= SETTLED_AFTER
        _make(run.connection, ref, InboundState.WANTED if settled else InboundState.SEEN)
        if not settled:
            run.count("growing")


def _make(connection: Connection, ref: DocumentRef, state: InboundState) -> None:
    InboundDocument.objects.create(
        account_id=connection.account_id,
        connection=connection,
        name=ref.name[:300],
        size=ref.size,
        modified_at=ref.modified_at,
        state=state,
    )


def _settle_vanished(run: Run, session: OrderSource, listing: Listing) -> None:
    """Decide what became of unread files that no longer lie there as they were listed before.

    One that was archived as it was is fetched from there; one that has grown or was written anew is replaced by what it is now.
    """
    here = {(ref.name, ref.size, ref.modified_at) for ref in listing.refs}
    vanished = [
        one for one in _documents(run.connection).filter(state__in=UNREAD) if (one.name, one.size, one.modified_at) not in here
    ]
    if not vanished:
        return
    names = {ref.name for ref in listing.refs}
    taken = {(ref.name, ref.size): ref for ref in session.list_taken().refs}
    for document in vanished:
        grown = [ref for (name, size), ref in taken.items() if name == document.name and size > document.size]
        if document.state == InboundState.FETCHED:
            if document.name in names:
                _replace(document)
        elif (document.name, document.size) in taken:
            _want_from_archive(run, document)
        elif document.name in names:
            _replace(document)
        elif grown:
            _register_taken(run.connection, max(grown, key=lambda ref: ref.modified_at))
            _replace(document)
        else:
            _set(document, state=InboundState.WANTED)


def _replace(document: InboundDocument) -> None:
    _set(document, state=InboundState.REPLACED, words="The file changed before it was read.")


def _set(document: InboundDocument, **changes: Any) -> None:
    InboundDocument.objects.for_account(document.account_id).filter(pk=document.pk).update(**changes)


def _want_from_archive(run: Run, document: InboundDocument) -> None:
    """A file that was archived before the hub asked for it was read by somebody else."""
    if document.state == InboundState.SEEN:
        _tell_taken(run.connection, document.name)
        run.count("taken_by_others")
    _set(document, state=InboundState.WANTED)


# --- files that somebody else has taken --------------------------------------------------------------------------------------


def _look_at_taken(run: Run, session: OrderSource) -> None:
    """Find order files that somebody else has read since this connection was activated: they were meant for us as well."""
    connection, now = run.connection, hub_now()
    live_since, last = connection.activated_at, run.cursor.get(TAKEN_CHECKED_AT)
    checked_at = datetime.fromisoformat(last) if last else None
    if live_since is None or (checked_at and checked_at >= live_since and now - checked_at < TAKEN_CHECK_EVERY):
        return
    known = set(
        _documents(connection)
        .filter(seen_at__gte=live_since - timedelta(days=70))
        .exclude(state=InboundState.GONE)
        .values_list("name", "size")
    )
    taken = session.list_taken().refs
    strangers = [ref for ref in taken if (ref.name, ref.size) not in known and ref.modified_at >= live_since]
    restored = restored_at(run.cursor)
    ours = [ref for ref in strangers if restored is not None and ref.modified_at < restored]
    for ref in strangers:
        if ref in ours:
            _register_again(connection, ref)
        else:
            _register_taken(connection, ref)
    run.move_cursor(**{TAKEN_CHECKED_AT: now.isoformat()})
    run.count("read_again", len(ours))
    run.count("taken_by_others", len(strangers) - len(ours))
    if not strangers:
        _end_taken_alert(connection, now)


def _register_taken(connection: Connection, ref: DocumentRef) -> None:
    known = _documents(connection).filter(name=ref.name[:300], size=ref.size, modified_at=ref.modified_at).first()
    if known is None:
        _make(connection, ref, InboundState.WANTED)
        _tell_taken(connection, ref.name)
    elif known.state == InboundState.GONE:
        _set(known, state=InboundState.WANTED, attempts=0, due_at=None)


def _register_again(connection: Connection, ref: DocumentRef) -> None:
    """A file that was read since the copy was made from which the database was restored."""
    _make(connection, ref, InboundState.WANTED)
    words = (
        f"{ref.name} lies in the archive of {connection.name}, and the restored database doesn't know it: it is read again "
        "from there. Orders that are known are counted, not loaded again."
    )
    OrderEvent.objects.create(
        account_id=connection.account_id, connection=connection, kind="file.read_again", words=words, document_name=ref.name
    )


def _tell_taken(connection: Connection, name: str) -> None:
    words = (
        f"{name} was taken from {connection.name} by somebody else and is read from the archive. Switch off whatever "
        "else reads these files: an old integration, or a person."
    )
    OrderEvent.objects.create(
        account_id=connection.account_id, connection=connection, kind="file.taken_by_others", words=words, document_name=name
    )
    raise_alert(
        account_id=connection.account_id, cause="taken_by_others", subject=connection.name, words=words, connection=connection
    )


def _end_taken_alert(connection: Connection, now: datetime) -> None:
    old = Alert.objects.for_account(connection.account_id).filter(
        cause="taken_by_others", connection=connection, last_seen_at__lt=now - TAKEN_ALERT_ENDS
    )
    if old.exists():
        resolve_alerts(account_id=connection.account_id, cause="taken_by_others", connection=connection)


# --- fetching ----------------------------------------------------------------------------------------------------------------


def _wanted(run: Run) -> Iterator[InboundDocument]:
    documents = InboundDocument.objects.for_account(run.account_id).filter(
        connection=run.connection, feed="orders", state=InboundState.WANTED
    )
    for pk in list(documents.order_by("modified_at", "pk").values_list("pk", flat=True)):
        document = documents.filter(pk=pk).first()
        if document is not None and (run.named or document.due_at is None or document.due_at <= hub_now()):
            yield document


def _fetch(run: Run, session: OrderSource, document: InboundDocument) -> None:
    ref = DocumentRef(document.name, document.size, document.modified_at)
    try:
        sha256, size = _store(document, session.fetch(ref), run)
        if size != document.size:
            raise TryLater(f"{document.name}: {size} of {document.size} bytes came. It is fetched again in the next run.")
    except TryLater as problem:
        _try_again(run, document, problem)
        return
    except BadDocument as problem:
        if document.attempts + 1 < LOOKED_FOR:
            _try_again(run, document, TryLater(problem.words))
        else:
            _gone(run, document, problem)
        return
    with transaction.atomic():
        run.lease_required()
        documents = InboundDocument.objects.for_account(run.account_id)
        documents.filter(pk=document.pk).update(
            state=InboundState.FETCHED, sha256=sha256, fetched_at=hub_now(), words="", attempts=0, due_at=None
        )
        twin = documents.filter(connection=run.connection, sha256=sha256).exclude(pk=document.pk).first()
        if twin is not None:
            OrderEvent.objects.create(
                account_id=run.account_id,
                connection=run.connection,
                kind="file.same_bytes",
                document_name=document.name,
                words=f"{document.name} has the same bytes as {twin.name}. Orders that are known are counted, not loaded "
                "again.",
            )
    for cause in ("file_not_fetched", "file_gone"):
        resolve_alerts(account_id=run.account_id, cause=cause, subjects=[document.name])
    run.count("files")
    run.count("bytes", size)


def _store(document: InboundDocument, pieces: Iterable[bytes], run: Run) -> tuple[str, int]:
    """Write the pieces as compressed rows, each in a transaction of its own; return the hash and the number of bytes."""
    InboundBody.objects.for_account(document.account_id).filter(document=document).delete()
    digest = hashlib.sha256()
    size = seq = 0
    buffer = bytearray()
    for piece in pieces:
        run.progress()
        digest.update(piece)
        size += len(piece)
        buffer += piece
        while len(buffer) >= PIECE:
            _store_piece(document, seq, bytes(buffer[:PIECE]))
            del buffer[:PIECE]
            seq += 1
    if buffer:
        _store_piece(document, seq, bytes(buffer))
    return digest.hexdigest(), size


def _store_piece(document: InboundDocument, seq: int, piece: bytes) -> None:
    InboundBody.objects.create(account_id=document.account_id, document=document, seq=seq, deflated=zlib.compress(piece, 1))


def stored_bytes(document: InboundDocument) -> Iterator[bytes]:
    """Yield the bytes of a stored document, piece by piece."""
    for deflated in _stored_pieces(document):
        yield zlib.decompress(deflated)


def stored_body(document: InboundDocument) -> Body:
    """Return what yields these bytes as often as wanted and asks the database no more: any thread may call it.

    They are held as they are stored: a tenth of their size for a table of orders.
    """
    pieces = list(_stored_pieces(document))
    return lambda: map(zlib.decompress, pieces)


def _stored_pieces(document: InboundDocument) -> Iterator[bytes]:
    bodies = InboundBody.objects.for_account(document.account_id).filter(document=document).order_by("seq")
    yield from map(bytes, bodies.values_list("deflated", flat=True).iterator(chunk_size=1))


def _try_again(run: Run, document: InboundDocument, problem: TryLater) -> None:
    attempts = document.attempts + 1
    due_at = next_try(failures=attempts, first_failed_at=document.seen_at, now=hub_now(), after=problem.after)
    InboundDocument.objects.for_account(run.account_id).filter(pk=document.pk).update(
        attempts=attempts, due_at=due_at, words=problem.words
    )
    run.problem(problem.words)
    if attempts >= 3:
        raise_alert(
            account_id=run.account_id,
            cause="file_not_fetched",
            subject=document.name,
            connection=run.connection,
            words=f"{document.name} could not be fetched {attempts} times: {problem.words}",
        )


def _gone(run: Run, document: InboundDocument, problem: BadDocument) -> None:
    words = f"{problem.words} Export it again at {run.connection.name}, or upload it by hand."
    InboundDocument.objects.for_account(run.account_id).filter(pk=document.pk).update(state=InboundState.GONE, words=words)
    OrderEvent.objects.create(
        account_id=run.account_id, connection=run.connection, kind="file.gone", words=words, document_name=document.name
    )
    raise_alert(account_id=run.account_id, cause="file_gone", subject=document.name, words=words, connection=run.connection)
    run.problem(words)
