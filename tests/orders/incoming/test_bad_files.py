"""A bad file, row or value gives its reason where the merchant looks, and costs no good neighbour."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable

import pytest

from connectors.models import Outcome
from orders.import_export.exports import csv_chunks
from orders.models import Alert, InboundDocument, InboundState
from tests.connectors.dsco.files import COLUMNS, row, table
from tests.far_sides import EVERY_WMS
from tests.inbox import Inbox

pytestmark = EVERY_WMS

GOOD = table([row(1), row(2)])
HEADER = ",".join(COLUMNS) + "\r\n"
BAD = "Purchase_Order_bad.csv"


UNREADABLE = {
    "empty": (b"", "is empty"),
    "blank lines": (b"\r\n\r\n", "is empty"),
    "workbook": (b"PK\x03\x04" + bytes(range(256)) * 8, "Excel workbook"),
    "pdf": (b"%PDF-1.4\n%\xe2\xe3", "PDF"),
    "binary": (bytes(range(256)) * 40, "binary"),
    "NULs": (b"\0" * 5000, "binary"),
    "prose": (b"dear supplier, there are no orders today\r\n", "no column po_number"),
    "page": (b"<html><body>Sign in</body></html>", "no column po_number"),
    "missing name": (GOOD.replace("po_number", "order number", 1).encode(), "no column po_number"),
    "doubled name": (GOOD.replace("line_item_upc", "line_item_sku", 1).encode(), "more than once"),
    "unknown delimiter": (GOOD.replace(",", "~").encode(), "no column po_number"),
    "gzip cut off": (gzip.compress(GOOD.encode())[:-20], "cut off"),
    "gzip damaged": (b"\x1f\x8b\x08" + b"nonsense" * 20, "damaged"),
    "utf-16 of nothing": (b"\xff\xfe" + b"\x00\xd8" * 300, "no column po_number"),
}


def test_files_that_can_not_be_read_say_why_and_their_neighbour_is_loaded(inbox: Inbox) -> None:
    for number, (what, (body, _)) in enumerate(UNREADABLE.items()):
        inbox.put(body, f"Purchase_Order_{what}.csv", age=100 + number)
    inbox.put(GOOD, "Purchase_Order_good.csv")
    finished = inbox.download()

    assert finished.outcome == Outcome.PROBLEMS
    assert (finished.counts["files_refused"], finished.counts["orders"]) == (len(UNREADABLE), 2)
    assert inbox.orders == {"PO-1", "PO-2"}
    assert inbox.documents() == {InboundState.REFUSED: len(UNREADABLE), InboundState.READ: 1}
    skipped = {one["document"]: one for one in inbox.skipped}
    refused = {one["document"]: one["words"] for one in inbox.exported("events") if one["kind"] == "file.refused"}
    alerts = dict(Alert.objects.for_account(inbox.account).filter(cause="bad_document").values_list("subject", "words"))
    for what, (_, reason) in UNREADABLE.items():
        name = f"Purchase_Order_{what}.csv"
        assert name in finished.problem
        assert skipped[name]["connection"] == "DSCO"
        assert skipped[name]["reason"].startswith("bad_document: ")
        for words in (skipped[name]["reason"], refused[name], alerts[name]):
            assert reason in words


def test_a_bad_file_is_told_once_and_a_good_one_in_its_place_ends_the_alert(inbox: Inbox) -> None:
    inbox.read(b"", BAD)
    again = inbox.download()
    assert (again.outcome, again.problem) == (Outcome.NOTHING, "")
    assert len(inbox.skipped) == 1
    inbox.read(GOOD, BAD)
    assert inbox.alerts == {}
    assert inbox.orders == {"PO-1", "PO-2"}


@pytest.mark.parametrize("body", [HEADER, HEADER.rstrip("\r\n"), f"\ufeff{HEADER}"], ids=["plain", "no line end", "BOM"])
def test_a_file_with_a_header_only_is_an_event_and_no_alert(inbox: Inbox, body: str) -> None:
    finished = inbox.read(body)
    assert (finished.outcome, finished.problem) == (Outcome.DONE, "")
    assert ["has a header and no orders" in words for words in inbox.events("file.no_orders")] == [True]
    assert (inbox.alerts, inbox.skipped) == ({}, [])


ODD: dict[str, Callable[[str], bytes]] = {
    "BOM": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "latin-1": lambda text: text.encode("latin-1"),
    "tab in a .csv": lambda text: text.replace(",", "\t").encode(),
    "pipe in a .csv": lambda text: text.replace(",", "|").encode(),
    "semicolon": lambda text: text.replace(",", ";").encode(),
    "LF": lambda text: text.replace("\r\n", "\n").encode(),
    "CR": lambda text: text.replace("\r\n", "\r").encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "blanks and capitals in names": lambda text: text.replace("po_number", " PO_Number ", 1).encode(),
}


def test_odd_but_readable_files_are_read(inbox: Inbox) -> None:
    for number, (what, encode) in enumerate(ODD.items()):
        inbox.put(encode(table([row(number, ship_city="Zürich"), row(100 + number)])), f"Purchase_Order_{what}.csv")
    finished = inbox.download()
    assert finished.outcome == Outcome.DONE
    assert finished.counts["orders"] == 2 * len(ODD)
    for number, what in enumerate(ODD):
        assert inbox.order(f"PO-{number}").ship_to["city"] == "Zürich", what
    assert inbox.skipped == []


BAD_VALUES = [
    *[
        ("line_item_quantity", value, "whole number from 1 to 999999")
        for value in ("0", "-3", "1.5", "two", "", "1e3", "1000000", "9" * 30, "½", "٣", "1,000")
    ],
    *[("line_item_expected_cost", value, "plain decimal number") for value in ("free", "1.2.3", "1,50", "1e5", "NaN", "$5")],
    ("line_item_sku", "1.23457E+11", "cut off its last digits"),
    ("line_item_sku", "", "line_item_sku is empty"),
    ("ship_city", "x\0y", "NUL"),
    ("gift_message", "x" * 10_000_000, "10000000 characters"),
]


def test_a_bad_value_holds_its_own_order_back_and_says_where_it_stands(inbox: Inbox) -> None:
    rows = []
    for number, (column, value, _) in enumerate(BAD_VALUES):
        rows += [row(number, 1), row(number, 2, **{column: value}), row(100 + number)]
    finished = inbox.read(rows, BAD)

    assert finished.outcome == Outcome.PROBLEMS
    assert (finished.counts["orders"], finished.counts["refused"]) == (len(BAD_VALUES), len(BAD_VALUES))
    assert inbox.orders == {f"PO-{100 + number}" for number in range(len(BAD_VALUES))}
    skipped = {one["cust_po_no"]: one for one in inbox.skipped}
    for number, (_, _, reason) in enumerate(BAD_VALUES):
        refused = skipped[f"PO-{number}"]
        assert reason in refused["reason"]
        assert refused["reason"].startswith(f"refused_row: row {3 * number + 3}")
        assert (refused["document"], refused["line"], refused["record_no"]) == (BAD, 3 * number + 3, f"9000{number}")
        assert len(refused["reason"]) < 400
    assert BAD in inbox.alerts["rows_refused"]
    assert inbox.events("file.rows_refused") == [inbox.alerts["rows_refused"]]


def test_a_row_that_does_not_say_whose_it_is_is_shown_by_its_line(inbox: Inbox) -> None:
    nameless = row(3, po_number="", dsco_order_id="")
    inbox.read([row(1), row(2, po_number=""), nameless, row(4, dsco_order_id="1.00006E+12"), row(5)], BAD)
    assert inbox.orders == {"PO-1", "PO-5"}
    reasons = {one["line"]: one["reason"] for one in inbox.skipped}
    assert "po_number is empty" in reasons[3]
    assert "nobody can say which order" in reasons[4]
    assert "cut off its last digits" in reasons[5]


def test_a_file_that_is_cut_off_in_the_middle_loses_the_last_order_alone(inbox: Inbox) -> None:
    text = table([row(1), row(2), row(3)])
    finished = inbox.read(text[: text.rindex("US")])
    assert inbox.orders == {"PO-1", "PO-2"}
    assert "row 4" in inbox.skipped[0]["reason"]
    assert "cut off" in inbox.skipped[0]["reason"]
    assert finished.outcome == Outcome.PROBLEMS


def test_the_whole_file_in_its_place_loads_the_rest_and_ends_the_alert(inbox: Inbox) -> None:
    text = table([row(1), row(2), row(3)])
    inbox.read(text[: text.rindex("US")])
    finished = inbox.read(text)
    assert (finished.counts["orders"], finished.counts["duplicates"]) == (1, 2)
    assert inbox.orders == {"PO-1", "PO-2", "PO-3"}
    assert inbox.alerts == {}


def test_a_mended_order_in_another_file_ends_the_alert_of_the_first(inbox: Inbox) -> None:
    inbox.read([row(1), row(2, line_item_quantity="none"), row(3, line_item_quantity="none")], "Purchase_Order_1.csv")
    inbox.read([row(2)], "Purchase_Order_2.csv")
    assert "rows_refused" in inbox.alerts
    inbox.read([row(3)], "Purchase_Order_3.csv")
    assert inbox.orders == {"PO-1", "PO-2", "PO-3"}
    assert inbox.alerts == {}


def test_the_first_hundred_refused_orders_are_listed_and_the_rest_are_counted(inbox: Inbox) -> None:
    finished = inbox.read([row(1), *(row(number, line_item_quantity="x") for number in range(2, 152))], BAD)
    assert finished.counts["refused"] == 150
    assert len(inbox.skipped) == 100
    assert inbox.events("file.rows_refused") == [inbox.alerts["rows_refused"]]
    assert "150 orders" in inbox.alerts["rows_refused"]
    assert "first 100" in inbox.alerts["rows_refused"]
    assert inbox.orders == {"PO-1"}


def test_amounts_beyond_what_can_be_kept_hold_their_order_back(inbox: Inbox) -> None:
    rows = [row(1), row(2, line_item_quantity="999999", line_item_expected_cost="9999999999.99"), row(3)]
    finished = inbox.read(rows, BAD)
    assert finished.outcome == Outcome.PROBLEMS
    assert inbox.orders == {"PO-1", "PO-3"}
    assert (inbox.skipped[0]["document"], inbox.skipped[0]["line"]) == (BAD, 3)
    assert "999,999,999,999.99" in inbox.skipped[0]["reason"]


def test_formulas_are_kept_as_they_are_and_made_harmless_in_exports(inbox: Inbox) -> None:
    name = "Purchase_Order_=cmd.csv"
    rows = [
        row(1, po_number="=1+1", ship_city="@SUM(A1)", line_item_sku="+CAP", line_item_title="-2+3"),
        row(2, po_number="=HYPERLINK()", line_item_quantity="-1"),
    ]
    inbox.read(rows, name)
    order = inbox.order("=1+1")
    assert order.ship_to["city"] == "@SUM(A1)"
    assert inbox.lines("=1+1") == [("+CAP", 2)]
    assert order.cust_ref[0] not in "=+-@"
    for what in ("orders", "order_lines", "skipped", "events"):
        text = "".join(csv_chunks(inbox.account, what))
        for cells in csv.reader(io.StringIO(text, newline="")):
            assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    assert "'=HYPERLINK()" in "".join(csv_chunks(inbox.account, "skipped"))


@pytest.mark.parametrize(
    "name",
    [
        "Purchase_Order_..\\..\\x.csv",
        "Purchase_Order_%2e%2e%2fx.csv",
        "Purchase_Order_ünï 'x\" $(id).csv",
        "Purchase_Order_~.csv",
    ],
)
def test_odd_file_names_lead_nowhere_and_stop_nothing(inbox: Inbox, name: str) -> None:
    inbox.put([row(1)], name)
    inbox.put([row(2)], "Purchase_Order_good.csv")
    inbox.download()
    assert "PO-2" in inbox.orders
    if "\\" not in name:
        assert "PO-1" in inbox.orders
        assert InboundDocument.objects.for_account(inbox.account).filter(name=name, state=InboundState.READ).exists()


def test_what_is_no_order_file_is_left_alone(inbox: Inbox) -> None:
    for name in ("Packing_Slip_1.pdf", "Purchase_Order_1.pdf", "Inventory_1.csv", "notes.txt"):
        inbox.put(b"anything", name)
    assert inbox.download().outcome == Outcome.NOTHING
    assert not InboundDocument.objects.for_account(inbox.account).exists()


def test_an_export_of_a_hundred_thousand_rows_raises_an_alert(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.dsco.parse.MAX_EXPORT_ROWS", 5)
    assert inbox.read([row(number) for number in range(1, 5)], "Purchase_Order_4.csv").outcome == Outcome.DONE
    finished = inbox.read([row(number) for number in range(1, 6)], "Purchase_Order_5.csv")
    assert finished.outcome == Outcome.PROBLEMS
    assert "100,000 records" in inbox.alerts["maybe_truncated"]
    assert len(inbox.orders) == 5


def test_an_unreadable_file_is_tried_again_and_stops_no_other(inbox: Inbox) -> None:
    inbox.put([row(1)], BAD, age=90)
    inbox.put([row(2)], "Purchase_Order_good.csv")
    inbox.dsco.drive("fault", name="refuse_read", path=f"/out/{BAD}")
    first = inbox.download()
    assert first.outcome == Outcome.PROBLEMS
    assert BAD in first.problem
    assert inbox.orders == {"PO-2"}
    assert "connection_broken" not in inbox.alerts
    inbox.download()
    inbox.download()
    assert BAD in inbox.alerts["file_not_fetched"]
    assert Alert.objects.for_account(inbox.account).count() == 1
    inbox.dsco.drive("clear_faults")
    inbox.download()
    assert inbox.orders == {"PO-1", "PO-2"}
    assert inbox.alerts == {}
