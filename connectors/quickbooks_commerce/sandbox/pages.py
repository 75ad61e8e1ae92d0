"""The pages of the sandbox: consent for OAuth, and a console to look at orders and stock and to drive the warehouse.

Only names of this machine are served, forms carry a token that no other site can read, and `POST /_sandbox/drive` asks for the
token that lies in the sandbox's folder: another process may drive, a web page may not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from . import snapshot
from .answers import HTML, Answer, json_answer
from .api import Request
from .faults import KINDS, Faults
from .markup import STYLE, Page, badge, button, cell, escape, field, form, layout, notice, select, table
from .oauth import APPLICATION_WORDS, WORDS, Authority, with_query
from .querying import Query
from .records import Fulfillment, Order, OrderLine
from .store import Store
from .wire import from_json, read_integer, stock_text, total_text

PAGE_ROWS = 50

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action *; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

NUMBERS = frozenset({"order_id", "fulfillment_id", "times"})
"""Fields of forms that hold whole numbers."""

OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Console(Protocol):
    """What the pages need of the running server."""

    store: Store
    authority: Authority

    @property
    def base(self) -> str: ...

    def run_command(self, command: str, arguments: Mapping[str, Any]) -> Any: ...

    def request_log(self, limit: int) -> dict[str, Any]: ...

    def fault_switch(self) -> Faults: ...


class Pages:
    """Answers whatever isn't the API."""

    def __init__(self, console: Console, drive_token: str) -> None:
        self._console = console
        self._store = console.store
        self._token = drive_token
        self._form_token = hmac.new(drive_token.encode(), b"forms", hashlib.sha256).hexdigest()

    def answer(self, request: Request) -> Answer:
        answer = self._answer(request) if self._is_own_name(request) else _plain(403, "Open this page as 127.0.0.1.")
        for name, value in SECURITY_HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    def _is_own_name(self, request: Request) -> bool:
        """Refuse names that an outside name server could point at this machine."""
        host = request.headers.get("host", "")
        return (host.rsplit(":", 1)[0] if not host.endswith("]") else host) in OWN_NAMES

    def _answer(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        if path == "/oauth/authorize":
            return self._authorize(request)
        if request.method == "POST":
            posts: dict[str, Callable[[Request], Answer]] = {"/_sandbox/drive": self._drive, "/_sandbox/act": self._act}
            return posts[path](request) if path in posts else _plain(404, "There is no such page.")
        if path == "/_sandbox/style.css":
            return Answer(200, STYLE.encode(), "text/css; charset=utf-8", {"Cache-Control": "max-age=60"})
        views: dict[str, Callable[[Query], Page]] = {
            "/_sandbox": self._orders,
            "/_sandbox/stock": self._stock,
            "/_sandbox/shipments": self._shipments,
            "/_sandbox/requests": self._requests,
            "/_sandbox/faults": self._faults,
        }
        if request.method != "GET" or path not in views:
            return _plain(404, "There is no such page.")
        page = views[path](Query(request.query))
        counts = snapshot.counts(self._store)
        return Answer(200, layout(page, path, counts).encode(), HTML)

    # --- driving -------------------------------------------------------------------------------------------------------------

    def _drive(self, request: Request) -> Answer:
        given = request.headers.get("x-sandbox-token", "")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return json_answer(403, {"error": "The header X-Sandbox-Token must hold the content of the file drive-token."})
        try:
            body = from_json(request.body)
            result = self._console.run_command(str(body["command"]), dict(body.get("arguments") or {}))
        except (ValueError, KeyError, TypeError) as error:
            return json_answer(422, {"error": str(error)})
        return json_answer(200, {"result": result})

    def _act(self, request: Request) -> Answer:
        """Do what a button says and lead back, with words on what came of it."""
        values = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        if not hmac.compare_digest(values.pop("form_token", "").encode(), self._form_token.encode()):
            return _plain(403, "This form is too old. Open the page again.")
        command, back = values.pop("command", ""), values.pop("back", "/_sandbox/")
        if not back.startswith("/_sandbox"):
            back = "/_sandbox/"
        try:
            self._console.run_command(command, {name: _typed(name, value) for name, value in values.items() if value != ""})
            words = {"done": command}
        except ValueError as error:
            words = {"wrong": str(error)}
        address = urlsplit(back)
        kept = [pair for pair in parse_qsl(address.query) if pair[0] not in ("done", "wrong")]
        query = urlencode([*kept, *words.items()])
        return Answer(303, b"", HTML, {"Location": f"{address.path}?{query}"})

    def _form(self, command: str, label: str, back: str, fields: str = "", **values: Any) -> str:
        hidden = {"form_token": self._form_token, "command": command, "back": back, **values}
        return form("/_sandbox/act", hidden, fields + button(label))

    # --- views ---------------------------------------------------------------------------------------------------------------

    def _orders(self, query: Query) -> Page:
        wanted = query.one("q").strip()
        page = max(1, read_integer(query.one("page", "1")) or 1)
        table_of_orders = self._store.orders
        if wanted:
            found = {
                order.id: order
                for name in ("order_number", "reference_number")
                for order in table_of_orders.having(name, wanted)
            }
            orders, total = list(found.values()), len(found)
        else:
            total = len(table_of_orders)
            last = max(0, total - (page - 1) * PAGE_ROWS)
            orders = table_of_orders.many(reversed(table_of_orders.by_created.ids(max(0, last - PAGE_ROWS), last)))
        rows = [self._order_row(order) for order in orders]
        back = "/_sandbox/"
        tools = (
            form("/_sandbox/", {}, field("q", "Order or reference number", wanted) + button("Find"), method="get")
            + self._form("pack_and_ship", "Ship everything", back, all="true")
            + self._form("invoice", "Invoice everything", back, all="true")
            + self._form("add_stranger_order", "Add an order by hand", back)
        )
        columns = ("Order", "Reference", "Customer", "Ship to", "Lines", "Total", "State", "")
        empty = "No order has this number." if wanted else "No orders yet. They appear here as soon as the hub sends them."
        return Page(
            "Orders", notice(query) + f"<div class=tools>{tools}</div>" + table(columns, rows, empty) + _pager(page, total)
        )

    def _order_row(self, order: Order) -> list[str]:
        company = self._store.companies.rows[order.company_id]
        address = self._store.addresses.rows[order.shipping_address_id]
        lines = "<br>".join(self._line_words(line) for line in self._store.order_lines.many(order.line_ids[:8]))
        states = " ".join(
            badge(text)
            for text in (order.status, order.fulfillment_status, order.invoice_status)
            if text not in ("unshipped", "uninvoiced")
        )
        acts = ""
        back = "/_sandbox/"
        if order.status in ("draft", "active", "finalized"):
            acts += self._form("pack_and_ship", "Ship", back, order_id=order.id)
            acts += self._form("void", "Void", back, order_id=order.id)
        if order.status in ("active", "finalized", "fulfilled") and order.invoice_status != "invoiced":
            acts += self._form("invoice", "Invoice", back, order_id=order.id)
        return [
            cell(f"<b>{escape(order.order_number)}</b><br><small>{escape(order.updated_at)}</small>"),
            cell(escape(order.reference_number or "")),
            cell(escape(company.name)),
            cell(escape(", ".join(part for part in (address.city, address.state) if part))),
            cell(lines),
            cell(escape(str(total_text(order.total))), "number"),
            cell(states),
            cell(f"<div class=acts>{acts}</div>"),
        ]

    def _line_words(self, line: OrderLine) -> str:
        name = snapshot.sku_of(self._store, line.variant_id) or line.label or "text"
        return f"{escape(stock_text(line.quantity))} × {escape(name)}"

    def _stock(self, query: Query) -> Page:
        labels = list(snapshot.location_labels(self._store).values())
        back = "/_sandbox/stock"
        rows = []
        for variant in self._store.variants:
            if variant.status != "active":
                continue
            product = self._store.products.rows[variant.product_id]
            figures = snapshot.stock_of(self._store, variant)
            shown = [
                cell(f"<b>{escape(variant.sku or '')}</b>"),
                cell(escape(f"{product.name} {variant.name or ''}")),
                cell(escape(variant.upc or "")),
            ]
            for label in labels:
                level = figures.get(label)
                shown.append(cell(_level_words(level) if variant.manage_stock else "not tracked", "number"))
            counting = ""
            if variant.manage_stock and not variant.components:
                fields = select("location", labels) + field("quantity", "Quantity", "", "number")
                counting = self._form("set_stock", "Count", back, fields, sku=variant.sku)
            rows.append([*shown, cell(counting)])
        columns = ("SKU", "Product", "UPC", *labels, "")
        words = "<p class=hint>On hand, less what orders commit, is what can be sold.</p>"
        return Page("Stock", notice(query) + words + table(columns, rows, "No products."))

    def _shipments(self, query: Query) -> Page:
        fulfillments = self._store.fulfillments
        total = len(fulfillments)
        page = max(1, read_integer(query.one("page", "1")) or 1)
        last = max(0, total - (page - 1) * PAGE_ROWS)
        rows = []
        for row in fulfillments.many(reversed(fulfillments.by_created.ids(max(0, last - PAGE_ROWS), last))):
            shown = snapshot.fulfillment_state(self._store, row)
            lines = "<br>".join(escape(f"{line['quantity']} × {line['sku']}") for line in shown["lines"])
            acts = ""
            if row.status == "packed":
                acts += self._form("ship", "Ship", "/_sandbox/shipments", fulfillment_id=row.id)
            if row.status in ("packed", "fulfilled"):
                acts += self._form("void_fulfillment", "Void", "/_sandbox/shipments", fulfillment_id=row.id)
            way = _way_words(row)
            rows.append(
                [
                    cell(escape(shown["order_number"])),
                    cell(lines),
                    cell(way),
                    cell(escape(row.shipped_at or "")),
                    cell(badge(row.status)),
                    cell(f"<div class=acts>{acts}</div>"),
                ]
            )
        columns = ("Order", "Lines", "Tracking", "Shipped at", "State", "")
        return Page("Shipments", notice(query) + table(columns, rows, "Nothing was packed yet.") + _pager(page, total))

    def _requests(self, query: Query) -> Page:
        log = self._console.request_log(200)
        rows = [
            [
                cell(escape(f"{entry['method']} {entry['path']}{'?' + entry['query'] if entry['query'] else ''}"), "path"),
                cell(badge(str(entry["status"] or "dropped"))),
                cell(escape(entry["fault"])),
                cell(escape(entry["idempotency_key"])),
                cell(f"{entry['milliseconds']:.1f}", "number"),
            ]
            for entry in reversed(log["log"])
        ]
        words = f"<p class=hint>{log['counters']['total']} requests in all; the latest 200 are shown.</p>"
        tools = self._form("clear_requests", "Clear", "/_sandbox/requests")
        columns = ("Request", "Status", "Fault", "Idempotency key", "ms")
        return Page(
            "Requests", notice(query) + words + f"<div class=tools>{tools}</div>" + table(columns, rows, "No requests yet.")
        )

    def _faults(self, query: Query) -> Page:
        back = "/_sandbox/faults"
        rows = [
            [
                cell(escape(str(fault["name"]))),
                cell(escape(f"{fault['method'] or 'any method'} {fault['path'] or 'any path'}")),
                cell(escape(str(fault.get("left") or "until cleared")), "number"),
                cell(escape(str(fault.get("hits", ""))), "number"),
            ]
            for fault in self._console.fault_switch().listed()
        ]
        fields = (
            select("name", list(KINDS))
            + field("path", "Path, e.g. /orders", "")
            + select("method", ["", "GET", "POST", "PUT", "DELETE"])
            + field("times", "Times (0 = until cleared)", "1", "number")
        )
        tools = self._form("fault", "Switch on", back, fields) + self._form("clear_faults", "Clear all", back)
        columns = ("Fault", "Requests", "Left", "Hits")
        return Page(
            "Faults", notice(query) + f"<div class=tools>{tools}</div>" + table(columns, rows, "Nothing is broken on purpose.")
        )

    # --- consent -------------------------------------------------------------------------------------------------------------

    def _authorize(self, request: Request) -> Answer:
        posted = request.method == "POST"
        text = request.body.decode("utf-8", "replace") if posted else request.query
        values = dict(parse_qsl(text, keep_blank_values=True))
        wrong = self._console.authority.check_request(values)
        if wrong:
            page = Page("Access can't be granted", f"<p>{escape(WORDS[wrong])}</p>")
            return Answer(401, layout(page, "", None).encode(), HTML)
        if not posted:
            return Answer(200, layout(self._consent(values), "", None).encode(), HTML)
        if not hmac.compare_digest(values.get("form_token", "").encode(), self._form_token.encode()):
            return _plain(403, "This form is too old. Open the page again.")
        state = values.get("state", "")
        user = read_integer(values.get("user")) or 1
        if values.get("decision") != "allow" or user not in self._store.plain("users").rows:
            words = "The resource owner or authorization server denied the request."
            location = with_query(values["redirect_uri"], error="access_denied", error_description=words, state=state)
        else:
            code = self._console.authority.allow(values, user)
            location = with_query(values["redirect_uri"], code=code, state=state)
        return Answer(302, b"", HTML, {"Location": location})

    def _consent(self, values: Mapping[str, str]) -> Page:
        application = self._console.authority.application(values["client_id"])
        account = self._store.account().data["name"]
        users = "".join(
            f"<label><input type=radio name=user value={row.id}{' checked' if row.id == 1 else ''}>"
            f" {escape(str(row.data['first_name']))} {escape(str(row.data['last_name']))}</label>"
            for row in self._store.plain("users")
        )
        hidden = {name: values[name] for name in ("client_id", "redirect_uri", "response_type", "state") if name in values}
        inner = (
            f"<fieldset><legend>Sign in as</legend>{users}</fieldset>"
            "<div class=acts><button name=decision value=allow class=main>Allow</button>"
            "<button name=decision value=deny>Deny</button></div>"
        )
        target = urlsplit(values["redirect_uri"])
        name = application.data["name"] if application else ""
        words = APPLICATION_WORDS.format(application=escape(str(name)), account=escape(str(account)))
        back = f"<p class=hint>You will be led back to {escape(f'{target.scheme}://{target.netloc}')}.</p>"
        return Page("Grant access", words + form("/oauth/authorize", {**hidden, "form_token": self._form_token}, inner) + back)


def _typed(name: str, value: str) -> Any:
    """Return a form's text as what its command takes; SKUs and the like stay texts, whatever they look like."""
    if name == "all":
        return value == "true"
    number = read_integer(value) if name in NUMBERS else None
    return value if number is None else number


def _level_words(level: Mapping[str, str] | None) -> str:
    if level is None:
        return ""
    return f"<b>{escape(level['available'])}</b> <small>({escape(level['on_hand'])} − {escape(level['committed'])})</small>"


def _way_words(row: Fulfillment) -> str:
    carrier = f"{row.tracking_company or ''} {row.service or ''}".strip()
    return f"{escape(carrier)}<br>{escape(row.tracking_number or 'no tracking')}"


def _pager(page: int, total: int) -> str:
    pages = max(1, -(-total // PAGE_ROWS))
    if pages == 1:
        return ""
    earlier = f'<a href="?page={page - 1}">Newer</a>' if page > 1 else ""
    later = f'<a href="?page={page + 1}">Older</a>' if page < pages else ""
    return f"<nav class=pager>{earlier} <span>Page {page} of {pages}</span> {later}</nav>"


def _plain(status: int, words: str) -> Answer:
    return Answer(status, words.encode(), "text/plain; charset=utf-8")
