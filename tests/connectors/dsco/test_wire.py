"""Bytes of every sort: encodings, delimiters, compression, and files that are damaged or no order files at all."""

from __future__ import annotations

import csv
import gzip
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Literal

import pytest

from connectors.contract import OrderDraft, ParseSummary
from connectors.dsco import grouping, parse, wire
from connectors.dsco.parse import parse_orders
from connectors.dsco.wire import is_order_file
from connectors.errors import BadDocument
from tests.connectors.dsco.files import COLUMNS, SAMPLES, Read, read, row, table

GOOD = table([row(1), row(1, 2), row(2)])


def drafts(got: Read) -> dict[str, int]:
    return {order.cust_po_no: len(order.lines) for order in got.orders}


# --- encodings, delimiters, compression --------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom"])
def test_utf8_and_utf16_are_read_with_or_without_a_mark(encoding: str) -> None:
    text = table([row(ship_first_name="Zoë", ship_last_name="Ångström")])
    marks = {"utf-16-le-bom": b"\xff\xfe", "utf-16-be-bom": b"\xfe\xff"}
    body = marks.get(encoding, b"") + text.encode(encoding.removesuffix("-bom"))
    got = read(body, chunk=7)
    assert (got.order.ship_to.first_name, got.order.ship_to.last_name) == ("Zoë", "Ångström")
    assert got.summary.notes == ()


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_a_file_that_is_not_utf8_is_read_as_western_with_a_note(encoding: str) -> None:
    got = read(table([row(1), row(2, ship_first_name="Zoë")]).encode(encoding))
    assert [order.ship_to.first_name for order in got.orders] == ["Ann", "Zoë"]
    assert "Line 3 isn't UTF-8" in got.summary.notes[0]


def test_one_foreign_line_leaves_the_others_as_they_are() -> None:
    lines = table([row(1, ship_first_name="Zoë"), row(2, ship_first_name="Zoë")]).encode().splitlines(keepends=True)
    lines[2] = lines[2].decode().encode("cp1252")
    assert [order.ship_to.first_name for order in read(b"".join(lines)).orders] == ["Zoë", "Zoë"]


def test_bytes_that_are_in_no_western_table_are_read_all_the_same() -> None:
    assert read(GOOD.encode().replace(b"Ann", b"A\x81\xff", 1)).orders


