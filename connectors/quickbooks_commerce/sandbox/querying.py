"""Lists: filters, order and pages, answered from indexes wherever a filter allows it.

Source: QuickBooks Commerce reference 2.3 and 2.4. `updated_at_min` and its like are inclusive and times that can't be read get
400: both are choices, no source tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from .answers import bad_request
from .options import Options
from .records import Company, Plain, Record
from .store import Table
from .wire import read_integer, read_stamp, to_json

R = TypeVar("R", bound=Record)

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 250

LAST_STAMP = "~"
"""Sorts after every stamp."""

Wanted = dict[str, frozenset[Any]]

INDEXED_ORDERS = ("id", "created_at", "updated_at")
"""Ids grow with `created_at`, so both are one order."""

TIME_BOUNDS = ("created_at_min", "created_at_max", "updated_at_min", "updated_at_max")


class Query:
    """The parameters of a request: `name=a`, `name[]=a&name[]=b`, and comma lists of whole numbers."""

    def __init__(self, text: str) -> None:
        self.pairs = parse_qsl(text, keep_blank_values=True) if text else []
        self._values: dict[str, list[str]] = {}
        for name, value in self.pairs:
            self._values.setdefault(name.removesuffix("[]"), []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def one(self, name: str, default: str = "") -> str:
        return self._values.get(name, [default])[-1]

    def texts(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def integers(self, name: str) -> list[int]:
        """Return the whole numbers; what is none matches nothing."""
        parts = [part for value in self.texts(name) for part in value.split(",")]
        numbers = (read_integer(part) for part in parts)
        return [-1 if number is None else number for number in numbers]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list can be narrowed by: attributes that are texts, whole numbers or truth values."""

    texts: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    default_status: str = ""
    search: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of ids, with what the pagination headers say."""

    ids: Sequence[int]
    total: int
    limit: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, ceil(self.total / self.limit)) if self.limit else 1

    def headers(self, base: str, path: str, query: Query) -> dict[str, str]:
        pagination = {
            "total_records": self.total,
            "total_pages": self.pages,
            "first_page": self.page == 1,
            "last_page": self.page == self.pages,
            "out_of_bounds": self.page > self.pages,
            "offset": (self.page - 1) * self.limit,
        }
        rest = [pair for pair in query.pairs if pair[0] != "page"]
        links = {"next": self.page + 1} if self.page < self.pages else {}
        links["last"] = self.pages
        link = ", ".join(f'<{base}/ajax{path}?{urlencode([*rest, ("page", at)])}>; rel="{rel}"' for rel, at in links.items())
        return {"X-Pagination": to_json(pagination).decode(), "Link": link}


def value_of(record: Record, name: str) -> Any:
    """Return an attribute of any record, None when it has none of that name."""
    if isinstance(record, Plain | Company) and name in record.data:
        return record.data[name]
    return getattr(record, name, None)


def page_bounds(query: Query, options: Options) -> tuple[int, int]:
    """Return limit and page. Raise the 400 for a limit that is too large where the sandbox is set to refuse it."""
    limit = read_integer(query.one("limit", str(DEFAULT_LIMIT)))
    if limit is None or limit < 0:
        limit = DEFAULT_LIMIT
    if limit > LARGEST_LIMIT:
        if options.over_limit == "refuse":
            raise bad_request(f"Limit must not be greater than {LARGEST_LIMIT}")
        limit = LARGEST_LIMIT
    return limit, max(1, read_integer(query.one("page", "1")) or 1)


def list_records(table: Table[R], query: Query, filters: Filters, options: Options, among: Iterable[R] | None = None) -> Listed:
    """Answer a list request; `among` narrows it to records that were found otherwise."""
    limit, page = page_bounds(query, options)
    wanted = _wanted(table, query, filters)
    bounds = _bounds(query)
    start = (page - 1) * limit
    if among is None and "id" not in wanted and _order(query)[0] in INDEXED_ORDERS:
        walked = _walk(table, query, filters, wanted, bounds, start, limit)
        if walked is not None:
            return Listed(*walked, limit, page)
    records = _candidates(table, wanted) if among is None else among
    found = [record for record in records if _fits(record, wanted, bounds) and _matches(record, query, filters)]
    _sort(found, query)
    return Listed([record.id for record in found[start : start + limit]], len(found), limit, page)


def _wanted(table: Table[Any], query: Query, filters: Filters) -> Wanted:
    """Return the values asked for, by attribute."""
    wanted: Wanted = {}
    for name in filters.texts:
        if name in query:
            wanted[name] = frozenset(query.texts(name))
    for name in filters.integers:
        if name in query:
            wanted[name] = frozenset(query.integers(name))
    for name in filters.flags:
        if name in query:
            wanted[name] = frozenset({query.one(name) in ("true", "1", "t")})
    if "ids" in query:
        wanted["id"] = frozenset(query.integers("ids"))
    if filters.default_status and "status" not in query:
        wanted["status"] = frozenset({filters.default_status})
    if "status" in wanted and "status" in table.by_value and wanted["status"].issuperset(table.by_value["status"].values()):
        del wanted["status"]
    return wanted


def _bounds(query: Query) -> dict[str, str]:
    bounds: dict[str, str] = {}
    for name in TIME_BOUNDS:
        text = query.one(name)
        if text:
            stamp = read_stamp(text)
            if stamp is None:
                raise bad_request(f"Invalid value for {name}")
            bounds[name] = stamp
    return bounds


def _order(query: Query) -> tuple[str, bool]:
    """Return the attribute and whether it is sorted downwards; newest first when nothing is asked for."""
    name, _, direction = query.one("order").strip().partition(" ")
    return (name, direction.strip().lower() == "desc") if name else ("created_at", True)


def _ids_having(table: Table[Any], name: str, values: frozenset[Any]) -> Set[int]:
    """Return the ids by an index; a set of one value isn't copied."""
    postings = [table.by_value[name].get(value) for value in values]
    if len(postings) == 1 and isinstance(postings[0], set):
        return postings[0]
    return set().union(*postings)


