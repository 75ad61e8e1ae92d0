"""The talking itself: queries, change data capture, batches and writes. It knows nothing of orders.

Source: QuickBooks Online reference 9.2 and 9.3.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from connectors.contract import Limiter, RenderedRequest
from connectors.errors import OutcomeUnknown, SlowDown, TryLater
from connectors.quickbooks_online.refusals import FAR_SIDE, GONE, THROTTLED, read_error
from connectors.quickbooks_online.wire import (
    CDC_MOST,
    LONGEST_KEY,
    MINOR_VERSION,
    PAGE,
    QUERIES_PER_BATCH,
    Params,
    Refusal,
    Row,
    chunks,
    refusal_of,
    select,
    stamp_text,
    text_of,
)
from connectors.transports.http import Answer, HttpClient

BATCH = "batch"
"""Requests that carry several are counted apart. Source: section 9.2."""

THROTTLE_SECONDS = 60.0

LONGEST_ADDRESS = 1500
"""A longer query is posted."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What change data capture tells, by entity. `may_lack`: the answer was full, so that some may be missing."""

    rows: dict[str, list[Row]]
    far_now: datetime
    may_lack: bool


class Api:
    """Requests to one company. Safe in threads."""

    def __init__(self, client: HttpClient, limiter: Limiter, *, realm: str, now: Callable[[], datetime]) -> None:
        self._client, self._limiter, self._now = client, limiter, now
        self._base = f"/v3/company/{quote(realm, safe='')}"
        self.realm = realm

    def close(self) -> None:
        self._client.close()

    def far_now(self, answer: Answer) -> datetime:
        """Return the far side's time of an answer; our own where it doesn't tell."""
        return answer.date or self._now()

    # --- reading -------------------------------------------------------------------------------------------------------------

    def ask(self, path: str, params: Params | None = None) -> Answer:
        """Return a good answer to a question. Raise what a refusal means for a read."""
        return self._good(self._send("GET", path, is_write=False, params=params))

    def one(self, entity: str, key: str) -> Row | None:
        """Return one object, or None where there is none."""
        answer = self._send("GET", f"/{entity.lower()}/{quote(key, safe='')}", is_write=False)
        refusal = self._refusal(answer)
        if refusal is not None:
            if refusal.code == GONE:
                return None
            raise read_error(refusal)
        row = answer.json().get(entity)
        if not isinstance(row, dict):
            raise unreadable(f"there is no {entity} in it")
        return row

    def query(self, text: str) -> tuple[Row, Answer]:
        """Return the response to one query, and the answer that it came in."""
        if len(text) <= LONGEST_ADDRESS:
            answer = self.ask("/query", [("query", text)])
        else:
            headers = {"Content-Type": "application/text"}
            answer = self._good(self._send("POST", "/query", is_write=False, body=text.encode(), headers=headers))
        return _response_of(answer.json()), answer

    def rows(self, entity: str, condition: str = "") -> Iterator[list[Row]]:
        """Yield all rows of an entity, page by page, in the order of their ids."""
        start = 1
        while True:
            response, _ = self.query(select(entity, where=condition, order="Id", start=start, most=PAGE))
            rows = rows_of(response, entity)
            yield rows
            if len(rows) < PAGE:
                return
            start += len(rows)

    def count(self, entity: str, condition: str = "") -> int:
        """Return how many rows there are."""
        response, _ = self.query(select(entity, what="count(*)", where=condition))
        total = response.get("totalCount")
        if not isinstance(total, int):
            raise unreadable("there is no count in it")
        return total

    def queries(self, texts: Sequence[str]) -> list[Row]:
        """Return the responses to several queries, in one request where they fit. Raise what the first fault means."""
        if len(texts) == 1:
            return [self.query(texts[0])[0]]
        told: list[Row] = []
        for some in chunks(list(texts), QUERIES_PER_BATCH):
            items = [{"bId": str(number), "Query": text} for number, text in enumerate(some)]
            answer = self._good(self._send("POST", "/batch", is_write=False, json={"BatchItemRequest": items}, sort=BATCH))
            told += self._batch_responses(answer, len(some))
        return told

    def _batch_responses(self, answer: Answer, expected: int) -> list[Row]:
        given = answer.json().get("BatchItemResponse")
        if not isinstance(given, list):
            raise unreadable("there are no answers of a batch in it")
        by_id: dict[str, Row] = {}
        for item in given:
            refusal = refusal_of(answer.status, item)
            if refusal is not None:
                raise self._slow_down(refusal, BATCH) or read_error(refusal)
            by_id[text_of(item.get("bId"))] = _response_of(item)
        if len(by_id) != expected:
            raise unreadable("a batch lacks answers")
        return [by_id[key] for key in sorted(by_id, key=int)]

    def changes(self, entities: Sequence[str], since: datetime) -> Changes:
        """Return what was changed or deleted since."""
        params = [("entities", ",".join(entities)), ("changedSince", stamp_text(since))]
        answer = self.ask("/cdc", params)
        told = answer.json().get("CDCResponse")
        if not isinstance(told, list):
            raise unreadable("there are no changes in it")
        found: dict[str, list[Row]] = {entity: [] for entity in entities}
        for part in told:
            refusal = refusal_of(answer.status, part)
            if refusal is not None:
                raise read_error(refusal)
            for response in part.get("QueryResponse") or []:
                for entity in entities:
                    found[entity] += rows_of(response, entity)
        may_lack = sum(map(len, found.values())) >= CDC_MOST
        return Changes(found, self.far_now(answer), may_lack)

    # --- writing -------------------------------------------------------------------------------------------------------------

    def write(self, entity: str, body: Any, *, key: str = "", operation: str = "", include: str = "") -> Answer:
        """Send a write and return its answer, good or refused; the transport raises where nobody knows what came of it."""
        path = _write_path(entity, key=key, operation=operation, include=include)
        answer = self._send("POST", path, is_write=True, json=body)
        self._refusal(answer)
        return answer

    def rendered_write(self, entity: str, body: Any, *, key: str = "", notes: tuple[str, ...] = ()) -> RenderedRequest:
        """Return a write as `write` would send it, and send nothing."""
        path = self._base + _write_path(entity, key=key)
        url, headers, content = self._client.rendered("POST", path, json=body)
        return RenderedRequest(method="POST", url=url, headers=headers, body=content, notes=notes)

    # --- one call ------------------------------------------------------------------------------------------------------------

    def _send(self, method: str, path: str, *, is_write: bool, **what: Any) -> Answer:
        if not is_write:
            what["params"] = [*(what.get("params") or []), ("minorversion", MINOR_VERSION)]
        return self._client.request(method, self._base + path, is_write=is_write, **what)

    def _good(self, answer: Answer) -> Answer:
        refusal = self._refusal(answer)
        if refusal is not None:
            raise read_error(refusal)
        return answer

    def _refusal(self, answer: Answer) -> Refusal | None:
        """Return what an answer refuses. Raise `SlowDown` for a limit that is told in a fault."""
        refusal = refusal_of(answer.status, answer.json_or_none())
        sort = BATCH if answer.path.endswith("/batch") else ""
        slow = self._slow_down(refusal, sort) if refusal is not None else None
        if slow is not None:
            raise slow
        return refusal

    def _slow_down(self, refusal: Refusal, sort: str) -> SlowDown | None:
        if refusal.code != THROTTLED:
            return None
        self._limiter.exhausted(reset_at=self._now() + timedelta(seconds=THROTTLE_SECONDS), sort=sort)
        words = f"{FAR_SIDE}'s request limit is used up; it takes requests again in {THROTTLE_SECONDS:.0f} s."
        return SlowDown(words, after=THROTTLE_SECONDS)


