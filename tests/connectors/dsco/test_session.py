"""Sessions against a real SFTP server: listing, fetching under DSCO's hands, putting files, and the test of a connection."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.contract import DocumentRef, DocumentSink, OrderSource, Place, Purpose
from connectors.dsco.listing import NO_TIME
from connectors.errors import BadDocument, FixConnection, OutcomeUnknown, TryLater
from tests.connectors.dsco.hub import Hub
from tests.servers.certificates import make_certificates
from tests.servers.ftp import RunningFtp, ftp_server
from tests.servers.sftp import RunningSftp, host_key, sftp_server

BODY = b"po_number,line_item_sku\r\n" * 10_000
NAME = "Purchase_Order_20250510.csv"
FILE = "Shipment_20250510T173037Z_7f3k.csv"


def put(folder: Path, name: str = NAME, body: bytes = BODY, age: float = 60) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    stamp = time.time() - age
    os.utime(path, (stamp, stamp))
    return path


def only(hub: Hub) -> tuple[OrderSource, DocumentRef]:
    session = hub.open()
    refs = session.list_orders().refs
    assert len(refs) == 1
    return session, refs[0]


def steps_of(hub: Hub, **changes: str) -> dict[str, tuple[bool, str]]:
    return {step.step: (step.ok, step.words) for step in hub.open(**changes).check()}


@pytest.fixture(params=["sftp", "ftp"])
def either(request: pytest.FixtureRequest) -> Hub:
    """A hub before an SFTP and before an FTP server."""
    opened: Hub = request.getfixturevalue("hub" if request.param == "sftp" else "ftp_hub")
    return opened


# --- listing -----------------------------------------------------------------------------------------------------------------


def test_the_session_is_a_source_and_a_sink(hub: Hub) -> None:
    session = hub.open()
    assert isinstance(session, OrderSource)
    assert isinstance(session, DocumentSink)
    assert session.seen_host_key == ""


def test_only_order_files_are_listed_oldest_first(either: Hub, folders: Path) -> None:
    for name in ("Inventory_1.csv", "Purchase_Order_1.pdf", "Purchase_Order_9.csv.part", "notes.txt"):
        put(folders / "out", name)
    put(folders / "out", "purchase_order_b.TAB", age=90)
    put(folders / "out", "Purchase_Order_a.csv", age=30)
    (folders / "out" / "Purchase_Order_dir.csv").mkdir()
    put(folders / "out/archive", "Purchase_Order_old.csv")
    session = either.open()
    assert [ref.name for ref in session.list_orders().refs] == ["purchase_order_b.TAB", "Purchase_Order_a.csv"]
    assert [ref.name for ref in session.list_taken().refs] == ["Purchase_Order_old.csv"]


def test_a_listing_has_size_and_time_of_each_file(either: Hub, folders: Path) -> None:
    path = put(folders / "out", age=90)
    ref = either.open().list_orders().refs[0]
    assert ref == DocumentRef(NAME, len(BODY), datetime.fromtimestamp(int(path.stat().st_mtime), UTC))


def test_the_far_time_is_ours_and_never_older_than_a_file(hub: Hub, folders: Path) -> None:
    before = datetime.now(UTC)
    assert before <= hub.open().list_orders().far_now <= datetime.now(UTC)
    put(folders / "out", "any.pdf", age=-3600)
    assert hub.open().list_orders().far_now >= before + timedelta(minutes=59)


def test_the_servers_clock_is_learnt_from_a_written_file_and_remembered(hub: Hub) -> None:
    real = hub.now
    hub.now = lambda: real() - timedelta(hours=2)
    words = steps_of(hub)["upload folder"][1]
    assert "clock is 7,200 s ahead" in words or "clock is 7,199 s ahead" in words
    assert abs(int(hub.memory.facts["clock", "offset_seconds"]) - 7200) <= 2
    assert abs(hub.open().list_orders().far_now - real()) < timedelta(seconds=5)
    hub.now = real
    hub.open().send_document(Purpose.STOCK, "Inventory_1.csv", b"sku\r\n")
    assert abs(int(hub.memory.facts["clock", "offset_seconds"])) <= 2


def test_a_missing_order_folder_is_the_connections_fault(either: Hub) -> None:
    with pytest.raises(FixConnection, match="no folder outgoing"):
        either.open(order_folder="outgoing").list_orders()


def test_a_missing_archive_holds_nothing(either: Hub) -> None:
    assert either.open(order_archive_folder="nowhere").list_taken().refs == ()
    assert either.open(order_archive_folder="").list_taken().refs == ()


# --- fetching ----------------------------------------------------------------------------------------------------------------


def test_a_file_is_fetched_whole_and_left_where_it_lies(either: Hub, folders: Path) -> None:
    path = put(folders / "out")
    session, ref = only(either)
    assert b"".join(session.fetch(ref)) == BODY
    assert path.read_bytes() == BODY


def test_an_empty_file_is_fetched_too(either: Hub, folders: Path) -> None:
    put(folders / "out", body=b"")
    session, ref = only(either)
    assert b"".join(session.fetch(ref)) == b""


def test_a_file_that_dsco_archived_meanwhile_is_fetched_from_the_archive(either: Hub, folders: Path) -> None:
    path = put(folders / "out")
    session, ref = only(either)
    path.rename(folders / "out/archive" / NAME)
    assert b"".join(session.fetch(ref)) == BODY


def test_a_file_that_is_archived_while_it_is_read_comes_whole(hub: Hub, folders: Path) -> None:
    path = put(folders / "out", body=BODY * 20)
    session, ref = only(hub)
    pieces = session.fetch(ref)
    first = next(pieces)
    path.rename(folders / "out/archive" / NAME)
    assert first + b"".join(pieces) == BODY * 20


def test_a_file_that_is_nowhere_any_more_is_a_bad_document(either: Hub, folders: Path) -> None:
    path = put(folders / "out")
    session, ref = only(either)
    path.unlink()
    with pytest.raises(BadDocument, match="neither in out nor in out/archive"):
        list(session.fetch(ref))


def test_another_file_of_that_name_in_the_archive_is_not_taken_for_it(either: Hub, folders: Path) -> None:
    path = put(folders / "out")
    session, ref = only(either)
    path.unlink()
    put(folders / "out/archive", body=BODY + b"more")
    with pytest.raises(BadDocument, match="neither"):
        list(session.fetch(ref))


def test_a_file_that_grew_since_it_was_listed_is_left_for_later(either: Hub, folders: Path) -> None:
    put(folders / "out", body=BODY[:1000])
    session, ref = only(either)
    put(folders / "out", body=BODY)
    with pytest.raises(TryLater, match="changed"):
        list(session.fetch(ref))


def test_a_file_that_grows_while_it_is_read_is_left_for_later(hub: Hub, folders: Path) -> None:
    path = put(folders / "out", body=BODY * 20)
    session, ref = only(hub)
    pieces = session.fetch(ref)
    next(pieces)
    with path.open("ab") as growing:
        growing.write(b"one more row\r\n")
    with pytest.raises(TryLater):
        list(pieces)


def test_a_file_that_was_rewritten_with_equal_size_is_left_for_later(either: Hub, folders: Path) -> None:
    put(folders / "out", age=100)
    session, ref = only(either)
    put(folders / "out", body=BODY[::-1], age=50)
    with pytest.raises(TryLater, match="changed"):
        list(session.fetch(ref))


def test_a_transfer_that_breaks_off_is_tried_again_on_a_new_connection(hub: Hub, far: RunningSftp, folders: Path) -> None:
    put(folders / "out", body=BODY * 20)
    session, ref = only(hub)
    far.faults.cut_after_read = 100_000
    with pytest.raises(TryLater):
        list(session.fetch(ref))
    far.faults.cut_after_read = None
    assert b"".join(session.fetch(ref)) == BODY * 20
    assert far.logins == 2


def test_a_server_that_gives_fewer_bytes_than_listed_is_not_believed(hub: Hub, far: RunningSftp, folders: Path) -> None:
    put(folders / "out")
    session, ref = only(hub)
    far.faults.shrink_to = 1000
    with pytest.raises(TryLater):
        list(session.fetch(ref))


def test_a_download_by_ftp_that_breaks_off_is_tried_again(ftp_hub: Hub, ftp_far: RunningFtp, folders: Path) -> None:
    put(folders / "out", body=BODY * 20)
    session, ref = only(ftp_hub)
    ftp_far.faults.cut_after_sent = 100_000
    with pytest.raises(TryLater):
        list(session.fetch(ref))
    ftp_far.faults.cut_after_sent = None
    assert b"".join(session.fetch(ref)) == BODY * 20


def test_a_fetch_that_is_given_up_leaves_the_session_usable(either: Hub, folders: Path) -> None:
    put(folders / "out", body=BODY * 20)
    session, ref = only(either)
    pieces = session.fetch(ref)
    next(pieces)
    assert isinstance(pieces, Iterator)
    pieces.close()  # type: ignore[attr-defined] # a generator, as the session's own code says
    assert b"".join(session.fetch(ref)) == BODY * 20


def test_a_lost_lease_stops_the_transfer(hub: Hub, folders: Path) -> None:
    class LeaseLost(RuntimeError):
        pass

    put(folders / "out", body=BODY * 20)
    session, ref = only(hub)
    pieces = session.fetch(ref)
    next(pieces)

    def lost() -> None:
        raise LeaseLost

    hub.progress = lost
    with pytest.raises(LeaseLost):
        list(pieces)


def test_a_name_that_leads_elsewhere_is_refused(hub: Hub) -> None:
    with pytest.raises(BadDocument):
        list(hub.open().fetch(DocumentRef("../secret.csv", 1, NO_TIME)))


def test_a_server_without_times_is_read_all_the_same(ftp_hub: Hub, ftp_far: RunningFtp, folders: Path) -> None:
    ftp_far.faults.unknown = {"MLSD", "MLST", "MDTM"}
    put(folders / "out")
    session, ref = only(ftp_hub)
    assert ref.modified_at == NO_TIME
    assert b"".join(session.fetch(ref)) == BODY


# --- putting files -----------------------------------------------------------------------------------------------------------


def test_a_file_is_put_whole_under_its_name_and_nothing_else_is_left(either: Hub, folders: Path) -> None:
    placement = either.open().send_document(Purpose.SHIPMENTS, FILE, BODY)
    assert (placement.place, placement.size, placement.words) == (Place.WAITING, len(BODY), "")
    assert (folders / "in" / FILE).read_bytes() == BODY
    assert sorted(path.name for path in (folders / "in").iterdir()) == sorted([FILE, "archive", "processing"])


def test_a_smaller_file_of_that_name_is_written_again(either: Hub, folders: Path) -> None:
    put(folders / "in", FILE, b"half")
    assert either.open().send_document(Purpose.SHIPMENTS, FILE, BODY).size == len(BODY)
    assert (folders / "in" / FILE).read_bytes() == BODY


def test_where_renaming_is_refused_the_file_goes_directly_with_words(hub: Hub, far: RunningSftp, folders: Path) -> None:
    far.faults.deny = {"rename"}
    first = hub.open().send_document(Purpose.SHIPMENTS, FILE, BODY)
    assert (first.place, first.size) == (Place.WAITING, len(BODY))
    assert "refuses renaming" in first.words
    assert (folders / "in" / FILE).read_bytes() == BODY
    assert not list((folders / "in").glob(".*"))
    written = far.written
    again = hub.open().send_document(Purpose.SHIPMENTS, "Shipment_2.csv", BODY)
    assert "refuses renaming" in again.words
    assert far.written - written == len(BODY)


def test_a_server_that_renames_again_is_noticed_by_the_test(hub: Hub, far: RunningSftp) -> None:
    far.faults.deny = {"rename"}
    assert "refuses renaming" in steps_of(hub)["upload folder"][1]
    assert ("upload", "rename") in hub.memory.facts
    far.faults.deny = set()
    assert steps_of(hub)["upload folder"][0]
    assert ("upload", "rename") not in hub.memory.facts


def test_renaming_that_is_asked_for_and_refused_is_tried_later(hub: Hub, far: RunningSftp, folders: Path) -> None:
    far.faults.deny = {"rename"}
    with pytest.raises(TryLater):
        hub.open(upload_mode="rename").send_document(Purpose.SHIPMENTS, FILE, BODY)
    assert not (folders / "in" / FILE).exists()


def test_renaming_by_ftp_that_is_refused_ends_in_a_direct_put(ftp_hub: Hub, ftp_far: RunningFtp, folders: Path) -> None:
    ftp_far.faults.answers = {"RNFR": "550 Not allowed."}
    assert "refuses renaming" in ftp_hub.open().send_document(Purpose.SHIPMENTS, FILE, BODY).words
    assert (folders / "in" / FILE).read_bytes() == BODY


def test_a_direct_put_asks_for_no_rename(hub: Hub, far: RunningSftp, folders: Path) -> None:
    far.faults.deny = {"rename"}
    placement = hub.open(upload_mode="direct").send_document(Purpose.SHIPMENTS, FILE, BODY)
    assert (placement.place, placement.words) == (Place.WAITING, "")
    assert (folders / "in" / FILE).read_bytes() == BODY


def test_a_refused_write_of_one_file_is_tried_later(hub: Hub, far: RunningSftp, folders: Path) -> None:
    far.faults.deny = {"open_write"}
    with pytest.raises(TryLater, match=FILE):
        hub.open().send_document(Purpose.SHIPMENTS, FILE, BODY)
    assert not (folders / "in" / FILE).exists()


def test_a_missing_upload_folder_is_the_connections_fault(either: Hub) -> None:
    with pytest.raises((FixConnection, TryLater), match=r"upload folder|could not be put|no folder") as caught:
        either.open(upload_folder="incoming").send_document(Purpose.SHIPMENTS, FILE, BODY)
    assert "incoming" in caught.value.words


def test_a_connection_lost_in_the_temporary_file_leaves_the_final_name_alone(hub: Hub, far: RunningSftp, folders: Path) -> None:
    far.faults.cut_after_written = 50_000
    with pytest.raises(TryLater):
        hub.open().send_document(Purpose.SHIPMENTS, FILE, BODY * 4)
    assert not (folders / "in" / FILE).exists()
    far.faults.cut_after_written = None
    assert hub.open().send_document(Purpose.SHIPMENTS, FILE, BODY * 4).size == 4 * len(BODY)


def test_a_connection_lost_in_a_direct_put_has_an_unknown_outcome(hub: Hub, far: RunningSftp) -> None:
    far.faults.cut_after_written = 50_000
    session = hub.open(upload_mode="direct")
    with pytest.raises(OutcomeUnknown):
        session.send_document(Purpose.SHIPMENTS, FILE, BODY * 4)
    far.faults.cut_after_written = None
    found = session.find_documents(Purpose.SHIPMENTS, [FILE])[FILE]
    assert found.place is Place.WAITING
    assert found.size < 4 * len(BODY)


def test_a_rename_whose_answer_is_lost_has_an_unknown_outcome_and_is_found(hub: Hub, far: RunningSftp) -> None:
    far.faults.cut_at_rename = True
    session = hub.open()
    with pytest.raises(OutcomeUnknown):
        session.send_document(Purpose.SHIPMENTS, FILE, BODY)
    assert session.find_documents(Purpose.SHIPMENTS, [FILE])[FILE].size == len(BODY)


@pytest.mark.parametrize("many", [False, True])
def test_documents_are_found_where_dsco_has_moved_them(either: Hub, folders: Path, many: bool) -> None:
    put(folders / "in", "a.csv", b"1")
    put(folders / "in/processing", "b.csv", b"22")
    put(folders / "in/archive", "c.csv", b"333")
    put(folders / "in/archive", "a.csv", b"older")
    names = ["a.csv", "b.csv", "c.csv", "d.csv", *(f"{number}.csv" for number in range(30 if many else 0))]
    found = either.open().find_documents(Purpose.SHIPMENTS, names)
    assert found.keys() == set(names)
    assert [(found[name].place, found[name].size) for name in names[:4]] == [
        (Place.WAITING, 1),
        (Place.PROCESSING, 2),
        (Place.TAKEN, 3),
        (Place.NOWHERE, 0),
    ]


def test_documents_are_found_without_archive_folders(either: Hub, folders: Path) -> None:
    put(folders / "in", "a.csv", b"1")
    session = either.open(processing_folder="", upload_archive_folder="missing")
    found = session.find_documents(Purpose.STOCK, ["a.csv", "b.csv"])
    assert [found[name].place for name in ("a.csv", "b.csv")] == [Place.WAITING, Place.NOWHERE]


# --- the test of a connection ------------------------------------------------------------------------------------------------


def test_every_step_is_named_and_nothing_stays_at_the_server(either: Hub, folders: Path) -> None:
    put(folders / "out")
    put(folders / "out", "packing_slip.pdf")
    before = sorted(folders.rglob("*"))
    steps = steps_of(either)
    assert all(ok for ok, _ in steps.values()), steps
    assert list(steps) == [
        "address",
        "host key" if either.changes["protocol"] == "sftp" else "encryption",
        "login",
        "order folder",
        "order archive",
        "upload folder",
        "processing folder",
        "upload archive",
    ]
    assert steps["order folder"][1].startswith("1 order file in out, the oldest of 2")
    assert "1 other file there will be left alone" in steps["order folder"][1]
    assert sorted(folders.rglob("*")) == before


def test_the_host_key_is_shown_as_a_fingerprint_and_told_to_the_hub(hub: Hub, far: RunningSftp) -> None:
    session = hub.open()
    words = {step.step: step.words for step in session.check()}
    assert "SHA256:" in words["host key"]
    assert session.seen_host_key == far.pinned


def test_a_wrong_password_is_a_failed_step_that_does_not_show_it(either: Hub) -> None:
    either.password = "battery staple"
    steps = steps_of(either)
    assert list(steps)[-1] == "login"
    assert steps["login"][0] is False
    assert "battery" not in steps["login"][1]
    with pytest.raises(FixConnection):
        either.open().list_orders()


def test_a_changed_host_key_stops_everything_before_the_password_is_sent(folders: Path) -> None:
    with sftp_server(folders, keys=[host_key(number=7)]) as far:
        hub = Hub(far.port, pinned=far.pinned)
    with sftp_server(folders, keys=[host_key(number=8)]) as far:
        hub.port = far.port
        session = hub.open()
        steps = {step.step: step.ok for step in session.check()}
        assert steps == {"address": True, "host key": False}
        assert session.seen_host_key == far.pinned
        with pytest.raises(FixConnection) as caught:
            session.list_orders()
        assert caught.value.needs_person
        assert far.passwords_seen == []


def test_a_key_that_changes_within_a_session_is_noticed_without_a_pin(hub: Hub, folders: Path) -> None:
    session = hub.open()
    session.list_orders()
    session.close()
    with sftp_server(folders, keys=[host_key(number=9)]) as other:
        hub.network.moved_to = other.port
        with pytest.raises(FixConnection, match="another host key"):
            session.list_orders()


def test_a_closed_port_is_a_failed_step(hub: Hub) -> None:
    hub.port = 1
    assert [(step.step, step.ok) for step in hub.open().check()] == [("address", False)]


def test_a_missing_order_folder_fails_and_missing_archives_are_noted(either: Hub) -> None:
    steps = steps_of(either, order_folder="x", order_archive_folder="y", upload_archive_folder="z", processing_folder="")
    assert {name for name, (ok, _) in steps.items() if not ok} == {"order folder"}
    assert "y" in steps["order archive"][1]
    assert "None is set" in steps["processing folder"][1]


def test_an_upload_folder_that_may_not_be_written_fails(hub: Hub, far: RunningSftp) -> None:
    far.faults.deny = {"open_write"}
    assert steps_of(hub)["upload folder"][0] is False


def test_a_test_file_that_may_not_be_deleted_is_named(hub: Hub, far: RunningSftp) -> None:
    far.faults.deny = {"remove"}
    ok, words = steps_of(hub)["upload folder"]
    assert ok
    assert "you can delete it" in words


def test_ftps_needs_a_trusted_certificate_unless_the_settings_say_otherwise(folders: Path, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "certificates")
    put(folders / "out")
    with ftp_server(folders, certificate=certificates.server) as far:
        hub = Hub(far.port, changes={"protocol": "ftps"})
        assert list(steps_of(hub)) == ["address", "encryption"]
        steps = steps_of(hub, allow_self_signed_tls="yes")
        assert all(ok for ok, _ in steps.values()), steps
        assert "isn't checked" in steps["encryption"][1]
        session = hub.open(allow_self_signed_tls="yes")
        assert b"".join(session.fetch(session.list_orders().refs[0])) == BODY
        hub.close()


def test_plain_ftp_is_told_to_be_unsafe(ftp_hub: Hub) -> None:
    assert "not encrypted" in steps_of(ftp_hub)["encryption"][1]
