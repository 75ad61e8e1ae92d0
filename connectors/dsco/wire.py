"""From the bytes of an order file to its rows: compression, encoding, delimiter, quoting, damage. Pure.

The bytes are read in chunks and a row at a time, so that memory stays flat whatever the file's size. A row that can't be read
is handed on as what could be read of it, with words; its neighbours aren't touched by it.

Source: DSCO reference 1 (formats, header row, types); what it says nothing about (encoding, quoting) is read liberally.
"""

from __future__ import annotations

import codecs
import csv
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import chain
from typing import Final

from connectors.contract import Body
from connectors.dsco.fields import ESSENTIAL, KNOWN, ORDER_EXTENSIONS
from connectors.errors import BadDocument

MAX_CELL: Final = 131_072
"""Characters of one cell. No column of DSCO's comes near; a longer one is a quote that was never closed, or worse."""

MAX_LINE: Final = 64 * 1024 * 1024
"""Bytes of one line, the most that is ever held at once. A file with a longer line is no table."""

MAX_RECORD_LINES: Final = 1_000
"""Lines that one quoted cell may run over before its quote counts as never closed."""

MIN_COLUMNS_TO_TELL_ROWS: Final = 20
"""From so many columns on, a line inside a quoted cell that has a whole row's delimiters is a swallowed row, not text."""

HEAD: Final = 4096
"""Bytes from the beginning by which a file's kind is told."""

DELIMITERS: Final = (",", "\t", "|", ";")

MAGIC: Final = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
}

# A parser's limit is one of the whole process. Raised once, before any thread can parse, and never lowered.
csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))


