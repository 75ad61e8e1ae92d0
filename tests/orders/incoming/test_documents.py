"""Which files are fetched, when, from where, and how often: a file is known before it is asked for, and read once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors import registry
from connectors.contract import ParsedItem
from connectors.models import Connection, Outcome, Service, ServiceName
from orders.dispatcher import run_service_by_id
from orders.models import Alert, AlertState, InboundDocument, InboundState, Order
from tests.connectors.dsco.files import row, table
from tests.inbox import Inbox, change_sessions

TWO = [row(1), row(2)]


def _documents(inbox: Inbox) -> list[tuple[str, str]]:
    rows = InboundDocument.objects.for_account(inbox.account).order_by("pk")
    return list(rows.values_list("name", "state"))


def _at_dsco(inbox: Inbox, folder: str) -> set[str]:
    return {file["name"] for file in inbox.dsco.drive("state", only=["files"])["files"][folder]}


# --- when a file is whole ----------------------------------------------------------------------------------------------------


def test_a_file_that_was_just_written_waits_for_a_later_run_of_equal_size(inbox: Inbox) -> None:
    inbox.put(TWO, age=0)
    began = time.monotonic()
    first = inbox.download()
    assert time.monotonic() - began < 5
    assert (first.counts, inbox.orders) == ({"growing": 1}, set())
    assert inbox.download().counts["orders"] == 2


def test_a_growing_file_is_read_once_it_is_whole(inbox: Inbox) -> None:
    inbox.dsco.drive("place_orders", count=6)
    inbox.dsco.drive("export", pieces=3)
    assert inbox.download().counts == {"growing": 1}
    inbox.dsco.drive("grow")
    assert inbox.download().counts == {"growing": 1}
    inbox.dsco.drive("grow")
    finished = inbox.download()
    assert (finished.outcome, finished.counts["orders"]) == (Outcome.DONE, 6)
    assert inbox.documents() == {InboundState.REPLACED: 2, InboundState.READ: 1}
    assert inbox.skipped == []


def test_a_file_that_grows_after_it_was_listed_is_left_for_later(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = table(TWO)
    inbox.put(whole[: len(whole) // 2])

    def grown_meanwhile(fetch: Any, ref: Any) -> Any:
        inbox.put(whole)
        return fetch(ref)

    change_sessions(monkeypatch, fetch=grown_meanwhile)
    first = inbox.download()
    assert first.outcome == Outcome.PROBLEMS
    assert "has changed since it was listed" in first.problem
    assert inbox.orders == set()
    monkeypatch.undo()
    assert inbox.download().counts["orders"] == 2
    assert inbox.alerts == {}


def test_a_file_that_is_written_anew_before_it_was_read_is_replaced(inbox: Inbox) -> None:
    inbox.put([row(1)], age=0)
    inbox.download()
    inbox.put([row(2)])
    inbox.download()
    assert inbox.orders == {"PO-2"}
    assert _documents(inbox) == [("Purchase_Order_1.csv", "replaced"), ("Purchase_Order_1.csv", "read")]


# --- known before it is fetched ----------------------------------------------------------------------------------------------


def test_a_file_that_dsco_archives_while_it_is_read_is_fetched_from_the_archive(inbox: Inbox) -> None:
    inbox.put([row(number) for number in range(800)])
    inbox.dsco.drive("fault", name="archive_early", after_bytes=1)
    inbox.dsco.drive("fault", name="drop", during="read", after_bytes=50_000, times=1)
    first = inbox.download()
    assert first.outcome == Outcome.PROBLEMS
    assert inbox.documents() == {InboundState.WANTED: 1}
    assert _at_dsco(inbox, "/out/archive") == {"Purchase_Order_1.csv"}
    assert inbox.download().counts["orders"] == 800
    assert inbox.alerts == {}


def test_a_file_is_looked_for_twice_before_it_counts_as_gone(inbox: Inbox) -> None:
    inbox.put(TWO, age=0)
    inbox.download()
    inbox.dsco.drive("remove_file", path="/out/Purchase_Order_1.csv")
    assert "neither in out nor in out/archive" in inbox.download().problem
    assert inbox.alerts == {}
    inbox.download()
    assert _documents(inbox) == [("Purchase_Order_1.csv", "gone")]
    assert "Export it again" in inbox.alerts["file_gone"]
    assert len(inbox.events("file.gone")) == 1
    inbox.put(TWO)
    assert inbox.download().counts["orders"] == 2
    assert inbox.alerts == {}


def test_a_file_that_vanished_while_it_was_new_is_read_from_the_archive(inbox: Inbox) -> None:
    inbox.put(TWO, age=0)
    inbox.download()
    inbox.dsco.drive("remove_file", path="/out/Purchase_Order_1.csv")
    inbox.archive(TWO, age=0)
    finished = inbox.download()
    assert (finished.counts["orders"], finished.counts["taken_by_others"]) == (2, 1)
    assert "somebody else" in inbox.alerts["taken_by_others"]


def test_a_file_that_grew_and_vanished_is_read_from_the_archive_as_it_is_there(inbox: Inbox) -> None:
    whole = table(TWO)
    inbox.put(whole[: len(whole) // 2], age=0)
    inbox.download()
    inbox.dsco.drive("remove_file", path="/out/Purchase_Order_1.csv")
    inbox.archive(whole, age=0)
    assert inbox.download().counts["orders"] == 2
    assert inbox.documents() == {InboundState.REPLACED: 1, InboundState.READ: 1}


def test_a_later_file_of_the_same_name_does_not_hide_the_one_before_it(inbox: Inbox) -> None:
    inbox.put([row(1), row(2)], age=120)
    inbox.dsco.drive("fault", name="refuse_read", path="/out/*")
    inbox.download()
    inbox.dsco.drive("clear_faults")
    first = InboundDocument.objects.for_account(inbox.account).get()
    inbox.dsco.drive("remove_file", path="/out/Purchase_Order_1.csv")
    inbox.archive([row(1), row(2)], age=(timezone.now() - first.modified_at).total_seconds())
    inbox.put([row(3)])
    inbox.download()
    assert inbox.orders == {"PO-1", "PO-2", "PO-3"}


def test_a_refused_login_in_the_middle_leaves_the_files_for_the_next_run(inbox: Inbox) -> None:
    inbox.put(TWO)
    inbox.dsco.drive("fault", name="drop", during="read", times=1)
    assert inbox.download().outcome == Outcome.PROBLEMS
    inbox.dsco.drive("fault", name="refuse_login", times=1)
    assert inbox.download().outcome == Outcome.BROKEN
    assert inbox.download().counts["orders"] == 2
    assert inbox.alerts == {}


def test_the_hub_deletes_nothing(inbox: Inbox) -> None:
    inbox.dsco.drive("settings", archive_after_download=False)
    inbox.read(TWO)
    inbox.download()
    assert _at_dsco(inbox, "/out") == {"Purchase_Order_1.csv"}
    assert "remove" not in {entry["what"] for entry in inbox.dsco.drive("state")["activity"] if "/out" in entry["path"]}


# --- the same again ----------------------------------------------------------------------------------------------------------


def test_a_known_file_is_not_fetched_again(inbox: Inbox) -> None:
    inbox.dsco.drive("settings", archive_after_download=False)
    inbox.read(TWO)
    before = len(inbox.dsco.drive("state")["activity"])
    assert inbox.download().outcome == Outcome.NOTHING
    assert "download" not in {entry["what"] for entry in inbox.dsco.drive("state")["activity"][before:]}


def test_the_same_bytes_under_a_new_name_are_an_event_and_load_nothing(inbox: Inbox) -> None:
    inbox.read(TWO, "Purchase_Order_1.csv")
    finished = inbox.read(TWO, "Purchase_Order_2.csv")
    assert (finished.outcome, finished.counts["duplicates"], "orders" in finished.counts) == (Outcome.DONE, 2, False)
    assert inbox.events("file.same_bytes") == [
        "Purchase_Order_2.csv has the same bytes as Purchase_Order_1.csv. Orders that are known are counted, not loaded again."
    ]
    assert inbox.alerts == {}


def test_orders_of_two_retailers_with_one_number_are_two_and_each_comes_once(inbox: Inbox) -> None:
    finch, wren = row(1), row(1, dsco_order_id="77001", dsco_retailer_id="2000", dsco_retailer_name="Wren")
    inbox.read([finch, wren], "Purchase_Order_1.csv")
    inbox.read([wren, finch], "Purchase_Order_2.csv")
    orders = Order.objects.for_account(inbox.account).order_by("pk")
    assert [order.cust_po_no for order in orders] == ["PO-1", "PO-1"]
    assert len({order.cust_ref for order in orders}) == 2


# --- somebody else reads our files -------------------------------------------------------------------------------------------


def test_files_that_somebody_else_took_are_fetched_hourly_from_the_archive(inbox: Inbox) -> None:
    inbox.archive(TWO, "Purchase_Order_taken.csv", age=-5)
    finished = inbox.download()
    assert (finished.counts["taken_by_others"], finished.counts["orders"]) == (1, 2)
    (words,) = inbox.events("file.taken_by_others")
    assert words == inbox.alerts["taken_by_others"]
    assert "old integration" in words

    inbox.archive([row(3)], "Purchase_Order_later.csv", age=-5)
    assert inbox.download().outcome == Outcome.NOTHING
    _an_hour_passes(inbox)
    assert inbox.download().counts["orders"] == 1
    assert Alert.objects.for_account(inbox.account).get(state=AlertState.OPEN).times == 2


def test_the_alert_ends_a_day_after_the_last_file_that_somebody_took(inbox: Inbox) -> None:
    inbox.archive(TWO, "Purchase_Order_taken.csv", age=-5)
    inbox.download()
    _an_hour_passes(inbox)
    inbox.download()
    assert "taken_by_others" in inbox.alerts
    Alert.objects.for_account(inbox.account).update(last_seen_at=timezone.now() - timedelta(hours=25))
    _an_hour_passes(inbox)
    inbox.download()
    assert inbox.alerts == {}


def test_what_was_archived_before_going_live_is_left_alone(inbox: Inbox) -> None:
    inbox.archive(TWO, age=3600)
    assert inbox.download().outcome == Outcome.NOTHING


def test_in_test_mode_nobody_asks_what_others_took(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(live=False)
    inbox.archive(TWO, age=-5)
    assert inbox.download().outcome == Outcome.NOTHING


def test_files_that_the_hub_itself_read_are_not_taken_for_others(inbox: Inbox) -> None:
    inbox.read(TWO)
    _an_hour_passes(inbox)
    assert inbox.download().outcome == Outcome.NOTHING
    assert inbox.alerts == {}


def _an_hour_passes(inbox: Inbox) -> None:
    service = Service.objects.for_account(inbox.account).get(connection=inbox.cart, name=ServiceName.ORDER_DOWNLOAD)
    service.cursor["taken_checked_at"] = (timezone.now() - timedelta(minutes=61)).isoformat()
    # The connection is live for longer than that.
    Connection.objects.for_account(inbox.account).filter(pk=inbox.cart.pk).update(
        activated_at=timezone.now() - timedelta(minutes=90)
    )
    inbox.cart.refresh_from_db()
    service.save(update_fields=["cursor"])


# --- a bug of ours -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def buggy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser trips over every file with "poison" in its name."""
    spec = registry.get("dsco")
    parse = spec.parse_orders
    assert parse is not None

    def tripping(body: Any, name: str, settings: Any) -> Iterator[ParsedItem]:
        if "poison" in name:
            raise ZeroDivisionError("our bug")
        yield from parse(body, name, settings)

    get = registry.get
    monkeypatch.setattr(registry, "get", lambda kind: replace(spec, parse_orders=tripping) if kind == "dsco" else get(kind))