@pytest.mark.parametrize("delimiter", [",", "\t", "|", ";"])
@pytest.mark.parametrize("name", ["Purchase_Order_1.csv", "Purchase_Order_1.tab", "Purchase_Order_1.psv"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_the_delimiter_is_told_from_the_header_whatever_the_extension_says(
    delimiter: str, name: str, quoting: Literal[0, 1]
) -> None:
    text = table([row(1, line_item_title='5" pipe, | ; \t "round"'), row(2)], delimiter=delimiter, quoting=quoting)
    got = read(text, name)
    assert drafts(got) == {"PO-1": 1, "PO-2": 1}
    assert got.orders[0].lines[0].title == '5" pipe, | ; \t "round"'


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_all_line_ends_are_read(line_end: str, last: bool) -> None:
    text = GOOD.replace("\r\n", line_end)
    assert drafts(read(text if last else text.rstrip("\r\n"))) == {"PO-1": 2, "PO-2": 1}


def test_gzip_is_told_from_the_bytes() -> None:
    body = gzip.compress(GOOD.encode())
    assert drafts(read(body, "Purchase_Order_1.csv", chunk=3)) == {"PO-1": 2, "PO-2": 1}
    half = GOOD.index("\n", len(GOOD) // 2) + 1
    joined = gzip.compress(GOOD[:half].encode()) + gzip.compress(GOOD[half:].encode()) + b"\0" * 10
    assert drafts(read(joined)) == {"PO-1": 2, "PO-2": 1}


@pytest.mark.parametrize("damage", ["cut", "garbled"])
def test_a_damaged_gzip_is_refused_whole(damage: str) -> None:
    body = bytearray(gzip.compress(table([row(n) for n in range(500)]).encode()))
    if damage == "cut":
        del body[-200:]
    else:
        body[len(body) // 2] ^= 0xFF
    with pytest.raises(BadDocument, match=r"cut off|damaged"):
        read(bytes(body))


def test_a_quoted_value_may_run_over_lines_and_hold_quotes() -> None:
    message = 'Dear Bo,\r\nmany "happy" returns,\n\nAnn'
    got = read([row(1, gift_message=message), row(2)])
    assert got.orders[0].extra["gift_message"] == message
    assert [order.row for order in got.orders] == [2, 6]


def test_quotes_inside_a_value_that_is_not_quoted_are_text() -> None:
    text = GOOD.replace("PO-1,,1,SKU-1,,2,,", 'PO-1,,1,SKU-1,,2,5" pipe,')
    assert read(text).orders[0].lines[0].title == '5" pipe'


def test_blank_lines_and_rows_of_delimiters_are_passed_over() -> None:
    lines = GOOD.splitlines(keepends=True)
    blank = "," * (len(COLUMNS) - 1)
    got = read(
        "\r\n" + lines[0] + "\r\n" + lines[1] + f"{blank}\r\n" + f'"",{blank[1:]}\r\n' + lines[2] + lines[3] + "\r\n\r\n"
    )
    assert drafts(got) == {"PO-1": 2, "PO-2": 1}
    assert got.summary.rows == 3


# --- headers -----------------------------------------------------------------------------------------------------------------


def test_header_names_are_read_without_blanks_and_capitals_in_any_order() -> None:
    names = list(COLUMNS)[::-1]
    header = ",".join(f" {name.upper()} " for name in names)
    text = table([row(1), row(1, 2)], columns=names)
    got = read(header + text[text.index("\r\n") :])
    assert got.order.content_hash == read([row(1), row(1, 2)]).order.content_hash


def test_a_doubled_name_is_noted_and_its_second_value_kept() -> None:
    lines = GOOD.splitlines()
    got = read("\r\n".join([f"{lines[0]},ship_city", *(f"{line},Elsewhere" for line in lines[1:])]))
    assert got.orders[0].ship_to.city == "Boise"
    assert got.orders[0].extra["ship_city (2)"] == "Elsewhere"
    assert "ship_city" in got.summary.notes[0]


@pytest.mark.parametrize("essential", ["po_number", "line_item_sku", "line_item_quantity"])
def test_an_essential_name_that_is_doubled_or_missing_refuses_the_file(essential: str) -> None:
    lines = GOOD.splitlines()
    with pytest.raises(BadDocument, match=f"{essential} more than once"):
        read("\r\n".join([f"{lines[0]},{essential}", *(f"{line},x" for line in lines[1:])]))
    with pytest.raises(BadDocument, match=f"no column {essential}"):
        read(GOOD.replace(essential, "something_else", 1))


def test_delimiters_after_the_last_column_are_no_fault() -> None:
    lines = GOOD.splitlines()
    assert drafts(read("\r\n".join(f"{line},," for line in lines))) == {"PO-1": 2, "PO-2": 1}
    assert drafts(read("\r\n".join([lines[0], *(f"{line},," for line in lines[1:])]))) == {"PO-1": 2, "PO-2": 1}


def test_a_header_alone_is_no_order_and_no_fault() -> None:
    for text in (GOOD.splitlines()[0], GOOD.splitlines(keepends=True)[0]):
        got = read(text)
        assert (got.orders, got.refused, got.summary.rows, got.summary.maybe_truncated) == ([], [], 0, False)


@pytest.mark.parametrize(
    "body", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b"   \n", b",,,\r\n,,,\r\n", "".encode("utf-16"), gzip.compress(b"", mtime=0)]
)
def test_an_empty_file_is_called_empty(body: bytes) -> None:
    with pytest.raises(BadDocument, match="is empty"):
        read(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"PK\x03\x04" + bytes(100), "Excel workbook or a zip"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "old Excel workbook"),
        (b"%PDF-1.4 ...", "PDF"),
        (bytes(range(256)), "binary"),
        (b"po_number\0,line_item_sku", "binary"),
        (b"<html><body>Login</body></html>", "no column po_number"),
        (b"just some text", "no column po_number"),
        (b"ISA*00*          *00*          *ZZ*DSCO", "no column po_number"),
    ],
)
def test_what_is_no_table_of_orders_is_refused_with_words(body: bytes, words: str) -> None:
    with pytest.raises(BadDocument, match=words) as caught:
        read(body, "Purchase_Order_9.csv")
    assert "Purchase_Order_9.csv" in caught.value.words


def test_a_file_without_line_ends_does_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_LINE", 100_000)
    with pytest.raises(BadDocument, match="no table"):
        read(b"a" * 300_000)


# --- damage ------------------------------------------------------------------------------------------------------------------


def cut(text: str, marker: str) -> str:
    """Return a file that ends in the middle of its last row, within the value `marker`."""
    return text[: text.rindex(marker) + len(marker) // 2]


@pytest.mark.parametrize("marker", ["SKU-3", "Boise", "UPCG", "2025-05-10T19:30:37+00:00", "90002", "PO-2"])
def test_a_file_that_is_cut_off_loses_the_order_of_its_last_row_alone(marker: str) -> None:
    got = read(cut(table([row(1), row(2), row(3), row(2, 3)]), marker))
    assert drafts(got).keys() - {"PO-2"} == {"PO-1", "PO-3"}
    assert "cut off" in got.words
    if marker != "PO-2":
        assert "PO-2" not in drafts(got)
        assert (got.refused[0].cust_po_no, len(got.refused[0].problems)) == ("PO-2", 1)


def test_a_row_whose_number_is_cut_off_itself_names_no_order() -> None:
    got = read(cut(table([row(1), row(2)]), "PO-2"))
    assert (got.refused[0].external_id, got.refused[0].cust_po_no) == ("", "")


def test_a_file_that_is_cut_off_inside_quotes_loses_that_order_alone() -> None:
    text = cut(table([row(1), row(2), row(1, 2, gift_message="one,\r\ntwo,\r\nthree")]), "three")
    got = read(text)
    assert drafts(got) == {"PO-2": 1}
    assert got.refused[0].cust_po_no == "PO-1"
    assert "never closed" in got.words


@pytest.mark.parametrize("also", ["", '"never closed either'])
def test_a_quote_that_is_never_closed_costs_one_row_not_the_rest(also: str) -> None:
    rows = [row(n, line_item_title={3: "THIRD", 6: "SIXTH"}.get(n, "")) for n in range(1, 9)]
    got = read(table(rows).replace("THIRD", '"Best mug').replace("SIXTH", also))
    lost = {"PO-3", "PO-6"} if also else {"PO-3"}
    assert drafts(got).keys() == {f"PO-{n}" for n in range(1, 9)} - lost
    assert {refused.cust_po_no for refused in got.refused} == lost


def test_a_row_with_an_unquoted_delimiter_in_a_value_is_refused() -> None:
    text = table([row(1), row(2, ship_address_1="12 Elm St#"), row(2, 2), row(3)]).replace("12 Elm St#", "12 Elm St, Apt 4")
    got = read(text)
    assert drafts(got) == {"PO-1": 1, "PO-3": 1}
    assert got.refused[0].cust_po_no == "PO-2"
    assert "isn't quoted" in got.words


def test_a_row_with_a_nul_is_refused_and_its_neighbours_are_not() -> None:
    many = [row(n) for n in range(1, 60)]
    got = read(table(many).replace("PO-50,", "PO-50\0,").replace("SKU-1", "SKU-1", 1))
    assert len(got.orders) == 58
    assert got.refused[0].cust_po_no == "PO-50"
    assert "binary" in got.words


def test_a_nul_inside_quotes_over_lines_is_refused_too() -> None:
    got = read(table([row(n) for n in range(1, 60)] + [row(60, gift_message="a,\n\0b")]))
    assert got.refused[0].cust_po_no == "PO-60"
    assert "\0" not in str(got.refused)


@pytest.mark.parametrize("value", ["x" * 10_000_000, 'x"' * 5_000_000, "x,\n" * 900_000])
def test_a_value_of_ten_megabytes_holds_its_own_order_back(value: str) -> None:
    got = read(table([row(1), row(2, gift_message=value), row(3)]), chunk=65_536)
    assert drafts(got).keys() == {"PO-1", "PO-3"}
    assert got.refused[0].cust_po_no == "PO-2"
    assert len(str(got.refused)) < 1000


def test_a_long_row_of_ordinary_values_is_taken() -> None:
    got = read([row(1, gift_message="x" * 100_000, message="y" * 100_000)])
    assert len(got.order.extra["gift_message"]) == 100_000


# --- size --------------------------------------------------------------------------------------------------------------------


def big_file(rows: int) -> Iterator[bytes]:
    """A file of two-line orders in the narrowest layout."""
    header = "po_number,line_item_sku,line_item_quantity,line_item_line_number,dsco_order_id\r\n"
    yield header.encode()
    for number in range(0, rows, 2):
        yield f"P{number},A,1,1,{number}\r\nP{number},B,1,2,{number}\r\n".encode()


@pytest.mark.parametrize(("rows", "flagged"), [(998, False), (1_000, True)])
def test_a_file_of_as_many_rows_as_dsco_exports_may_have_been_cut(
    rows: int, flagged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parse.MAX_EXPORT_ROWS == 100_000
    monkeypatch.setattr(parse, "MAX_EXPORT_ROWS", 1_000)
    items = list(parse_orders(lambda: big_file(rows), "big.csv", {}))
    assert items[-1] == ParseSummary(rows=rows, maybe_truncated=flagged)
    assert len(items) == rows // 2 + 1


@pytest.mark.parametrize("adjacent", [True, False])
def test_memory_stays_flat_however_the_rows_are_scattered(adjacent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MAX_OPEN", 100)
    header, first, second, *_ = (SAMPLES / "Purchase_Order_223_columns.csv").read_bytes().splitlines(keepends=True)
    lines = [(first, b"990000117"), (second, b"990000117")]

    def body() -> Iterator[bytes]:
        yield header
        for outer in range(500 if adjacent else 2):
            for inner in range(2 if adjacent else 500):
                number, (line, order_id) = (outer, lines[inner]) if adjacent else (inner, lines[outer])
                yield line.replace(order_id, b"%09d" % number)

    tracemalloc.start()
    seen = {item.external_id: len(item.lines) for item in parse_orders(body, "big.csv", {}) if isinstance(item, OrderDraft)}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen == {f"{number:09d}": 2 for number in range(500)}
    assert peak < 4_000_000


def test_a_body_that_changes_between_the_passes_is_a_bug_and_no_endless_loop() -> None:
    columns = grouping.Columns(COLUMNS)
    layout = wire.read_layout(lambda: [GOOD.encode()], "x.csv")
    bodies = iter([GOOD])
    with pytest.raises(RuntimeError, match="other bytes"):
        list(grouping.gather(lambda: [next(bodies, "").encode()], "x.csv", layout, columns, grouping.Tally()))


def test_two_files_are_read_at_once_in_two_threads() -> None:
    results: list[dict[str, int]] = []
    long = table([row(n, gift_message="x" * 140_000) if n == 5 else row(n) for n in range(1, 200)])
    threads = [threading.Thread(target=lambda: results.append(drafts(read(long, chunk=65_536)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(result) for result in results] == [198, 198]


# --- names -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Purchase_Order_20250510.csv", True),
        ("PURCHASE_ORDER_1.CSV", True),
        ("purchase_order_bulk_17.tab", True),
        ("Purchase_Order_1.psv", True),
        ("Purchase_Order_1.csv.gz", True),
        ("Purchase_Order_1.pdf", False),
        ("Purchase_Order_1.csv.part", False),
        ("Purchase_Order_1", False),
        ("Inventory_1.csv", False),
        ("x_Purchase_Order_1.csv", False),
    ],
)
def test_order_files_are_told_by_pattern_and_extension(name: str, expected: bool) -> None:
    assert is_order_file(name, "Purchase_Order_*") is expected
    assert is_order_file(name, "Purchase_Order_*.csv") is (expected and ".csv" in name.lower())
