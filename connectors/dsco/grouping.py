"""The rows of one order brought together, however they are scattered over the file, in flat memory. Pure.

A first pass reads the key columns only and remembers the last row of each order; a second one hands an order on when its last
row is read. So only orders that are begun and not yet complete are held. Where too many would be (a file sorted by line number,
say), further passes do the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Final, NamedTuple

from connectors.contract import Body, Problem
from connectors.dsco.fields import ID_SEPARATOR, IDENTITY, LINE_COLUMNS_WITHOUT_PREFIX, LINE_PREFIX, MUST_AGREE
from connectors.dsco.wire import Layout, Row, read_rows

MAX_OPEN: Final = 4_000
"""Orders that are held incomplete at once: about 30 MB of rows as wide as DSCO's."""

MAX_PROBLEMS: Final = 100
"""Bad rows of one order that are told one by one. A file of nothing else must not fill memory or a page."""

MAX_ID: Final = 200
"""Characters of an id that is looked for: no real one is longer."""


def is_line_column(name: str) -> bool:
    """Tell whether a column belongs to the line and not to the order that repeats on each of its rows."""
    return name.startswith(LINE_PREFIX) or name in LINE_COLUMNS_WITHOUT_PREFIX


class Columns:
    """Where the columns of one file stand. Cells are taken by place, a missing column reads as empty.

    That is so because rows get one empty cell more at their end, and -1 is the place of every column that a file hasn't.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.places = {name: place for place, name in enumerate(names)}
        self.line_places = tuple(place for place, name in enumerate(names) if is_line_column(name))
        self.order_places = tuple(place for place, name in enumerate(names) if not is_line_column(name))
        self.line_names = tuple(names[place] for place in self.line_places)
        self.take_order = run_taker(self.order_places)
        # The line's cells end as a row does.
        self.take_line = run_taker((*self.line_places, -1))
        self.has_identity = any(name in self.places for name in IDENTITY)
        self.keys = tuple(self.places.get(name, -1) for name in ("po_number", *IDENTITY))


def taker(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Return a function that takes the cells of these places."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda cells: tuple(cells[place] for place in places)


def run_taker(places: Sequence[int]) -> Callable[[list[str]], list[str]]:
    """Return a function that does the same with a whole row, several times faster where places follow each other."""
    starts = [at for at, place in enumerate(places) if not at or place != places[at - 1] + 1]
    runs = [places[start:end] for start, end in pairwise([*starts, len(places)])]
    slices = [slice(run[0], run[-1] + 1 or None) for run in runs]

    def take(cells: list[str]) -> list[str]:
        taken: list[str] = []
        for run in slices:
            taken += cells[run]
        return taken

    return take


class Ids(NamedTuple):
    """What names an order in a row; empty where the row doesn't say."""

    po_number: str
    order_id: str
    retailer_id: str

    @property
    def without_order_id(self) -> str:
        """How an order is named that comes without DSCO's id."""
        return f"{self.retailer_id}{ID_SEPARATOR}{self.po_number}"


