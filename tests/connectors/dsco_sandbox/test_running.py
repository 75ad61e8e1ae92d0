"""Starting, stopping, starting again: what stays and what goes."""

from __future__ import annotations

import json
import socket
import stat
import threading
import time
from pathlib import Path

import pytest

from connectors.contract import RunningSandbox, StartSandbox
from connectors.dsco.sandbox import DscoSandbox, start_sandbox
from tests.connectors.dsco_sandbox.conftest import Login, document, shipment


def test_restart_keeps_orders_files_login_key_and_ports(tmp_path: Path) -> None:
    box = start_sandbox(str(tmp_path), {})
    [order] = box.drive("place_orders")
    made = box.drive("export")
    box.drive("put_file", path="/in/Shipment_1.csv", text=document([shipment(order)]).decode())
    box.drive("process")
    box.drive("settings", archive_half_read=True)
    box.drive("stock", levels={"A": 4})
    before, settings, secrets, token = box.drive("state"), box.settings, box.secrets, box.token
    client = Login(box)
    key = client.host_key
    client.close()
    box.stop()

    box = start_sandbox(str(tmp_path), {})
    try:
        after = box.drive("state")
        for part in ("orders", "tracking", "inventory", "processes", "problems", "files", "jobs", "settings"):
            assert after[part] == before[part]
        assert (box.settings, box.secrets, box.token) == (settings, secrets, token)
        client = Login(box)
        assert client.host_key == key
        assert client.sftp.listdir("/out") == [made["name"], "archive"]
        client.close()
        [newer] = box.drive("place_orders")
        assert newer["dsco_order_id"] > order["dsco_order_id"]
    finally:
        box.stop()


def test_file_that_lay_in_processing_at_the_end_is_taken_once_at_the_next_start(tmp_path: Path) -> None:
    box = start_sandbox(str(tmp_path), {})
    [order] = box.drive("place_orders")
    box.drive("settings", pick_up_after=0, processing_seconds=600)
    box.drive("put_file", path="/in/Shipment_1.csv", text=document([shipment(order)]).decode())
    while not box.drive("state", only=["files"])["files"]["/in/processing"]:
        time.sleep(0.01)
    box.stop()
    box = start_sandbox(str(tmp_path), {})
    try:
        box.drive("settings", processing_seconds=0)
        [process] = box.drive("wait")
        assert (process["status"], process["ok"], process["errors"]) == ("Finished", 1, 0)
    finally:
        box.stop()


def test_growing_file_goes_on_growing_after_a_restart(tmp_path: Path) -> None:
    box = start_sandbox(str(tmp_path), {})
    box.drive("place_orders", count=3)
    made = box.drive("export", pieces=2)
    box.stop()
    box = start_sandbox(str(tmp_path), {})
    try:
        assert box.drive("grow") == {"name": made["name"], "size": made["size"], "pieces_left": 0}
    finally:
        box.stop()


def test_stop_is_quick_leaves_no_thread_and_frees_the_ports(tmp_path: Path) -> None:
    threads = threading.active_count()
    for _ in range(3):
        box = start_sandbox(str(tmp_path), {})
        client = Login(box)
        began = time.monotonic()
        box.stop()
        assert time.monotonic() - began < 1
        box.stop()
        client.close()
        for port in (int(box.settings["port"]), int(box.page.rstrip("/").rpartition(":")[2])):
            with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
                probe.connect(("127.0.0.1", port))
    while threading.active_count() > threads:
        assert time.monotonic() - began < 5, [thread.name for thread in threading.enumerate()]
        time.sleep(0.01)


def test_stopped_sandbox_says_so(tmp_path: Path) -> None:
    box = start_sandbox(str(tmp_path), {})
    box.stop()
    with pytest.raises(ValueError, match="stopped"):
        box.drive("state")


def test_wanted_ports_are_taken_and_a_taken_one_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        taken = one.getsockname()[1]
        threads = set(threading.enumerate())
        for name in ("sftp", "http"):
            with pytest.raises(OSError, match="address already in use"):
                start_sandbox(str(tmp_path / "one"), {name: taken})
        assert set(threading.enumerate()) <= threads
    box = start_sandbox(str(tmp_path / "one"), {"sftp": taken})
    assert box.settings["port"] == str(taken)
    box.stop()


