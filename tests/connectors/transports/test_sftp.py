from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.errors import FixConnection, OutcomeUnknown, TryLater
from connectors.transports.files import Denied, FileEntry, NotFound, Refused
from connectors.transports.sftp import SftpServer, fingerprint
from tests.servers.hub import OpenNetwork, no_progress
from tests.servers.sftp import RunningSftp, as_pinned, host_key, sftp_server

Connect = Callable[..., SftpServer]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[RunningSftp]:
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    with sftp_server(tmp_path) as running:
        yield running


@pytest.fixture
def client() -> Iterator[Connect]:
    made: list[SftpServer] = []

    def make(far: RunningSftp, **changes: object) -> SftpServer:
        known = {"network": OpenNetwork(), "progress": no_progress, "host": far.host, "port": far.port, "timeout": 5.0}
        server = SftpServer(**known | {"username": "merchant", "password": "correct horse"} | changes)
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(far: RunningSftp, client: Connect) -> SftpServer:
    opened = client(far)
    opened.open()
    return opened


def test_first_login_shows_the_host_key(far, client):
    server = client(far)
    server.open()
    assert server.seen_host_key == far.pinned
    assert fingerprint(server.seen_host_key) == far.host_keys[0].get_fingerprint()


def test_pinned_host_key_is_accepted(far, client):
    client(far, pinned_host_key=far.pinned).open()
    assert far.logins == 1


def test_changed_host_key_needs_a_person_and_gets_no_password(far, client):
    old = as_pinned(host_key(number=1))
    with pytest.raises(FixConnection) as caught:
        client(far, pinned_host_key=old).open()
    assert caught.value.needs_person
    assert fingerprint(old) in caught.value.words
    assert far.host_keys[0].get_fingerprint() in caught.value.words
    assert far.passwords_seen == []


def test_server_that_gained_a_key_type_has_not_changed(tmp_path, client):
    old, new = host_key("ecdsa-sha2-nistp256"), host_key("ssh-ed25519")
    with sftp_server(tmp_path, keys=[new, old]) as far:
        client(far, pinned_host_key=as_pinned(old)).open()
        assert far.logins == 1


def test_pinned_rsa_key_is_asked_for_before_others(tmp_path, client):
    old, new = host_key("ssh-rsa"), host_key("ssh-ed25519")
    with sftp_server(tmp_path, keys=[new, old]) as far:
        client(far, pinned_host_key=as_pinned(old)).open()


def test_server_that_lost_the_pinned_key_type_has_changed(tmp_path, client):
    with sftp_server(tmp_path, keys=[host_key("ecdsa-sha2-nistp256")]) as far, pytest.raises(FixConnection) as caught:
        client(far, pinned_host_key=as_pinned(host_key("ssh-ed25519"))).open()
    assert caught.value.needs_person


def test_wrong_password_says_so_without_repeating_it(far, client):
    with pytest.raises(FixConnection, match="refused user merchant or the password") as caught:
        client(far, password="wrong horse").open()
    assert "horse" not in caught.value.words
    assert not caught.value.needs_person


def test_login_by_keyboard_interactive(tmp_path, client):
    with sftp_server(tmp_path, login="keyboard") as far:
        client(far).open()
        assert far.logins == 1
        with pytest.raises(FixConnection):
            client(far, password="wrong").open()


def test_no_server_at_the_port_is_for_later(client, far):
    with pytest.raises(TryLater):
        client(far, port=1).open()


def test_something_else_at_the_port_is_named(client, far, silent_port):
    with pytest.raises(TryLater, match="not as an SFTP server"):
        client(far, port=silent_port, timeout=0.5).open()


def test_password_is_in_no_repr(far, client):
    assert "horse" not in repr(client(far))


def test_listing_tells_names_sizes_and_times(far, server):
    (far.folder / "out" / "orders.csv").write_bytes(b"x" * 1234)
    os.utime(far.folder / "out" / "orders.csv", (1_700_000_000, 1_700_000_000))
    (far.folder / "out" / "archive").mkdir()
    entries = sorted(server.listdir("out"), key=lambda entry: entry.name)
    assert [(entry.name, entry.is_dir) for entry in entries] == [("archive", True), ("orders.csv", False)]
    assert entries[1] == FileEntry("orders.csv", 1234, datetime.fromtimestamp(1_700_000_000, UTC), is_dir=False)


def test_listing_with_names_alone_is_completed(far, server):
    (far.folder / "out" / "orders.csv").write_bytes(b"x" * 7)
    far.faults.names_only = True
    (entry,) = server.listdir("out")
    assert (entry.size, entry.is_dir) == (7, False)
    assert entry.modified_at is not None


def test_link_is_listed_with_what_it_leads_to_and_a_dead_one_not_at_all(far, server):
    (far.folder / "real").write_bytes(b"x" * 9)
    (far.folder / "out" / "alive").symlink_to("../real")
    (far.folder / "out" / "dead").symlink_to("../nowhere")
    assert [(entry.name, entry.size) for entry in server.listdir("out")] == [("alive", 9)]


def test_dangerous_names_are_left_out_of_listings_and_told(far, server):
    (far.folder / "out" / "good.csv").write_bytes(b"x")
    far.faults.extra_names = [b"../up", b"a\\b", b"nul\0", b"line\nbreak", b"caf\xe9.csv", b"a/b"]
    assert [entry.name for entry in server.listdir("out")] == ["good.csv"]
    assert len(server.skipped) == 6
    assert all(name.isprintable() for name in server.skipped)


def test_long_listing_comes_whole(far, server):
    for number in range(700):
        (far.folder / "out" / f"{number}.csv").touch()
    assert len(server.listdir("out")) == 700


