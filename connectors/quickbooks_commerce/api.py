"""The talking itself: reads, lists, walks and writes. It knows how the API pages and refuses, and nothing of orders.

Source: QuickBooks Commerce reference sections 2.2 to 2.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from connectors.contract import RenderedRequest
from connectors.errors import ConnectorError, FixConnection, OutcomeUnknown, TryLater
from connectors.quickbooks_commerce.refusals import connection_error, quoted, wrong_address
from connectors.quickbooks_commerce.wire import (
    IDEMPOTENCY_HEADER,
    BadValue,
    Paging,
    Params,
    chunks,
    id_of,
    paging_of,
    refusal_of,
    rows_of,
    sideloaded,
    stamp_of,
    stamp_text,
    text_of,
)
from connectors.transports.http import Answer, HttpClient

FAR_SIDE = "QuickBooks Commerce"

T = TypeVar("T")
Row = dict[str, Any]

BELOW_A_STAMP = timedelta(milliseconds=1)
"""How far below the last stamp a walk goes on: stamps are told in milliseconds, and nobody says that the bound is inclusive."""


MOST_REMEMBERED = 50_000
"""Records of a walk that are kept to tell repeats: beyond it only the last page's, which is all that a bound can repeat."""


class AddressTooLong(TryLater):
    """414: the question must be asked in smaller pieces."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of a list: its objects, what came beside them, and how many there are in all as far as the API says."""

    rows: list[Row]
    body: Mapping[str, Any]
    total: int | None = None
    newest: datetime | None = None

    def beside(self, root: str) -> list[Row]:
        """Return the objects that were sideloaded under this root."""
        return sideloaded(self.body, root)


class Api:
    """Requests to one account. `request` of the client is safe in threads, and so is everything here."""

    def __init__(self, client: HttpClient, *, now: Callable[[], datetime], page_size: int) -> None:
        self._client = client
        self._now = now
        self.page_size = page_size

    def far_now(self, answer: Answer) -> datetime:
        """Return the far side's time of an answer; our own where it doesn't tell."""
        return answer.date or self._now()

    def close(self) -> None:
        self._client.close()

    # --- reading -------------------------------------------------------------------------------------------------------------

    def ask(self, path: str, params: Params | None = None) -> Answer:
        """Return a good answer to a question. Raise what a refusal means for a read."""
        answer = self._client.request("GET", path, is_write=False, params=params)
        if not answer.ok:
            raise _read_error(answer)
        return answer

    def one(self, path: str, root: str) -> Row | None:
        """Return one record, or None where there is none."""
        answer = self._client.request("GET", path, is_write=False)
        body = answer.json_or_none()
        if answer.status == 404 and isinstance(body, dict):
            return None
        if not answer.ok:
            raise _read_error(answer)
        record = answer.json()
        row = record.get(root) if isinstance(record, dict) else None
        if not isinstance(row, dict):
            raise unreadable(f"there is no {root} in it")
        return row

    def pages(self, path: str, root: str, params: Params | None = None) -> Iterator[Rows]:
        """Yield all pages of a list. One that changes meanwhile may give a record twice or not at all: see `walk`."""
        seen: set[str] = set()
        page = 0
        while True:
            page += 1
            _, body, rows, paging = self._page(path, root, params or [], page)
            fresh = [row for row in rows if text_of(row.get("id")) not in seen]
            seen.update(text_of(row.get("id")) for row in rows)
            yield Rows(fresh, body, paging.total)
            if _is_end(paging, rows, fresh):
                return

    def walk(
        self, path: str, root: str, params: Params, *, since: datetime | None, column: str = "updated_at"
    ) -> Iterator[tuple[Rows, datetime]]:
        """Yield what was changed (or created) since, oldest first, each record once in each state, with the far side's time
        when the walk began. Always yields at least one page.

        The next question begins at the last stamp seen, so that a record that moves to the end while we read pushes nobody
        off a page; pages are turned only where one stamp fills a whole page, or where the API doesn't sort as asked.
        """
        bound, page = since, 1
        seen: dict[str, str] = {}
        total: int | None = None
        far_now: datetime | None = None
        while True:
            bounds = [(f"{column}_min", stamp_text(bound))] if bound is not None else []
            answer, body, rows, paging = self._page(path, root, [*params, *bounds, ("order", f"{column} asc")], page)
            stamps = [_stamp(row, column) for row in rows]
            fresh = [row for row in rows if seen.get(text_of(row.get("id"))) != text_of(row.get(column))]
            if far_now is None:
                total, far_now = paging.total, self.far_now(answer)
            if fresh or not seen:
                newest = max((stamp for stamp in (_stamp(row, column) for row in fresh) if stamp), default=None)
                yield Rows(fresh, body, total, newest), far_now
            if _is_end(paging, rows, fresh if page > 1 else rows):
                return
            seen |= {text_of(row.get("id")): text_of(row.get(column)) for row in rows}
            onwards = _next_bound(stamps)
            if onwards is not None and (bound is None or onwards > bound):
                bound, page = onwards, 1
                if len(seen) > MOST_REMEMBERED:
                    seen = {text_of(row.get("id")): text_of(row.get(column)) for row in rows}
            else:
                page += 1

    def in_bulk(
        self, values: Sequence[str], ask: Callable[[list[str]], Iterable[T]], *, most: int, most_text: int | None = None
    ) -> Iterator[T]:
        """Ask for many values in pieces; a piece whose address is too long is halved and asked again."""
        for piece in chunks(values, most=most, most_text=most_text):
            yield from self._piece(piece, ask)

    def _piece(self, piece: list[str], ask: Callable[[list[str]], Iterable[T]]) -> list[T]:
        try:
            return list(ask(piece))
        except AddressTooLong:
            if len(piece) == 1:
                raise
        half = len(piece) // 2
        return self._piece(piece[:half], ask) + self._piece(piece[half:], ask)

    def _page(self, path: str, root: str, params: Params, page: int) -> tuple[Answer, Any, list[Row], Paging]:
        answer = self.ask(path, [*params, ("limit", str(self.page_size)), ("page", str(page))])
        body = answer.json()
        try:
            rows = rows_of(body, root)
        except BadValue as error:
            raise unreadable(str(error)) from None
        return answer, body, rows, paging_of(answer.headers.get("X-Pagination"))

    # --- writing -------------------------------------------------------------------------------------------------------------

    def rendered_write(
        self, method: str, path: str, body: Any, *, key: str = "", notes: tuple[str, ...] = ()
    ) -> RenderedRequest:
        """Return a write as `write` would send it, and send nothing."""
        url, headers, content = self._client.rendered(method, path, json=body, headers=_key_header(key))
        return RenderedRequest(method=method, url=url, headers=headers, body=content, notes=notes)

    def write(self, method: str, path: str, body: Any = None, *, key: str = "") -> Answer:
        """Send a write and return its answer, good or refused; the transport raises where nobody knows what came of it."""
        return self._client.request(method, path, is_write=True, json=body, headers=_key_header(key))


