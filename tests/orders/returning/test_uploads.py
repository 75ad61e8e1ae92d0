"""Files on their way to DSCO: whole or not at all, found again when in doubt, and watched until they are taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.models import ServiceName
from orders.models import DocumentState, OrderEvent, OutboundAttempt, OutboundDocument
from orders.pipeline.documents import document_bytes
from orders.upkeep.housekeeping import keep
from tests.hub import Hub
from tests.orders.returning.warehouse import (
    again,
    delivered,
    free_lease,
    open_alerts,
    problems_at_dsco,
    service,
    ship,
    shipped_at_dsco,
)

UPLOAD = ServiceName.SHIPMENT_UPLOAD


@pytest.fixture
def packed(hub: Hub) -> Hub:
    """A hub with one package to tell."""
    ship(hub, delivered(hub), tracking="1ZTOLD")
    hub.run(ServiceName.SHIPMENT_PICKUP)
    return hub


def _document(hub: Hub) -> OutboundDocument:
    return OutboundDocument.objects.for_account(hub.account).get()


def _leave_in_doubt(hub: Hub) -> OutboundDocument:
    """Write the file's row as a run leaves it that was killed in the middle of its call."""
    hub.dsco.drive("fault", name="refuse_write", path="/in/*")
    hub.run(UPLOAD)
    hub.dsco.drive("clear_faults")
    document = _document(hub)
    OutboundDocument.objects.for_account(hub.account).filter(pk=document.pk).update(state=DocumentState.SENDING)
    return document


def _files(hub: Hub) -> list[str]:
    files = hub.dsco.drive("state", only=["files"])["files"]
    return [name["name"] for folder in ("/in", "/in/processing", "/in/archive") for name in files[folder]]


def test_a_file_is_put_under_a_temporary_name_and_renamed(packed: Hub) -> None:
    packed.run(UPLOAD)
    activity = [(one["what"], one["path"]) for one in packed.dsco.drive("state", only=["activity"])["activity"]]
    name = _document(packed).name
    assert ("upload", f"/in/.{name}.part") in activity
    assert any(what == "rename" and name in path for what, path in activity)


def test_where_renaming_is_refused_the_file_is_put_directly_and_the_service_says_so(packed: Hub) -> None:
    packed.dsco.drive("settings", client_may_rename=False)
    finished = packed.run(UPLOAD)[UPLOAD]
    assert finished.outcome == "done"
    assert "refuses renaming" in service(packed, UPLOAD).last_words
    document = _document(packed)
    assert packed.dsco.drive("process")[-1]["file"] == document.name
    assert problems_at_dsco(packed) == []
    assert again(packed.order()).status == "confirmed"


@pytest.mark.parametrize("operation", ["rename", "close"])
@pytest.mark.parametrize("taken", [True, False])
def test_a_swallowed_answer_tells_nothing_twice(packed: Hub, operation: str, taken: bool) -> None:
    packed.dsco.drive("settings", pick_up="automatic" if taken else "paused")
    packed.dsco.drive("fault", name="swallow", operation=operation, how="drop", times=1)
    packed.run(UPLOAD)
    if taken:
        packed.dsco.drive("process")
    packed.run(UPLOAD)
    assert shipped_at_dsco(packed, packed.order()) == {"1": 2}
    assert problems_at_dsco(packed) == []
    assert again(packed.order()).status == "confirmed"


def test_a_write_that_is_cut_off_is_written_again(packed: Hub) -> None:
    packed.dsco.drive("fault", name="drop", during="write", after_bytes=40, times=1)
    packed.run(UPLOAD)
    assert again(packed.order()).status == "shipped"
    packed.run(UPLOAD)
    assert shipped_at_dsco(packed, packed.order()) == {"1": 2}
    assert again(packed.order()).status == "confirmed"


@pytest.mark.parametrize(
    ("folder", "state"),
    [("/in", DocumentState.SENT), ("/in/processing", DocumentState.SENT), ("/in/archive", DocumentState.TAKEN)],
)
def test_a_doubtful_file_is_found_where_it_lies_and_not_sent_again(packed: Hub, folder: str, state: str) -> None:
    document = _leave_in_doubt(packed)
    packed.dsco.drive("settings", pick_up="paused", processing_seconds=60)
    packed.dsco.drive("put_file", path=f"{folder}/{document.name}", text=document_bytes(document).decode())
    packed.run(UPLOAD)
    assert _document(packed).state == state
    assert _files(packed) == [document.name]
    assert _document(packed).attempts == 1
    assert again(packed.order()).status == "confirmed"


def test_a_doubtful_file_that_is_nowhere_is_sent(packed: Hub) -> None:
    document = _leave_in_doubt(packed)
    packed.run(UPLOAD)
    assert _document(packed).attempts == 2
    assert packed.dsco.drive("process")[-1]["file"] == document.name


def test_a_file_that_is_cut_short_in_the_folder_is_written_again(packed: Hub) -> None:
    document = _leave_in_doubt(packed)
    packed.dsco.drive("settings", pick_up="paused")
    packed.dsco.drive("put_file", path=f"/in/{document.name}", text="po_number")
    packed.run(UPLOAD)
    assert packed.dsco.drive("read_file", path=f"/in/{document.name}") == document_bytes(document).decode()
    assert _document(packed).state == DocumentState.SENT


def test_a_file_that_is_cut_short_and_being_processed_is_left_alone_for_now(packed: Hub) -> None:
    document = _leave_in_doubt(packed)
    packed.dsco.drive("settings", processing_seconds=60)
    packed.dsco.drive("put_file", path=f"/in/processing/{document.name}", text="po_number")
    packed.run(UPLOAD)
    assert _files(packed) == [document.name]
    assert _document(packed).state == DocumentState.SENDING


