"""What a session is given, and that it is always closed."""

from __future__ import annotations

import logging
import socket
from datetime import date

import pytest
from django.db import transaction
from django.test import override_settings

from connectors.actions import connection_disconnect, connection_save
from connectors.contract import Opening
from connectors.errors import FixConnection, TryLater
from connectors.models import Connection, ConnectionSecret
from connectors.network import GuardedNetwork
from connectors.opening import TransactionOpen, open_session
from tests.factories import ConnectionFactory


def test_a_session_gets_typed_settings_opened_secrets_and_the_hubs_services(toy, cart, acme):
    connection_save(
        account=acme,
        kind="toy_cart",
        name="Toys",
        settings={"earliest_order_date": "2026-11-01", "port": "2222"},
        actor="alice",
    )
    cart.refresh_from_db()
    beats: list[int] = []
    with open_session(cart, progress=lambda: beats.append(1)) as session:
        opening: Opening = session.opening  # type: ignore[attr-defined]  # the toy's own
        opening.progress()
        assert opening.settings["earliest_order_date"] == date(2026, 11, 1)
        assert opening.settings["port"] == 2222
        assert opening.settings["stock_drop_guard_percent"] == 20
        assert "password" not in opening.settings
        assert opening.secrets == {"password": "hunter2"}
        assert opening.pinned_host_key == ""
        assert opening.now().tzinfo is not None
        assert opening.tokens.current() is None
        opening.memory.put("sku", {"A": "1"})
        opening.limiter.take()
        assert toy.behaviour.closed == 0
    assert beats == [1]
    assert toy.behaviour.closed == 1


def test_the_secrets_of_a_session_are_in_no_repr(toy, cart):
    with open_session(cart) as session:
        assert "hunter2" not in repr(session.opening)  # type: ignore[attr-defined]  # the toy's own


def test_a_session_is_closed_when_its_work_fails(toy, cart):
    with pytest.raises(ZeroDivisionError), open_session(cart):
        raise ZeroDivisionError
    assert toy.behaviour.closed == 1


def test_no_session_opens_inside_a_transaction(toy, cart):
    with transaction.atomic(), pytest.raises(TransactionOpen), open_session(cart):
        pass
    assert toy.behaviour.opened == 0


def test_a_connection_that_is_not_filled_in_says_what_is_missing(toy, acme):
    half = connection_save(account=acme, kind="toy_cart", name="Half", settings={"server": "toys.example"}, actor="alice")
    with pytest.raises(FixConnection, match="Still to be filled in: Password"), open_session(half):
        pass


def test_a_connection_whose_connector_is_gone_says_so(toy, acme):
    lost = ConnectionFactory.create(account=acme, kind="gone_shop", name="Lost")
    with pytest.raises(FixConnection, match=r"no connector “gone_shop”.*disconnect “Lost”"), open_session(lost):
        pass


def test_a_disconnected_connection_is_not_opened(toy, cart):
    connection_disconnect(connection=cart, actor="alice")
    with pytest.raises(FixConnection, match="is disconnected"), open_session(cart):
        pass


def test_a_setting_that_no_longer_fits_stops_the_connection(toy, cart):
    Connection.objects.for_account(cart.account_id).update(settings={"server": "a b"})
    cart.refresh_from_db()
    with pytest.raises(FixConnection, match="no longer fits"), open_session(cart):
        pass


def test_a_secret_that_no_key_opens_asks_for_it_again(toy, cart):
    ConnectionSecret.objects.for_account(cart.account_id).update(sealed=b"not sealed by us")
    with pytest.raises(FixConnection, match="enter the secret again"), open_session(cart):
        pass


def test_the_network_names_its_failures_by_what_to_do(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(TryLater, match="refused the connection"):
            GuardedNetwork().connect("127.0.0.1", port, 2)
    with override_settings(OUTBOUND_ALLOWED_NETWORKS=[]), pytest.raises(FixConnection, match="OUTBOUND_ALLOWED_NETWORKS"):
        GuardedNetwork().connect("127.0.0.1", port, 2)
    with pytest.raises(FixConnection, match="no name of a server"):
        GuardedNetwork().connect("two words", port, 2)
