from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.errors import FixConnection, OutcomeUnknown, TryLater
from connectors.transports.files import Denied, FileEntry, NotFound, Refused
from connectors.transports.ftp import FtpServer
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.ftp import RunningFtp, ftp_server
from tests.servers.hub import OpenNetwork, no_progress

Connect = Callable[..., FtpServer]
STAMP = 1_700_000_000


@pytest.fixture
def far(tmp_path: Path) -> Iterator[RunningFtp]:
    with ftp_server(prepared(tmp_path)) as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def client() -> Iterator[Connect]:
    made: list[FtpServer] = []

    def make(far: RunningFtp, **changes: object) -> FtpServer:
        known = {"network": OpenNetwork(), "progress": no_progress, "host": far.host, "port": far.port, "timeout": 5.0}
        server = FtpServer(**known | {"username": "merchant", "password": "correct horse", "tls": False} | changes)
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(far: RunningFtp, client: Connect) -> FtpServer:
    opened = client(far)
    opened.open()
    return opened


def prepared(folder: Path) -> Path:
    """Give a server's root the folders `out` and `in`, and one file with a known time."""
    (folder / "out" / "archive").mkdir(parents=True)
    (folder / "in").mkdir()
    (folder / "out" / "Orders 1 é.csv").write_bytes(b"x" * 1234)
    os.utime(folder / "out" / "Orders 1 é.csv", (STAMP, STAMP))
    return folder


ORDERS = FileEntry("Orders 1 é.csv", 1234, datetime.fromtimestamp(STAMP, UTC), is_dir=False)


def names(entries: list[FileEntry]) -> set[tuple[str, bool]]:
    return {(entry.name, entry.is_dir) for entry in entries}


def test_wrong_password_says_so_without_repeating_it(far, client):
    with pytest.raises(FixConnection, match="refused user merchant or the password") as caught:
        client(far, password="wrong horse").open()
    assert "horse" not in caught.value.words


def test_password_with_a_line_break_is_refused_before_it_is_sent(far, client):
    with pytest.raises(FixConnection):
        client(far, password="x\r\nDELE out/a.csv").open()
    assert "PASS" not in far.commands


def test_folder_with_a_line_break_is_refused_before_it_is_sent(far, server):
    with pytest.raises(FixConnection, match="line break"):
        server.listdir("out\r\nDELE out/a.csv")
    assert server.listdir("out")


def test_silent_server_is_given_up_in_time(far, client, silent_port):
    started = time.monotonic()
    with pytest.raises(TryLater):
        client(far, port=silent_port, timeout=0.3).open()
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("unknown", [set(), {"MLSD", "MLST"}], ids=["with MLSD", "with LIST"])
def test_listing_tells_names_sizes_and_times_in_utc(far, server, client, unknown):
    far.faults.unknown = unknown
    server = client(far)
    server.open()
    entries = server.listdir("out")
    assert ORDERS in entries
    assert names(entries) == {(ORDERS.name, False), ("archive", True)}
    assert server.listdir("in") == []
    assert server.stat(f"out/{ORDERS.name}") == ORDERS
    assert server.stat("out").is_dir


def test_listing_that_no_pattern_fits_is_asked_for_by_name(far, client):
    far.faults.unknown = {"MLSD", "MLST"}
    far.faults.listing = b"+i8388621.29609,m824255902,/,\tarchive\r\n"
    server = client(far)
    server.open()
    assert names(server.listdir("out")) == {(ORDERS.name, False), ("archive", True)}


def test_windows_listing_is_read(far, client):
    (far.folder / "out" / "a b.csv").write_bytes(b"x")
    far.faults.unknown = {"MLSD", "MLST"}
    far.faults.listing = b"10-23-24  02:15PM       <DIR>          archive\r\n10-23-24  02:15PM                    1 a b.csv\r\n"
    server = client(far)
    server.open()
    assert names(server.listdir("out")) == {("archive", True), ("a b.csv", False)}


def test_dangerous_names_are_left_out_of_listings_and_told(far, client):
    far.faults.unknown = {"MLSD", "MLST"}
    line = b"-rw-r--r--   1 owner group  5 Oct 23 14:15 %b\r\n"
    far.faults.listing = b"".join(line % name for name in (b"../up", b"a\\b", b"caf\xe9.csv", b"a/b"))
    server = client(far)
    server.open()
    assert server.listdir("out") == []
    assert len(server.skipped) == 4


def test_missing_folder_and_file_are_not_found(server):
    with pytest.raises(NotFound):
        server.listdir("nowhere")
    with pytest.raises(NotFound):
        server.stat("out/nothing")
    with pytest.raises(NotFound):
        list(server.read("out/nothing"))


@pytest.mark.parametrize("size", [0, 1, 32 * 1024 + 1, 3_000_000])
def test_what_is_written_is_read_again(far, server, size):
    body = os.urandom(size)
    assert server.write("in/file.bin", body) == size
    assert (far.folder / "in" / "file.bin").read_bytes() == body
    assert b"".join(server.read("in/file.bin")) == body
    assert server.listdir("in")


def test_data_goes_to_the_server_whatever_address_it_tells(far, server):
    far.faults.pasv_address = "10.1.2.3"
    assert server.listdir("out")