def test_a_file_that_was_taken_cut_short_is_held_with_an_alert(packed: Hub) -> None:
    document = _leave_in_doubt(packed)
    packed.dsco.drive("put_file", path=f"/in/archive/{document.name}", text="po_number")
    for _ in range(2):
        packed.run(UPLOAD)
    assert _document(packed).state == DocumentState.HELD
    (alert,) = open_alerts(packed, "document_cut")
    assert document.name in alert.words
    assert "9 of its" in alert.words
    assert _files(packed) == [document.name]
    assert again(packed.order()).status == "shipped"


def test_a_refused_file_is_an_alert_after_three_tries_and_sent_when_it_may(packed: Hub) -> None:
    packed.dsco.drive("fault", name="refuse_write", path="/in/*")
    for tries in (1, 2, 3):
        assert open_alerts(packed, "document_refused") == []
        packed.run(UPLOAD)
        assert _document(packed).attempts == tries
    assert len(open_alerts(packed, "document_refused")) == 1
    assert packed.cart.__class__.objects.for_account(packed.account).get(pk=packed.cart.pk).state == "ok"
    packed.dsco.drive("clear_faults")
    packed.run(UPLOAD)
    assert open_alerts(packed, "document_refused") == []
    assert again(packed.order()).status == "confirmed"


@pytest.mark.parametrize("mode", ["rename", "direct"])
def test_a_full_disk_is_one_alert_however_many_files_wait_and_ends_when_the_last_is_there(
    make_hub: Callable[..., Hub], mode: str
) -> None:
    hub = make_hub(cart_settings={"upload_mode": mode})
    ship(hub, delivered(hub), tracking="1ZFULL")
    hub.run(ServiceName.SHIPMENT_PICKUP, ServiceName.INVENTORY_PICKUP)
    hub.dsco.drive("settings", pick_up="paused")
    hub.dsco.drive("fault", name="disk_full", path="/in/*")
    for tries in (1, 2, 3):
        assert open_alerts(hub, "document_refused") == [], tries
        hub.run(UPLOAD, ServiceName.INVENTORY_UPLOAD)
    (alert,) = open_alerts(hub, "document_refused")
    assert f"A file didn't get to {hub.cart.name} in 3 tries and is tried again" in alert.words
    assert "Another file waits as well." in alert.words
    hub.dsco.drive("clear_faults")
    hub.run(UPLOAD)
    assert open_alerts(hub, "document_refused") == [alert]
    hub.run(ServiceName.INVENTORY_UPLOAD)
    assert open_alerts(hub, "document_refused") == []
    assert problems_at_dsco(hub) == []
    assert again(hub.order()).status == "confirmed"


def test_every_try_is_kept_with_its_outcome(packed: Hub) -> None:
    packed.dsco.drive("fault", name="refuse_write", path="/in/*", times=2)
    packed.run(UPLOAD)
    packed.dsco.drive("clear_faults")
    packed.run(UPLOAD)
    tries = OutboundAttempt.objects.for_account(packed.account).filter(document=_document(packed)).order_by("pk")
    assert [one.outcome for one in tries] == ["TryLater", "sent"]
    assert all(one.finished_at for one in tries)


def test_a_run_killed_after_the_file_was_whole_confirms_in_the_next_one(packed: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("orders.pipeline.documents.confirm", killed)
        with pytest.raises(KeyboardInterrupt):
            packed.run(UPLOAD)
    assert _document(packed).state == DocumentState.SENDING
    free_lease(packed, UPLOAD)
    packed.run(UPLOAD)
    assert again(packed.order()).status == "confirmed"
    assert OrderEvent.objects.for_account(packed.account).filter(kind="told.shipments").count() == 1
    assert shipped_at_dsco(packed, packed.order()) == {"1": 2}


def test_a_file_that_no_job_takes_is_an_alert_after_six_hours_that_ends_when_it_is_taken(packed: Hub) -> None:
    packed.dsco.drive("job", workflow="shipment", enabled=False)
    packed.run(UPLOAD)
    assert again(packed.order()).status == "confirmed"
    documents = OutboundDocument.objects.for_account(packed.account)
    for hours, alerts in ((5, 0), (7, 1)):
        documents.update(sent_at=timezone.now() - timedelta(hours=hours))
        keep()
        assert len(open_alerts(packed, "not_taken")) == alerts
    packed.dsco.drive("job", workflow="shipment", enabled=True)
    packed.dsco.drive("process")
    packed.run(UPLOAD)
    assert _document(packed).state == DocumentState.TAKEN
    assert open_alerts(packed, "not_taken") == []


def test_files_are_found_in_archive_folders_of_the_settings(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(cart_settings={"upload_archive_folder": "misc"})
    ship(hub, delivered(hub))
    hub.run(ServiceName.SHIPMENT_PICKUP)
    document = _leave_in_doubt(hub)
    hub.dsco.drive("put_file", path=f"/misc/{document.name}", text=document_bytes(document).decode())
    hub.run(UPLOAD)
    assert _document(hub).state == DocumentState.TAKEN


def test_a_broken_login_burns_no_try_of_the_file(packed: Hub) -> None:
    packed.dsco.drive("fault", name="refuse_login")
    assert packed.run(UPLOAD)[UPLOAD].outcome == "broken"
    assert _document(packed).attempts == 0
    packed.dsco.drive("clear_faults")
    packed.run(UPLOAD)
    assert again(packed.order()).status == "confirmed"
