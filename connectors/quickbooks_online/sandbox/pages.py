"""Pages for people: the consent page of OAuth, and a console on which somebody types tracking numbers.

Only names of this machine are served, and forms carry a token that no other site can read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

from .answers import HTML, Answer
from .api import Request
from .company import Company
from .oauth import Authority, with_query
from .snapshot import available, order_state

CONSOLE = "/_sandbox"
CONSENT = "/connect/oauth2"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")

SHOWN = 200

STYLE = """:root{color-scheme:light dark;--line:#8886;--accent:#2a7d1f}
@media(prefers-color-scheme:dark){:root{--accent:#7bd36b}}
body{font:14px/1.45 system-ui,sans-serif;margin:0}header{display:flex;gap:20px;align-items:baseline;padding:12px 24px;
border-bottom:1px solid var(--line);flex-wrap:wrap}main{padding:20px 24px;max-width:1300px;margin:auto}
main.narrow{max-width:520px}
h1{font-size:20px}a{color:var(--accent)}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:6px 10px;
border-bottom:1px solid var(--line);vertical-align:top}.scroll{overflow-x:auto}form{display:inline-flex;gap:6px;flex-wrap:wrap;
margin:0 0 4px}input,button{font:inherit;padding:4px 10px;border:1px solid var(--line);border-radius:6px;background:transparent;
color:inherit}button{cursor:pointer}button:focus-visible,a:focus-visible,input:focus-visible{outline:2px solid var(--accent)}
.note{border:1px solid var(--line);border-radius:6px;padding:8px 12px}.soft{opacity:.75}"""


class Pages:
    """Answers whatever isn't the API."""

    def __init__(self, company: Company, authority: Authority, realm: str, token: str, run: Callable[..., Any]) -> None:
        self._company, self._authority, self._realm, self._run = company, authority, realm, run
        self._token = hmac.new(token.encode(), b"forms", hashlib.sha256).hexdigest()

    def answer(self, request: Request) -> Answer:
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        answer = self._answer(request) if host in OWN_NAMES else _plain(403, "Open this page as 127.0.0.1.")
        answer.headers |= HEADERS
        return answer

    def _answer(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        if request.method == "POST":
            values = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
            if not hmac.compare_digest(values.pop("form_token", "").encode(), self._token.encode()):
                return _plain(403, "This form is too old. Open the page again.")
            return self._consented(values) if path == CONSENT else self._act(values)
        if path == CONSENT:
            return self._consent(request.params)
        if path in (CONSOLE, f"{CONSOLE}/stock"):
            body = self._stock() if path.endswith("stock") else self._orders()
            said = request.params.get("said", "")
            note = f"<p class=note role=status>{escape(said)}</p>" if said else ""
            return _page("Stock" if path.endswith("stock") else "Sales forms", note + body, nav=True)
        return _plain(404, "There is no such page.")

    def _form(self, action: str, button: str, fields: str = "", **hidden: Any) -> str:
        values = {"form_token": self._token, **hidden}
        inputs = "".join(f'<input type=hidden name="{escape(k)}" value="{escape(str(v))}">' for k, v in values.items())
        return f'<form method=post action="{action}">{inputs}{fields}<button>{escape(button)}</button></form>'

    # --- consent -------------------------------------------------------------------------------------------------------------

    def _consent(self, values: Mapping[str, str]) -> Answer:
        problem = self._authority.problem_of(values)
        if problem:
            return _page("Sorry, we didn't connect", f"<p>{escape(problem)}</p>", status=400)
        kept = {name: values.get(name, "") for name in ("redirect_uri", "state")}
        name = escape(self._company.table("CompanyInfo")["1"]["CompanyName"])
        body = (
            f"<p>The order hub asks for access to the company <b>{name}</b> (id {self._realm}): its sales forms, customers, "
            "products and quantities.</p>"
            + self._form(CONSENT, "Connect", **kept, answer="yes")
            + self._form(CONSENT, "No, thanks", **kept, answer="no")
        )
        return _page("Connect to the sandbox company", body)

    def _consented(self, values: Mapping[str, str]) -> Answer:
        address, state = values.get("redirect_uri", ""), values.get("state", "")
        if values.get("answer") != "yes":
            return _redirect(with_query(address, error="access_denied", state=state))
        code = self._authority.allow(address)
        return _redirect(with_query(address, code=code, state=state, realmId=self._realm))

    # --- the console ---------------------------------------------------------------------------------------------------------

    def _act(self, values: dict[str, str]) -> Answer:
        command, back = values.pop("command", ""), values.pop("back", CONSOLE)
        given: dict[str, Any] = {name: value for name, value in values.items() if value}
        for name in ("order_id", "quantity", "packages"):
            if given.get(name, "").isdigit():
                given[name] = int(given[name])
        if given.get("all"):
            given["all"] = True
        try:
            self._run(command, given)
            said = f"Done: {command.replace('_', ' ')}."
        except ValueError as error:
            said = str(error)
        return _redirect(f"{back if back.startswith(CONSOLE) else CONSOLE}?{urlencode({'said': said})}")

    def _orders(self) -> str:
        act = f"{CONSOLE}/act"
        rows = []
        for entity, row in list(self._company.sales())[::-1][:SHOWN]:
            shown = order_state(self._company, entity, row)
            lines = "<br>".join(f"{line['quantity']} × {escape(line['sku'])}" for line in shown["lines"])
            acts = ""
            if shown["status"] == "active":
                field = '<input name=tracking placeholder="Tracking numbers" maxlength=31 aria-label="Tracking numbers">'
                acts = self._form(act, "Ship", field, command="pack_and_ship", order_id=shown["id"])
                acts += self._form(act, "Void", command="void", order_id=shown["id"])
            cells = (
                f"<b>{escape(shown['order_number'])}</b><br><span class=soft>{entity}</span>",
                escape(shown["reference_number"]),
                escape(shown["customer"]),
                lines,
                str(shown["total"]),
                escape(f"{shown['status']} {shown['tracking']}".strip()),
                acts,
            )
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        tools = self._form(act, "Ship everything", command="pack_and_ship", all="true")
        heads = "".join(f"<th>{name}</th>" for name in ("Number", "Reference", "Customer", "Lines", "Total", "State", ""))
        empty = "" if rows else "<p>No sales forms yet. They appear here as soon as the hub sends them.</p>"
        return f"{tools}<div class=scroll><table><tr>{heads}</tr>{''.join(rows)}</table></div>{empty}"

    def _stock(self) -> str:
        rows = []
        for item in self._company.table("Item").values():
            field = '<input name=quantity type=number min=0 aria-label="Quantity">'
            count = ""
            if item.get("TrackQtyOnHand"):
                count = self._form(
                    f"{CONSOLE}/act", "Count", field, command="set_stock", sku=item["Sku"], back=f"{CONSOLE}/stock"
                )
            held = available(self._company, item)
            cells = (escape(item.get("Sku", "")), escape(item["Name"]), item["Type"], held or "not counted", count)
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        heads = "".join(f"<th>{name}</th>" for name in ("SKU", "Name", "Type", "Can be sold", ""))
        return f"<div class=scroll><table><tr>{heads}</tr>{''.join(rows)}</table></div>"


def _page(title: str, body: str, *, nav: bool = False, status: int = 200) -> Answer:
    links = f'<a href="{CONSOLE}/">Sales forms</a><a href="{CONSOLE}/stock">Stock</a>' if nav else ""
    text = (
        f'<!DOCTYPE html><html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><header><b>QuickBooks Online sandbox</b>{links}"
        f'</header><main class="{"" if nav else "narrow"}"><h1>{escape(title)}</h1>{body}</main></body></html>'
    )
    return Answer(status, text.encode(), HTML)


def _plain(status: int, words: str) -> Answer:
    return Answer(status, words.encode(), "text/plain; charset=utf-8")


def _redirect(address: str) -> Answer:
    return Answer(303, b"", HTML, {"Location": address})
