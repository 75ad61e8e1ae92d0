"""Programs are told what happens to orders, packages and stock, signed, under ids that stay, and again if somebody asks."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from cartrover import outbound
from cartrover.accounts.models import Account, User
from connectors.refusals import Refused
from orders.models import ChannelKind, Notification, NotificationChannel, NotificationState, Pace, Scope
from orders.notifications import channels
from orders.notifications.notifying import SIGNATURE, notify_due
from tests.api.conftest import Program, order
from tests.servers.http import RunningHttp, http_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[RunningHttp]:
    with http_server() as running:
        yield running


def _webhook(account: Account, server: RunningHttp, address: str = "", **tells: Any) -> tuple[NotificationChannel, str]:
    chosen = {"name": "Shop", "scope": Scope.ALL, "pace": Pace.AT_ONCE, "hour": 8, "tell_alerts": False} | tells
    leads_to = address or f"{server.url}/in"
    return channels.channel_add(account=account, kind=ChannelKind.WEBHOOK, actor="alice", address=leads_to, **chosen)


def _due(channel: NotificationChannel) -> None:
    NotificationChannel.objects.for_account(channel.account_id).update(due_at=None)


def _events(server: RunningHttp) -> list[dict[str, Any]]:
    return [event for request in server.requests for event in request.json()["events"]]


def _flow(shop: Program, warehouse: Program) -> None:
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    body = {"order_status": "shipped", "shipments": [{"tracking_no": "T1"}]}
    warehouse.post("/v1/merchant/orders/update/A-1", body)
    warehouse.post("/v1/merchant/inventory", {"sku": "CAP-1", "qty_available": 3})


def test_what_happens_is_told_once_signed_and_in_order(
    acme: Account, shop: Program, warehouse: Program, server: RunningHttp
) -> None:
    shop.post("/v1/cart/orders/cartrover", order("A-0"))
    channel, secret = _webhook(acme, server, tell_orders=True, tell_shipments=True, tell_stock=True)
    _flow(shop, warehouse)
    for _ in range(2):
        notify_due()
        _due(channel)
    (request,) = server.requests
    assert request.headers[SIGNATURE.lower()] == hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    told = _events(server)
    assert [event["type"] for event in told] == [
        "order.new",
        "order.at_wms",
        "shipment.new",
        "order.shipped",
        "inventory.changed",
    ]
    assert {event["cust_ref"] for event in told[:4]} == {"A-1"}
    assert (told[0]["order_source"], told[0]["order_status"], told[4]["wms"]) == ("APIAccess1", "shipped", "Warehouse East")
    assert "Springfield" not in request.body.decode()


def test_only_what_was_chosen_is_told(acme: Account, shop: Program, warehouse: Program, server: RunningHttp) -> None:
    _webhook(acme, server, tell_shipments=True)
    _flow(shop, warehouse)
    notify_due()
    assert [event["type"] for event in _events(server)] == ["shipment.new"]


def test_refused_ones_are_tried_again_and_replayed_ones_keep_their_ids(
    acme: Account, shop: Program, warehouse: Program, server: RunningHttp
) -> None:
    channel, _ = _webhook(acme, server, tell_orders=True)
    _flow(shop, warehouse)
    server.behave = lambda request, line: line.answer(503)
    notify_due()
    channel.refresh_from_db()
    assert channel.failures == 1
    assert channel.due_at is not None
    assert channel.due_at > timezone.now()
    server.behave = lambda request, line: line.answer()
    server.requests.clear()
    _due(channel)
    notify_due()
    first = [event["id"] for event in _events(server)]
    assert len(first) == 3
    assert channels.channel_replay(channel, since=timezone.now() - timedelta(hours=1), actor="alice") == 3
    notify_due()
    assert [event["id"] for event in _events(server)] == [*first, *first]
    assert {row.state for row in Notification.objects.for_account(acme)} == {NotificationState.SENT}
    channels.channel_change(channel, actor="alice", active=False)
    with pytest.raises(Refused):
        channels.channel_replay(channel, since=timezone.now(), actor="alice")


def test_a_redirect_is_followed_nowhere_and_what_it_was_about_comes_again(
    acme: Account, shop: Program, warehouse: Program, server: RunningHttp
) -> None:
    channel, _ = _webhook(acme, server, tell_shipments=True)
    _flow(shop, warehouse)
    with http_server() as elsewhere:
        for status in (301, 302, 307, 308):
            server.behave = lambda request, line, status=status: line.answer(  # type: ignore[misc]  # bound now
                status, headers={"Location": f"{elsewhere.url}/in"}
            )
            notify_due()
            _due(channel)
        assert elsewhere.requests == []
    channel.refresh_from_db()
    assert channel.failures == 4
    server.requests.clear()
    server.behave = lambda request, line: line.answer()
    notify_due()
    assert [event["type"] for event in _events(server)] == ["shipment.new"]


def test_a_name_that_comes_to_mean_a_private_address_is_refused_from_then_on(
    acme: Account, shop: Program, warehouse: Program, server: RunningHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    means = ["127.0.0.1"]
    plain = socket.getaddrinfo
    monkeypatch.setattr(
        outbound.socket,
        "getaddrinfo",
        lambda host, *args, **kw: plain(means[0] if host == "hooks.example.com" else host, *args, **kw),
    )
    named = f"http://hooks.example.com:{urlsplit(server.url).port}/in"
    channel, _ = _webhook(acme, server, address=named, tell_orders=True)
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    notify_due()
    assert [event["cust_ref"] for event in _events(server)] == ["A-1"]
    means[0] = "10.0.0.5"
    shop.post("/v1/cart/orders/cartrover", order("A-2"))
    _due(channel)
    notify_due()
    channel.refresh_from_db()
    assert "private or reserved network" in channel.last_words
    assert len(server.requests) == 1


def test_a_rolled_secret_signs_what_comes_next(acme: Account, shop: Program, server: RunningHttp) -> None:
    channel, first = _webhook(acme, server, tell_orders=True)
    secrets = [first]
    for number in range(2):
        shop.post("/v1/cart/orders/cartrover", order(f"A-{number}"))
        notify_due()
        _due(channel)
        channel.refresh_from_db()
        secrets.append(channels.channel_roll_secret(channel, actor="alice"))
        channel.refresh_from_db()
    assert len(set(secrets)) == 3
    for secret, request in zip(secrets, server.requests, strict=False):
        assert request.headers[SIGNATURE.lower()] == hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()


def test_a_receiver_that_is_away_is_tried_less_and_less_often(acme: Account, shop: Program, server: RunningHttp) -> None:
    channel, _ = _webhook(acme, server, tell_orders=True)
    shop.post("/v1/cart/orders/cartrover", order("A-1"))
    server.behave = lambda request, line: line.answer(500)
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(6):
            notify_due()
            channel.refresh_from_db()
            assert channel.due_at is not None
            waits.append(channel.due_at - timezone.now())
            clock.move_to(channel.due_at)
    for wait, minutes in zip(waits, [1, 5, 15, 60, 60, 60], strict=True):
        # The later ones a little sooner or later, so that many don't come back at once.
        assert 0.8 <= wait / timedelta(minutes=minutes) <= 1.2
    assert len(server.requests) == 6


def test_the_owner_chooses_sees_the_log_and_replays(
    alice: User, acme: Account, shop: Program, warehouse: Program, server: RunningHttp, browser: Callable[..., Client]
) -> None:
    client, page = browser(alice), "/a/acme/settings/notifications/"
    typed = {"name": "Shop", "address": f"{server.url}/in", "scope": "all", "pace": "at_once", "hour": "8", "tell_orders": "on"}
    client.post(f"{page}new/webhook/", typed)
    channel = NotificationChannel.objects.for_account(acme).get(kind=ChannelKind.WEBHOOK)
    assert (channel.tell_orders, channel.tell_alerts) == (True, False)
    _flow(shop, warehouse)
    notify_due()
    text = client.get(f"{page}{channel.public_id}/log/").content.decode()
    assert "order.shipped" in text
    assert str(Notification.objects.for_account(acme).first().public_id) in text  # type: ignore[union-attr]
    said = client.post(f"{page}{channel.public_id}/replay/", {"since": "2020-01-01T00:00"}, follow=True).content.decode()
    assert "3 events of “Shop” go out once more" in said
    assert "Choose the moment" in client.post(f"{page}{channel.public_id}/replay/", {"since": ""}, follow=True).content.decode()
