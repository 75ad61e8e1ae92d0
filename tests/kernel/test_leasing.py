"""A row has one worker at a time, whatever dies."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from cartrover import leasing
from cartrover.leasing import LEASE, LeaseLost, break_dead_lease, claim, free_at, owner_is_dead, owner_name
from connectors.models import Service
from tests.factories import ServiceFactory

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def service(db: None) -> Service:
    return ServiceFactory.create()


def _row(service: Service) -> Service:
    return Service.objects.across_accounts("a test").get(pk=service.pk)


def _expire(service: Service) -> None:
    Service.objects.across_accounts("a test").filter(pk=service.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_second_worker_gets_nothing_while_the_first_holds(service: Service) -> None:
    lease = claim(Service, service.pk, failures=3)
    assert lease is not None
    assert claim(Service, service.pk) is None
    row = _row(service)
    assert (row.lease_token, row.lease_owner, row.failures) == (lease.token, owner_name(), 3)
    assert row.lease_until == lease.until


def test_claim_can_have_a_condition(service: Service) -> None:
    assert claim(Service, service.pk, only=Q(every="off")) is None
    assert claim(Service, service.pk, only=Q(every="5")) is not None


def test_expired_lease_is_taken_over_and_the_first_worker_learns_it(service: Service) -> None:
    first = claim(Service, service.pk)
    _expire(service)
    second = claim(Service, service.pk)
    assert first is not None
    assert second is not None
    for attempt in (first.renew, first.require):
        with pytest.raises(LeaseLost):
            attempt()
    assert first.release(last_outcome="done") is False
    assert (_row(service).last_outcome, _row(service).lease_token) == ("", second.token)


def test_expired_lease_cannot_be_renewed_though_nobody_took_it(service: Service) -> None:
    lease = claim(Service, service.pk)
    assert lease is not None
    _expire(service)
    with pytest.raises(LeaseLost):
        lease.renew()


def test_renewal_makes_it_last_from_now(service: Service) -> None:
    lease = claim(Service, service.pk)
    assert lease is not None
    Service.objects.across_accounts("a test").update(lease_until=timezone.now() + timedelta(seconds=5))
    lease.renew()
    assert _row(service).lease_until == lease.until
    assert lease.until > timezone.now() + LEASE - timedelta(seconds=5)
    lease.require()


def test_only_an_old_lease_is_renewed(service: Service, django_assert_num_queries: object) -> None:
    lease = claim(Service, service.pk)
    assert lease is not None
    with django_assert_num_queries(0):  # type: ignore[operator]  # pytest-django's fixture
        for _ in range(100):
            lease.renew_if_old()
    lease._renewed -= 21
    # Beside it PostgreSQL would be asked for its time, which tests have from this process.
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's fixture
        for _ in range(100):
            lease.renew_if_old()


def test_release_writes_what_changed_and_frees_the_row(service: Service) -> None:
    lease = claim(Service, service.pk)
    assert lease is not None
    assert lease.release(last_outcome="done", failures=0) is True
    row = _row(service)
    assert (row.last_outcome, row.lease_token, row.lease_owner, row.lease_until) == ("done", "", "", None)
    assert lease.release(last_outcome="late") is False
    assert claim(Service, service.pk) is not None


def test_free_rows_can_be_asked_for(service: Service) -> None:
    rows = Service.objects.across_accounts("a test")
    assert rows.filter(free_at(timezone.now())).exists()
    claim(Service, service.pk)
    assert not rows.filter(free_at(timezone.now())).exists()
    assert rows.filter(free_at(timezone.now() + LEASE + timedelta(seconds=1))).exists()


@pytest.mark.django_db(transaction=True)
def test_one_of_many_threads_wins() -> None:
    service = ServiceFactory.create()
    start = threading.Barrier(8)
    won: list[str] = []

    def try_it() -> None:
        start.wait()
        lease = claim(Service, service.pk)
        if lease:
            won.append(lease.token)
        connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [_row(service).lease_token]


def _worker(database: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}", "CARTROVER_VAR": str(database.parent)}
    command = [sys.executable, "-m", "tests.kernel.claimants", *words]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("leases") / "hub.sqlite3"
    with _worker(path, "make", "120") as maker:
        assert maker.wait(60) == 0
    return path


def test_each_row_is_won_by_one_process(database: Path) -> None:
    _give_all_back(database)
    workers = [_worker(database, "claim", "120") for _ in range(3)]
    outputs = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        outputs.append(worker.communicate(timeout=60)[0].split())
        assert worker.returncode == 0
    won = [pk for output in outputs for pk in output]
    assert sorted(won, key=int) == [str(pk) for pk in range(1, 121)]


def _give_all_back(database: Path) -> None:
    """The tests of processes share one database, and come in any order."""
    with sqlite3.connect(database) as rows:
        rows.execute("UPDATE connectors_service SET lease_until = NULL, lease_token = ''")
    rows.close()


@pytest.fixture
def holder(database: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    _give_all_back(database)
    process = _worker(database, "hold")
    assert process.stdout is not None
    yield process, process.stdout.readline().strip()
    process.kill()
    process.communicate()


def test_row_of_a_killed_worker_is_free_at_once_and_that_of_a_living_one_is_not(
    holder: tuple[subprocess.Popen[str], str], service: Service
) -> None:
    process, owner = holder
    claim(Service, service.pk)
    Service.objects.across_accounts("a test").filter(pk=service.pk).update(lease_owner=owner)
    assert break_dead_lease(Service, service.pk) is False
    assert claim(Service, service.pk) is None
    process.kill()
    process.wait()
    assert break_dead_lease(Service, service.pk) is True
    assert claim(Service, service.pk) is not None
    assert break_dead_lease(Service, service.pk) is False


def test_free_or_missing_row_has_no_lease_to_break(service: Service) -> None:
    assert break_dead_lease(Service, service.pk) is False
    assert break_dead_lease(Service, 0) is False


def test_this_process_is_alive() -> None:
    assert owner_is_dead(owner_name()) is False


def _changed(**parts: str) -> str:
    machine, boot, numbering, pid, started = owner_name().split("|")
    named = {"machine": machine, "boot": boot, "numbering": numbering, "pid": pid, "started": started, **parts}
    return "|".join(named.values())


def test_later_process_with_the_same_number_is_another_one() -> None:
    assert owner_is_dead(_changed(started="1")) is True


def test_process_of_an_earlier_boot_is_dead() -> None:
    assert owner_is_dead(_changed(boot="another-boot")) is True


def test_nobody_is_dead_for_certain_on_another_machine_or_in_another_container() -> None:
    gone = {"pid": "999999999", "started": "1"}
    assert owner_is_dead(_changed(machine="elsewhere/1", **gone)) is False
    assert owner_is_dead(_changed(machine=f"{socket.gethostname()}/", boot="another-boot", **gone)) is False
    assert owner_is_dead(_changed(numbering="pid:[1]", **gone)) is False
    assert owner_is_dead(_changed(**gone)) is True


@pytest.mark.parametrize("owner", ["", "somebody", "a|b|c"])
def test_owner_that_says_too_little_counts_as_alive(owner: str) -> None:
    assert owner_is_dead(owner) is False


def test_without_start_times_a_process_that_exists_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leasing, "_start_time", lambda pid: "")
    assert owner_is_dead(owner_name()) is False
    assert owner_is_dead(_changed(pid="999999999")) is True
    assert owner_is_dead(_changed(pid="1")) is False


def test_finished_child_that_nobody_waited_for_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        started = leasing._start_time(child.pid)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert owner_is_dead(_changed(pid=str(child.pid), started=started or "1")) is True
