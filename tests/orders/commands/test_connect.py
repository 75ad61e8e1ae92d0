"""`connect` on the command line."""

from __future__ import annotations

import pytest

from connectors.contract import CheckStep, HoldReason
from connectors.models import Connection, ConnectionState, Service
from connectors.probing import probe_due
from connectors.readers import secrets_of
from orders.models import Alert, AlertState, Order
from tests.factories import OrderFactory

SERVER = ("--set", "server=toys.example")
SECRET = ("--secret", "password=TOY_PASSWORD")


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_PASSWORD", "hunter2")


def toys(acme) -> Connection:
    return Connection.objects.for_account(acme).get(name="Toys")


def schedules(connection: Connection) -> dict[str, str]:
    return dict(Service.objects.for_account(connection.account_id).filter(connection=connection).values_list("name", "every"))


def fail(toy) -> None:
    toy.behaviour.steps = [CheckStep("connect", True, "Connected."), CheckStep("sign in", False, "The password was refused.")]


def test_a_connection_is_made_and_tested(manage, acme, toy):
    done = manage("connect", "acme", "toy_cart", "--name", "Toys", *SERVER, "--set", "port=2222", *SECRET, "--json")
    made = toys(acme)
    assert done.code == 0
    assert done.document == {
        "connection": str(made.public_id),
        "check": [{"step": "connect", "ok": True, "words": "Signed in."}],
    }
    assert done.err == ""
    assert (made.settings, secrets_of(made)) == ({"server": "toys.example", "port": 2222}, {"password": "hunter2"})
    assert (made.state, made.live) == (ConnectionState.OK, False)
    assert schedules(made) == {"order_download": "", "shipment_upload": ""}


def test_words_say_what_was_found(manage, acme, toy):
    done = manage("connect", "acme", "toy_cart", "--name", "Toys", *SERVER, *SECRET)
    assert done.code == 0
    assert "ok  connect: Signed in." in done.out
    assert "test mode" in done.out


def test_activate_goes_live_with_the_usual_schedules(manage, acme, toy):
    assert manage("connect", "acme", "toy_cart", "--name", "Toys", *SERVER, *SECRET, "--activate").code == 0
    assert toys(acme).live
    assert schedules(toys(acme)) == {"order_download": "5", "shipment_upload": "automatic"}


def test_services_that_are_named_run_as_named(manage, acme, toy):
    services = ("--service", "order_download=15m", "--service", "shipment_upload=off")
    manage("connect", "acme", "toy_cart", "--name", "Toys", *SERVER, *SECRET, *services)
    assert schedules(toys(acme)) == {"order_download": "15", "shipment_upload": "off"}
    manage("connect", "acme", "toy_cart", "--name", "Toys", "--activate")
    assert schedules(toys(acme)) == {"order_download": "15", "shipment_upload": "off"}


def test_running_it_again_updates_the_same_connection(manage, acme, toy):
    first = manage("connect", "acme", "toy_cart", "--name", "Toys", *SERVER, *SECRET, "--json").document
    again = manage("connect", "acme", "toy_cart", "--name", "Toys", "--set", "greeting=hi=there", "--json").document
    assert first["connection"] == again["connection"]
    assert toys(acme).settings == {"server": "toys.example", "greeting": "hi=there"}


def test_a_failed_test_saves_the_connection_and_ends_with_1(manage, acme, toy):
    fail(toy)
    done = manage("connect", "acme", "toy_cart", "--name", "Toys", *SERVER, *SECRET, "--json")
    assert done.code == 1
    assert [step["ok"] for step in done.document["check"]] == [True, False]
    assert "sign in: The password was refused." in done.err
    assert toys(acme).state == ConnectionState.NEW


def test_a_live_connection_that_fails_is_broken_with_one_alert_and_mends_itself(manage, acme, toy):
    fail(toy)
    for _ in range(2):
        assert manage("connect", "acme", "toy_cart", "--name", "Toys", *SERVER, *SECRET, "--activate").code == 1
    made = toys(acme)
    assert (made.state, made.live) == (ConnectionState.BROKEN, True)
    assert made.probe_at is not None
    alert = Alert.objects.for_account(acme).get()
    assert "The password was refused." in alert.words
    toy.behaviour.steps = [CheckStep("connect", True, "Signed in.")]
    assert probe_due(made, now=True)
    alert.refresh_from_db()
    assert alert.state == AlertState.RESOLVED


def test_going_live_releases_the_orders_that_waited_for_it(manage, acme, toy):
    manage("connect", "acme", "toy_cart", "--name", "Toys", *SERVER, *SECRET)
    order = OrderFactory.create(account=acme, source=toys(acme), hold=HoldReason.NOT_LIVE)
    manage("connect", "acme", "toy_cart", "--name", "Toys", "--activate")
    assert Order.objects.for_account(acme).get(pk=order.pk).hold == HoldReason.NO_ROUTE


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("nobody", "toy_cart", "--name", "Toys"), "no account “nobody”"),
        (("acme", "sopify", "--name", "Toys"), "no connector “sopify”"),
        (("acme", "toy_cart"), "--name"),
        (("acme", "toy_cart", "--name", " "), "1 to 100 characters"),
        (("acme", "toy_cart", "--name", "Toys", "--set", "sever=a.example"), "sever: is no setting.*server, port"),
        (("acme", "toy_cart", "--name", "Toys", "--set", "server"), "--set wants FIELD=VALUE"),
        (("acme", "toy_cart", "--name", "Toys", "--set", "server=two words"), "name of a server"),
        (("acme", "toy_cart", "--name", "Toys", "--set", "password=hunter2"), "is a secret"),
        (("acme", "toy_cart", "--name", "Toys", "--secret", "password=NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE.*empty or not set"),
        (("acme", "toy_cart", "--name", "Toys", "--secret", "pass=TOY_PASSWORD"), "pass: is no secret"),
        (("acme", "toy_cart", "--name", "Toys", "--service", "order_download=1m"), "fastest is 5m"),
        (("acme", "toy_cart", "--name", "Toys", "--service", "order_delivery=5m"), "no service of “Toys”"),
    ],
)
def test_wrong_use_ends_with_2_and_changes_nothing(manage, acme, toy, words: tuple[str, ...], problem: str):
    import re

    done = manage("connect", *words, "--json")
    assert done.code == 2
    assert done.out == ""
    assert re.search(problem, done.err)
    assert "hunter2" not in done.err
    assert not Connection.objects.for_account(acme).exists()


def test_no_secret_reaches_the_output(manage, acme, toy):
    fail(toy)
    done = manage("connect", "acme", "toy_cart", "--name", "Toys", *SERVER, *SECRET, "--activate", "--json")
    assert "hunter2" not in done.out + done.err
