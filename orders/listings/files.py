"""Files that came from a cart and went to it, with their bytes as far as a person may see them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cartrover.redaction import scrub
from cartrover.vault import SealBroken
from connectors.contract import Purpose
from connectors.models import Connection
from connectors.readers import secrets_of
from orders import words
from orders.listings.paging import PAGE, Page, page_of
from orders.models import InboundBody, InboundDocument, InboundState, OutboundAttempt, OutboundDocument
from orders.pipeline.documents import document_bytes
from orders.pipeline.retrieve import stored_bytes

HEAD_BYTES = 64_000
"""How much of a file is looked at for its head."""

HEAD_LINES = 60
TRIES_SHOWN = 20
GZIP = b"\x1f\x8b"

COMING, GOING = "in", "out"
"""The two ways of a file, as addresses name them."""

CAN_BE_READ_AGAIN = (InboundState.READ, InboundState.REFUSED, InboundState.GONE)


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a cart, whichever way it went. `at` is when it was seen or made."""

    document: InboundDocument | OutboundDocument
    way: str
    about: str
    state: str
    tone: str
    at: datetime
    counts: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class FilePage:
    """A file with the head of what it holds, without secrets. `text` is None once the bytes are purged or never came.

    `tries` are the last attempts to put it there, the latest first; a file that came has none.
    """

    row: FileRow
    text: str | None
    is_cut: bool
    can_be_read_again: bool
    tries: Sequence[OutboundAttempt] = ()


def files_page(connection: Connection, way: str, after: UUID | None = None, *, limit: int = PAGE) -> Page[FileRow]:
    """Return the files that came from a cart, or those that were made for it, newest first."""
    account = connection.account
    if way == COMING:
        rows: Any = InboundDocument.objects.for_account(account).filter(connection=connection)
        page = page_of(account, rows, along="seen_at", descending=True, after=after, limit=limit)
        return Page([_inbound(document) for document in page.rows], page.next)
    rows = OutboundDocument.objects.for_account(account).filter(connection=connection).defer("deflated")
    page = page_of(account, rows, along="created_at", descending=True, after=after, limit=limit)
    return Page([_outbound(document) for document in page.rows], page.next)


def document_of(connection: Connection, way: str, public_id: UUID) -> InboundDocument | OutboundDocument | None:
    """Return a file of this connection; None when it has no such one."""
    if way == COMING:
        return (
            InboundDocument.objects.for_account(connection.account_id)
            .filter(connection=connection, public_id=public_id)
            .first()
        )
    return (
        OutboundDocument.objects.for_account(connection.account_id).filter(connection=connection, public_id=public_id).first()
    )


def file_page(connection: Connection, document: InboundDocument | OutboundDocument) -> FilePage:
    """Return a file with the head of its text."""
    pieces = bytes_of(document)
    row = _inbound(document) if isinstance(document, InboundDocument) else _outbound(document)
    can_again = isinstance(document, InboundDocument) and document.state in CAN_BE_READ_AGAIN
    if pieces is None:
        again = can_again and document.state == InboundState.GONE
        return FilePage(row, None, is_cut=False, can_be_read_again=again, tries=_tries(document))
    text, is_cut = head_of(pieces)
    return FilePage(row, scrub(text, _secrets(connection)), is_cut, can_again, _tries(document))


def _tries(document: InboundDocument | OutboundDocument) -> Sequence[OutboundAttempt]:
    if isinstance(document, InboundDocument):
        return ()
    return list(document.tries.order_by("-started_at", "-pk")[:TRIES_SHOWN])


def bytes_of(document: InboundDocument | OutboundDocument) -> Iterable[bytes] | None:
    """Return the file's bytes in pieces, exactly as they came or went; None when they aren't kept (any more)."""
    if isinstance(document, OutboundDocument):
        return None if document.deflated is None else [document_bytes(document)]
    bodies = InboundBody.objects.for_account(document.account_id).filter(document=document)
    whole = document.state in (InboundState.FETCHED, InboundState.READ, InboundState.REFUSED)
    return stored_bytes(document) if whole and (document.size == 0 or bodies.exists()) else None


def head_of(pieces: Iterable[bytes]) -> tuple[str, bool]:
    """Return the first lines of a file as text, and whether there is more; a compressed one is opened."""
    raw = b""
    for piece in _opened(iter(pieces)):
        raw += piece
        if len(raw) > HEAD_BYTES:
            break
    is_cut = len(raw) > HEAD_BYTES
    lines = raw[:HEAD_BYTES].decode("utf-8-sig", errors="replace").replace("\x00", "\ufffd").splitlines()
    return "\n".join(lines[:HEAD_LINES]), is_cut or len(lines) > HEAD_LINES


def _opened(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces, b"")
    if not first.startswith(GZIP):
        yield first
        yield from pieces
        return
    unzip = zlib.decompressobj(wbits=31)
    try:
        yield unzip.decompress(first, HEAD_BYTES + 1)
    except zlib.error:
        yield first


def _secrets(connection: Connection) -> list[str]:
    try:
        return list(secrets_of(connection).values())
    except SealBroken:
        return []


def _inbound(document: InboundDocument) -> FileRow:
    return FileRow(
        document,
        COMING,
        "Orders",
        words.FILE_IN.get(document.state, document.state),
        words.FILE_IN_TONE.get(document.state, "quiet"),
        document.seen_at,
        words.counts_said(document.counts),
    )


def _outbound(document: OutboundDocument) -> FileRow:
    return FileRow(
        document,
        GOING,
        words.FILE_ABOUT.get(Purpose(document.purpose), document.purpose),
        words.FILE.get(document.state, document.state),
        words.FILE_TONE.get(document.state, "quiet"),
        document.created_at,
        [("rows", document.rows)],
    )