def test_missing_folder_and_file_are_not_found(server):
    with pytest.raises(NotFound):
        server.listdir("nowhere")
    with pytest.raises(NotFound):
        server.stat("out/nothing")
    with pytest.raises(NotFound):
        list(server.read("out/nothing"))


def test_unreadable_folder_is_denied_with_what_to_do(far, server):
    far.faults.deny = {"scandir"}
    with pytest.raises(Denied, match="Ask its owner"):
        server.listdir("out")


@pytest.mark.parametrize("size", [0, 1, 32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1, 3_000_000])
def test_what_is_written_is_read_again(far, server, size):
    body = os.urandom(size)
    assert server.write("in/file.bin", body) == size
    assert (far.folder / "in" / "file.bin").read_bytes() == body
    assert b"".join(server.read("in/file.bin")) == body


def test_body_may_come_in_parts_of_any_size(far, server):
    assert server.write("in/file.csv", (part for part in (b"", b"a" * 100_000, b"b"))) == 100_001


def test_short_answers_are_completed_in_order(far, server):
    body = os.urandom(200_000)
    (far.folder / "out" / "f").write_bytes(body)
    far.faults.shortest_answer = 10_000
    assert b"".join(server.read("out/f")) == body


def test_file_that_shrank_while_it_was_read_is_for_later(far, server):
    (far.folder / "out" / "f").write_bytes(b"x" * 500_000)
    far.faults.shrink_to = 100_000
    with pytest.raises(TryLater, match="ended after 100,000 of 500,000"):
        list(server.read("out/f"))
    assert server.listdir("out")


def test_connection_that_breaks_while_reading_is_for_later(far, server):
    (far.folder / "out" / "f").write_bytes(b"x" * 5_000_000)
    far.faults.cut_after_read = 1_000_000
    with pytest.raises(TryLater):
        list(server.read("out/f"))
    with pytest.raises(TryLater):
        server.listdir("out")


def test_server_that_stalls_is_given_up_in_time(far, client):
    (far.folder / "out" / "f").write_bytes(b"x" * 5)
    server = client(far, timeout=0.4)
    server.open()
    far.faults.stall = {"read"}
    started = time.monotonic()
    with pytest.raises(TryLater, match="did not answer"):
        list(server.read("out/f"))
    assert time.monotonic() - started < 3


def test_reading_may_be_broken_off_and_the_connection_used_on(far, server):
    (far.folder / "out" / "f").write_bytes(b"x" * 5_000_000)
    reading = server.read("out/f")
    next(reading)
    reading.close()
    assert server.stat("out/f").size == 5_000_000
    assert len(b"".join(server.read("out/f"))) == 5_000_000


def test_write_that_may_not_begin_touched_nothing(far, server):
    far.faults.deny = {"open_write"}
    with pytest.raises(Denied):
        server.write("in/f", b"x")
    far.faults.deny, far.faults.refuse = set(), {"open_write"}
    with pytest.raises(Refused, match="no room left"):
        server.write("in/f", b"x")
    far.faults.refuse = set()
    with pytest.raises(NotFound):
        server.write("nowhere/f", b"x")
    assert list((far.folder / "in").iterdir()) == []


@pytest.mark.parametrize("operation", ["write", "close"])
def test_write_that_is_refused_midway_leaves_its_outcome_open(far, server, operation):
    far.faults.refuse = {operation}
    with pytest.raises(OutcomeUnknown, match="no room left"):
        server.write("in/f", b"x" * 300_000)


def test_connection_that_breaks_while_writing_leaves_the_outcome_open(far, server):
    far.faults.cut_after_written = 500_000
    with pytest.raises(OutcomeUnknown):
        server.write("in/f", b"x" * 5_000_000)


def test_rename_replaces_the_target_where_the_server_can(far, server):
    (far.folder / "in" / "a").write_bytes(b"new")
    (far.folder / "in" / "b").write_bytes(b"old")
    server.rename("in/a", "in/b")
    assert (far.folder / "in" / "b").read_bytes() == b"new"


def test_rename_falls_back_to_the_plain_one(far, server):
    far.faults.refuse = {"posix_rename"}
    (far.folder / "in" / "a").write_bytes(b"new")
    server.rename("in/a", "in/b")
    assert (far.folder / "in" / "b").read_bytes() == b"new"


def test_refused_rename_did_not_happen(far, server):
    (far.folder / "in" / "a").write_bytes(b"new")
    far.faults.refuse = {"rename"}
    with pytest.raises(Refused):
        server.rename("in/a", "in/b")
    far.faults.refuse, far.faults.deny = set(), {"rename"}
    with pytest.raises(Denied):
        server.rename("in/a", "in/b")
    assert (far.folder / "in" / "a").exists()


def test_rename_without_an_answer_leaves_the_outcome_open(far, server):
    (far.folder / "in" / "a").write_bytes(b"new")
    far.faults.cut_at_rename = True
    with pytest.raises(OutcomeUnknown):
        server.rename("in/a", "in/b")
    assert (far.folder / "in" / "b").exists()


def test_remove_deletes(far, server):
    (far.folder / "in" / "probe").touch()
    server.remove("in/probe")
    assert not (far.folder / "in" / "probe").exists()


def test_lost_lease_ends_a_transfer_and_leaves_no_thread_at_work(far, client):
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


def test_big_file_is_read_in_flat_memory(far, server):
    size = 80_000_000
    with (far.folder / "out" / "big").open("wb") as big:
        big.truncate(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(map(len, server.read("out/big"))) == size
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 30_000, f"{grown} KB"
