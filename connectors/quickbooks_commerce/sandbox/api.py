"""One API request after another: who asks, whether they may, and what the answer is. No I/O here.

Source: QuickBooks Commerce reference 2. A refusal or an answer is an `Answer` in any case; exceptions are bugs of the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from . import shapes
from .actions import run_action
from .answers import (
    Answer,
    Refusal,
    bad_request,
    forbidden,
    invalid,
    json_answer,
    no_route,
    not_found,
    problem,
    rate_limited,
)
from .idempotency import Keys
from .inputs import root_of
from .oauth import Authority, Unauthorized
from .orders import create_order
from .querying import Listed, Query, list_records, page_bounds
from .records import Token
from .resources import BY_PATH, Resource, Update
from .store import Store
from .throttle import Throttle
from .wire import from_json

LONGEST_URL = 8_190
"""Characters of path and query beyond which servers of that kind answer 414."""

VOIDED = {"orders": ("void", "deleted"), "fulfillments": ("void", "deleted"), "invoices": ("void",)}


@dataclass(frozen=True, slots=True)
class Request:
    """What of a request matters. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def parts_of_path(path: str) -> tuple[str, ...]:
    """Return the parts of a path, with or without a slash or `.json` at its end."""
    return tuple(path.strip("/").removesuffix(".json").split("/"))


def read_body(request: Request) -> Any:
    """Return the JSON or Rails-style form of a body. Raise the 400 for one that is neither."""
    if not request.body:
        return {}
    if "x-www-form-urlencoded" in request.headers.get("content-type", ""):
        return _form(request.body)
    try:
        return from_json(request.body)
    except (ValueError, RecursionError):
        raise bad_request("There was a problem in the JSON you submitted") from None


def _form(body: bytes) -> dict[str, Any]:
    """Return nested values of `product[name]=..` pairs; `[]` makes lists of texts."""
    values: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        keys = name.replace("]", "").split("[")
        inner = values
        for key in keys[:-1] if keys[-1] else keys[:-2]:
            following = inner.setdefault(key, {})
            inner = following if isinstance(following, dict) else {}
        if keys[-1]:
            inner[keys[-1]] = value
        elif len(keys) > 1:
            many = inner.setdefault(keys[-2], [])
            if isinstance(many, list):
                many.append(value)
    return values