def request_id(key: str) -> str:
    """Return a write's key as the API takes it: itself where it fits, else what always comes of it."""
    if len(key) <= LONGEST_KEY and re.fullmatch(r"[\w-]*", key, re.ASCII):
        return key
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def made(answer: Answer, entity: str) -> Row:
    """Return the object that a good answer to a write holds. Raise `OutcomeUnknown` where it holds none."""
    body = answer.json_or_none()
    row = body.get(entity) if isinstance(body, dict) else None
    if not isinstance(row, dict) or not text_of(row.get("Id")):
        raise OutcomeUnknown(
            f"{FAR_SIDE} answered {answer.status} without the {entity} that it should have made, so it isn't certain whether "
            "it did. It is looked up first."
        )
    return row


def rows_of(response: Row, entity: str) -> list[Row]:
    """Return the rows of one entity; an empty page holds none."""
    rows = response.get(entity)
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise unreadable(f"there is no list of {entity} in it")
    return rows


def unreadable(why: str) -> TryLater:
    """Say that an answer to a question makes no sense; it may always be asked again."""
    return TryLater(f"{FAR_SIDE} gave an answer that can't be read: {why}. It is asked again later.")


def _response_of(body: Any) -> Row:
    response = body.get("QueryResponse") if isinstance(body, dict) else None
    if not isinstance(response, dict):
        raise unreadable("there is no response to a query in it")
    return response


def _write_path(entity: str, *, key: str = "", operation: str = "", include: str = "") -> str:
    asked = {"operation": operation, "include": include, "minorversion": MINOR_VERSION, "requestid": request_id(key)}
    return f"/{entity.lower()}?{urlencode({name: value for name, value in asked.items() if value})}"
