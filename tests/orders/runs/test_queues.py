"""Each kind of work has a queue of its own, and a worker that is told nothing serves them all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from cartrover import bells
from cartrover.accounts.models import Account
from connectors.models import ServiceName
from orders import dispatcher, queues
from tests.factories import ConnectionFactory, ServiceFactory


def test_every_service_has_a_queue_that_workers_serve() -> None:
    assert set(queues.QUEUES) == set(ServiceName)
    assert set(queues.QUEUES.values()) < set(settings.CELERY_TASK_QUEUES)


def test_the_tick_rings_in_the_queue_of_the_work(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: dict[int, str] = {}
    monkeypatch.setattr(bells, "ring", lambda pk, *, queue: rung.setdefault(pk, queue))
    cart, due = ConnectionFactory.create(account=acme), timezone.now() - timedelta(seconds=1)
    made = {
        name: ServiceFactory.create(account=acme, connection=cart, name=name, every="5", due_at=due).pk
        for name in (ServiceName.ORDER_DOWNLOAD, ServiceName.SHIPMENT_UPLOAD)
    }
    dispatcher.ring_due()
    assert rung == {made[ServiceName.ORDER_DOWNLOAD]: "files", made[ServiceName.SHIPMENT_UPLOAD]: "uploads"}