def test_two_sandboxes_run_side_by_side_but_not_in_one_folder(tmp_path: Path) -> None:
    one, two = (start_sandbox(str(tmp_path / name), {}) for name in ("one", "two"))
    try:
        one.drive("place_orders")
        assert two.drive("state")["orders"] == []
        assert one.secrets != two.secrets
        with pytest.raises(ValueError, match="another one run in this folder"):
            start_sandbox(str(tmp_path / "one"), {})
    finally:
        one.stop()
        two.stop()


def test_other_processes_find_where_it_runs(box: DscoSandbox, tmp_path: Path) -> None:
    where = json.loads((tmp_path / "box" / "endpoint.json").read_text())
    assert where["page"] == box.page
    assert where["sftp_port"] == int(box.settings["port"])
    login = json.loads((tmp_path / "box" / "login.json").read_text())
    assert login["ftp_password"] == box.secrets["ftp_password"]
    for name in ("login.json", "token", "host_key"):
        assert stat.S_IMODE((tmp_path / "box" / name).stat().st_mode) == 0o600


def test_it_is_what_the_contract_promises(box: DscoSandbox) -> None:
    starter: StartSandbox = start_sandbox
    running: RunningSandbox = box
    assert starter is start_sandbox
    assert set(running.settings) == {"ftp_server", "port", "ftp_username", "protocol", "order_folder", "upload_folder"}
    assert running.settings["ftp_server"] == "127.0.0.1"
    assert all(isinstance(value, str) for value in running.settings.values())
    assert box.secrets["ftp_password"] not in repr(box) + repr(box._switches) + str(box.drive("state"))


def test_reset_makes_everything_new_but_the_login(box: DscoSandbox) -> None:
    secrets = box.secrets
    box.drive("place_orders", count=2)
    box.drive("export")
    box.drive("fault", name="refuse_login")
    jobs = box.drive("state")["jobs"]
    box.drive("settings", client_may_rename=False)
    box.drive("job", workflow="shipment", pattern="*.txt")
    box.drive("reset")
    state = box.drive("state")
    assert state["jobs"] == jobs
    assert state["settings"]["client_may_rename"] is True
    assert (state["orders"], state["processes"], state["faults"], state["files"]["/out"]) == ([], [], [], [])
    assert box.secrets == secrets
    client = Login(box)
    assert client.sftp.listdir("/") == ["in", "misc", "out"]
    client.close()


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("dance", {}, "There is no command 'dance'"),
        ("place_orders", {"cuont": 1}, "unexpected keyword argument 'cuont'"),
        ("place_orders", {"retailers": 9}, "1 to 8 retailers"),
        ("place_orders", {"lines": 0}, "lines must be at least 1"),
        ("place_orders", {"items": [{"quantity": 1}]}, "An item has a sku"),
        ("place_orders", {"placed_at": "monday"}, "ISO 8601"),
        ("place_orders", {"count": 2, "po_numbers": ["1"]}, "need 2 PO numbers"),
        ("settings", {"volume": 11}, "There is no setting 'volume'"),
        ("settings", {"pick_up": "never"}, "one of automatic, paused"),
        ("settings", {"pick_up_after": -1}, "can't be below 0"),
        ("job", {"workflow": "gossip"}, "There is no job for 'gossip'"),
        ("order", {"order": "1"}, "There is no order"),
        ("state", {"only": ["weather"]}, "state has no weather"),
        ("read_file", {"path": "/out/none"}, "There is no file /out/none"),
        ("put_file", {"path": "/out/a"}, "either text or base64"),
        ("stock", {"levels": {"A": -1}}, "whole number from 0"),
        ("disconnect", {"now": True}, "unexpected keyword argument 'now'"),
    ],
)
def test_what_cant_be_done_is_refused_with_words(box: DscoSandbox, command: str, arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        box.drive(command, **arguments)
