"""The API below /v3/company/{realmId}: objects, queries, change data capture and batches.

Source: QuickBooks Online reference 9.2 and 9.3.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from .answers import Answer, Refusal, json_answer, missing, not_found, refused
from .books import Books, unsupported
from .company import ENTITIES, LISTS, NAMES, Company, Row
from .query import bad_query, read_query, run_query

CDC_MOST = 1000
CDC_DAYS = 30
BATCH_MOST = 30
REMEMBERED_REQUESTS = 5000

_BY_PATH = {entity.lower(): entity for entity in ENTITIES}


@dataclass(slots=True)
class Request:
    """A request as it came in; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    params: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.params = dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> Row:
        """Return the body as an object. Raise Refusal where it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            raise Refusal("2010", "Request has invalid or unsupported property", "The body is no JSON.") from None
        if not isinstance(value, dict):
            raise Refusal("2010", "Request has invalid or unsupported property", "The body is no object.")
        return value


class Api:
    """Answers requests of whoever may ask."""

    def __init__(self, company: Company, books: Books, realm: str) -> None:
        self._company, self._books, self._realm = company, books, realm

    def answer(self, request: Request, parts: list[str]) -> Answer:
        """Answer a request; `parts` are those of its path behind the company's id."""
        try:
            return json_answer(200, {**self._answer(request, parts), "time": self._company.stamp()})
        except Refusal as refusal:
            return refused(refusal, self._company.stamp())

    def _answer(self, request: Request, parts: list[str]) -> Row:
        match request.method, parts:
            case "GET", ["query"]:
                return {"QueryResponse": self._query(request.params.get("query", ""))}
            case "POST", ["query"]:
                return {"QueryResponse": self._query(request.body.decode("utf-8", "replace"))}
            case "GET", ["cdc"]:
                return {"CDCResponse": [{"QueryResponse": self._changed(request.params)}]}
            case "POST", ["batch"]:
                return {"BatchItemResponse": self._batch(request.json())}
            case "GET", ["companyinfo", _]:
                return {"CompanyInfo": self._company.table("CompanyInfo")["1"]}
            case "GET", ["preferences"]:
                return {"Preferences": self._company.table("Preferences")["1"]}
            case "GET", [name, key] if name in _BY_PATH:
                return {_BY_PATH[name]: self._read(_BY_PATH[name], key)}
            case "POST", [name] if name in _BY_PATH:
                return self._write(_BY_PATH[name], request)
        raise unsupported(f"{request.method} {'/'.join(parts)}")

    def _read(self, entity: str, key: str) -> Row:
        if not key.isdigit():
            raise Refusal("2030", "Invalid ID", f"Id should be a valid number. Supplied value:{key}", element="Id")
        row = self._company.get(entity, key)
        if row is None:
            raise not_found()
        return row

    # --- writing -------------------------------------------------------------------------------------------------------------

    def _write(self, entity: str, request: Request) -> Row:
        """Carry a write out once: a request id that was answered before gets the same answer."""
        key = request.params.get("requestid", "")
        answered: dict[str, str] = self._company.data["answered"]
        if key and key in answered:
            known: Row = json.loads(answered[key])
            return known
        operation = request.params.get("operation", "")
        include = request.params.get("include", "")
        told = {entity: self._carry_out(entity, operation, request.json(), include=include)}
        if key:
            answered[key] = json.dumps(told)
            while len(answered) > REMEMBERED_REQUESTS:
                del answered[next(iter(answered))]
        return told

    def _carry_out(self, entity: str, operation: str, given: Row, *, include: str = "") -> Row:
        if operation == "delete":
            return self._books.delete(entity, given)
        if operation == "void" or (operation == "update" and include == "void"):
            return self._books.void(entity, given)
        if operation in ("", "create", "update"):
            if operation == "update" or (operation == "" and given.get("Id")):
                return self._books.update(entity, given)
            return self._books.create(entity, given, allow_duplicate="allowduplicatedocnum" in include)
        raise unsupported(operation)

    def _batch(self, given: Row) -> list[Row]:
        items = given.get("BatchItemRequest")
        if not isinstance(items, list) or not items:
            raise missing("BatchItemRequest")
        if len(items) > BATCH_MOST:
            raise Refusal("1040", "Batch limit exceeded", f"A batch takes at most {BATCH_MOST} requests.")
        return [self._batch_item(item) for item in items]

    def _batch_item(self, item: Row) -> Row:
        known: Row = {"bId": item.get("bId", "")}
        try:
            if "Query" in item:
                return {"QueryResponse": self._query(str(item["Query"])), **known}
            entity = next((name for name in item if name in ENTITIES), "")
            if not entity:
                raise missing("an entity")
            operation, include = str(item.get("operation", "")), str(item.get("options", ""))
            return {entity: self._carry_out(entity, operation, item[entity], include=include), **known}
        except Refusal as refusal:
            return {"Fault": refusal.fault(), **known}

    # --- reading many --------------------------------------------------------------------------------------------------------

    def _query(self, text: str) -> Row:
        query = read_query(text)
        entity = next((name for name in ENTITIES if name.lower() == query.entity.lower()), "")
        if not entity:
            words = f"QueryValidationError: invalid context declaration: {query.entity}"
            raise Refusal("4001", "Invalid query", words)
        has_active = entity in (*NAMES, *LISTS)
        rows, total = run_query(query, self._company.table(entity).values(), has_active=has_active)
        if query.is_count:
            return {"totalCount": total}
        return {entity: rows, "startPosition": query.start, "maxResults": len(rows)} if rows else {}

    def _changed(self, params: dict[str, str]) -> list[Row]:
        """Return what was changed since, per entity: at most a thousand objects in all, and nothing of a month ago."""
        try:
            since = datetime.fromisoformat(params["changedSince"].replace("Z", "+00:00"))
        except (KeyError, ValueError):
            raise bad_query("changedSince is no time") from None
        since = since if since.tzinfo else since.astimezone()
        if since < self._company.now() - timedelta(days=CDC_DAYS):
            raise Refusal("4002", "Invalid changedSince", f"changedSince may lie at most {CDC_DAYS} days back.")
        room = CDC_MOST
        told: list[Row] = []
        for name in (part.strip() for part in params.get("entities", "").split(",")):
            entity = next((known for known in ENTITIES if known.lower() == name.lower()), "")
            if not entity:
                raise Refusal("4001", "Invalid query", f"QueryValidationError: invalid context declaration: {name}")
            rows = [*self._changed_rows(entity, since), *self._gone_rows(entity, since)][:room]
            room -= len(rows)
            told.append({entity: rows, "startPosition": 1, "maxResults": len(rows)} if rows else {})
        return told

    def _changed_rows(self, entity: str, since: datetime) -> list[Row]:
        rows = [row for row in self._company.table(entity).values() if _changed_at(row) >= since]
        return sorted(rows, key=_changed_at)

    def _gone_rows(self, entity: str, since: datetime) -> list[Row]:
        return [
            {"domain": "QBO", "status": "Deleted", "Id": gone["Id"], "MetaData": {"LastUpdatedTime": gone["at"]}}
            for gone in self._company.data["gone"]
            if gone["entity"] == entity and datetime.fromisoformat(gone["at"]) >= since
        ]


def _changed_at(row: Row) -> datetime:
    return datetime.fromisoformat(row["MetaData"]["LastUpdatedTime"])