def is_order_file(name: str, pattern: str) -> bool:
    """Tell whether a file of the order folder is an order file: pattern and extension agree, whatever the capitals."""
    name, pattern = name.casefold(), pattern.casefold().strip()
    return name.endswith(ORDER_EXTENSIONS) and (fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.gz"))


@dataclass(slots=True)
class Row:
    """One row: the line of the file on which it begins, its cells, and words when it is damaged.

    Only the cells of a damaged row that can be relied on are there; `surplus` is by how many columns later ones may be off.
    `text` is there instead of the cells where the row was left uncut.
    """

    number: int
    cells: list[str]
    words: str = ""
    surplus: int = 0
    text: str = ""


@dataclass(slots=True, kw_only=True)
class Layout:
    """How a file is to be read, as its beginning says. `notes` grow while it is read."""

    names: tuple[str, ...]
    delimiter: str
    header_line: int
    utf16: bool = False
    old_mac: bool = False
    notes: list[str] = field(default_factory=list)


def read_layout(body: Body, name: str) -> Layout:
    """Read a file's beginning and header. Raise `BadDocument` when it can't be a DSCO order file."""
    head = _head(_inflate(body(), name))
    if not head:
        raise BadDocument(f"The file {name} is empty. Nothing was loaded from it; look at the order export job in DSCO.")
    for magic, what in MAGIC.items():
        if head.startswith(magic):
            raise BadDocument(f"The file {name} is {what}, not a table of text. Set the order export job in DSCO to CSV.")
    utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if _is_binary(head) and not utf16:
        raise BadDocument(f"The file {name} holds binary data, not a table of text. Set the order export job in DSCO to CSV.")
    old_mac = not utf16 and b"\r" in head and b"\n" not in head
    layout = Layout(names=(), delimiter=",", header_line=0, utf16=utf16, old_mac=old_mac)
    for number, line in _text_lines(body, name, layout):
        if line.strip(" \t\r\n,;|\"'"):
            layout.delimiter, layout.names, layout.header_line = *_header(line), number
            break
    else:
        raise BadDocument(f"The file {name} is empty. Nothing was loaded from it; look at the order export job in DSCO.")
    _check_names(layout, name)
    return layout


def read_rows(body: Body, name: str, layout: Layout, *, uncut: bool = False) -> Iterator[Row]:
    """Yield the rows below the header; empty ones are passed over.

    With `uncut` a row that a split at each delimiter would cut is handed on as text: who looks for a single cell finds it
    several times faster than all of them are cut.
    """
    width, delimiter = len(layout.names), layout.delimiter
    quoted_delimiter, quotes, blank = f'"{delimiter}"', 2 * width, f'{delimiter}" \t\r\n'
    lines = _Lines(_text_lines(body, name, layout), after=layout.header_line)
    for number, line in lines:
        if line[:1] in blank and not line.strip(blank) and line.count('"') % 2 == 0:
            continue
        if lines.are_torn:
            if line.count(delimiter) < width - 1:
                continue
            lines.are_torn = False
        if len(line) > MAX_CELL or "\0" in line:
            yield _suspicious(number, line, lines, layout)
        elif '"' not in line:
            line = line.rstrip("\r\n")
            if uncut and line.count(delimiter) == width - 1:
                yield Row(number, [], text=line)
                continue
            cells = line.split(delimiter)
            yield Row(number, cells) if len(cells) == width else _fitted(number, cells, width)
        elif line.count('"') == quotes and line.count(quoted_delimiter) == width - 1 and _is_enclosed(line):
            yield Row(number, line.rstrip("\r\n")[1:-1].split(quoted_delimiter))
        else:
            yield _quoted(number, line, lines, layout)


def _is_enclosed(line: str) -> bool:
    bare = line.rstrip("\r\n")
    return bare[0] == bare[-1] == '"'


class _Lines:
    """Numbered lines that can be put back. `are_torn`: they are text that lost its row, up to one with all columns."""

    are_torn = False

    def __init__(self, lines: Iterator[tuple[int, str]], *, after: int) -> None:
        self._lines = lines
        self._again: deque[tuple[int, str]] = deque()
        for number, _ in lines:
            if number >= after:
                break

    def __iter__(self) -> Iterator[tuple[int, str]]:
        while True:
            while self._again:
                yield self._again.popleft()
            for item in self._lines:
                yield item
                if self._again:
                    break
            else:
                return

    def take(self) -> tuple[int, str] | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def put_back(self, lines: Sequence[tuple[int, str]]) -> None:
        self._again.extendleft(reversed(lines))


def _quoted(number: int, line: str, lines: _Lines, layout: Layout) -> Row:
    """Read a record that has quotes, over as many lines as its quoted cells have. An open quote costs one row only."""
    pulled = [(number, line)]
    size, is_open = len(line), False

    def feed() -> Iterator[str]:
        nonlocal size, is_open
        yield line
        while len(pulled) < MAX_RECORD_LINES and size < MAX_LINE and (item := lines.take()) is not None:
            pulled.append(item)
            size += len(item[1])
            yield item[1]
        is_open = True

    try:
        cells = next(csv.reader(feed(), delimiter=layout.delimiter))
        words = "has a quotation mark that is never closed: the row is cut off or damaged" if is_open else ""
    except csv.Error as error:
        cells, words = [], f"can't be read as a row of a table ({error})"
    if words or (len(pulled) > 1 and _swallows_rows(pulled[1:], layout)):
        lines.put_back(pulled[1:])
        lines.are_torn = True
        readable = line[: line.index('"')].split(layout.delimiter)[:-1]
        return Row(number=number, cells=readable, words=words or "has a quotation mark that is closed in another row only")
    row = _fitted(number, cells, len(layout.names))
    return _checked(row, has_nul=any("\0" in text for _, text in pulled)) if size > MAX_CELL or len(pulled) > 1 else row


def _swallows_rows(rest: Sequence[tuple[int, str]], layout: Layout) -> bool:
    columns = len(layout.names)
    return columns >= MIN_COLUMNS_TO_TELL_ROWS and any(text.count(layout.delimiter) >= columns - 1 for _, text in rest)


def _fitted(number: int, cells: list[str], width: int) -> Row:
    """Hold a row against the header's width. Delimiters after the last column are no fault."""
    if len(cells) < width:
        words = f"ends after {len(cells)} of {width} columns: the row is cut off"
        # The last cell may be cut off itself.
        return Row(number=number, cells=cells[:-1], words=words)
    if any(cells[width:]):
        words = f"has {len(cells)} columns where the header has {width}: a value with the delimiter in it isn't quoted"
        return Row(number=number, cells=cells, words=words, surplus=len(cells) - width)
    return Row(number=number, cells=cells[:width])


def _suspicious(number: int, line: str, lines: _Lines, layout: Layout) -> Row:
    """Read a line that is very long or has NULs: rare, so every cell may be looked at."""
    if '"' in line:
        row = _quoted(number, line, lines, layout)
    else:
        row = _fitted(number, line.rstrip("\r\n").split(layout.delimiter), len(layout.names))
    return _checked(row, has_nul="\0" in line)


def _checked(row: Row, *, has_nul: bool) -> Row:
    """Find a row damaged that has values which nobody could store, and let go of them."""
    longest = max(map(len, row.cells), default=0)
    if not row.words and longest > MAX_CELL:
        row.words = f"has a value of {longest} characters, more than the {MAX_CELL} that are read"
    if not row.words and has_nul:
        row.words = "holds binary data (NUL characters)"
    row.cells = ["" if len(cell) > MAX_CELL else cell.replace("\0", "") for cell in row.cells]
    return row


# --- header ------------------------------------------------------------------------------------------------------------------


def _header(line: str) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter that makes the most known names of the header, whatever the extension says, and the names."""
    best = max(DELIMITERS, key=lambda delimiter: len(KNOWN.intersection(_names(line, delimiter))))
    return best, _names(line, best)


def _names(line: str, delimiter: str) -> tuple[str, ...]:
    line = line.replace("\r", " ").replace("\n", " ")
    return tuple(name.strip().casefold() for name in next(csv.reader([line], delimiter=delimiter), []))


def _check_names(layout: Layout, name: str) -> None:
    """Refuse a header that lacks or doubles an essential name; give other doubles a name of their own."""
    names = list(layout.names)
    while names and not names[-1]:
        # Trailing delimiters of the header; rows may or may not have them.
        names.pop()
    missing = [essential for essential in ESSENTIAL if essential not in names]
    if missing:
        raise BadDocument(
            f"The header of {name} has no column {', '.join(missing)}, so it can't be read as orders. Add what is missing to "
            "the order export job in DSCO, and export the orders again."
        )
    seen: dict[str, int] = {}
    for place, column in enumerate(names):
        seen[column] = seen.get(column, 0) + 1
        if seen[column] > 1 and column in ESSENTIAL:
            raise BadDocument(
                f"The header of {name} has the column {column} more than once, so nobody can say which of them counts. Mend "
                "the order export job in DSCO, and export the orders again."
            )
        if seen[column] > 1 or not column:
            names[place] = f"{column or 'column without a name'} ({seen[column]})"
    doubles = sorted(column for column, count in seen.items() if count > 1 and column)
    if doubles:
        layout.notes.append(
            f"The header has {', '.join(doubles)} more than once: the first counts, the others are kept as extras."
        )
    layout.names = tuple(names)


# --- bytes -------------------------------------------------------------------------------------------------------------------


def _text_lines(body: Body, name: str, layout: Layout) -> Iterator[tuple[int, str]]:
    """Yield numbered lines with their ends. A line that isn't UTF-8 is read as Windows' Western European."""
    chunks = _inflate(body(), name)
    if layout.utf16:
        chunks = _from_utf16(chunks)
    elif layout.old_mac:
        chunks = (chunk.replace(b"\r", b"\n") for chunk in chunks)
    foreign = 0
    for number, line in enumerate(_lines(chunks, name), start=1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            yield number, line.decode()
        except UnicodeDecodeError:
            foreign = foreign or number
            yield number, _western(line)
    if foreign:
        note = f"Line {foreign} isn't UTF-8; it and lines like it were read as Windows-1252. Check names with accents."
        if note not in layout.notes:
            layout.notes.append(note)


def _western(line: bytes) -> str:
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _lines(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        if b"\n" not in chunk:
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_LINE:
                raise BadDocument(f"The file {name} has a line of more than {MAX_LINE >> 20} MB: it is no table of orders.")
            continue
        first, *rest = b"".join([*parts, chunk]).split(b"\n")
        last = rest.pop()
        yield first + b"\n"
        for line in rest:
            yield line + b"\n"
        parts, size = [last], len(last)
    if tail := b"".join(parts):
        yield tail


def _inflate(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Unpack gzip, told by its first bytes and not by the name."""
    stream = iter(chunks)
    start = b""
    for chunk in stream:
        start += chunk
        if len(start) >= 2:
            break
    if not start.startswith(b"\x1f\x8b"):
        return chain([start], stream) if start else iter(())
    return _gunzip(chain([start], stream), name)


def _gunzip(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    engine = zlib.decompressobj(wbits=31)
    between = False
    for chunk in chunks:
        data = chunk
        while data:
            if engine.eof:
                # Another member may follow, or padding.
                data = data.lstrip(b"\x00")
                between = not data
                if between:
                    break
                engine = zlib.decompressobj(wbits=31)
            try:
                yield engine.decompress(data, 1 << 20)
            except zlib.error:
                raise BadDocument(
                    f"The file {name} is damaged: it can't be unpacked (gzip). Nothing was loaded from it."
                ) from None
            data = engine.unused_data if engine.eof else engine.unconsumed_tail
    if not engine.eof:
        raise BadDocument(f"The file {name} is cut off: its gzip data has no end. Nothing was loaded from it.")


def _from_utf16(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _is_binary(head: bytes) -> bool:
    """Tell data that was never text from a table in which single rows hold NULs: those are the rows' own fault."""
    first_line = head.lstrip().partition(b"\n")[0]
    return b"\x00" in first_line or head.count(b"\x00") * 10 > len(head)


def _head(chunks: Iterable[bytes]) -> bytes:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    return head[:HEAD]