class Api:
    """The API over a store."""

    def __init__(self, store: Store, authority: Authority, throttle: Throttle) -> None:
        self._store = store
        self._authority = authority
        self._throttle = throttle
        self._keys = Keys(store)
        self.base = ""

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""
        if len(request.path) + len(request.query) > LONGEST_URL:
            return problem(414, "URI Too Long", "The requested URI is too long")
        if request.path == "/oauth/token":
            return self._token(request)
        try:
            token = self._authority.token_of(request.headers.get("authorization", ""))
        except Unauthorized as refusal:
            return refusal.answer
        within = self._throttle.take(token.application_id)
        answer = self._once(request, token) if within else rate_limited()
        answer.headers.update(self._throttle.headers(token.application_id))
        return answer

    def _token(self, request: Request) -> Answer:
        if request.method != "POST":
            return no_route(request.path).answer
        try:
            body = read_body(request)
        except Refusal as refusal:
            return refusal.answer
        values = body if isinstance(body, dict) else {}
        return self._authority.exchange({name: value for name, value in values.items() if isinstance(value, str)})

    def _once(self, request: Request, token: Token) -> Answer:
        """Carry out what hasn't been carried out under the same idempotency key."""
        key = request.headers.get("idempotency-key", "").strip() if request.method in ("POST", "PUT") else ""
        if key:
            repeat = self._keys.repeat_of(token.application_id, key)
            if repeat is not None:
                return repeat
        try:
            answer = self._carry_out(request, token)
        except Refusal as refusal:
            answer = refusal.answer
        if key:
            self._keys.remember(token.application_id, key, answer)
        return answer

    def _carry_out(self, request: Request, token: Token) -> Answer:
        parts = parts_of_path(request.path)
        resource = BY_PATH.get(parts[0])
        if resource is None:
            raise no_route(request.path)
        if request.method != "GET" and not self._authority.may(token, resource.permission):
            return forbidden()
        query = Query(request.query)
        match request.method, parts[1:]:
            case "GET", ():
                return self._list(resource, query)
            case "POST", ():
                return self._create(resource, request, token)
            case "GET", ("composition", *rest) if resource.path == "variants":
                return self._composition(rest, query)
            case "GET", (record_id,):
                return self._show(resource, self._find(resource, record_id, token), query)
            case "PUT", (record_id,) if resource.update:
                return self._update(resource, resource.update, self._find(resource, record_id, token), request)
            case "DELETE", (record_id,) if resource.delete:
                resource.delete(self._store, self._find(resource, record_id, token))
                return Answer(204)
            case "POST", (record_id, "actions", name) if resource.path == "orders":
                order = self._find(resource, record_id, token)
                body = read_body(request)
                return json_answer(201, run_action(self._store, order, name, body if isinstance(body, dict) else {}))
        raise no_route(request.path)

    def _find(self, resource: Resource, record_id: str, token: Token) -> Any:
        if record_id == "current" and resource.path == "accounts":
            return self._store.account()
        if record_id == "current" and resource.path == "users":
            return self._store.plain("users").rows[token.user_id]
        if resource.path == "price_lists":
            for row in self._store.plain("price_lists"):
                if record_id in (row.data["key"], str(row.id)):
                    return row
        record = resource.rows(self._store).get(int(record_id)) if record_id.isdecimal() else None
        if record is None:
            raise not_found(resource.model, record_id)
        return record

    # --- lists ---------------------------------------------------------------------------------------------------------------

    def _list(self, resource: Resource, query: Query) -> Answer:
        table = resource.rows(self._store)
        among = self._among(resource, query)
        if resource.path == "variants" and "composite" in query and among is None:
            wanted = query.one("composite") in ("true", "1")
            among = [row for row in table if bool(row.components) == wanted]
        if any(name in query for name in resource.parents) and "order" not in query:
            query = Query(urlencode([*query.pairs, ("order", "position")]))
        listed = list_records(table, query, resource.filters, self._store.options, among)
        rows = table.many(listed.ids)
        body: dict[str, Any] = {}
        asked = query.one("include").split(",")
        for sideload in resource.sideloads if rows else ():
            if sideload.on_lists and (sideload.automatic or sideload.name in asked):
                body[sideload.root] = [sideload.show(self._store, row) for row in sideload.related(self._store, rows)]
        body[resource.path] = [resource.show(self._store, row) for row in rows]
        return json_answer(200, body, listed.headers(self.base, f"/{resource.path}", query))

    def _among(self, resource: Resource, query: Query) -> list[Any] | None:
        """Return the records that a list is about where that isn't an attribute of theirs."""
        store = self._store
        if resource.path == "order_line_items" and "order_status" in query:
            statuses = set(query.texts("order_status"))
            return [line for line in store.order_lines if store.orders.rows[line.order_id].status in statuses]
        if resource.path == "variants" and "stock_location_id" in query:
            wanted = set(query.integers("stock_location_id"))
            levels = (level for level in store.levels if level.location_id in wanted)
            return store.variants.many(dict.fromkeys(level.variant_id for level in levels))
        if resource.path == "variants" and "product_type" in query:
            kinds = set(query.texts("product_type"))
            return [row for row in store.variants if store.products.rows[row.product_id].product_type in kinds]
        voided = VOIDED.get(resource.path)
        if voided and not store.options.list_voided and "status" not in query:
            return [row for row in resource.rows(store) if row.status not in voided]
        return None

    def _composition(self, rest: list[str], query: Query) -> Answer:
        """Answer the components of bundles: an array in any case."""
        bundles = [row for row in self._store.variants if row.components and row.status == "active"]
        if len(rest) > 1 or (rest and not rest[0].isdecimal()):
            raise no_route(f"/variants/composition/{'/'.join(rest)}")
        wanted = [int(rest[0])] if rest else query.integers("ids")
        if wanted:
            bundles = [row for row in bundles if row.id in wanted]
        if rest and not bundles:
            raise not_found("Variant", rest[0])
        if "sku" in query:
            bundles = [row for row in bundles if row.sku in query.texts("sku")]
        rows = [row for bundle in bundles for row in shapes.composition(self._store, bundle)]
        if "component_id" in query:
            rows = [row for row in rows if row["component_id"] in query.integers("component_id")]
        limit, page = page_bounds(query, self._store.options)
        shown = rows[(page - 1) * limit : page * limit]
        body: dict[str, Any] = {}
        asked = query.one("include").split(",")
        ids = [row[f"{side}_id"] for row in shown for side in ("bundle", "component") if side in asked]
        if ids:
            variants = self._store.variants.many(dict.fromkeys(ids))
            body["variants"] = [shapes.variant(self._store, row) for row in variants]
        body["composition"] = shown
        path = "/variants/composition" + "".join(f"/{part}" for part in rest)
        return json_answer(200, body, Listed([], len(rows), limit, page).headers(self.base, path, query))

    # --- one record ----------------------------------------------------------------------------------------------------------

    def _show(self, resource: Resource, record: Any, query: Query) -> Answer:
        body: dict[str, Any] = {}
        asked = query.one("include").split(",")
        for sideload in resource.sideloads:
            if sideload.name in asked:
                rows = [sideload.show(self._store, row) for row in sideload.related(self._store, [record])]
                known = body.setdefault(sideload.root, [])
                known.extend(row for row in rows if row not in known)
        body[resource.root] = resource.show(self._store, record)
        return json_answer(200, body)

    def _create(self, resource: Resource, request: Request, token: Token) -> Answer:
        if resource.create is None and resource.path != "orders":
            raise no_route(request.path)
        body = root_of(read_body(request), resource.root)
        if resource.create is None:
            record = create_order(self._store, body, user_id=token.user_id, application_id=token.application_id)
        else:
            record = resource.create(self._store, body)
        location = {"Location": f"{self.base}/{resource.path}/{record.id}"}
        return json_answer(201, {resource.root: resource.show(self._store, record)}, location)

    def _update(self, resource: Resource, update: Update, record: Any, request: Request) -> Answer:
        body = root_of(read_body(request), resource.root)
        if "id" in body and str(body["id"]) != str(record.id):
            raise invalid({"id": ["can't be changed"]})
        update(self._store, record, body)
        if resource.update_answers_body:
            return json_answer(200, {resource.root: resource.show(self._store, record)})
        return Answer(204)
