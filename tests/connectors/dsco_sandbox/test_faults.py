"""Faults on request: each does what it says, and nothing is left of it once it is cleared."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import paramiko
import pytest

from connectors.dsco.sandbox import DscoSandbox
from tests.connectors.dsco_sandbox.conftest import Login, document, put, read, shipment, wait_at_most
from tests.waiting import until

BIG = "0123456789" * 30_000
LOST = (EOFError, OSError, paramiko.SSHException)
"""What paramiko raises when a connection is gone, depending on where it notices."""


def names(box: DscoSandbox, folder: str) -> list[str]:
    return [entry["name"] for entry in box.drive("state", only=["files"])["files"][folder]]


def test_login_is_refused_so_many_times(box: DscoSandbox, login: Callable[..., Login]) -> None:
    box.drive("fault", name="refuse_login", times=2)
    for _ in range(2):
        with pytest.raises(paramiko.AuthenticationException):
            login()
    assert login().sftp.listdir("/misc") == []
    assert box.drive("faults") == []


def test_connections_are_refused_for_a_time(box: DscoSandbox, login: Callable[..., Login]) -> None:
    box.drive("fault", name="refuse_connections", seconds=0.3)
    with pytest.raises(LOST):
        login()
    time.sleep(0.3)
    assert login().sftp.listdir("/misc") == []


def test_host_key_changes_and_comes_back(box: DscoSandbox, login: Callable[..., Login]) -> None:
    before = login().host_key
    box.drive("fault", name="change_host_key")
    assert login().host_key != before
    box.drive("clear_faults")
    assert login().host_key == before


def test_connection_drops_in_the_middle_of_a_read(box: DscoSandbox, login: Callable[..., Login]) -> None:
    box.drive("put_file", path="/out/a.csv", text=BIG)
    box.drive("fault", name="drop", during="read", after_bytes=100_000, times=1)
    with pytest.raises(LOST):
        read(login().sftp, "/out/a.csv")
    until(lambda: box.drive("state")["connections"] == 0)
    assert names(box, "/out") == ["a.csv"]
    assert read(login().sftp, "/out/a.csv") == BIG.encode()
    assert names(box, "/out/archive") == ["a.csv"]


def test_connection_drops_in_the_middle_of_a_write_and_the_part_is_processed(
    box: DscoSandbox, login: Callable[..., Login]
) -> None:
    orders = box.drive("place_orders", count=800)
    body = document([shipment(order, tracking=order["po_number"]) for order in orders])
    box.drive("fault", name="drop", during="write", after_bytes=60_000, times=1)
    with pytest.raises(LOST):
        put(login().sftp, "/in/Shipment_1.csv", body)
    until(lambda: names(box, "/in/archive") == ["Shipment_1.csv"])
    [process] = box.drive("wait")
    assert 0 < process["size"] < len(body)
    assert 0 < process["ok"] < 800


def test_part_of_a_temporary_name_stays_where_it_is(box: DscoSandbox, login: Callable[..., Login]) -> None:
    box.drive("fault", name="drop", during="write", times=1)
    with pytest.raises(LOST):
        put(login().sftp, "/in/.Shipment_1.csv.part", b"x" * 100_000)
    until(lambda: box.drive("state")["connections"] == 0)
    assert box.drive("process") == []
    assert names(box, "/in") == [".Shipment_1.csv.part"]


def test_server_stalls_until_the_fault_is_cleared(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("put_file", path="/out/a.csv", text=BIG)
    box.drive("fault", name="stall", operation="read", after_bytes=100_000)
    wait_at_most(sftp, 0.2)
    with sftp.open("/out/a.csv") as file, pytest.raises(TimeoutError):
        file.read()
    box.drive("clear_faults")


def test_clearing_lets_who_is_stalled_go_on(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("fault", name="stall", operation="list", times=1)
    later = threading.Timer(0.1, lambda: box.drive("clear_faults"))
    later.start()
    began = time.monotonic()
    assert sftp.listdir("/misc") == []
    assert time.monotonic() - began >= 0.1
    later.join()


def test_stall_may_end_by_itself(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("fault", name="stall", operation="list", seconds=0.2, times=1)
    began = time.monotonic()
    assert sftp.listdir("/misc") == []
    assert time.monotonic() - began >= 0.2


def test_stop_doesnt_wait_for_who_is_stalled(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("fault", name="stall", operation="stat")
    wait_at_most(sftp, 0.1)
    with pytest.raises(TimeoutError):
        sftp.stat("/in")
    began = time.monotonic()
    box.stop()
    assert time.monotonic() - began < 1


def test_slow_server_keeps_to_its_speed(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("put_file", path="/out/a.csv", text="x" * 60_000)
    box.drive("fault", name="slow", bytes_per_second=300_000, path="/out/*")
    began = time.monotonic()
    with sftp.open("/out/a.csv") as file:
        assert len(file.read()) == 60_000
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("refuse_rename", lambda sftp: sftp.posix_rename("/misc/a", "/misc/b")),
        ("refuse_rename", lambda sftp: sftp.rename("/misc/a", "/misc/b")),
        ("refuse_write", lambda sftp: sftp.open("/misc/b", "wb")),
        ("refuse_read", lambda sftp: sftp.open("/misc/a")),
        ("refuse_list", lambda sftp: sftp.listdir("/misc")),
        ("refuse_remove", lambda sftp: sftp.remove("/misc/a")),
    ],
)
def test_right_is_taken_away_and_given_back(
    box: DscoSandbox, sftp: paramiko.SFTPClient, name: str, act: Callable[[paramiko.SFTPClient], Any]
) -> None:
    put(sftp, "/misc/a", b"a")
    box.drive("fault", name=name)
    with pytest.raises(PermissionError):
        act(sftp)
    assert names(box, "/misc") == ["a"]
    box.drive("clear_faults", name=name)
    done = act(sftp)
    if isinstance(done, paramiko.SFTPFile):
        done.close()


def test_fault_happens_only_on_the_paths_it_names(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("fault", name="refuse_write", path="/in/*")
    with pytest.raises(PermissionError):
        put(sftp, "/in/Shipment_1.csv", b"x")
    put(sftp, "/misc/a", b"a")
    [fault] = box.drive("faults")
    assert (fault["name"], fault["seen"]) == ("refuse_write", 1)


def test_account_may_forbid_renaming_for_good(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("settings", client_may_rename=False)
    put(sftp, "/in/.a.part", b"a")
    with pytest.raises(PermissionError):
        sftp.posix_rename("/in/.a.part", "/in/a")


def test_disk_is_full_after_so_many_bytes(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("fault", name="disk_full", after_bytes=50_000)
    with sftp.open("/misc/a", "wb") as file, pytest.raises(OSError, match="space"):
        file.write(b"x" * 100_000)
    [entry] = box.drive("state", only=["files"])["files"]["/misc"]
    assert 0 < entry["size"] < 100_000


def test_file_is_archived_before_it_was_read_whole(box: DscoSandbox, login: Callable[..., Login]) -> None:
    box.drive("put_file", path="/out/a.csv", text=BIG)
    box.drive("fault", name="archive_early", after_bytes=40_000)
    box.drive("fault", name="drop", during="read", after_bytes=120_000, times=1)
    with pytest.raises(LOST):
        read(login().sftp, "/out/a.csv")
    again = login().sftp
    assert again.listdir("/out/archive") == ["a.csv"]
    assert read(again, "/out/archive/a.csv") == BIG.encode()


def test_archived_early_file_can_still_be_read_to_its_end(box: DscoSandbox, sftp: paramiko.SFTPClient) -> None:
    box.drive("put_file", path="/out/a.csv", text=BIG)
    box.drive("fault", name="archive_early")
    assert read(sftp, "/out/a.csv") == BIG.encode()
    assert names(box, "/out") == []


@pytest.mark.parametrize("how", ["drop", "silence"])
def test_rename_is_done_but_its_answer_never_comes(box: DscoSandbox, login: Callable[..., Login], how: str) -> None:
    [order] = box.drive("place_orders")
    sftp = login().sftp
    wait_at_most(sftp, 0.3)
    put(sftp, "/in/.Shipment_1.csv.part", document([shipment(order)]))
    box.drive("fault", name="swallow", operation="rename", how=how, times=1)
    with pytest.raises(LOST):
        sftp.posix_rename("/in/.Shipment_1.csv.part", "/in/Shipment_1.csv")
    assert [process["ok"] for process in box.drive("wait")] == [1]


def test_file_is_written_but_the_answer_to_its_close_never_comes(box: DscoSandbox, login: Callable[..., Login]) -> None:
    [order] = box.drive("place_orders")
    box.drive("fault", name="swallow", operation="close", path="/in/*", times=1)
    with pytest.raises(LOST):
        put(login().sftp, "/in/Shipment_1.csv", document([shipment(order)]))
    assert [process["ok"] for process in box.drive("wait")] == [1]


def test_job_fails_and_takes_no_row(box: DscoSandbox) -> None:
    [order] = box.drive("place_orders")
    box.drive("fault", name="fail_import", times=1)
    box.drive("put_file", path="/in/Shipment_1.csv", text=document([shipment(order)]).decode())
    [process] = box.drive("process")
    assert (process["status"], process["rows"]) == ("Failed", [])
    assert names(box, "/in/archive") == ["Shipment_1.csv"]
    assert box.drive("state")["tracking"] == {}


def test_all_connections_can_be_cut(box: DscoSandbox, login: Callable[..., Login]) -> None:
    sftp = login().sftp
    assert box.drive("disconnect") == 1
    with pytest.raises(LOST):
        sftp.listdir("/")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "earthquake"}, "There is no fault 'earthquake'"),
        ({"name": "drop", "seconds": 3}, "has no seconds; it takes times, path, during, after_bytes"),
        ({"name": "drop", "during": "lunch"}, "one of read, write, any"),
    ],
)
def test_wrong_faults_are_refused_with_words(box: DscoSandbox, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        box.drive("fault", **arguments)