def test_connection_that_breaks_while_reading_is_for_later(far, server):
    (far.folder / "out" / "big").write_bytes(b"x" * 5_000_000)
    far.faults.cut_after_sent = 1_000_000
    with pytest.raises(TryLater):
        list(server.read("out/big"))
    with pytest.raises(TryLater, match="lost"):
        server.listdir("out")


def test_download_that_is_cut_but_called_complete_is_for_later(far, server):
    far.faults.answers = {"SIZE": "213 99999"}
    with pytest.raises(TryLater, match="ended after 1,234 of 99,999"):
        list(server.read(f"out/{ORDERS.name}"))


def test_server_that_stalls_is_given_up_in_time(far, client):
    server = client(far, timeout=0.3)
    server.open()
    far.faults.stall = {"RETR"}
    started = time.monotonic()
    with pytest.raises(TryLater, match="did not answer"):
        list(server.read(f"out/{ORDERS.name}"))
    assert time.monotonic() - started < 3


def test_reading_may_be_broken_off(far, server):
    (far.folder / "out" / "big").write_bytes(b"x" * 5_000_000)
    reading = server.read("out/big")
    next(reading)
    reading.close()
    with pytest.raises(TryLater):
        server.listdir("out")


def test_write_that_may_not_begin_touched_nothing(far, server):
    with pytest.raises(NotFound):
        server.write("nowhere/f", b"x")
    far.faults.answers = {"STOR": "550 Permission denied."}
    with pytest.raises(Denied, match="Ask its owner"):
        server.write("in/f", b"x")
    far.faults.answers = {"STOR": "452 No space left."}
    with pytest.raises(Refused, match="No space left"):
        server.write("in/f", b"x")
    assert list((far.folder / "in").iterdir()) == []


def test_connection_that_breaks_while_writing_leaves_the_outcome_open(far, server):
    far.faults.cut_after_received = 300_000
    with pytest.raises(OutcomeUnknown):
        server.write("in/f", b"x" * 5_000_000)


def test_file_that_came_out_short_leaves_the_outcome_open(far, server):
    far.faults.answers = {"SIZE": "213 3"}
    with pytest.raises(OutcomeUnknown, match="has 3 bytes on the server instead of 5"):
        server.write("in/f", b"12345")


def test_lost_lease_in_a_write_does_not_look_like_a_whole_file(far, client):
    calls = 0

    def progress() -> None:
        nonlocal calls
        calls += 1
        if calls > 20:
            raise KeyError("lease")

    server = client(far, progress=progress)
    server.open()
    with pytest.raises(KeyError):
        server.write("in/f", b"x" * 5_000_000)
    with pytest.raises(TryLater):
        server.listdir("in")


def test_rename_and_remove(far, server):
    server.write("in/.part", b"new")
    server.rename("in/.part", "in/a.csv")
    assert (far.folder / "in" / "a.csv").read_bytes() == b"new"
    server.remove("in/a.csv")
    assert list((far.folder / "in").iterdir()) == []


def test_refused_rename_did_not_happen(far, server):
    server.write("in/.part", b"new")
    far.faults.answers = {"RNTO": "553 Not that name."}
    with pytest.raises(Refused):
        server.rename("in/.part", "in/a.csv")
    far.faults.answers = {"RNTO": "550 Permission denied."}
    with pytest.raises(Denied):
        server.rename("in/.part", "in/a.csv")
    far.faults.answers = {}
    with pytest.raises(NotFound):
        server.rename("in/nothing", "in/a.csv")


def test_rename_without_an_answer_leaves_the_outcome_open(far, server):
    server.write("in/.part", b"new")
    far.faults.drop = {"RNTO"}
    with pytest.raises(OutcomeUnknown):
        server.rename("in/.part", "in/a.csv")
    assert (far.folder / "in" / "a.csv").exists()


def test_too_many_connections_is_for_later(far, client):
    far.faults.answers = {"USER": "421 Too many connections."}
    with pytest.raises(TryLater, match="Too many connections"):
        client(far).open()


def test_ftps_transfers_under_a_trusted_certificate(tmp_path, client, certificates):
    with ftp_server(prepared(tmp_path), certificate=certificates.server) as far:
        server = client(far, tls=True, host="localhost", ca_file=str(certificates.authority))
        server.open()
        body = os.urandom(400_000)
        server.write("in/f", body)
        assert b"".join(server.read("in/f")) == body
        assert ORDERS in server.listdir("out")
    assert "PROT P" in far.commands


def test_ftps_refuses_a_certificate_of_the_servers_own(tmp_path, client, certificates):
    with ftp_server(tmp_path, certificate=certificates.server) as far:
        with pytest.raises(FixConnection, match="certificate isn't trusted"):
            client(far, tls=True, host="localhost").open()
        client(far, tls=True, verify=False).open()


def test_ftps_refuses_a_certificate_for_another_name(tmp_path, client):
    other = make_certificates(tmp_path / "certificates", names=("ftp.example.com",))
    with ftp_server(tmp_path, certificate=other.server) as far, pytest.raises(FixConnection, match="certificate"):
        client(far, tls=True, host="localhost", ca_file=str(other.authority)).open()


def test_no_password_goes_out_in_clear_text_where_ftps_is_asked_for(far, client):
    with pytest.raises(FixConnection, match="offers no encryption"):
        client(far, tls=True).open()
    assert far.commands == ["AUTH TLS"]
