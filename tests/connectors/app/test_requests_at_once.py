"""So many requests at once as a far side allows, over all processes that ask it, and not one fewer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from cartrover.leasing import owner_name
from connectors import request_slots
from connectors.errors import SlowDown
from connectors.models import RequestSlot
from connectors.quickbooks_online.sandbox import Sandbox, start_sandbox
from connectors.request_slots import SLOT_LEASE, RequestSlots
from tests.servers.databases import own_database
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
AT_ONCE = 10

Start = Callable[[int, int], "subprocess.Popen[str]"]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Sandbox]:
    """A company that takes ten requests at once, and its time to answer."""
    box = start_sandbox(str(tmp_path / "company"), {})
    box.drive("set", latency_ms=200)
    yield box
    box.stop()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return what starts a process of `rush`; all share one database, and none outlives the test."""
    environment = {**os.environ, "DATABASE_URL": own_database(tmp_path), "CARTROVER_VAR": str(tmp_path)}
    started: list[subprocess.Popen[str]] = []

    def run(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.connectors.app.rush", *words]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield run
    for worker in started:
        worker.kill()
        worker.communicate()


@pytest.fixture
def start(process: Callable[..., subprocess.Popen[str]], company: Sandbox) -> Start:
    """Return what starts a process that asks the company: with so many threads, so often each."""
    known = {**company.settings, **company.secrets}
    settings = json.dumps({name: known[name] for name in ("api_url", "realm_id", "access_token")})

    def run(threads: int, requests: int) -> subprocess.Popen[str]:
        worker = process("ask", settings, str(threads), str(requests))
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        return worker

    return run


def go(*workers: subprocess.Popen[str]) -> None:
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()


def answers(worker: subprocess.Popen[str]) -> int:
    output, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0
    threads = json.loads(output)
    assert {thread["open"] for thread in threads} == {0}
    return sum(thread["answers"] for thread in threads)


def test_two_processes_never_have_more_under_way_together_than_the_far_side_takes(start: Start, company: Sandbox) -> None:
    workers = [start(8, 6), start(8, 6)]
    go(*workers)
    assert [answers(worker) for worker in workers] == [48, 48]
    told = company.drive("requests")
    assert told["most_at_once"] == AT_ONCE
    assert told["counters"]["by_status"] == {"200": 96}


def test_a_process_that_is_alone_has_all_of_them(start: Start, company: Sandbox) -> None:
    worker = start(16, 3)
    go(worker)
    assert answers(worker) == 48
    told = company.drive("requests")
    assert told["most_at_once"] == AT_ONCE
    assert told["counters"]["by_status"] == {"200": 48}


def test_what_a_killed_process_held_comes_back_with_its_leases(
    start: Start, process: Callable[..., subprocess.Popen[str]], company: Sandbox
) -> None:
    seconds = 3
    company.drive("fault", name="stall_before", times=AT_ONCE, seconds=seconds)
    doomed, other = start(AT_ONCE, 1), start(AT_ONCE, 3)
    go(doomed)
    until(lambda: company.drive("requests")["most_at_once"] == AT_ONCE)
    doomed.kill()
    time.sleep(seconds)  # the company is still at what the killed one asked: so much of the minute must really pass
    assert process("later").wait(60) == 0
    go(other)
    assert answers(other) == 3 * AT_ONCE
    assert "429" not in company.drive("requests")["counters"]["by_status"]


def slots(remote: str = "company") -> RequestSlots:
    return RequestSlots(remote, AT_ONCE, home=threading.get_ident())


@pytest.fixture
def held_by_the_dead(db: None) -> None:
    """All slots are held by a worker that is certainly gone."""
    with slots().held():
        pass
    gone = "|".join([*owner_name().split("|")[:-1], "0"])
    RequestSlot.objects.update(lease_token="theirs", lease_owner=gone, lease_until=timezone.now() + SLOT_LEASE)


def test_a_slot_of_the_dead_is_free_when_its_request_can_no_longer_be_under_way(held_by_the_dead: None) -> None:
    RequestSlot.objects.filter(number=3).update(lease_until=timezone.now() + timedelta(seconds=0.3))
    with slots().held():
        assert RequestSlot.objects.exclude(lease_token="theirs").get().number == 3
    assert RequestSlot.objects.filter(lease_token="").count() == 1


def test_a_run_that_finds_none_ends_and_comes_again(held_by_the_dead: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_slots, "PATIENCE", 0.1)
    with pytest.raises(SlowDown, match="under way in other runs") as slow, slots().held():
        pass
    assert slow.value.after == 10


def test_another_remote_account_has_slots_of_its_own(held_by_the_dead: None) -> None:
    with slots("another company").held():
        assert RequestSlot.objects.filter(remote="another company", lease_token="").count() == AT_ONCE - 1


def test_a_request_that_fails_gives_its_slot_back(db: None) -> None:
    with pytest.raises(ValueError, match="broken"), slots().held():
        raise ValueError("broken")
    assert set(RequestSlot.objects.values_list("lease_token", flat=True)) == {""}
