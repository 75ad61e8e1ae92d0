"""Acts on everything that a filter lets through: in the background, in parts, with what came out of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cartrover.accounts.models import Account, AuditEntry, User
from connectors.contract import HoldReason
from connectors.models import Connection
from orders.acts import jobs, order_acts
from orders.listings import orders
from orders.models import Job, JobPart, JobState, Order
from orders.states import OrderState
from tests.factories import ConnectionFactory, OrderFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


@pytest.fixture
def cart(acme: Account) -> Connection:
    ConnectionFactory.create(account=acme, wms=True)
    return ConnectionFactory.create(account=acme, name="DSCO")


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def _begin(client: Client, **fields: str) -> Job:
    answer = client.post("/a/acme/orders/bulk/all/", fields)
    assert answer.status_code == 302, _text(answer)
    return Job.objects.across_accounts("the test's own").get(public_id=answer["Location"].split("/")[-2])


def test_all_that_match_are_acted_on_in_parts_and_what_was_not_possible_is_told(
    bob: User, cart: Connection, globex: Account, browser: Browser
) -> None:
    acme, client = cart.account, browser(bob)
    for number in range(60):
        state = OrderState.SHIPPED if number < 4 else OrderState.NEW
        OrderFactory.create(account=acme, source=cart, state=state, retailer_name="Nord", cust_ref=f"R{number}", lines=0)
    other = OrderFactory.create(account=acme, source=cart, retailer_name="Other")
    foreign = OrderFactory.create(account=globex, retailer_name="Nord")
    page = _text(client.get("/a/acme/orders/bulk/all/?retailer=nord"))
    assert "60 orders that match" in page
    assert "Retailer nord" in page
    job = _begin(client, act="hold", query="retailer=nord")
    jobs.run_job(job.pk, seconds=0)
    later = OrderFactory.create(account=acme, source=cart, retailer_name="Nord came later")
    assert JobPart.objects.for_account(acme).count() == 3
    path = f"/a/acme/work/{job.public_id}/"
    assert "Running: 0 of 60" in _text(client.get(path))
    assert 'hx-trigger="every 2s"' in client.get(f"{path}now/").content.decode()
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.total, job.done, job.refused) == (JobState.DONE, 60, 56, 4)
    held = Order.objects.for_account(acme).filter(hold=HoldReason.BY_PERSON)
    assert held.count() == 56
    for spared in (other, foreign, later):
        spared.refresh_from_db()
        assert spared.hold == ""
    text = _text(client.get(path))
    assert "56 done, 4 not done" in text
    assert "4 Order … was sent already and can&#x27;t be held." in text
    assert "hx-get" not in client.get(path).content.decode()[client.get(path).content.decode().index('id="work"') :]
    assert {entry.verb for entry in AuditEntry.objects.filter(account=acme)} >= {
        "orders_acted_on.begun",
        "orders_acted_on.done",
    }


def test_counting_what_matches_stops_early_and_all_of_it_is_acted_on(
    bob: User, cart: Connection, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "COUNTED", 2, raising=False)
    monkeypatch.setattr(orders, "LOOKED_AT", 2)
    for number in range(3):
        name = "Erika Mustermann" if number else "Max Anybody"
        OrderFactory.create(account=cart.account, source=cart, ship_name=name, retailer_name="Nord", lines=[{"item": "CAP-9"}])
    client = browser(bob)
    for query in ("", "retailer=nord", "sku=CAP-9", "q=mustermann"):
        text = _text(client.get(f"/a/acme/orders/bulk/all/?{query}"))
        assert "At least 2 orders" in text, query
        assert "Do this to all of them" in text, query
    unseen = _text(client.get("/a/acme/orders/bulk/all/?q=anybody"))
    assert "Orders that match" in unseen
    assert "Only the latest were looked through, and none of those matches; older ones may." in unseen
    job = _begin(client, act="hold", query="q=anybody")
    jobs.run_job(job.pk)
    assert Order.objects.for_account(cart.account).filter(hold=HoldReason.BY_PERSON).count() == 1


def test_part_that_dies_in_the_middle_is_done_once(
    bob: User, cart: Connection, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = cart.account
    made = [OrderFactory.create(account=acme, source=cart, lines=0) for _ in range(5)]
    job, whole = _begin(browser(bob), act="cancel", query=""), order_acts.act_on
    acted: list[int] = []

    def dies(order: Order, *rest: Any) -> tuple[bool, str]:
        acted.append(order.pk)
        if len(acted) == 3:
            raise RuntimeError("the worker dies")
        return whole(order, *rest)

    monkeypatch.setattr("orders.acts.bulk_work.act_on", dies)
    jobs.run_job(job.pk)
    assert not Order.objects.for_account(acme).filter(state=OrderState.CANCELED).exists()
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.refused) == (JobState.DONE, len(made), 0)


def test_bug_that_stays_ends_the_work_with_words(
    bob: User, cart: Connection, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    OrderFactory.create(account=cart.account, source=cart)

    def breaks(*_: Any) -> tuple[bool, str]:
        raise RuntimeError("a bug")

    job = _begin(browser(bob), act="hold", query="")
    monkeypatch.setattr("orders.acts.bulk_work.act_on", breaks)
    for _ in range(jobs.TRIES):
        jobs.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "Tell support" in _text(browser(bob).get(f"/a/acme/work/{job.public_id}/"))


def test_work_can_be_stopped_and_begins_only_when_all_is_said(
    bob: User, vera: User, cart: Connection, browser: Browser
) -> None:
    OrderFactory.create(account=cart.account, source=cart)
    client = browser(bob)
    for fields, said in (
        ({"act": ""}, "Choose what is to be done."),
        ({"act": "mark"}, "Choose what was done elsewhere"),
        ({"act": "mark", "as": "shipped", "reason": " "}, "Say why they are marked"),
    ):
        answer = client.post("/a/acme/orders/bulk/all/", {"query": "status=new", **fields})
        assert answer.status_code == 422
        assert said in _text(answer)
        assert 'value="status=new"' in answer.content.decode()
    assert not Job.objects.for_account(cart.account).exists()
    job = _begin(client, act="hold", query="status=new")
    path = f"/a/acme/work/{job.public_id}/stop/"
    assert browser(vera).post(path).status_code == 403
    assert "Stopped." in _text(client.post(path, follow=True))
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done) == (JobState.STOPPED, 0)
    assert "had ended already" in _text(client.post(path, follow=True))


def test_tick_calls_for_work_that_nobody_is_at(
    bob: User, cart: Connection, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[str, int]] = []
    monkeypatch.setattr("cartrover.bells.call", lambda task, pk: called.append((task, pk)))
    job = _begin(browser(bob), act="hold", query="")
    called.clear()
    jobs.ring_open_jobs()
    assert called == [(jobs.TASK, job.pk)]
    jobs.run_job(job.pk)
    called.clear()
    jobs.ring_open_jobs()
    assert called == []
