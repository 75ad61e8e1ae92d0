"""The files of orders that DSCO writes, tidy and odd."""

from __future__ import annotations

import base64
import gzip
from collections import Counter
from collections.abc import Iterator
from typing import Any

import paramiko
import pytest

from connectors.dsco.sandbox import DscoSandbox
from tests.connectors.dsco_sandbox.conftest import Login, parsed, read
from tests.waiting import until


@pytest.fixture
def box(long_running: DscoSandbox) -> DscoSandbox:
    long_running.drive("reset")
    return long_running


@pytest.fixture
def sftp(box: DscoSandbox) -> Iterator[paramiko.SFTPClient]:
    client = Login(box)
    yield client.sftp
    client.close()


def exported(box: DscoSandbox, **arguments: Any) -> bytes:
    """Export and return the file's bytes."""
    made = box.drive("export", **arguments)
    return base64.b64decode(box.drive("read_file", path=made["path"], base64=True))


@pytest.mark.parametrize("columns", [123, 143, 223])
def test_layouts_have_dscos_columns(box: DscoSandbox, columns: int) -> None:
    box.drive("place_orders", columns=columns)
    body = exported(box)
    header = body.split(b"\r\n")[0].decode().split(",")
    assert len(header) == len(set(header)) == columns
    assert header[0] == "po_number"
    assert box.drive("settings")["columns"] == columns


def test_columns_that_integrators_read_by_position_are_in_place(box: DscoSandbox) -> None:
    box.drive("place_orders", columns=223)
    header = exported(box).split(b"\r\n")[0].decode().split(",")
    places = {2: "line_item_line_number", 3: "line_item_sku", 4: "line_item_upc", 11: "line_item_quantity"}
    places |= {15: "line_item_expected_cost", 85: "ship_first_name", 92: "ship_city", 95: "ship_country", 97: "ship_email"}
    places |= {101: "shipping_service_level_code", 107: "retailer_create_date"}
    assert {place: header[place] for place in places} == places


