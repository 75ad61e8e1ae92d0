"""How the installation is doing: judged in plain words, also while parts of it are away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cartrover.accounts.models import User
from connectors.models import Outcome
from orders.health import Judgement, broker, clock, survey
from tests.factories import AlertFactory, ServiceFactory

pytestmark = pytest.mark.django_db


def _figures() -> dict[str, tuple[str, Judgement]]:
    return {one.name: (one.value, one.judgement) for figures in survey().topics.values() for one in figures}


def test_broker_that_is_away_is_told_in_words_and_nothing_waits_for_it(settings: Any) -> None:
    clock.note_tick()
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"
    broker.app.conf.broker_url = settings.CELERY_BROKER_URL
    try:
        found = _figures()
    finally:
        broker.app.conf.broker_url = ""
    assert found["Tasks that wait"][1] is Judgement.WRONG
    assert "can't be reached" in found["Tasks that wait"][0]
    assert found["Workers that answer"][1] is Judgement.LOOK  # the clock ticked, so one works
    assert found["Last tick of the clock"][1] is Judgement.FINE


def test_what_waits_and_fails_is_judged() -> None:
    now = timezone.now()
    clock.note_tick()
    ran = {"last_run_at": now - timedelta(minutes=5)}
    ServiceFactory.create(due_at=now - timedelta(minutes=20), last_outcome=Outcome.FAILED, failures=4, **ran)
    ServiceFactory.create(last_outcome=Outcome.DONE, **ran)
    AlertFactory.create(cause="internal")
    with time_machine.travel(now + timedelta(minutes=7), tick=False):
        found = _figures()
    assert found["Last tick of the clock"][1] is Judgement.WRONG
    assert found["Due services"] == ("1 wait, the oldest for 27 min", Judgement.WRONG)
    assert found["Overdue services"] == ("1", Judgement.WRONG)
    assert found["Failing again and again"] == ("1", Judgement.LOOK)
    assert found["Services in the last hour, by how they ended"][0] in ("1 failed, 1 done", "1 done, 1 failed")
    assert found["Errors of dsco"] == ("1 of 2 services (50%)", Judgement.WRONG)
    assert found["Open alerts"] == ("1, 1 of them ours to mend", Judgement.LOOK)
    assert found["Migrations"] == ("all applied", Judgement.FINE)


def test_staff_reads_it_as_a_page_and_as_json(staff: User, browser: Callable[[User | None], Client]) -> None:
    client = browser(staff)
    page = client.get(reverse("staff_health")).content.decode()
    assert "Last tick of the clock" in page
    assert "manage.py up" in page
    told = client.get(reverse("staff_health_json")).json()
    assert told["judgement"] == "wrong"
    assert {"Python", "Django", "celery"} <= set(told["versions"])


def test_load_balancers_learn_only_whether_the_database_answers(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/healthz").content == b"ok"

    def away(*args: Any, **kwargs: Any) -> Any:
        raise DatabaseError("host db-7.internal is gone")

    monkeypatch.setattr(connection, "cursor", away)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (503, b"no database")
