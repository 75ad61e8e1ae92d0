"""Stage: files of orders are listed, registered, fetched and stored, in this order.

A document's row is committed before its fetch begins: a file that the far side archives under our hands is then looked for
where it went. Nothing at the far side is ever deleted.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from connectors.contract import DocumentRef, Listing, OrderSource
from connectors.errors import BadDocument, TryLater
from connectors.models import Connection
from orders.alerts import raise_alert, resolve_alerts
from orders.models import InboundBody, InboundDocument, InboundState, OrderEvent
from orders.retrying import next_try
from orders.run import Run

SETTLED_AFTER = timedelta(seconds=30)
"""How long a file must have lain still, by the server's clock, to be taken for whole."""

TAKEN_CHECK_EVERY = timedelta(hours=1)
PIECE = 1 << 20
"""Bytes of a document in one row, before compression."""


def retrieve(run: Run, session: OrderSource) -> None:
    """Register what lies there and fetch all that is whole; what can't be fetched now is tried again in a later run."""
    register(run.connection, session.list_orders(), run)
    _look_at_taken(run, session)
    for document in _wanted(run):
        run.progress()
        _fetch(run, session, document)


def register(connection: Connection, listing: Listing, run: Run | None = None) -> None:
    """Make a row for every file that isn't known; mark those that are whole as wanted."""
    documents = InboundDocument.objects.for_account(connection.account_id).filter(connection=connection, feed="orders")
    for ref in listing.refs:
        with transaction.atomic():
            known = documents.filter(name=ref.name, size=ref.size, modified_at=ref.modified_at).first()
            if known is not None:
                if known.state == InboundState.SEEN:  # the same size in a later run
                    documents.filter(pk=known.pk, state=InboundState.SEEN).update(state=InboundState.WANTED)
                continue
            unread = documents.filter(name=ref.name, state__in=[InboundState.SEEN, InboundState.WANTED])
            same_size = unread.filter(size=ref.size).exists()
            unread.update(state=InboundState.REPLACED, words="The file changed before it was read.")
            settled = same_size or listing.far_now - ref.modified_at >= SETTLED_AFTER
            InboundDocument.objects.create(
                account_id=connection.account_id,
                connection=connection,
                name=ref.name[:300],
                size=ref.size,
                modified_at=ref.modified_at,
                state=InboundState.WANTED if settled else InboundState.SEEN,
            )
        if run is not None and not settled:
            run.count("growing")


def _look_at_taken(run: Run, session: OrderSource) -> None:
    """Find order files that somebody else has read since this connection was activated: they were meant for us as well."""
    connection = run.connection
    last = run.cursor.get("taken_checked_at")
    now = timezone.now()
    if connection.activated_at is None or (last and now - datetime.fromisoformat(last) < TAKEN_CHECK_EVERY):
        return
    documents = InboundDocument.objects.for_account(connection.account_id).filter(connection=connection, feed="orders")
    known = set(documents.filter(seen_at__gte=connection.activated_at - timedelta(days=70)).values_list("name", "size"))
    strangers = [
        ref
        for ref in session.list_taken().refs
        if (ref.name, ref.size) not in known and ref.modified_at >= connection.activated_at
    ]
    for ref in strangers:
        _register_taken(connection, ref)
    run.move_cursor(taken_checked_at=now.isoformat())
    if strangers:
        run.count("taken_by_others", len(strangers))


def _register_taken(connection: Connection, ref: DocumentRef) -> None:
    _, made = InboundDocument.objects.for_account(connection.account_id).get_or_create(
        account_id=connection.account_id,
        connection=connection,
        feed="orders",
        name=ref.name[:300],
        size=ref.size,
        modified_at=ref.modified_at,
        defaults={"state": InboundState.WANTED},
    )
    if made:
        words = (
            f"{ref.name} was taken from {connection.name} by somebody else and is read from the archive. Switch off whatever "
            "else reads these files: an old integration, or a person."
        )
        OrderEvent.objects.create(
            account_id=connection.account_id,
            connection=connection,
            kind="file.taken_by_others",
            words=words,
            document_name=ref.name,
        )
        raise_alert(
            account_id=connection.account_id,
            cause="taken_by_others",
            subject=connection.name,
            words=words,
            connection=connection,
        )


def _wanted(run: Run) -> Iterator[InboundDocument]:
    documents = InboundDocument.objects.for_account(run.account_id).filter(
        connection=run.connection, feed="orders", state=InboundState.WANTED
    )
    for pk in list(documents.order_by("modified_at", "pk").values_list("pk", flat=True)):
        document = documents.filter(pk=pk).first()
        if document is not None and (run.named or document.due_at is None or document.due_at <= timezone.now()):
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
        _gone(run, document, problem)
        return
    with transaction.atomic():
        run.lease_required()
        documents = InboundDocument.objects.for_account(run.account_id)
        documents.filter(pk=document.pk).update(
            state=InboundState.FETCHED, sha256=sha256, fetched_at=timezone.now(), words="", due_at=None
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
    resolve_alerts(account_id=run.account_id, cause="file_not_fetched", subjects=[document.name])
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
    bodies = InboundBody.objects.for_account(document.account_id).filter(document=document).order_by("seq")
    for deflated in bodies.values_list("deflated", flat=True).iterator(chunk_size=1):
        yield zlib.decompress(bytes(deflated))


def _try_again(run: Run, document: InboundDocument, problem: TryLater) -> None:
    attempts = document.attempts + 1
    due_at = next_try(failures=attempts, first_failed_at=document.seen_at, now=timezone.now(), after=problem.after)
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
