"""The few pieces of HTML that the sandbox's pages are made of. Texts are escaped where they enter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape as _escape
from typing import Any

from .querying import Query

VIEWS = (
    ("/_sandbox", "Orders"),
    ("/_sandbox/stock", "Stock"),
    ("/_sandbox/shipments", "Shipments"),
    ("/_sandbox/requests", "Requests"),
    ("/_sandbox/faults", "Faults"),
)

GOOD = frozenset({"fulfilled", "shipped", "invoiced", "paid", "200", "201", "204"})

BAD = frozenset({"void", "deleted", "dropped"})

STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #667085; --line: #e3e7ee; --back: #f6f7f9; --card: #fff;
  --accent: #2a5bd7; --good: #0f6d4a; --good-back: #e2f4ec; --bad: #a4262c; --bad-back: #fbe9ea; --tag: #eceff4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3240; --back: #12151b;
  --card: #1a1f28;
  --accent: #8fb0ff; --good: #7fd6ae; --good-back: #15352a; --bad: #ff9ea3; --bad-back: #3d1d20; --tag: #2a3140; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; }
header { background: var(--card); border-bottom: 1px solid var(--line); padding: 12px 24px; display: flex; gap: 24px;
  align-items: baseline; flex-wrap: wrap; }
header b { font-size: 16px; } header small { color: var(--soft); }
header nav { display: flex; gap: 16px; flex-wrap: wrap; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
a[aria-current] { color: var(--ink); font-weight: 600; }
main { padding: 24px; max-width: 1400px; margin: 0 auto; }
main.narrow { max-width: 520px; }
h1 { font-size: 20px; margin: 0 0 16px; }
.hint { color: var(--soft); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 8px 12px; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.path { font-family: ui-monospace, monospace; font-size: 12px; overflow-wrap: anywhere; }
small { color: var(--soft); }
.tag { display: inline-block; padding: 1px 8px;
  border-radius: 10px; background: var(--tag); font-size: 12px; white-space: nowrap; }
.tag.good { background: var(--good-back); color: var(--good); } .tag.bad { background: var(--bad-back); color: var(--bad); }
.tools, .acts { display: flex; gap: 8px; flex-wrap: wrap; align-items: end; } .tools { margin-bottom: 16px; }
form { display: flex; gap: 8px; flex-wrap: wrap; align-items: end; margin: 0; }
main.narrow form { display: block; }
fieldset { border: 1px solid var(--line); border-radius: 8px; margin: 0 0 16px; display: grid; gap: 4px; }
input, select, button { font: inherit; color: inherit; padding: 5px 10px; border: 1px solid var(--line); border-radius: 6px;
  background: var(--card); }
input[type=number] { width: 7em; }
button { cursor: pointer; } button:hover { border-color: var(--accent); }
button.main { background: var(--accent); border-color: var(--accent); color: var(--card); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.notice { padding: 8px 12px; border-radius: 6px; background: var(--good-back); color: var(--good); }
.notice.bad { background: var(--bad-back); color: var(--bad); }
.empty { padding: 32px; text-align: center; color: var(--soft); }
.pager { margin-top: 16px; display: flex; gap: 16px; justify-content: center; }
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A title, and the HTML below it."""

    title: str
    body: str


def escape(text: str) -> str:
    return _escape(text, quote=True)


def layout(page: Page, path: str, counts: Mapping[str, int] | None) -> str:
    """Return the whole document; without counts it is a page of its own, without navigation."""
    links = "".join(
        f'<a href="{view}{"/" if view == "/_sandbox" else ""}"{" aria-current=page" if view == path else ""}>{label}</a>'
        for view, label in VIEWS
    )
    figures = (
        f"<small>{counts['orders']} orders, {counts['fulfillments']} shipments, {counts['invoices']} invoices</small>"
        if counts
        else ""
    )
    navigation = f"<nav>{links}</nav>{figures}" if counts is not None else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)} – QuickBooks Commerce sandbox</title>"
        '<link rel="stylesheet" href="/_sandbox/style.css"></head><body>'
        f"<header><b>QuickBooks Commerce <small>sandbox</small></b>{navigation}</header>"
        f"<main{'' if counts is not None else ' class=narrow'}><h1>{escape(page.title)}</h1>{page.body}</main></body></html>"
    )


def notice(query: Query) -> str:
    """Return what came of the last button."""
    if query.one("wrong"):
        return f'<p class="notice bad" role=alert>{escape(query.one("wrong"))}</p>'
    if query.one("done"):
        return f"<p class=notice role=status>Done: {escape(query.one('done').replace('_', ' '))}.</p>"
    return ""


def badge(text: str) -> str:
    known = "good" if text in GOOD else "bad" if text in BAD or text[:1] in "45" else ""
    return f'<span class="tag {known}">{escape(text)}</span>'


def cell(inner: str, kind: str = "") -> str:
    return f"<td class={kind}>{inner}</td>" if kind else f"<td>{inner}</td>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> str:
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    if not body:
        return f"<div class=scroll><p class=empty>{escape(empty)}</p></div>"
    head = "".join(f"<th scope=col>{escape(column)}</th>" for column in columns)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def form(action: str, hidden: Mapping[str, Any], inner: str, method: str = "post") -> str:
    inputs = "".join(
        f'<input type=hidden name="{escape(name)}" value="{escape(str(value))}">' for name, value in hidden.items()
    )
    return f'<form method={method} action="{escape(action)}">{inputs}{inner}</form>'


def _hidden(name: str, value: str) -> str:
    return f'<input type=hidden name="{escape(name)}" value="{escape(value)}">'


def button(label: str) -> str:
    return f"<button>{escape(label)}</button>"


def field(name: str, label: str, value: str, kind: str = "text") -> str:
    shown = escape(label)
    return f'<input type={kind} name="{escape(name)}" value="{escape(value)}" placeholder="{shown}" aria-label="{shown}">'


def select(name: str, choices: Sequence[str]) -> str:
    options = "".join(f'<option value="{escape(choice)}">{escape(choice or "any")}</option>' for choice in choices)
    return f'<select name="{escape(name)}" aria-label="{escape(name)}">{options}</select>'
