"""The query language, as far as ordinary clients use it.

SELECT * | COUNT(*) | names FROM entity [WHERE a = 'b' AND c IN (...) AND d LIKE 'x%'] [ORDERBY a [ASC|DESC]] [STARTPOSITION n]
[MAXRESULTS n]; ORDER BY in two words as well. No OR, no grouping, no joins. Source: QuickBooks Online reference 9.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Any

from .answers import Refusal

Row = dict[str, Any]

MOST_RESULTS = 1000
DEFAULT_RESULTS = 100

_TOKEN = re.compile(r"\s*(?:('(?:\\.|[^'\\])*')|(<=|>=|!=|=|<|>)|([(),*])|([\w.+:-]+))")


@dataclass(slots=True)
class Query:
    """A query, read."""

    entity: str
    names: tuple[str, ...] = ()
    is_count: bool = False
    where: list[tuple[str, str, list[str]]] = field(default_factory=list)
    order: tuple[str, bool] | None = None
    start: int = 1
    most: int = DEFAULT_RESULTS


def bad_query(words: str) -> Refusal:
    return Refusal("4000", "Error parsing query", f"QueryParserError: {words}")


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        text = text.strip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise bad_query(f"Encountered {text[at : at + 20]!r}")
            self._tokens.append(match.group().strip())
            at = match.end()
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise bad_query("the query ends too early")
        self._at += 1
        return token

    def word(self, *words: str) -> bool:
        """Take the next token if it is one of these words, in any case."""
        if self.peek().upper() in words:
            self._at += 1
            return True
        return False

    def must(self, word: str) -> None:
        if not self.word(word):
            raise bad_query(f"Encountered {self.peek()!r}, expected {word}")

    def whole(self) -> int:
        token = self.take()
        if not token.isdigit():
            raise bad_query(f"{token!r} is not a number")
        return int(token)


def read_query(text: str) -> Query:
    """Read a query. Raise Refusal for one that makes no sense."""
    reader = _Reader(text)
    reader.must("SELECT")
    names, is_count = _selected(reader)
    reader.must("FROM")
    query = Query(entity=reader.take(), names=names, is_count=is_count)
    if reader.word("WHERE"):
        query.where.append(_condition(reader))
        while reader.word("AND"):
            query.where.append(_condition(reader))
    while reader.peek():
        _tail(reader, query)
    return query


def _selected(reader: _Reader) -> tuple[tuple[str, ...], bool]:
    if reader.word("COUNT"):
        for part in "(*)":
            reader.must(part)
        return (), True
    names = [reader.take()]
    while reader.word(","):
        names.append(reader.take())
    return (() if "*" in names else tuple(names)), False


def _condition(reader: _Reader) -> tuple[str, str, list[str]]:
    name = reader.take()
    if reader.word("IN"):
        reader.must("(")
        values = [_value(reader.take())]
        while reader.word(","):
            values.append(_value(reader.take()))
        reader.must(")")
        return name, "IN", values
    operator = "LIKE" if reader.word("LIKE") else reader.take()
    if operator not in ("=", "<", ">", "<=", ">=", "LIKE"):
        raise bad_query(f"Encountered {operator!r}")
    return name, operator, [_value(reader.take())]


def _value(token: str) -> str:
    if token.startswith("'"):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token


def _tail(reader: _Reader, query: Query) -> None:
    if reader.word("ORDERBY", "ORDER"):
        reader.word("BY")
        name = reader.take()
        query.order = (name, reader.word("DESC"))
        reader.word("ASC")
    elif reader.word("STARTPOSITION"):
        query.start = max(1, reader.whole())
    elif reader.word("MAXRESULTS"):
        query.most = reader.whole()
        if query.most > MOST_RESULTS:
            raise bad_query(f"MAXRESULTS is at most {MOST_RESULTS}")
    else:
        raise bad_query(f"Encountered {reader.peek()!r}")


def run_query(query: Query, rows: Iterable[Row], *, has_active: bool) -> tuple[list[Row], int]:
    """Return the page that a query asks for, and how many rows match in all.

    Rows of lists that are inactive show only where the query asks for them by name.
    """
    tests = [_test(*condition) for condition in query.where]
    if has_active and not any(name == "Active" for name, _, _ in query.where):
        tests.append(lambda row: row.get("Active") is not False)
    found = [row for row in rows if all(test(row) for test in tests)]
    name, descending = query.order or ("Id", False)
    found.sort(key=lambda row: _sortable(_dig(row, name)), reverse=descending)
    if query.is_count:
        return [], len(found)
    page = found[query.start - 1 : query.start - 1 + query.most]
    if query.names:
        kept = {name.split(".")[0] for name in query.names} | {"Id", "domain", "sparse"}
        page = [{key: value for key, value in row.items() if key in kept} for row in page]
    return page, len(found)


def _dig(row: Any, name: str) -> Any:
    for part in name.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row.get("value") if isinstance(row, dict) and "value" in row else row


def _test(name: str, operator: str, values: list[str]) -> Callable[[Row], bool]:
    if operator in ("=", "IN"):
        wanted = {value.casefold() for value in values}
        return lambda row: _plain(_dig(row, name)).casefold() in wanted
    if operator == "LIKE":
        pattern = values[0].casefold().replace("[", "[[]").replace("%", "*")
        return lambda row: fnmatchcase(_plain(_dig(row, name)).casefold(), pattern)
    bound = _sortable(values[0])

    def compares(row: Row) -> bool:
        value = _dig(row, name)
        if value is None:
            return False
        ours = _sortable(value)
        if ours[0] != bound[0]:
            return False
        less, same = ours < bound, ours == bound
        return {"<": less, "<=": less or same, ">": not (less or same), ">=": not less}[operator]

    return compares


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sortable(value: Any) -> tuple[int, Any]:
    """Return what sorts numbers as numbers and times as times."""
    text = _plain(value)
    try:
        return 1, Decimal(text)
    except InvalidOperation:
        pass
    if re.match(r"\d{4}-\d\d-\d\dT", text):
        try:
            return 2, datetime.fromisoformat(text).timestamp()
        except ValueError:
            pass
    return 3, text.casefold()
