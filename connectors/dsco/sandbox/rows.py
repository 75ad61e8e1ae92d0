"""Reading what suppliers put into /in, and the checks of single values that all workflows share.

DSCO's own texts for what it refuses are not known: the codes and words here are the sandbox's own.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from connectors.dsco.sandbox.state import State

WHOLE_NUMBER = re.compile(r"\d{1,9}")
MONEY = re.compile(r"-?\d{1,15}(\.\d{1,2})?")
"""Source: DSCO reference 1, Types: no separators, no symbol, at most two decimals."""

SCIENTIFIC = re.compile(r"\d+(\.\d+)?E[+-]?\d+", re.IGNORECASE)
SKU_CHARACTERS = re.compile(r"[A-Za-z0-9.,:;'`~#&_!()\-+/\\|? ]{1,64}")
"""Source: DSCO reference 2, Limits. The blank isn't in the published list, but real SKUs have it."""

CODE_LENGTHS = {"upc": (6, 12), "ean": (8, 13), "gtin": (8, 12, 13, 14), "isbn": (10, 13)}


class BadFile(Exception):
    """A file of which no row can be read; the words say why."""


class RowProblem(Exception):
    """Why a row isn't taken."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


@dataclass(slots=True)
class Result:
    """What became of one row. `row` is the line of the file counted in records, 1 = header."""

    row: int
    values: dict[str, str]
    outcome: str = "ok"
    code: str = "ok"
    words: str = ""
    facts: dict[str, str] = field(default_factory=dict)

    def warn(self, code: str, words: str) -> None:
        """The row is taken, but something is odd. The first warning is what the row is known by."""
        if self.outcome == "ok":
            self.outcome, self.code = "warning", code
        self.words = f"{self.words} {words}".strip()

    def remark(self, code: str, words: str) -> None:
        """The row is fine; something is worth knowing."""
        if self.code == "ok":
            self.code = code
        self.words = f"{self.words} {words}".strip()

    def fail(self, problem: RowProblem) -> None:
        """The row isn't taken."""
        self.outcome, self.code, self.words = "error", problem.code, problem.words


class Workflow(Protocol):
    """Takes the rows of one file. It runs inside the transaction that also keeps their results."""

    def __call__(self, state: State, process_id: int, results: list[Result]) -> None: ...


def read_rows(body: bytes, delimiter: str, needed: tuple[tuple[str, ...], ...]) -> list[Result]:
    """Return the rows of a file by trimmed header name. Raise `BadFile` when it has no usable header.

    `needed` are the columns that must be there: of each group at least one.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"The file isn't UTF-8 (byte {error.start}).") from None
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadFile(f"The file can't be read as delimited text: {error}.") from None
    if not records:
        raise BadFile("The file is empty: a header row is mandatory.")
    header = [name.strip() for name in records[0]]
    if len(set(header) - {""}) < len([name for name in header if name]):
        raise BadFile("A column is there twice.")
    for group in needed:
        if not set(group) & set(header):
            raise BadFile(f"The column {' or '.join(group)} is missing.")
    return list(_results(header, records))


def _results(header: list[str], records: list[list[str]]) -> Iterator[Result]:
    for row, record in enumerate(records[1:], start=2):
        if not record or record == [""]:
            continue
        result = Result(row, {name: value.strip() for name, value in zip(header, record, strict=False) if name})
        if len(record) != len(header):
            result.fail(RowProblem("bad_row", f"The row has {len(record)} values, the header {len(header)} columns."))
        yield result


def text(values: Mapping[str, str], name: str) -> str:
    """Return a value that must be there. Raise `RowProblem` when it isn't."""
    value = values.get(name, "")
    if not value:
        raise RowProblem("missing", f"{name} is missing.")
    return value


def whole_number(values: Mapping[str, str], name: str, least: int, code: str = "bad_quantity") -> int:
    """Return a whole number in plain digits. Raise `RowProblem` for anything else."""
    value = text(values, name)
    if not WHOLE_NUMBER.fullmatch(value) or int(value) < least:
        raise RowProblem(code, f"{name} must be a whole number from {least} up, not {value!r}.")
    return int(value)


def amount(values: Mapping[str, str], name: str, *, needed: bool = False) -> Decimal | None:
    """Return an amount of money, None when it isn't there. Raise `RowProblem` for anything that DSCO can't read as money."""
    value = text(values, name) if needed else values.get(name, "")
    if not value:
        return None
    if not MONEY.fullmatch(value):
        raise RowProblem("bad_money", f"{name} must be an amount like 1234.50, not {value!r}.")
    return Decimal(value)


def moment(values: Mapping[str, str], name: str) -> str:
    """Return a date-time as it was written, "" when it isn't there. Raise `RowProblem` unless it is ISO 8601."""
    value = values.get(name, "")
    if value:
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise RowProblem("bad_date", f"{name} must be an ISO 8601 date-time, not {value!r}.") from None
    return value


def check_sku(value: str) -> None:
    """Raise `RowProblem` for a SKU that DSCO refuses."""
    if SCIENTIFIC.fullmatch(value):
        raise RowProblem("bad_sku", f"The SKU {value} looks like a number that a spreadsheet shortened.")
    if not SKU_CHARACTERS.fullmatch(value):
        raise RowProblem("bad_sku", f"The SKU {value[:80]!r} is too long or has characters that DSCO doesn't take.")


def check_codes(values: Mapping[str, str]) -> None:
    """Raise `RowProblem` for a UPC, EAN, GTIN or ISBN that hasn't the digits that it must have."""
    for name, lengths in CODE_LENGTHS.items():
        value = values.get(name, "")
        body = value[:-1] + "0" if name == "isbn" and value[-1:] in ("X", "x") else value
        if value and (not body.isdigit() or len(body) not in lengths):
            allowed = " or ".join(map(str, lengths))
            raise RowProblem("bad_code_length", f"{name} must have {allowed} digits, not {value!r}.")
