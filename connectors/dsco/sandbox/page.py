"""The sandbox's pages: data in, HTML out. Everything that came from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from connectors.dsco.sandbox.faults import ARGUMENTS

FILES_SHOWN = 60
TONES = {"ok": "good", "warning": "warn", "error": "bad", "Finished": "good", "Failed": "bad"}


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def _cell(value: Any) -> str:
    return value if isinstance(value, Html) else escape("" if value is None else str(value))


def _table(headings: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> Html:
    body = "".join("<tr>" + "".join(f"<td{_number(value)}>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    if not body:
        return Html(f'<p class="soft">{escape(empty)}</p>')
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    return Html(f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>')


def _time(text: str | None) -> Html:
    """Return a time as DSCO writes it, easier to read: all of them are UTC."""
    shown = (text or "").replace("T", " ").removesuffix("+00:00")
    return Html(f"<time>{escape(shown)}</time>")


def _number(value: Any) -> str:
    return ' class="number"' if isinstance(value, int) and not isinstance(value, bool) else ""


def _toned(word: str) -> Html:
    return Html(f'<span class="{TONES.get(word, "soft")}">{escape(word)}</span>')


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/style.css"></head><body>'
        '<header><h1><a href="/">DSCO sandbox</a></h1>'
        '<span class="soft">A simulation on this machine. Nothing here reaches DSCO.</span></header>'
        f"<main>{body}</main></body></html>"
    )


# --- the overview ------------------------------------------------------------------------------------------------------------


def overview(data: Mapping[str, Any], form_token: str, said: str) -> str:
    """Return the page that shows everything and has the buttons."""
    said_box = f'<section class="said" role="status">{escape(said)}</section>' if said else ""
    body = (
        said_box
        + f'<div class="columns">{_connection(data)}{_buttons(form_token)}{_faults(data, form_token)}</div>'
        + _section("Orders", _counts(data["counts"]), _orders(data["orders"]))
        + _section("Folders", _folders(data["files"]))
        + _section("Job history", _processes(data["processes"]))
        + _section("What happened last", _activity(data["activity"]))
    )
    return _document("DSCO sandbox", body)


def _connection(data: Mapping[str, Any]) -> str:
    facts = {**data["settings"], **data["secrets"]}
    rows = "".join(f'<dt>{escape(name)}</dt><dd class="code">{escape(value)}</dd>' for name, value in facts.items())
    return _section("A connection to it", f"<dl>{rows}</dl>")


def _form(form_token: str, command: str, label: str, fields: str = "", plain: bool = False) -> str:
    look = ' class="plain"' if plain else ""
    return (
        '<form method="post" action="/act">'
        f'<input type="hidden" name="form_token" value="{escape(form_token)}">'
        f'<input type="hidden" name="command" value="{command}">{fields}<button{look}>{escape(label)}</button></form>'
    )


def _field(name: str, label: str, value: int) -> str:
    field = f'<input type="number" name="{name}" value="{value}" min="1" max="10000">'
    return f"<label>{escape(label)}{field}</label>"


def _choice(name: str, label: str, values: Iterable[str]) -> str:
    options = "".join(f"<option>{escape(value)}</option>" for value in values)
    return f'<label>{escape(label)}<select name="{name}">{options}</select></label>'


def _check(name: str, label: str) -> str:
    return f'<label class="check"><input type="checkbox" name="{name}" value="1">{escape(label)}</label>'


def _buttons(form_token: str) -> str:
    pick_up = _choice("pick_up", "files in /in are taken", ("automatic", "paused"))
    place = _field("count", "orders", 5) + _field("retailers", "retailers", 2) + _field("lines", "lines", 2)
    export = _choice("columns", "columns", ("123", "143", "223")) + _check("scattered", "scattered rows")
    return _section(
        "Do",
        _form(form_token, "place_orders", "Place orders", place + _check("test", "test orders")),
        _form(form_token, "export", "Export to /out", export),
        _form(form_token, "process", "Process /in now", plain=True),
        _form(form_token, "settings", "Set", pick_up, plain=True),
    )


def _faults(data: Mapping[str, Any], form_token: str) -> str:
    active = [(fault["name"], fault["path"], fault["times"] or "until cleared", fault["seen"]) for fault in data["faults"]]
    times = '<label>times (empty = until cleared)<input type="number" name="times" min="1"></label>'
    return _section(
        "Faults",
        _table(("on", "path", "times", "happened"), active, "Nothing is broken."),
        _form(form_token, "fault", "Switch on", _choice("name", "fault", ARGUMENTS) + times),
        _form(form_token, "clear_faults", "Clear all faults", plain=True),
    )


def _counts(counts: Mapping[str, int]) -> str:
    words = ", ".join(f"{count:,} {lifecycle}" for lifecycle, count in counts.items())
    return f'<p class="soft">{escape(words)}</p>' if words else ""


def _orders(found: Sequence[Mapping[str, Any]]) -> Html:
    rows = []
    for order in found:
        link = Html(f'<a href="/orders/{quote(order["dsco_order_id"])}">{escape(order["po_number"])}</a>')
        total = {name: sum(line[name] for line in order["lines"]) for name in ("ordered", "shipped", "cancelled", "invoiced")}
        standing = (order["lifecycle"], order["status"], "test" if order["test"] else "")
        rows.append((link, order["retailer_name"], *standing, *total.values(), _time(order["placed_at"])))
    headings = ("PO number", "retailer", "lifecycle", "status", "", "ordered", "shipped", "cancelled", "invoiced", "placed")
    return _table(headings, rows, "No orders yet. Place some, then export them.")


def _folders(files: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    rows: list[tuple[Any, ...]] = []
    for folder, entries in files.items():
        for entry in list(entries)[-FILES_SHOWN:][::-1]:
            path = f"{folder.rstrip('/')}/{entry['name']}"
            link = Html(f'<a href="/files{escape(quote(path))}">{escape(entry["name"])}</a>')
            rows.append((folder, link, entry["size"], _time(entry["modified_at"])))
    counted = ", ".join(f"{folder} {len(entries)}" for folder, entries in files.items() if folder != "/")
    return f'<p class="soft">{escape(counted)}</p>' + _table(("folder", "file", "bytes", "changed"), rows, "All are empty.")


def _processes(found: Sequence[Mapping[str, Any]]) -> Html:
    rows = []
    for process in reversed(found):
        link = Html(f'<a href="/processes/{process["id"]}">{escape(process["file"])}</a>')
        start = (process["id"], process["job"], link, _toned(process["status"]))
        counts = (process["ok"], process["warnings"], process["errors"])
        rows.append((*start, *counts, process["words"], _time(process["queued_at"])))
    headings = ("process", "job", "file", "status", "ok", "warnings", "errors", "words", "queued")
    return _table(headings, rows, "No file was processed yet.")


def _activity(entries: Sequence[Mapping[str, Any]]) -> Html:
    rows = [(_time(entry["at"]), entry["what"].replace("_", " "), entry["path"], entry["bytes"]) for entry in reversed(entries)]
    return _table(("at", "what", "path", "bytes"), rows, "Nothing yet.")


# --- one order, one process --------------------------------------------------------------------------------------------------


def order_page(order: Mapping[str, Any], form_token: str) -> str:
    """Return the page of one order."""
    facts = {
        name: order[name] for name in ("dsco_order_id", "retailer_name", "lifecycle", "status", "placed_at", "exported_at")
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{_cell(value)}</dd>" for name, value in facts.items())
    line_names = ("line_number", "sku", "upc", "title", "cost", "ordered", "shipped", "cancelled", "invoiced")
    package_names = ("tracking_number", "line_number", "sku", "quantity", "carrier", "method", "service", "ship_date", "file")
    cancel_field = f'<input type="hidden" name="orders" value="{escape(order["dsco_order_id"])}">'
    body = (
        _section(order["po_number"], f"<dl>{rows}</dl>")
        + _section("Lines", _table(line_names, [[line[name] for name in line_names] for line in order["lines"]], "No lines."))
        + _section(
            "Packages",
            _table(package_names, [[one[name] for name in package_names] for one in order["packages"]], "None told."),
        )
        + _section("Invoices", _table(("invoice",), [[id_] for id_ in order["invoices"]], "None told."))
        + _section("Columns", _table(("column", "value"), order["columns"].items(), "None."))
        + _section("As the retailer", _form(form_token, "cancel_orders", "Cancel this order", cancel_field, plain=True))
    )
    return _document(f"{order['po_number']} - DSCO sandbox", body)


def _picked(entries: Iterable[Mapping[str, Any]], names: Sequence[str]) -> list[list[Any]]:
    return [[entry[name] for name in names] for entry in entries]


def process_page(process: Mapping[str, Any]) -> str:
    """Return the page of one processed file, row by row."""
    names = ("status", "job", "size", "queued_at", "started_at", "finished_at", "words")
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{_cell(process[name])}</dd>" for name in names)
    rows = [
        (
            row["row"],
            _toned(row["outcome"]),
            row["code"],
            row["words"],
            row["po_number"],
            row["line_number"],
            row["sku"],
            row["quantity"],
            row["reference"],
        )
        for row in process["rows"]
    ]
    headings = ("row", "outcome", "code", "words", "PO number", "line", "SKU", "quantity", "reference")
    body = _section(process["file"], f"<dl>{facts}</dl>") + _section("Rows", _table(headings, rows, "No rows were read."))
    return _document(f"{process['file']} - DSCO sandbox", body)


def sorry_page(words: str) -> str:
    """Return a page that says what went wrong and leads back."""
    return _document("DSCO sandbox", _section("That didn't work", f"<p>{escape(words)}</p>", '<p><a href="/">Back</a></p>'))