def _walk(
    table: Table[Any], query: Query, filters: Filters, wanted: Wanted, bounds: dict[str, str], start: int, limit: int
) -> tuple[Sequence[int], int] | None:
    """Return the page's ids and the total by walking a time index in its order, or None where looking at few records is
    quicker than walking."""
    name, down = _order(query)
    column = "updated_at" if name == "updated_at" else "created_at"
    index = table.by_updated if column == "updated_at" else table.by_created
    first = index.rank((bounds[f"{column}_min"], -1)) if f"{column}_min" in bounds else 0
    last = index.rank((bounds[f"{column}_max"] + LAST_STAMP, -1)) if f"{column}_max" in bounds else len(index)
    last = max(first, last)
    other = {bound: stamp for bound, stamp in bounds.items() if not bound.startswith(column)}
    rest = {attribute: values for attribute, values in wanted.items() if attribute not in table.by_value}
    sets = [_ids_having(table, attribute, values) for attribute, values in wanted.items() if attribute in table.by_value]
    if not (sets or rest or other or query.one("q")):
        if down:
            return index.ids(max(first, last - start - limit), max(first, last - start))[::-1], last - first
        return index.ids(first + start, min(last, first + start + limit)), last - first
    if sets and 4 * min(map(len, sets)) < last - first:
        return None
    ids = index.ids(first, last)
    for members in sets:
        ids = [record_id for record_id in ids if record_id in members]
    if rest or other or query.one("q"):
        rows = table.rows
        ids = [i for i in ids if _fits(rows[i], rest, other) and _matches(rows[i], query, filters)]
    if down:
        ids.reverse()
    return ids[start : start + limit], len(ids)


def _candidates(table: Table[R], wanted: Wanted) -> Iterable[R]:
    """Return the smallest set of records, known without a scan, that holds all hits."""
    if "id" in wanted:
        return table.many(wanted["id"])
    sets = [_ids_having(table, attribute, values) for attribute, values in wanted.items() if attribute in table.by_value]
    if not sets:
        return table
    return table.many(min(sets, key=len))  # type: ignore[arg-type]  # mypy loses the sets' type in `min`


def _fits(record: Record, wanted: Wanted, bounds: dict[str, str]) -> bool:
    if bounds and not (
        bounds.get("created_at_min", "") <= record.created_at <= bounds.get("created_at_max", LAST_STAMP)
        and bounds.get("updated_at_min", "") <= record.updated_at <= bounds.get("updated_at_max", LAST_STAMP)
    ):
        return False
    for name, values in wanted.items():
        value = value_of(record, name)
        if isinstance(value, tuple | list):
            if values.isdisjoint(value):
                return False
        elif value not in values:
            return False
    return True


def _matches(record: Record, query: Query, filters: Filters) -> bool:
    words = query.one("q").casefold()
    return not words or any(words in str(value_of(record, name) or "").casefold() for name in filters.search)


def _sort(records: list[R], query: Query) -> None:
    name, down = _order(query)
    if name == "id":
        records.sort(key=lambda record: record.id, reverse=down)
    elif name in INDEXED_ORDERS:
        records.sort(key=lambda record: (getattr(record, name), record.id), reverse=down)
    else:
        records.sort(key=lambda record: (_sortable(value_of(record, name)), record.id), reverse=down)


def _sortable(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, ""
    return (2, value) if isinstance(value, str) else (1, value)