def _key_header(key: str) -> dict[str, str] | None:
    return {IDEMPOTENCY_HEADER: key} if key else None


def made(answer: Answer, root: str) -> Row:
    """Return the object that a good answer to a write holds. Raise `OutcomeUnknown` where it holds none."""
    body = answer.json_or_none()
    row = body.get(root) if isinstance(body, dict) else None
    if not isinstance(row, dict) or not _has_id(row):
        raise OutcomeUnknown(
            f"{FAR_SIDE} answered {answer.status} without the {root} that it should have made, so it isn't certain whether it "
            "did. It is looked up first."
        )
    return row


def _has_id(row: Row) -> bool:
    try:
        return bool(id_of(row.get("id")))
    except BadValue:
        return False


def _read_error(answer: Answer) -> ConnectorError:
    """Return what a refused question means. A read may always be asked again."""
    body = answer.json_or_none()
    refusal = refusal_of(answer.status, body)
    connection: FixConnection | None = connection_error(refusal)
    if connection is not None:
        return connection
    if answer.status == 414:
        return AddressTooLong(f"{FAR_SIDE} finds a question too long (414). It is asked in smaller pieces later.")
    if answer.status == 404:
        return wrong_address(refusal)
    return TryLater(f"{FAR_SIDE} refused a question ({answer.status}: {quoted(refusal)}). It is asked again later.")


def unreadable(why: str) -> TryLater:
    """Say that an answer to a question makes no sense; it may always be asked again."""
    return TryLater(f"{FAR_SIDE} gave an answer that can't be read: {why}. It is asked again later.")


def _is_end(paging: Paging, rows: Sequence[Row], fresh: Sequence[Row]) -> bool:
    """The header says whether a page is the last. Without one, only a page with nothing new is: pages may be smaller than
    asked."""
    if paging.is_last is not None:
        return paging.is_last or not rows
    return not fresh


def _stamp(row: Row, column: str) -> datetime | None:
    try:
        return stamp_of(row.get(column))
    except BadValue:
        return None


def _next_bound(stamps: Sequence[datetime | None]) -> datetime | None:
    """Return where to go on, or None where the rows don't stand in order: then pages must be turned."""
    known = [stamp for stamp in stamps if stamp is not None]
    if not known or len(known) != len(stamps) or known != sorted(known):
        return None
    return known[-1] - BELOW_A_STAMP
