"""Orders go out, files come back: what a client sees of DSCO over SFTP."""

from __future__ import annotations

import time
from collections.abc import Callable

import paramiko
import pytest

from connectors.dsco.sandbox import DscoSandbox
from tests.connectors.dsco_sandbox.conftest import Login, document, parsed, put, read, shipment
from tests.waiting import until


def test_whole_round_from_order_to_told_tracking(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    [order] = box.drive("place_orders", lines=2, quantity=2)
    made = box.drive("export")
    assert sftp.listdir("/out") == [made["name"], "archive"]
    rows = parsed(read(sftp, f"/out/{made['name']}"))
    assert [row["line_item_sku"] for row in rows] == [line["sku"] for line in order["lines"]]
    assert {row["dsco_order_id"] for row in rows} == {order["dsco_order_id"]}
    assert sftp.listdir("/out") == ["archive"]
    assert sftp.listdir("/out/archive") == [made["name"]]

    put(sftp, "/in/Shipment_1.csv", document([shipment(order, line=0, quantity=2), shipment(order, line=1)]))
    process = box.drive("wait")[-1]
    assert process["file"] == "Shipment_1.csv"
    assert (process["status"], process["ok"], process["errors"]) == ("Finished", 2, 0)
    assert [row["row"] for row in process["rows"]] == [2, 3]
    assert sorted(sftp.listdir("/in")) == ["archive", "processing"]
    assert sftp.listdir("/in/archive") == ["Shipment_1.csv"]

    told = box.drive("order", order=order["dsco_order_id"])
    assert [line["shipped"] for line in told["lines"]] == [2, 1]
    assert (told["lifecycle"], told["status"]) == ("acknowledged", "shipped")
    assert box.drive("state", only=["tracking"])["tracking"] == {order["dsco_order_id"]: ["1Z1"]}


def test_order_is_offered_once_and_again_only_on_request(box: DscoSandbox) -> None:
    [order] = box.drive("place_orders")
    assert order["lifecycle"] == "created"
    first = box.drive("export")
    assert box.drive("order", order=order["dsco_order_id"])["lifecycle"] == "acknowledged"
    assert box.drive("export") is None
    again = box.drive("export", orders=[order["dsco_order_id"]])
    assert again["name"] > first["name"]
    assert box.drive("read_file", path=again["path"]) == box.drive("read_file", path=first["path"])
    assert box.drive("order", order=order["dsco_order_id"])["exports"] == 2


def test_prefetched_file_counts_as_read_whole(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    body = bytes(range(256)) * 4_000
    box.drive("put_file", path="/out/Purchase_Order_1.csv", text=body.decode("latin-1"))
    assert read(sftp, "/out/Purchase_Order_1.csv").decode() == body.decode("latin-1")
    assert sftp.listdir("/out/archive") == ["Purchase_Order_1.csv"]


def test_empty_file_is_archived_after_it_was_read(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("put_file", path="/out/nothing.csv", text="")
    with sftp.open("/out/nothing.csv") as file:
        assert file.read() == b""
    assert sftp.listdir("/out/archive") == ["nothing.csv"]


@pytest.mark.parametrize("switched", [False, True])
def test_half_read_file_is_archived_only_when_the_switch_says_so(
    box: DscoSandbox, sftp: paramiko.SFTPClient, switched: bool
) -> None:
    box.drive("settings", archive_half_read=switched)
    box.drive("put_file", path="/out/a.csv", text="x" * 100_000)
    with sftp.open("/out/a.csv") as file:
        file.read(10)
    assert ("a.csv" in sftp.listdir("/out/archive")) is switched


def test_file_that_grew_after_the_last_read_stays(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("place_orders", count=4)
    made = box.drive("export", pieces=2)
    with sftp.open(made["path"]) as file:
        first = file.read()
        box.drive("grow")
    assert sftp.listdir("/out") == [made["name"], "archive"]
    whole = read(sftp, made["path"])
    assert whole.startswith(first)
    assert len(whole) == made["size"] > len(first)
    assert sftp.listdir("/out/archive") == [made["name"]]


def test_downloads_from_the_archive_stay_there(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("put_file", path="/out/archive/a.csv", text="abc")
    assert read(sftp, "/out/archive/a.csv") == b"abc"
    assert sftp.listdir("/out/archive") == ["a.csv"]


def test_temporary_name_is_left_alone_until_it_is_renamed(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    [order] = box.drive("place_orders")
    put(sftp, "/in/.Shipment_1.csv.part", document([shipment(order)]))
    assert box.drive("process") == []
    sftp.rename("/in/.Shipment_1.csv.part", "/in/Shipment_1.csv")
    assert [process["file"] for process in box.drive("wait")] == ["Shipment_1.csv"]


def test_rename_refuses_to_replace_but_posix_rename_does(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    put(sftp, "/misc/a", b"a")
    put(sftp, "/misc/b", b"b")
    with pytest.raises(OSError, match="exists"):
        sftp.rename("/misc/a", "/misc/b")
    sftp.posix_rename("/misc/a", "/misc/b")
    assert read(sftp, "/misc/b") == b"a"


def test_file_that_no_job_matches_stays(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    put(sftp, "/in/Anything.csv", b"x")
    box.drive("process")
    assert "Anything.csv" in sftp.listdir("/in")


def test_file_is_not_taken_while_it_is_being_written(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    [order] = box.drive("place_orders")
    body = document([shipment(order)])
    with sftp.open("/in/Shipment_1.csv", "wb") as file:
        file.write(body[:20])
        assert box.drive("process") == []
        file.write(body[20:])
    [process] = box.drive("process")
    assert (process["size"], process["ok"]) == (len(body), 1)


def test_file_waits_and_lies_in_processing_as_set(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    [order] = box.drive("place_orders")
    box.drive("settings", pick_up="paused")
    put(sftp, "/in/Shipment_1.csv", document([shipment(order)]))
    assert "Shipment_1.csv" in sftp.listdir("/in")
    box.drive("settings", pick_up="automatic", pick_up_after=0, processing_seconds=600)
    until(lambda: sftp.listdir("/in/processing") == ["Shipment_1.csv"])
    with pytest.raises(ValueError, match="still not processed: /in/processing/Shipment_1"):
        box.drive("wait", seconds=0.05)
    assert box.drive("state", only=["processes"])["processes"][-1]["status"] in ("Queued", "Assigned")
    [process] = box.drive("process")
    assert process["status"] == "Finished"
    assert sftp.listdir("/in/archive") == ["Shipment_1.csv"]


def test_job_may_have_its_own_pattern_folder_and_delimiter(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("job", workflow="inventory", pattern="Stock_*.psv", folder="in/inventory", delimiter="|")
    put(sftp, "/in/inventory/Stock_1.psv", b"sku|quantity_available\r\nA-1|5\r\n")
    [process] = box.drive("process")
    assert (process["workflow"], process["ok"]) == ("inventory", 1)
    assert sftp.listdir("/in/archive") == ["Stock_1.psv"]


def test_two_clients_at_once_get_their_own_files_whole(box: DscoSandbox, login: Callable[..., Login]) -> None:
    bodies = {name: (name * 50_000).encode() for name in ("a", "b")}
    for name, body in bodies.items():
        box.drive("put_file", path=f"/out/{name}.csv", text=body.decode())
    one, two = login().sftp, login().sftp
    with one.open("/out/a.csv") as first, two.open("/out/b.csv") as second:
        got = {"a": first.read(100), "b": second.read(100)}
        got["a"] += first.read()
        got["b"] += second.read()
    assert got == bodies
    assert sorted(one.listdir("/out/archive")) == ["a.csv", "b.csv"]
    assert box.drive("state")["connections"] == 2


def test_two_clients_read_one_file_and_it_is_archived_once(box: DscoSandbox, login: Callable[..., Login]) -> None:
    box.drive("put_file", path="/out/a.csv", text="abc")
    one, two = login().sftp, login().sftp
    with one.open("/out/a.csv") as first, two.open("/out/a.csv") as second:
        assert first.read() == second.read() == b"abc"
    assert one.listdir("/out/archive") == ["a.csv"]
    assert [entry["what"] for entry in box.drive("state")["activity"]].count("archived") == 1


def test_wrong_password_is_refused_and_a_new_one_works(box: DscoSandbox, login: Callable[..., Login]) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        login("wrong")
    old = box.secrets["ftp_password"]
    box.drive("change_password")
    assert box.secrets["ftp_password"] != old
    with pytest.raises(paramiko.AuthenticationException):
        login(old)
    assert login().sftp.listdir("/misc") == []


@pytest.mark.parametrize("path", ["/../../etc/passwd", "../../../etc/passwd", "/out/../../../etc/passwd", "//etc/passwd"])
def test_names_never_lead_out_of_the_tree(sftp: paramiko.SFTPClient, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        sftp.stat(path)
    with pytest.raises(FileNotFoundError):
        sftp.open(path)


def test_links_are_neither_followed_nor_made(box: DscoSandbox, sftp: paramiko.SFTPClient, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("not for clients")
    misc = box._tree.root / "misc"
    (misc / "folder").symlink_to(outside)
    (misc / "file").symlink_to(outside / "secret")
    for path in ("/misc/folder/secret", "/misc/file"):
        with pytest.raises(FileNotFoundError):
            sftp.open(path)
    with pytest.raises(FileNotFoundError):
        sftp.listdir("/misc/folder")
    assert sftp.listdir("/misc") == []
    with pytest.raises(OSError, match="not supported"):
        sftp.symlink("/etc/passwd", "/misc/link")


def test_client_may_write_only_where_a_supplier_does(sftp: paramiko.SFTPClient) -> None:
    for path in ("/out/a.csv", "/in/archive/a.csv", "/in/processing/a.csv", "/a.csv"):
        with pytest.raises(PermissionError):
            sftp.open(path, "wb")
    with pytest.raises(PermissionError):
        sftp.rmdir("/in/archive")
    sftp.mkdir("/in/inventory")
    assert "inventory" in sftp.listdir("/in")


def test_settled_files_are_old_and_others_new(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("place_orders", count=3)
    ages = {}
    for settled in (True, False, 3600):
        made = box.drive("export", orders="all", settled=settled)
        ages[settled] = time.time() - (sftp.stat(made["path"]).st_mtime or 0)
    assert 55 < ages[True] < 90
    assert ages[False] < 30
    assert 3590 < ages[3600] < 3630


def test_client_sees_size_and_position_like_any_server(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("put_file", path="/out/a.csv", text="0123456789")
    assert sftp.stat("/out/a.csv").st_size == 10
    assert [entry.st_size for entry in sftp.listdir_attr("/out") if entry.filename == "a.csv"] == [10]
    with sftp.open("/out/a.csv") as file:
        file.seek(4)
        assert file.read(3) == b"456"
    assert sftp.normalize("out/./archive/..") == "/out"


def test_client_may_take_its_own_file_away_unless_forbidden(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    put(sftp, "/misc/a", b"a")
    box.drive("settings", client_may_remove=False)
    with pytest.raises(PermissionError):
        sftp.remove("/misc/a")
    box.drive("settings", client_may_remove=True)
    sftp.remove("/misc/a")
    assert sftp.listdir("/misc") == []
