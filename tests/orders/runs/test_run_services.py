"""`run_services` and what can be exported after it, as programs see them: shape, exit codes, file names and reasons."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from cartrover.accounts.models import Account
from cartrover.leasing import LEASE, owner_name
from connectors.actions import connection_disconnect
from connectors.contract import RunningSandbox
from connectors.models import Connection, Service
from orders.scheduling import running
from tests.connectors.dsco.files import row
from tests.hub import Hub
from tests.inbox import Inbox

DOWNLOAD = ("run_services", "--account", "acme", "--service", "order_download", "--json")
BAD = "Purchase_Order_bad.csv"


def _connect(dsco: RunningSandbox, name: str, *more: str) -> list[str]:
    settings = [part for key, value in dsco.settings.items() for part in ("--set", f"{key}={value}")]
    secrets = [part for key in dsco.secrets for part in ("--secret", f"{key}=SECRET_{key.upper()}")]
    return ["connect", "acme", "dsco", "--name", name, *settings, *secrets, *more, "--json"]


@pytest.fixture
def secrets(dsco: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in dsco.secrets.items():
        monkeypatch.setenv(f"SECRET_{key.upper()}", value)


def _csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


# --- shape and exit codes ----------------------------------------------------------------------------------------------------


def test_a_run_is_told_as_promised(manage: Callable[..., Any], inbox: Inbox) -> None:
    inbox.put([row(1), row(2)])
    done = manage(*DOWNLOAD)
    assert (done.code, done.err) == (0, "")
    (told,) = done.document
    assert list(told) == ["account", "connection", "service", "outcome", "counts", "problem"]
    assert (told["account"], told["connection"], told["service"]) == ("acme", "DSCO", "order_download")
    assert (told["outcome"], told["counts"]["orders"], told["problem"]) == ("done", 2, "")
    assert manage(*DOWNLOAD).document[0]["outcome"] == "nothing"


def test_a_run_with_problems_ends_with_1_and_words_on_stderr(manage: Callable[..., Any], inbox: Inbox) -> None:
    inbox.put(b"", BAD)
    inbox.put([row(1)], "Purchase_Order_good.csv")
    done = manage(*DOWNLOAD)
    assert done.code == 1
    assert done.document[0]["outcome"] == "problems"
    assert done.document[0]["counts"]["orders"] == 1
    assert BAD in done.document[0]["problem"]
    assert BAD in done.err


def test_a_broken_connection_ends_with_1_and_says_what_to_do(manage: Callable[..., Any], inbox: Inbox) -> None:
    inbox.dsco.drive("fault", name="refuse_login")
    done = manage(*DOWNLOAD)
    assert (done.code, done.document[0]["outcome"]) == (1, "broken")
    assert "password" in done.document[0]["problem"]
    assert inbox.dsco.secrets["ftp_password"] not in done.out + done.err


def test_a_service_that_a_living_worker_holds_is_busy_and_ends_with_1(
    manage: Callable[..., Any], inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "WAIT_FOR_OWNER_SECONDS", 0.1)
    Service.objects.for_account(inbox.account).update(
        lease_token="theirs", lease_owner=owner_name(), lease_until=timezone.now() + LEASE
    )
    done = manage(*DOWNLOAD)
    assert (done.code, done.document[0]["outcome"], done.document[0]["counts"]) == (1, "busy", {})


@pytest.mark.parametrize(
    "words",
    [
        ("--account", "nobody"),
        ("--account", "acme", "--connection", "nothing"),
        ("--connection", "DSCO"),
        ("--account", "acme", "--service", "magic"),
        ("--account", "acme", "--connection", "DSCO", "--service", "order_delivery"),
        ("--until-late",),
    ],
)
def test_wrong_use_ends_with_2_and_runs_nothing(manage: Callable[..., Any], inbox: Inbox, words: tuple[str, ...]) -> None:
    inbox.put([row(1)])
    done = manage("run_services", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err
    assert inbox.orders == set()


def test_until_idle_runs_what_is_due_and_waits_for_nothing(manage: Callable[..., Any], inbox: Inbox) -> None:
    Connection.objects.for_account(inbox.account).filter(side="wms").update(state="paused")
    Service.objects.for_account(inbox.account).update(due_at=timezone.now() + timedelta(seconds=40))
    inbox.put([row(1)])
    began = time.monotonic()
    done = manage("run_services", "--account", "acme", "--until-idle", "--json")
    assert (done.code, done.document, inbox.orders) == (0, [], set())
    assert time.monotonic() - began < 10
    Service.objects.for_account(inbox.account).update(due_at=timezone.now())
    done = manage("run_services", "--account", "acme", "--connection", "DSCO", "--until-idle", "--json")
    assert "order_download" in [one["service"] for one in done.document]
    assert inbox.orders == {"PO-1"}


def test_another_accounts_services_are_left_alone(manage: Callable[..., Any], inbox: Inbox, globex: Account) -> None:
    inbox.put([row(1)])
    assert manage("run_services", "--account", "globex", "--until-idle", "--json").document == []
    assert inbox.orders == set()


# --- what is exported afterwards ---------------------------------------------------------------------------------------------


def test_a_refused_file_and_row_are_exported_with_file_name_line_and_reason(manage: Callable[..., Any], inbox: Inbox) -> None:
    inbox.put(b"", BAD, age=90)
    inbox.put([row(1), row(2, line_item_quantity="-1")], "Purchase_Order_2.csv")
    manage(*DOWNLOAD)
    header, *rows = _csv(manage("export", "acme", "skipped").out)
    assert header == ["connection", "cust_po_no", "record_no", "reason", "document", "line"]
    assert [(one[1], one[4], one[5]) for one in rows] == [("", BAD, ""), ("PO-2", "Purchase_Order_2.csv", "3")]
    assert "is empty" in rows[0][3]
    assert "line_item_quantity" in rows[1][3]

    header, *rows = _csv(manage("export", "acme", "events").out)
    assert header == ["at", "cust_ref", "cust_po_no", "kind", "words", "document"]
    kinds = {one[3]: one for one in rows}
    assert kinds["file.refused"][5] == BAD
    assert kinds["file.rows_refused"][5] == "Purchase_Order_2.csv"
    assert kinds["order.loaded"][1:3] == ["PO-1", "PO-1"]

    document = json.loads(manage("export", "acme", "skipped", "--format", "json").out)
    assert list(document[0]) == ["connection", "cust_po_no", "record_no", "reason", "document", "line"]


def test_held_orders_are_exported_with_their_reason(manage: Callable[..., Any], inbox: Inbox) -> None:
    inbox.put([row(1, number_of_line_items="2"), row(2)])
    manage(*DOWNLOAD)
    header, *rows = _csv(manage("export", "acme", "orders").out)
    assert header[:8] == [
        "cust_ref", "cust_po_no", "status", "held_reason", "order_source", "order_date", "retailer", "record_no",
    ]  # fmt: skip
    orders = {one[1]: one for one in rows}
    assert orders["PO-1"][2] == "error"
    assert orders["PO-1"][3].startswith("incomplete")
    assert (orders["PO-2"][2], orders["PO-2"][3], orders["PO-2"][4]) == ("new", "", "DSCO")


# --- connecting again --------------------------------------------------------------------------------------------------------


def test_a_known_remote_can_not_be_connected_twice(
    manage: Callable[..., Any], inbox: Inbox, globex: Account, secrets: None
) -> None:
    done = manage(*_connect(inbox.dsco, "Another"))
    assert done.code == 2
    assert "“DSCO” is connected to this remote account already" in done.err
    words = [word if word != "acme" else "globex" for word in _connect(inbox.dsco, "Ours")]
    done = manage(*words)
    assert done.code == 2
    assert "Another account of this hub" in done.err
    assert "acme" not in done.err.lower()
    assert Connection.objects.across_accounts("both accounts are meant").filter(kind="dsco").count() == 1


def test_connecting_a_known_remote_again_takes_its_orders_over(manage: Callable[..., Any], inbox: Inbox, secrets: None) -> None:
    inbox.put([row(1)], "Purchase_Order_1.csv")
    manage(*DOWNLOAD)
    connection_disconnect(connection=inbox.cart, actor="bob")
    done = manage(*_connect(inbox.dsco, "DSCO anew", "--activate"))
    assert done.code == 0
    assert done.document["connection"] == str(inbox.cart.public_id)
    inbox.put([row(1), row(2)], "Purchase_Order_2.csv")
    (told,) = manage(*DOWNLOAD).document
    assert (told["connection"], told["counts"]["orders"], told["counts"]["duplicates"]) == ("DSCO anew", 1, 1)


def test_a_changed_host_key_is_told_and_needs_a_person(manage: Callable[..., Any], inbox: Inbox, secrets: None) -> None:
    inbox.dsco.drive("fault", name="change_host_key")
    done = manage(*_connect(inbox.dsco, "DSCO"))
    assert done.code == 1
    failed = [step for step in done.document["check"] if not step["ok"]]
    assert "key" in failed[0]["words"]
    assert manage(*DOWNLOAD).document[0]["outcome"] == "broken"
    inbox.cart.refresh_from_db()
    assert inbox.cart.needs_person


# --- a whole round -----------------------------------------------------------------------------------------------------------


def test_after_a_whole_round_every_row_is_in_its_account(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.place(count=3, lines=2, skus=["CAP-001", "TEE-001"])
    hub.run()
    for order in hub.at_commerce():
        hub.commerce.drive("finalize", order_id=order["id"])
        hub.commerce.drive("pack_and_ship", order_id=order["id"])
        hub.commerce.drive("invoice", order_id=order["id"])
    hub.run()
    assert set(hub.statuses()) <= {"shipped", "confirmed"}
    call_command("check_tenancy")
    assert "Every row stays in its account" in capsys.readouterr().out
