"""CSV as the hub writes and reads it for people: safe to open in a spreadsheet, and the same text when it comes back.

A spreadsheet takes a cell that begins with one of = + - @, a tab or a CR for a formula; such text is written with a leading
"'", and reading takes exactly one away. Text that begins with "'" and such a sign gets one more, so that nothing is lost.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

_NEEDS_QUOTE = re.compile(r"'*[=+\-@\t\r]")
_HAS_QUOTE = re.compile(r"'+[=+\-@\t\r]")

DELIMITERS = (",", ";", "\t")
"""What spreadsheets write, by the country that they are set to."""

LARGEST_CELL = 1_000_000
"""Characters in one cell; an order with a thousand lines has its lines in one cell of about 150,000."""


class UnreadableFile(ValueError):
    """A file that can't be read as CSV at all; the words say what to do."""


def safe(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if _NEEDS_QUOTE.match(text) else text


def plain(cell: str) -> str:
    """Return what `safe` was given."""
    return cell[1:] if _HAS_QUOTE.match(cell) else cell


class RowWriter:
    """Writes rows as RFC 4180 CSV, one at a time, and gives back what there is to send."""

    def __init__(self) -> None:
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, lineterminator="\r\n")

    def write(self, cells: Iterable[Any]) -> None:
        """Take a row: text is made safe, numbers stay as they are, None is empty."""
        self._writer.writerow([safe(cell) if isinstance(cell, str) else "" if cell is None else cell for cell in cells])

    def taken(self) -> str:
        """Return what was written since the last time."""
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text


class Table:
    """A CSV file of a person: its header, and its rows as often as they are asked for.

    Column names are compared without case and blanks around them. Raise `UnreadableFile` for a file that isn't there, that
    isn't UTF-8 text, or that has no header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with self._open() as file:
                line = file.readline()
                self._delimiter = max(DELIMITERS, key=line.count)
                file.seek(0)
                header = next(csv.reader(file, delimiter=self._delimiter, strict=True), [])
        except (OSError, UnicodeDecodeError, csv.Error) as problem:
            raise self._unreadable(problem) from problem
        self.columns = [name.strip().lower() for name in header]
        if not any(self.columns):
            raise UnreadableFile(f"{path.name} is empty. Its first line must name the columns.")
        twice = sorted({name for name in self.columns if name and self.columns.count(name) > 1})
        if twice:
            raise UnreadableFile(f"{path.name} names a column twice: {', '.join(twice)}.")

    def require_readable(self) -> None:
        """Raise `UnreadableFile` unless the file can be read to its end, so that nothing is loaded of one that can't."""
        for _ in self.rows():
            pass

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the line on which each row begins (the header is on line 1) and its cells by column; empty lines are left out.

        Raise `UnreadableFile` where the file stops being CSV; what came before is good.
        """
        csv.field_size_limit(LARGEST_CELL)
        try:
            with self._open() as file:
                reader = csv.reader(file, delimiter=self._delimiter, strict=True)
                next(reader, None)
                begins = reader.line_num + 1
                for cells in reader:
                    if any(cell.strip() for cell in cells):
                        yield begins, self._by_column(cells)
                    begins = reader.line_num + 1
        except (OSError, UnicodeDecodeError, csv.Error) as problem:
            raise self._unreadable(problem) from problem

    def _by_column(self, cells: list[str]) -> dict[str, str]:
        """Cells beyond the header are kept under "", so that a row that has too many can be refused."""
        row = {name: plain(cell.strip(" ")) for name, cell in zip(self.columns, cells, strict=False) if name}
        surplus = "".join(cells[len(self.columns) :]).strip()
        return {**row, "": surplus} if surplus else row

    def _open(self) -> TextIO:
        return self.path.open(encoding="utf-8-sig", newline="")

    def _unreadable(self, problem: Exception) -> UnreadableFile:
        if isinstance(problem, FileNotFoundError):
            return UnreadableFile(f"There is no file {self.path}.")
        if isinstance(problem, OSError):
            return UnreadableFile(f"{self.path} can't be read: {problem.strerror}.")
        if isinstance(problem, UnicodeDecodeError):
            return UnreadableFile(f"{self.path.name} isn't UTF-8 text. Save it as “CSV UTF-8” and try again.")
        return UnreadableFile(f"{self.path.name} is no CSV that can be read: {problem}.")
