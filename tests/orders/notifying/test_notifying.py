"""Who is told of alerts, when and how often: mails in Django's outbox, webhooks at a real server."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connections, transaction
from django.test import Client
from pytest_django.fixtures import Settings

from cartrover.accounts.models import Account, User
from cartrover.leasing import claim
from connectors.models import ConnectionState
from connectors.refusals import Refused
from orders.alerts import dismiss_alert, raise_alert, resolve_alerts
from orders.connecting.connection_alerts import follow
from orders.models import Alert, ChannelKind, Notification, NotificationChannel, NotificationState, Pace, Scope
from orders.notifications import channels
from orders.notifications.notice_texts import SHOWN
from orders.notifications.notifying import SIGNATURE, notify_due, send_test
from tests.factories import ConnectionFactory, MembershipFactory, OrderFactory
from tests.servers.http import Line, Request, RunningHttp, http_server

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
MORNING = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[RunningHttp]:
    with http_server() as running:
        yield running


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


def _add(account: Account, kind: ChannelKind, address: str, **chosen: Any) -> tuple[NotificationChannel, str]:
    chosen = {"name": f"the {kind}", "scope": Scope.ALL, "pace": Pace.AT_ONCE, "hour": 8, "tell_resolved": True} | chosen
    return channels.channel_add(account=account, kind=kind, actor="alice", address=address, **chosen)


def _raise(account: Account, subject: str = "DSCO", cause: str = "stock_drop", **more: Any) -> None:
    raise_alert(account_id=account.pk, cause=cause, subject=subject, words=f"{subject} dropped. Look at it.", **more)


def _answer(status: int, request: Request, line: Line) -> None:
    line.answer(status)


def _bodies(server: RunningHttp) -> list[Any]:
    return [request.json() for request in server.requests]


def test_owner_who_said_nothing_is_told_once_of_what_needs_a_person(alice: User, bob: User, acme: Account) -> None:
    order = OrderFactory.create(account=acme, cust_ref="PO-7", ship_name="Erika Mustermann")
    for _ in range(2):
        _raise(acme, cause="missing_at_wms", order=order)
        _raise(acme, subject="a run", cause="internal")
        notify_due()
    [told] = mail.outbox
    assert told.to == [alice.email]
    assert told.subject == "[Acme] DSCO dropped"
    assert "DSCO dropped. Look at it." in told.body
    assert f"Look at order PO-7: http://127.0.0.1:8000/a/acme/orders/{order.public_id}/" in told.body
    assert "/a/acme/settings/notifications/" in told.body
    assert "Mustermann" not in told.body
    assert told.extra_headers["Auto-Submitted"] == "auto-generated"


def test_mail_is_off_for_who_said_never_and_for_former_members(alice: User, acme: Account) -> None:
    former = MembershipFactory.create(account=acme, role="owner")
    channels.own_mail_save(account=acme, user=alice, active=False)
    _raise(acme)
    former.delete()
    assert (notify_due(), mail.outbox) == (0, [])
    assert {row.state for row in Notification.objects.for_account(acme)} == {NotificationState.DROPPED}


def test_webhook_is_signed_over_its_raw_body(acme: Account, server: RunningHttp) -> None:
    channel, secret = _add(acme, ChannelKind.WEBHOOK, f"{server.url}/in?x=1")
    _raise(acme, subject="Größe")
    notify_due()
    [request] = server.requests
    assert request.target == "/in?x=1"
    assert request.headers[SIGNATURE.lower()] == hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    [event] = request.json()["events"]
    row = Notification.objects.for_account(acme).get(channel=channel)
    assert (event["id"], event["type"], event["cause"]) == (str(row.public_id), "alert.opened", "stock_drop")
    assert event["needs_person"] is True
    assert event["words"] == "Größe dropped. Look at it."


def test_resolved_is_told_to_who_was_told_and_asked_for_it(
    acme: Account, server: RunningHttp, clock: time_machine.Traveller
) -> None:
    _add(acme, ChannelKind.SLACK, f"{server.url}/slack")
    _add(acme, ChannelKind.SLACK, f"{server.url}/quiet", name="quiet", tell_resolved=False)
    _raise(acme, subject="<DSCO>")
    notify_due()
    resolve_alerts(account_id=acme.pk, cause="stock_drop")
    clock.shift(timedelta(minutes=1))
    notify_due()
    said = {}
    for request in server.requests:
        said.setdefault(request.path, []).append(request.json()["text"])
    assert "&lt;DSCO&gt; dropped. Look at it." in said["/slack"][0]
    assert "<http://127.0.0.1:8000/a/acme/" in said["/slack"][0]
    assert "Over: &lt;DSCO&gt;" in said["/slack"][1]
    assert len(said["/quiet"]) == 1
    _raise(acme, subject="<DSCO>")
    clock.shift(timedelta(minutes=1))
    notify_due()
    assert len(server.requests) == 5, "it opened anew, so it is told anew"


def test_what_is_over_or_dismissed_before_it_was_told_is_told_to_nobody(acme: Account, server: RunningHttp) -> None:
    _add(acme, ChannelKind.WEBHOOK, server.url)
    _raise(acme)
    resolve_alerts(account_id=acme.pk, cause="stock_drop")
    _raise(acme, cause="not_taken")
    dismiss_alert(Alert.objects.for_account(acme).get(cause="not_taken"), actor="alice")
    assert (notify_due(), server.requests) == (0, [])


def test_storm_comes_as_one_message_a_minute(acme: Account, alice: User, clock: time_machine.Traveller) -> None:
    for number in range(3):
        _raise(acme, f"first {number}")
    notify_due()
    for number in range(SHOWN + 5):
        _raise(acme, f"second {number}")
    for _ in range(3):
        notify_due()
        clock.shift(timedelta(seconds=15))
    assert [told.subject for told in mail.outbox] == ["[Acme] 3 alerts"]
    clock.shift(timedelta(seconds=15))
    notify_due()
    assert mail.outbox[1].subject == f"[Acme] {SHOWN + 5} alerts"
    assert "And 5 more." in mail.outbox[1].body


def test_digest_comes_at_its_hour_in_the_accounts_zone(acme: Account, alice: User, clock: time_machine.Traveller) -> None:
    acme.time_zone = "America/New_York"
    acme.save()
    channels.own_mail_save(account=acme, user=alice, pace=Pace.DAILY, hour=9, scope=Scope.ALL)
    _raise(acme, "one")
    clock.move_to(datetime(2026, 11, 22, 13, 59, tzinfo=UTC))
    _raise(acme, "two")
    notify_due()
    assert mail.outbox == []
    clock.move_to(datetime(2026, 11, 22, 14, 0, tzinfo=UTC))
    notify_due()
    notify_due()
    [told] = mail.outbox
    assert told.subject == "[Acme] 2 alerts"
    clock.move_to(datetime(2026, 11, 22, 14, 1, tzinfo=UTC))
    _raise(acme, "three")
    notify_due()
    assert len(mail.outbox) == 1
    clock.move_to(datetime(2026, 11, 23, 14, 0, tzinfo=UTC))
    notify_due()
    assert "2 more are open since before" in mail.outbox[1].body


def test_broken_channel_is_tried_again_holds_up_no_other_and_raises_no_alert(
    acme: Account, alice: User, server: RunningHttp, clock: time_machine.Traveller
) -> None:
    bad, _ = _add(acme, ChannelKind.WEBHOOK, f"{server.url}/secret-path")
    server.in_turn(*(partial(_answer, status) for status in (500, 404, 200)))
    _raise(acme)
    notify_due()
    assert len(mail.outbox) == 1
    bad.refresh_from_db()
    assert (bad.failures, bad.failing_since) == (1, MORNING)
    assert "500" in bad.last_words
    assert "secret-path" not in bad.last_words
    notify_due()
    assert len(server.requests) == 1
    clock.shift(timedelta(minutes=1))
    notify_due()
    bad.refresh_from_db()
    assert (bad.failures, bad.failing_since) == (2, MORNING)
    clock.shift(timedelta(minutes=5))
    notify_due()
    bad.refresh_from_db()
    assert (bad.failures, bad.failing_since, bad.last_words) == (0, None, "Told of 1 alert.")
    ids = {event["id"] for body in _bodies(server) for event in body["events"]}
    assert (len(server.requests), len(ids)) == (3, 1), "one id, however often it is sent"
    assert Alert.objects.for_account(acme).count() == 1


def test_channel_that_nobody_mends_for_a_fortnight_forgets_what_waits(
    acme: Account, server: RunningHttp, clock: time_machine.Traveller
) -> None:
    server.behave = lambda request, line: line.answer(503)
    channel, _ = _add(acme, ChannelKind.SLACK, server.url)
    _raise(acme)
    notify_due()
    clock.shift(timedelta(days=15))
    notify_due()
    assert Notification.objects.for_account(acme).get().state == NotificationState.DROPPED
    channel.refresh_from_db()
    assert channel.failing_since == MORNING


def test_private_address_is_refused_when_it_is_typed_and_when_it_is_called(
    acme: Account, server: RunningHttp, settings: Settings
) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = []
    with pytest.raises(Refused, match="private address"):
        _add(acme, ChannelKind.WEBHOOK, server.url)
    for wrong in ("ftp://example.com/", "https://", "hooks.example.com", "https://me@example.com/x", "https://ex ample.com/"):
        with pytest.raises(Refused):
            _add(acme, ChannelKind.WEBHOOK, wrong)
    channel, _ = _add(acme, ChannelKind.WEBHOOK, server.url.replace("127.0.0.1", "localhost"))
    good, words = send_test(channel)
    assert not good
    assert "private or reserved network" in words
    assert server.requests == []


def test_connection_that_begins_to_need_a_person_is_told_then(acme: Account, alice: User) -> None:
    cart = ConnectionFactory.create(account=acme, state=ConnectionState.BROKEN, broken_words="It answers 503.")
    follow(cart)
    assert notify_due() == 0
    cart.needs_person, cart.broken_words = True, "It refused the password."
    cart.save()
    follow(cart)
    follow(cart)
    notify_due()
    [told] = mail.outbox
    assert "It refused the password." in told.body


def test_channel_that_another_worker_holds_is_left_alone(acme: Account, server: RunningHttp) -> None:
    channel, _ = _add(acme, ChannelKind.WEBHOOK, server.url)
    _raise(acme)
    lease = claim(NotificationChannel, channel.pk)
    assert lease is not None
    assert (notify_due(), server.requests) == (0, [])
    lease.release()
    assert notify_due() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_nothing_twice(acme: Account, server: RunningHttp) -> None:
    for number in range(3):
        _add(acme, ChannelKind.WEBHOOK, f"{server.url}/{number}", name=str(number))
    _raise(acme)
    start = threading.Barrier(2)

    def work() -> None:
        try:
            start.wait(5)
            notify_due()
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert sorted(request.path for request in server.requests) == ["/0", "/1", "/2"]


def test_flow_that_is_rolled_back_tells_nobody(acme: Account, alice: User) -> None:
    with transaction.atomic():
        _raise(acme)
        transaction.set_rollback(True)
    assert notify_due() == 0
    assert not Notification.objects.for_account(acme).exists()


# --- the pages ---------------------------------------------------------------------------------------------------------------


def test_owner_adds_a_webhook_sees_its_secret_once_and_tests_it(
    alice: User, acme: Account, server: RunningHttp, browser: Browser
) -> None:
    client, page = browser(alice), "/a/acme/settings/notifications/"
    typed = {"name": "Ops", "address": f"{server.url}/path-that-is-secret-1a2b", "scope": "all", "pace": "at_once", "hour": "8"}
    assert client.post(f"{page}new/webhook/", typed)["Location"] == page
    channel = NotificationChannel.objects.for_account(acme).get()
    first, second = (client.get(page).content.decode() for _ in range(2))
    [secret] = re.findall(r'id="new-secret" readonly value="(\w{64})"', first)
    assert secret not in second
    assert "path-that-is-secret" not in first + second + client.get(f"{page}{channel.public_id}/").content.decode()
    assert "127.0.0.1 …1a2b" in second
    answer = client.post(f"{page}{channel.public_id}/test/", follow=True).content.decode()
    assert "The test went out to 127.0.0.1 …1a2b." in answer
    assert server.requests[0].json()["events"][0]["type"] == "test"
    server.behave = lambda request, line: line.answer(410)
    assert "refused the message (410)" in client.post(f"{page}{channel.public_id}/test/", follow=True).content.decode()
    kept = {**typed, "address": "", "name": "Night shift"}
    client.post(f"{page}{channel.public_id}/", kept)
    server.behave = lambda request, line: line.answer()
    client.post(f"{page}{channel.public_id}/test/")
    assert server.requests[-1].path == "/path-that-is-secret-1a2b"
    assert client.post(f"{page}new/webhook/", {**typed, "address": "nonsense"}).status_code == 422


def test_member_chooses_the_own_mail_and_touches_no_channel(vera: User, acme: Account, browser: Browser) -> None:
    channel, _ = _add(acme, ChannelKind.EMAIL, "ops@example.com")
    client, page = browser(vera), "/a/acme/settings/notifications/"
    assert '<option value="off" selected>' in client.get(page).content.decode()
    client.post(page, {"pace": "daily", "scope": "all", "hour": "6"})
    own = NotificationChannel.objects.for_account(acme).get(user=vera)
    assert (own.pace, own.hour, own.active) == (Pace.DAILY, 6, True)
    client.post(f"{page}mine/test/")
    assert mail.outbox[0].to == [vera.email]
    for act in ("test", "remove", "switch", "secret"):
        assert client.post(f"{page}{channel.public_id}/{act}/").status_code == 403
        assert client.post(f"{page}{own.public_id}/{act}/").status_code == 403


def test_so_many_tests_an_hour_go_out_and_no_more(
    vera: User, browser: Browser, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TESTS_AN_HOUR", 2)
    client, page = browser(vera), "/a/acme/settings/notifications/"
    client.post(page, {"pace": "daily", "scope": "all", "hour": "6"})
    answers = [client.post(f"{page}mine/test/", follow=True).content.decode() for _ in range(3)]
    assert len(mail.outbox) == 2
    assert ["which is as many as may" in answer for answer in answers] == [False, False, True]


def test_nobody_acts_on_what_another_member_gets(alice: User, vera: User, acme: Account, browser: Browser) -> None:
    own = channels.own_mail_save(account=acme, user=vera, active=True)
    assert browser(alice).post(f"/a/acme/settings/notifications/{own.public_id}/remove/").status_code == 404


def test_failing_channel_says_since_when(alice: User, acme: Account, browser: Browser) -> None:
    channel, _ = _add(acme, ChannelKind.EMAIL, "ops@example.com")
    NotificationChannel.objects.for_account(acme).filter(pk=channel.pk).update(
        failing_since=MORNING, failures=3, last_words="The mail server didn't take the mail."
    )
    html = browser(alice).get("/a/acme/settings/notifications/").content.decode()
    assert "Not reached since" in html
    assert "take the mail." in html