def test_order_values_repeat_on_each_row_and_line_values_differ(box: DscoSandbox) -> None:
    [order] = box.drive("place_orders", lines=3)
    rows = parsed(exported(box))
    assert len(rows) == 3
    for name in ("po_number", "dsco_order_id", "ship_name", "ship_address_1", "number_of_line_items"):
        assert len({row.get(name) for row in rows}) == 1
    assert [row["line_item_line_number"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["number_of_line_items"] == "3"
    assert rows[0]["dsco_order_status"] == "shipment_pending"
    assert rows[0]["retailer_create_date"] == order["placed_at"]
    assert len(order["po_number"]) == 22
    assert rows[0]["test_flag"] == "0"


def test_rows_of_one_order_may_lie_apart(box: DscoSandbox) -> None:
    box.drive("place_orders", count=3, lines=2)
    together = [row["po_number"] for row in parsed(exported(box))]
    apart = [row["po_number"] for row in parsed(exported(box, orders="all", scattered=True))]
    assert Counter(apart) == Counter(together)
    assert all(first == second for first, second in zip(together[::2], together[1::2], strict=True))
    assert all(first != second for first, second in zip(apart[::2], apart[1::2], strict=True))


def test_odd_shapes_hold_the_same_rows(box: DscoSandbox) -> None:
    box.drive("place_orders", count=2, order={"ship_city": "Montréal", "ship_address_2": 'Unit "7", rear'})
    plain = parsed(exported(box))
    assert plain[0]["ship_city"] == "Montréal"
    assert plain[0]["ship_address_2"] == 'Unit "7", rear'
    assert parsed(exported(box, orders="all", extension="tab"), delimiter="\t") == plain
    assert parsed(exported(box, orders="all", delimiter="|", quote_all=True), delimiter="|") == plain
    assert parsed(exported(box, orders="all", encoding="cp1252"), encoding="cp1252") == plain
    assert parsed(gzip.decompress(exported(box, orders="all", gzip=True))) == plain
    marked = exported(box, orders="all", bom=True)
    assert marked.startswith(b"\xef\xbb\xbf")
    assert parsed(marked, encoding="utf-8-sig") == plain
    shuffled = exported(box, orders="all", shuffle_columns=True, seed=1)
    assert parsed(shuffled) == plain
    assert not shuffled.startswith(b"po_number,number")
    assert exported(box, orders="all", line_end="\n").count(b"\r") == 0
    padded = parsed(exported(box, orders="all", padded_header=True))
    assert [{name.strip(): value for name, value in row.items()} for row in padded] == plain


def test_columns_can_be_left_out_and_added(box: DscoSandbox) -> None:
    box.drive("place_orders")
    [row] = parsed(exported(box, without=["dsco_order_id"], extra={"new_attribute": "x"}))
    assert "dsco_order_id" not in row
    assert row["new_attribute"] == "x"
    [row] = parsed(exported(box, orders="all", columns=["po_number", "line_item_sku"]))
    assert list(row) == ["po_number", "line_item_sku"]


def test_encoding_that_cant_hold_an_order_is_refused(box: DscoSandbox) -> None:
    box.drive("place_orders", order={"ship_city": "Łódź"})
    with pytest.raises(ValueError, match="can't be written in cp1252"):
        box.drive("export", encoding="cp1252")
    assert box.drive("state")["files"]["/out"] == []


def test_lines_of_one_order_may_come_in_two_files(box: DscoSandbox) -> None:
    [order] = box.drive("place_orders", lines=3)
    first = parsed(exported(box, part_of_lines="first"))
    rest = parsed(exported(box, orders=[order["dsco_order_id"]], part_of_lines="rest"))
    assert [row["line_item_line_number"] for row in first + rest] == ["1", "2", "3"]
    assert {row["number_of_line_items"] for row in first + rest} == {"3"}


def test_export_is_cut_at_its_limit(box: DscoSandbox) -> None:
    box.drive("place_orders", count=3, lines=2)
    assert box.drive("export", limit=5)["rows"] == 5


def test_nothing_to_export_makes_no_file_unless_a_bare_header_is_wanted(box: DscoSandbox) -> None:
    assert box.drive("export") is None
    assert exported(box, empty=True).count(b"\r\n") == 1


def test_changed_order_is_exported_changed(box: DscoSandbox) -> None:
    [order] = box.drive("place_orders", lines=2)
    exported(box)
    id_ = order["dsco_order_id"]
    [changed] = box.drive(
        "change_orders",
        orders=[id_],
        order={"ship_address_1": "1 New Rd"},
        lines={"1": {"line_item_quantity": "7"}},
        add_items=[{"sku": "ADDED"}],
        remove_lines=[2],
    )
    assert [line["line_number"] for line in changed["lines"]] == ["1", "2"]
    rows = parsed(exported(box, orders=[id_]))
    assert [(row["line_item_sku"], row["line_item_quantity"]) for row in rows] == [
        (order["lines"][0]["sku"], "7"),
        ("ADDED", "1"),
    ]
    assert {row["ship_address_1"] for row in rows} == {"1 New Rd"}


def test_cancelled_order_says_so_when_it_is_exported_again(box: DscoSandbox) -> None:
    [order] = box.drive("place_orders")
    box.drive("cancel_orders", orders=order["dsco_order_id"])
    assert box.drive("export") is None
    [row] = parsed(exported(box, orders=[order["dsco_order_id"]], columns=143))
    assert (row["dsco_order_status"], row["dsco_lifecycle"], row["cancel_requested"]) == ("cancelled", "completed", "1")


def test_orders_are_placed_as_asked(box: DscoSandbox) -> None:
    orders = box.drive("place_orders", count=4, retailers=["Tarn & Fell", "Nordholm & Finch"], test=True, service="FE2D")
    assert [order["retailer_name"] for order in orders] == ["Tarn & Fell", "Nordholm & Finch"] * 2
    assert len({order["retailer_id"] for order in orders}) == 2
    assert len({order["po_number"] for order in orders}) == 4
    rows = parsed(exported(box))
    assert {(row["test_flag"], row["ship_method"]) for row in rows} == {("1", "2Day")}
    [odd] = box.drive("place_orders", po_numbers=["PO 1"], placed_at="2026-01-05T08:00:00+02:00", full_name_quirk=True)
    [row] = parsed(exported(box))
    assert (odd["po_number"], row["retailer_create_date"], row["ship_last_name"]) == ("PO 1", "2026-01-05T06:00:00+00:00", ";")
    assert row["ship_first_name"].count(" ") == 1


def test_odd_values_stand_in_the_file_as_they_were_asked_for(box: DscoSandbox) -> None:
    own = {"po_number": "PO-7", "dsco_order_id": ""}
    [order] = box.drive("place_orders", order=own, line={"line_item_quantity": "2.5", "line_item_expected_cost": "n/a"})
    [row] = parsed(exported(box))
    assert (row["po_number"], row["dsco_order_id"], row["line_item_quantity"]) == ("PO-7", "", "2.5")
    assert row["line_item_expected_cost"] == "n/a"
    assert (order["po_number"], order["lines"][0]["ordered"]) == ("PO-7", 1)
    id_ = order["dsco_order_id"]
    box.drive("change_orders", orders=[id_], lines={"1": {"line_item_quantity": "many"}})
    assert parsed(exported(box, orders=[id_]))[0]["line_item_quantity"] == "many"
    [order] = box.drive("change_orders", orders=[id_], lines={"1": {"line_item_quantity": "4"}})
    assert parsed(exported(box, orders=[id_]))[0]["line_item_quantity"] == "4"
    assert order["lines"][0]["ordered"] == 4


def test_equal_seeds_place_equal_orders(box: DscoSandbox) -> None:
    one, two = (box.drive("place_orders", seed=7, lines=[1, 4], quantity=[1, 5])[0] for _ in range(2))
    for name in ("sku", "ordered"):
        assert [line[name] for line in one["lines"]] == [line[name] for line in two["lines"]]


def test_growing_file_grows_piece_by_piece(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("place_orders", count=5)
    made = box.drive("export", pieces=3)
    sizes = [sftp.stat(made["path"]).st_size or 0]
    while box.drive("grow")["pieces_left"]:
        sizes.append(sftp.stat(made["path"]).st_size or 0)
    assert sizes[0] < sizes[1] < (sftp.stat(made["path"]).st_size or 0) == made["size"]
    with pytest.raises(ValueError, match="No file is growing"):
        box.drive("grow")
    assert len(parsed(read(sftp, made["path"]))) == 5


def test_growing_file_grows_by_itself_at_the_pace_asked_for(box: DscoSandbox) -> None:
    box.drive("place_orders", count=5)
    made = box.drive("export", pieces=3, every=0.01)
    until(lambda: len(box.drive("read_file", path=made["path"])) >= made["size"])
    assert len(parsed(box.drive("read_file", path=made["path"]).encode())) == 5


def test_orders_and_exports_come_by_themselves_when_set(box: DscoSandbox) -> None:
    box.drive("settings", place_every=0.01, export_every=0.01)
    until(lambda: box.drive("state", only=["files"])["files"]["/out"])
    box.drive("settings", place_every=0, export_every=0)


def test_two_exports_in_one_second_have_two_names(box: DscoSandbox) -> None:
    box.drive("place_orders")
    names = {box.drive("export", orders="all")["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(len(name) == len("Purchase_Order_20261122212255.csv") for name in names)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"columns": 99}, "columns is one of 123, 143, 223"),
        ({"orders": ["1"]}, "Not all of these orders"),
        ({"part_of_lines": "some"}, "first or rest"),
        ({"pieces": 0}, "at least one piece"),
        ({"colums": 123}, "unexpected keyword argument 'colums'"),
    ],
)
def test_wrong_wishes_are_refused_with_words(box: DscoSandbox, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        box.drive("export", **arguments)
