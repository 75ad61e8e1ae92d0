"""Starting, stopping, keeping state, the page, driving from another process, and webhooks."""

from __future__ import annotations

import base64
import gc
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.contract import RunningSandbox, StartSandbox
from connectors.quickbooks_commerce.sandbox import Sandbox, start_sandbox
from tests.waiting import until

from .conftest import Client


def test_it_is_what_the_contract_asks_for(sandbox: Sandbox) -> None:
    starter: StartSandbox = start_sandbox
    running: RunningSandbox = sandbox
    assert callable(starter)
    assert set(running.settings) == {"api_url", "authorize_url", "token_url", "client_id"}
    assert set(running.secrets) == {"client_secret", "access_token"}
    assert running.page.startswith(f"{running.settings['api_url']}/_sandbox/")
    assert all(secret not in repr(sandbox) for secret in running.secrets.values())


def test_state_survives_a_restart(tmp_path: Path) -> None:
    folder = str(tmp_path)
    first = start_sandbox(folder, {})
    api = Client(first)
    order = api.order(order_number="A", reference_number="PO", key="k1")
    first.drive("pack_and_ship", order_number="A", lines={"CAP-001": 1})
    first.drive("invoice", order_number="A")
    first.drive("set_stock", sku="MUG-001", quantity="7.5")
    first.drive("set", strict_order_numbers=True)
    code = first.drive("authorize")["code"]
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1/callback"}
    body |= {"client_id": first.settings["client_id"], "client_secret": first.secrets["client_secret"]}
    token = api.call("POST", "/oauth/token", json=body).json()["access_token"]
    before = first.drive("state")
    port = int(first.settings["api_url"].rsplit(":", 1)[1])
    first.stop()

    second = start_sandbox(folder, {"http": port})
    assert second.settings == first.settings
    assert second.secrets == first.secrets
    assert second.drive("state") == before
    assert Client(second, token).call("GET", "/orders").status_code == 200
    again = Client(second)
    assert again.get(f"/orders/{order['id']}")["order"]["reference_number"] == "PO"
    repeated = again.call("POST", "/orders", json={"order": {"notes": "x"}}, headers={"Idempotency-Key": "k1"})
    assert repeated.json()["message"].startswith("Duplicate Idempotency")
    assert again.order(order_number="B")["id"] == order["id"] + 1
    second.stop()


def test_what_was_deleted_stays_deleted_and_ids_are_not_reused(tmp_path: Path) -> None:
    first = start_sandbox(str(tmp_path), {})
    api = Client(first)
    order = api.order(lines={"CAP-001": 1, "CAP-002": 1})
    gone = order["order_line_item_ids"][-1]
    api.delete(f"/order_line_items/{gone}")
    first.stop()
    second = start_sandbox(str(tmp_path), {})
    fresh = Client(second).order()
    assert fresh["order_line_item_ids"][0] > gone
    assert second.drive("state", order_id=order["id"])["orders"][0]["lines"][0]["sku"] == "CAP-001"
    second.stop()