@dataclass(slots=True, kw_only=True)
class Fault:
    """A row that can't be used, with all that it may be a row of."""

    problem: Problem
    ids: Ids
    order_ids: frozenset[str] = frozenset()
    po_numbers: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Gathered:
    """All usable rows of one order: `head` has the order's cells, `lines` the row number and the line's cells of each row."""

    key: str
    row: int
    head: list[str]
    order_cells: list[str]
    lines: list[tuple[int, list[str]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was counted while the rows were read."""

    rows: int = 0


def gather(body: Body, name: str, layout: Layout, columns: Columns, tally: Tally) -> Iterator[Gathered | list[Fault]]:
    """Yield each order once and whole, then the faults that belong to none of them, those of one order together."""
    last, faults = _survey(body, name, layout, columns, tally)
    while last:
        waiting = len(last)
        yield from _collect(body, name, layout, columns, last, faults)
        if len(last) == waiting:
            raise RuntimeError(f"{name} gave other bytes when it was read again")
    yield from faults.left_over()


def _survey(body: Body, name: str, layout: Layout, columns: Columns, tally: Tally) -> tuple[dict[str, int], _Faults]:
    last: dict[str, int] = {}
    faults = _Faults()
    key_of = _keys(columns)
    key_in = _keys_of_uncut(columns, layout.delimiter)
    for row in read_rows(body, name, layout, uncut=True):
        tally.rows += 1
        if row.words:
            faults.add(_damage(row, columns))
            continue
        key = key_in(row.text) if row.text else key_of(row.cells)
        if key:
            last[key] = row.number
        else:
            faults.add(_nameless(row, ids_of(row.cells or row.text.split(layout.delimiter), columns)))
    return last, faults


def _collect(
    body: Body, name: str, layout: Layout, columns: Columns, last: dict[str, int], faults: _Faults
) -> Iterator[Gathered]:
    """Yield the orders that one pass can hold, and take them off `last`."""
    held: dict[str, Gathered] = {}
    put_off: set[str] = set()
    key_of = _keys(columns)
    for row in read_rows(body, name, layout):
        if row.words:
            continue
        cells = row.cells
        key = key_of(cells)
        ends = last.get(key)
        if ends is None or key in put_off:
            continue
        cells.append("")
        order_cells = columns.take_order(cells)
        order = held.get(key)
        if order is None:
            if len(held) >= MAX_OPEN:
                put_off.add(key)
                continue
            order = held[key] = Gathered(key=key, row=row.number, head=cells, order_cells=order_cells)
            order.problems += faults.of(cells, columns)
        elif order_cells != order.order_cells:
            _reconcile(order, row, columns)
        order.lines.append((row.number, columns.take_line(cells)))
        if row.number == ends:
            del held[key], last[key]
            yield order


def _reconcile(order: Gathered, row: Row, columns: Columns) -> None:
    """Fill what the first row left out; two rows that name different destinations are no order that can be sent."""
    for place in columns.order_places:
        known, now = order.head[place], row.cells[place]
        if known == now or not now.strip():
            continue
        if not known.strip():
            order.head[place] = now
        elif columns.names[place] in MUST_AGREE and known.strip() != now.strip():
            words = f"{columns.names[place]} differs from the order's first row (row {order.row}): one order can't be both"
            order.problems.append(Problem(row=row.number, field=columns.names[place], words=words))
    order.order_cells = columns.take_order(order.head)


def ids_of(cells: Sequence[str], columns: Columns) -> Ids:
    """Return what a row says about the order that it is of."""
    po_number, order_id, retailer_id, partner_id = (cells[place].strip() if place >= 0 else "" for place in columns.keys)
    return Ids(po_number, order_id, retailer_id or partner_id)


def _keys(columns: Columns) -> Callable[[Sequence[str]], str]:
    """Return a function that names the order of a row as in all files; "" when the row can't be told to be of any.

    Where the file has no column that could tell retailers apart, PO numbers have to do.
    """
    id_place = columns.keys[1]

    def key_of(cells: Sequence[str]) -> str:
        if id_place >= 0 and (order_id := cells[id_place].strip()):
            return order_id
        ids = ids_of(cells, columns)
        return ids.without_order_id if ids.po_number and (ids.retailer_id or not columns.has_identity) else ""

    return key_of


def _keys_of_uncut(columns: Columns, delimiter: str) -> Callable[[str], str]:
    """Return a function that does the same with a row that was left uncut, from the end of the row that is nearer."""
    key_of = _keys(columns)
    id_place = columns.keys[1]
    places_behind = len(columns.names) - id_place
    from_behind = places_behind <= id_place

    def key_in(text: str) -> str:
        if id_place >= 0:
            cell = text.rsplit(delimiter, places_behind)[1] if from_behind else text.split(delimiter, id_place + 1)[id_place]
            if order_id := cell.strip():
                return order_id
        return key_of(text.split(delimiter))

    return key_in


# --- faults ------------------------------------------------------------------------------------------------------------------


class _Faults:
    """The rows that can't be used, found by the ids that they may have."""

    def __init__(self) -> None:
        self._all: list[Fault] = []
        self._by_order_id: dict[str, list[int]] = defaultdict(list)
        self._by_po_number: dict[str, list[int]] = defaultdict(list)
        self._placed: set[int] = set()

    def add(self, fault: Fault) -> None:
        for order_id in fault.order_ids:
            self._by_order_id[order_id].append(len(self._all))
        for po_number in fault.po_numbers:
            self._by_po_number[po_number].append(len(self._all))
        self._all.append(fault)

    def of(self, cells: Sequence[str], columns: Columns) -> Iterable[Problem]:
        """Return what is wrong with rows that may be of this row's order. In doubt they are: no order is sent in part."""
        if not self._all:
            return ()
        ids = ids_of(cells, columns)
        found = sorted({*self._by_order_id.get(ids.order_id, ()), *self._by_po_number.get(ids.po_number, ())})
        self._placed.update(found)
        return [self._all[number].problem for number in found[:MAX_PROBLEMS]]

    def left_over(self) -> Iterator[list[Fault]]:
        groups: dict[object, list[Fault]] = {}
        for number, fault in enumerate(self._all):
            if number not in self._placed:
                has_name = fault.ids.po_number or fault.ids.order_id
                group = groups.setdefault(fault.ids if has_name else number, [])
                if len(group) < MAX_PROBLEMS:
                    group.append(fault)
        yield from groups.values()


def _damage(row: Row, columns: Columns) -> Fault:
    """Make a fault of a row whose cells may stand off their columns by as many places as it has too many."""
    po_place, id_place, *retailer_places = columns.keys

    def at(place: int) -> str:
        return row.cells[place].strip()[:MAX_ID] if 0 <= place < len(row.cells) else ""

    order_ids = {at(id_place), at(id_place + row.surplus) if id_place >= 0 else ""} - {""}
    po_numbers = {at(po_place), at(po_place + row.surplus)} - {""}
    ids = Ids(at(po_place), at(id_place) if not row.surplus else "", next(filter(None, map(at, retailer_places)), ""))
    is_sure = bool(order_ids) and not row.surplus
    return Fault(
        problem=Problem(row=row.number, field="", words=f"The row {row.words}."),
        ids=ids,
        order_ids=frozenset(order_ids),
        # A PO number may be another retailer's too: it is asked only where there is no better name.
        po_numbers=frozenset() if is_sure else frozenset(po_numbers),
    )


def _nameless(row: Row, ids: Ids) -> Fault:
    missing = "dsco_order_id and dsco_retailer_id are" if ids.po_number else "po_number and dsco_order_id are"
    field_name = "dsco_order_id" if ids.po_number else "po_number"
    words = f"{missing} empty, so nobody can say which order the row is of. Ask the retailer to send the order again."
    return Fault(
        problem=Problem(row=row.number, field=field_name, words=words),
        ids=ids,
        po_numbers=frozenset({ids.po_number} - {""}),
    )