def test_a_file_that_trips_over_a_bug_stops_no_other_and_is_shown_after_three_tries(
    inbox: Inbox, buggy: None, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.put([row(1)], "Purchase_Order_poison.csv", age=90)
    inbox.put([row(2)], "Purchase_Order_good.csv")
    first = inbox.download()
    assert (first.outcome, inbox.orders) == (Outcome.PROBLEMS, {"PO-2"})
    assert "something went wrong inside the hub" in first.problem
    assert "our bug" in caplog.text
    assert "our bug" not in first.problem
    inbox.put([row(3)], "Purchase_Order_next.csv")
    inbox.download()
    assert inbox.orders == {"PO-2", "PO-3"}
    assert inbox.documents()[InboundState.FETCHED] == 1
    inbox.download()
    assert inbox.documents()[InboundState.REFUSED] == 1
    assert "Purchase_Order_poison.csv" in inbox.alerts["bad_document"]
    assert inbox.skipped[0]["reason"].startswith("internal: ")
    assert inbox.download().outcome == Outcome.NOTHING


def test_a_workers_run_leaves_such_a_file_alone_until_its_time(inbox: Inbox, buggy: None) -> None:
    inbox.put([row(1)], "Purchase_Order_poison.csv")
    service = Service.objects.for_account(inbox.account).get(connection=inbox.cart, name=ServiceName.ORDER_DOWNLOAD)
    Service.objects.for_account(inbox.account).update(due_at=timezone.now())
    run_service_by_id(service.pk)
    Service.objects.for_account(inbox.account).update(due_at=timezone.now())
    assert run_service_by_id(service.pk) == Outcome.NOTHING
    assert InboundDocument.objects.for_account(inbox.account).get().attempts == 1
