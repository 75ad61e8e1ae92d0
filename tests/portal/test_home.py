"""Home: what each service did day by day, how long orders take, and the one word for it all."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cartrover.accounts.models import Account, User
from connectors.models import ConnectionState, Outcome, ServiceDay, ServiceName
from orders.listings import flow as listing
from orders.listings.flow import lag, run_state, spark
from orders.models import InboundDocument, Order
from orders.service_days import forget_days, note_run
from orders.states import OrderState
from orders.templatetags.portal import lasted
from tests.factories import AlertFactory, ConnectionFactory, OrderFactory, ServiceFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_runs_add_up_to_days_of_the_accounts_zone(vera: User, acme: Account, browser: Browser) -> None:
    Account.objects.filter(pk=acme.pk).update(time_zone="America/Chicago")
    acme.refresh_from_db()
    service = ServiceFactory.create(connection=ConnectionFactory.create(account=acme, name="DSCO"))
    before_midnight = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
    for at, outcome, orders in (
        (before_midnight, Outcome.DONE, 40),
        (NOW, Outcome.DONE, 12),
        (NOW, Outcome.PROBLEMS, 1200),
        (NOW, Outcome.NOTHING, 0),
    ):
        note_run(service, acme, outcome=outcome, counts={"orders": orders} if orders else {}, at=at)
    days = ServiceDay.objects.for_account(acme).order_by("day").values_list("day", "runs", "troubles", "counts")
    assert [(str(day), *rest) for day, *rest in days] == [
        ("2026-11-21", 1, 0, {"orders": 40}),
        ("2026-11-22", 3, 1, {"orders": 1212}),
    ]
    with time_machine.travel(NOW, tick=False):
        text = _text(browser(vera).get("/a/acme/"))
    assert "DSCO: 1,212 orders today" in text
    assert "1,252 orders in 14 days, at most 1,212 a day" in text
    forget_days(NOW + timedelta(days=91))
    assert not ServiceDay.objects.for_account(acme).filter(day="2026-11-21").exists()


def test_sparkline_shows_every_day_to_scale() -> None:
    drawn = spark([0] * 11 + [1, 500, 1000], "order")
    assert [bar.height for bar in drawn.bars] == [1] * 11 + [2, 12, 24]
    assert {bar.y + bar.height for bar in drawn.bars} == {24}
    assert drawn.bars[-1].x + listing.BAR == drawn.width
    assert spark([0] * 14, "order").said == "no orders in 14 days"


def test_lag_is_from_the_file_to_the_wms(acme: Account, globex: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lag(acme) is None
    now = timezone.now()
    cart = ConnectionFactory.create(account=acme, activated_at=now - timedelta(days=2))
    for minutes, ago in ((4, 1), (10, 2), (26 * 60, 3), (1, 25)):
        arrived = now - timedelta(hours=ago)
        wrote = arrived - timedelta(minutes=minutes)
        file = InboundDocument.objects.create(account=acme, connection=cart, name=f"{ago}.csv", size=1, modified_at=wrote)
        OrderFactory.create(
            account=acme, source=cart, document=file, delivered_at=arrived, state=OrderState.SENT, cust_ref=f"R{ago}"
        )
    OrderFactory.create(account=globex, delivered_at=now, created_at=now - timedelta(days=9))
    found = lag(acme)
    assert found is not None
    assert (found.orders, found.median, found.slowest) == (3, timedelta(minutes=10), timedelta(hours=26))
    assert found.slowest_order.cust_ref == "R3"
    monkeypatch.setattr(listing, "LAG_ORDERS", 1)
    bounded = lag(acme)
    assert bounded is not None
    assert (bounded.orders, bounded.median, bounded.is_more) == (1, timedelta(minutes=4), True)


def test_order_that_waited_for_going_live_counts_from_then_on(acme: Account) -> None:
    now = timezone.now()
    cart = ConnectionFactory.create(account=acme, activated_at=now - timedelta(minutes=3))
    OrderFactory.create(account=acme, source=cart, created_at=now - timedelta(days=20), delivered_at=now)
    found = lag(acme)
    assert found is not None
    assert found.slowest == timedelta(minutes=3)


def test_lag_walks_an_index(acme: Account) -> None:
    if database.vendor != "sqlite":
        pytest.skip("the plan is SQLite's")
    rows = Order.objects.for_account(acme).filter(delivered_at__gte=NOW).order_by("-delivered_at")[:9]
    plan = rows.explain()
    assert "order_account_delivered" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=20), "under a minute"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
        (timedelta(days=3, hours=1, minutes=9), "3 d 1 h"),
    ],
)
def test_spans_are_said_in_their_two_largest_units(span: timedelta, said: str) -> None:
    assert lasted(span) == said


def test_one_word_says_how_it_runs(acme: Account, vera: User, browser: Browser) -> None:
    assert run_state(acme, "").said == "nothing connected"
    cart = ConnectionFactory.create(account=acme)
    assert run_state(acme, "").said == "not set up yet", "nothing flows with one side alone"
    ConnectionFactory.create(account=acme, wms=True)
    for state, fields, said, tone in (
        (ConnectionState.OK, {}, "all flowing", "good"),
        (ConnectionState.PAUSED, {}, "paused", "quiet"),
        (ConnectionState.BROKEN, {"probe_at": NOW}, "trying again", "warn"),
        (ConnectionState.BROKEN, {"needs_person": True}, "a connection needs you", "bad"),
    ):
        for name, value in {"state": state, "needs_person": False, **fields}.items():
            setattr(cart, name, value)
        cart.save()
        word = run_state(acme, "")
        assert (word.said, word.tone) == (said, tone)
    AlertFactory.create_batch(2, account=acme)
    assert "● 2 need you" in _text(browser(vera).get("/a/acme/orders/"))


def test_home_asks_as_often_for_two_weeks_as_for_nothing(vera: User, acme: Account, browser: Browser) -> None:
    cart, client = ConnectionFactory.create(account=acme), browser(vera)
    services = [ServiceFactory.create(connection=cart, name=name) for name in ServiceName]
    OrderFactory.create(account=acme, source=cart, delivered_at=timezone.now())
    asked = []
    for _ in range(2):
        with CaptureQueriesContext(database) as captured:
            assert client.get("/a/acme/").status_code == 200
        asked.append(len(captured))
        for back in range(14):
            for service in services:
                note_run(service, acme, outcome=Outcome.DONE, counts={"rows": 3}, at=timezone.now() - timedelta(days=back))
        OrderFactory.create_batch(3, account=acme, source=cart, delivered_at=timezone.now())
    assert asked[0] == asked[1]