@pytest.mark.parametrize("halfway", [True, False])
def test_crash_in_the_middle_of_a_write_never_leaves_half_a_change(tmp_path: Path, halfway: bool) -> None:
    first = start_sandbox(str(tmp_path), {})
    first.stop()
    first = start_sandbox(str(tmp_path), {})
    first.drive("add_stranger_order", lines={"CAP-001": 1, "CAP-002": 2}, count=20)
    first.stop()
    path = tmp_path / "state.jsonl"
    kept = path.read_bytes()
    path.write_bytes(kept[: (kept[:-1].rindex(b"\n") + len(kept)) // 2] if halfway else kept[:-1])
    again = start_sandbox(str(tmp_path), {})
    counts = again.drive("counts")
    assert (counts["orders"], counts["order_line_items"], counts["variants"]) == (0, 0, 40)
    assert again.drive("add_stranger_order")["orders"][0]["status"] == "active"
    again.stop()
    third = start_sandbox(str(tmp_path), {})
    assert third.drive("counts")["orders"] == counts["orders"] + 1
    third.stop()


def test_journal_is_rewritten_when_it_has_grown(tmp_path: Path) -> None:
    first = start_sandbox(str(tmp_path), {})
    first.drive("add_stranger_order", count=3)
    first.stop()
    path = tmp_path / "state.jsonl"
    changes = [entry for line in path.read_bytes().splitlines() for entry in json.loads(line)]
    repeated = [entry for entry in changes if entry[0] == "orders"]
    with path.open("ab") as out:
        out.write(json.dumps(repeated * 4_000).encode() + b"\n")
    big = path.stat().st_size
    second = start_sandbox(str(tmp_path), {})
    assert second.drive("counts")["orders"] == 3
    second.stop()
    assert path.stat().st_size < big / 10
    third = start_sandbox(str(tmp_path), {})
    assert third.drive("counts")["orders"] == 3
    third.stop()


def test_secrets_are_readable_by_their_owner_only_and_differ_by_folder(tmp_path: Path) -> None:
    one, two = start_sandbox(str(tmp_path / "1"), {}), start_sandbox(str(tmp_path / "2"), {})
    try:
        assert one.secrets["access_token"] != two.secrets["access_token"]
        for name in ("secrets.json", "drive-token", "running.json"):
            assert (tmp_path / "1" / name).stat().st_mode & 0o077 == 0
        kept = (tmp_path / "1" / "state.jsonl").read_text()
        assert one.secrets["access_token"] not in kept
    finally:
        one.stop()
        two.stop()


def test_folder_belongs_to_one_sandbox_at_a_time(tmp_path: Path) -> None:
    first = start_sandbox(str(tmp_path), {})
    with pytest.raises(RuntimeError, match="Another sandbox"):
        start_sandbox(str(tmp_path), {})
    first.stop()
    start_sandbox(str(tmp_path), {}).stop()


def test_taken_port_is_an_error_that_leaves_nothing_behind(tmp_path: Path, sandbox: Sandbox) -> None:
    port = int(sandbox.settings["api_url"].rsplit(":", 1)[1])
    with pytest.raises(OSError, match=r"address already in use"):
        start_sandbox(str(tmp_path / "other"), {"http": port})
    start_sandbox(str(tmp_path / "other"), {}).stop()


def test_stop_is_quick_even_with_open_connections_and_stalled_requests(tmp_path: Path) -> None:
    running = start_sandbox(str(tmp_path), {})
    clients = [Client(running) for _ in range(5)]
    for client in clients:
        client.get("/orders")
    running.drive("fault", name="stall_before", path="/users", seconds=60)

    def wait_in_vain() -> None:
        with pytest.raises(requests.ConnectionError):
            clients[0].get("/users")

    stalled = threading.Thread(target=wait_in_vain)
    stalled.start()
    time.sleep(0.1)
    began = time.monotonic()
    running.stop()
    assert time.monotonic() - began < 1
    stalled.join(5)
    assert not stalled.is_alive()
    running.stop()
    with pytest.raises(ValueError, match="was stopped"):
        running.drive("counts")


def test_many_starts_in_one_process_leave_no_thread_and_no_warning(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    for at in range(4):
        running = start_sandbox(str(tmp_path / str(at % 2)), {})
        running.drive("auto_ship", every=60)
        Client(running).get("/orders")
        running.stop()
    gc.collect()
    assert set(threading.enumerate()) <= before


# --- the page ----------------------------------------------------------------------------------------------------------------


def page(sandbox: Sandbox, path: str = "", **more: Any) -> requests.Response:
    return requests.get(f"{sandbox.page}{path}", timeout=10, **more)


def press(sandbox: Sandbox, view: str, command: str, **fields: str) -> requests.Response:
    """Press the first button of a command on a page."""
    for form in re.findall(r"<form.*?</form>", page(sandbox, view).text):
        values = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
        if values.get("command") == command:
            return requests.post(f"{sandbox.page}act", data={**values, **fields}, timeout=10)
    raise AssertionError(f"no button for {command}")


@pytest.mark.parametrize("path", ["", "stock", "shipments", "requests", "faults"])
def test_pages_render_without_anything_from_elsewhere(sandbox: Sandbox, api: Client, path: str) -> None:
    api.order(order_number="<script>alert(1)</script>", lines={"CAP-001": 1})
    sandbox.drive("pack_and_ship", all=True)
    sandbox.drive("fault", name="500", path="/nothing")
    answer = page(sandbox, path)
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    addresses = re.findall(r'(?:href|src|action)="([^"]+)"', answer.text)
    assert all(address.startswith(("/_sandbox", "?")) for address in addresses)
    assert page(sandbox, "style.css").headers["Content-Type"].startswith("text/css")
    assert page(sandbox, "nothing").status_code == 404


def test_person_ships_invoices_counts_and_breaks_things_by_buttons(sandbox: Sandbox, api: Client) -> None:
    api.order(order_number="A")
    assert "Done: pack and ship" in press(sandbox, "", "pack_and_ship").text
    assert "Done: invoice" in press(sandbox, "", "invoice").text
    assert sandbox.drive("state", order_number="A")["orders"][0]["invoice_status"] == "invoiced"
    press(sandbox, "stock", "set_stock", quantity="5", location="Overflow")
    assert "5" in {level["Overflow"]["on_hand"] for level in sandbox.drive("state")["stock"].values()}
    press(sandbox, "faults", "fault", name="503", path="/orders", method="", times="1")
    assert api.call("GET", "/orders").status_code == 503
    assert "is no quantity" in press(sandbox, "stock", "set_stock", quantity="x").text


def test_orders_are_found_by_number(sandbox: Sandbox) -> None:
    sandbox.drive("add_stranger_order", count=60)
    sandbox.drive("add_stranger_order", order_number="FIND-ME", reference_number="PO-7")
    assert page(sandbox, "?q=PO-7").text.count("FIND-ME") == 1
    assert "SO0001" not in page(sandbox).text
    assert "SO0001" in page(sandbox, "?page=2").text
    assert "No order has this number" in page(sandbox, "?q=none").text


def test_foreign_pages_can_neither_look_nor_drive(sandbox: Sandbox) -> None:
    assert page(sandbox, headers={"Host": "evil.example"}).status_code == 403
    answer = requests.post(f"{sandbox.page}act", data={"command": "reset", "form_token": "x"}, timeout=10)
    assert answer.status_code == 403
    for headers in ({}, {"X-Sandbox-Token": "x"}):
        answer = requests.post(f"{sandbox.page}drive", json={"command": "reset"}, headers=headers, timeout=10)
        assert answer.status_code == 403


def test_another_process_drives_with_the_token_of_the_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "qbc"
    where = json.loads((folder / "running.json").read_text())["url"]
    headers = {"X-Sandbox-Token": (folder / "drive-token").read_text()}

    def drive(**body: Any) -> requests.Response:
        return requests.post(f"{where}/_sandbox/drive", json=body, headers=headers, timeout=10)

    made = drive(command="add_stranger_order", arguments={"order_number": "X"}).json()["result"]
    assert made["orders"][0]["order_number"] == "X"
    assert drive(command="counts").json()["result"]["orders"] == 1
    wrong = drive(command="void", arguments={"order_number": "Y"})
    assert (wrong.status_code, "0 orders" in wrong.json()["error"]) == (422, True)
    assert drive(arguments={}).status_code == 422


# --- webhooks ----------------------------------------------------------------------------------------------------------------


class Receiver:
    """A web server that notes what is posted to it and answers with the next of `statuses` (200 when there is none)."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def wait_for(self, count: int) -> None:
        until(lambda: len(self.got) >= count)
        assert len(self.got) == count

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def settled(sandbox: Sandbox, count: int) -> list[Any]:
    until(lambda: len(sandbox.drive("deliveries")) >= count)
    return list(sandbox.drive("deliveries"))


def test_webhooks_are_signed_posts(sandbox: Sandbox, api: Client, receiver: Receiver) -> None:
    hook = api.post("/webhooks", "webhook", event="fulfillment.create", address=receiver.url)
    assert hook["oauth_application_id"] == 1
    order = api.order()
    box = sandbox.drive("pack_and_ship", order_id=order["id"])["fulfillments"][0]
    receiver.wait_for(1)
    headers, body = receiver.got[0]
    payload = json.loads(body)
    assert payload.pop("timestamp") == pytest.approx(time.time(), abs=5)
    assert payload == {
        "object_id": box["id"],
        "event": "fulfillment.create",
        "resource_url": f"{api.base}/fulfillments/{box['id']}.json",
        "order_id": order["id"],
    }
    secret = sandbox.secrets["client_secret"].encode()
    assert headers["X-Gecko-Signature"] == base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()
    assert headers["X-Gecko-Delivery"]
    assert api.call("GET", payload["resource_url"].removeprefix(api.base)).status_code == 200


def test_failed_deliveries_are_repeated_and_410_removes_the_webhook(sandbox: Sandbox, api: Client, receiver: Receiver) -> None:
    sandbox.drive("set", webhook_retry_seconds=0.01)
    hook = api.post("/webhooks", "webhook", event="order.create", address=receiver.url)
    receiver.statuses = [500, 404, 200]
    api.order()
    receiver.wait_for(3)
    assert [(row["status"], row["attempt"]) for row in settled(sandbox, 3)] == [(500, 1), (404, 2), (200, 3)]
    assert len({headers["X-Gecko-Delivery"] for headers, _ in receiver.got}) == 1
    receiver.statuses = [410]
    api.order()
    settled(sandbox, 4)
    assert api.call("GET", f"/webhooks/{hook['id']}").status_code == 404


def test_webhooks_go_to_this_machine_only(sandbox: Sandbox, api: Client) -> None:
    api.post("/webhooks", "webhook", event="order.create", address="https://example.com/hook")
    api.order()
    assert settled(sandbox, 1)[0]["status"] == "skipped"
    for wrong in ({"event": "order.update"}, {"address": "ftp://x"}, {"event": ""}):
        body = {"event": "order.create", "address": "http://127.0.0.1/", **wrong}
        assert "errors" in api.post("/webhooks", "webhook", 422, **body)


def test_webhooks_are_changed_and_deleted(api: Client, receiver: Receiver) -> None:
    hook = api.post("/webhooks", "webhook", event="order.create", address=receiver.url)
    api.put(f"/webhooks/{hook['id']}", "webhook", event="order.finalized", address=receiver.url)
    order = api.order()
    api.put(f"/orders/{order['id']}", "order", status="finalized")
    receiver.wait_for(1)
    assert json.loads(receiver.got[0][1])["event"] == "order.finalized"
    api.delete(f"/webhooks/{hook['id']}")
    assert api.get("/webhooks") == {"webhooks": []}


def test_thousands_of_orders_are_made_in_seconds(sandbox: Sandbox) -> None:
    began = time.monotonic()
    sandbox.drive("add_stranger_order", count=3_000)
    assert time.monotonic() - began < 20
    assert sandbox.drive("counts")["orders"] == 3_000
