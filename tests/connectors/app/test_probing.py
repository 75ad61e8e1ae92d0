"""Testing connections; broken ones wait, are probed, and mend themselves."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction

from connectors.actions import connection_activate, connection_save, host_key_accept
from connectors.contract import CheckStep
from connectors.errors import FixConnection, SlowDown, TryLater
from connectors.models import Connection, ConnectionState, Service
from connectors.opening import TransactionOpen
from connectors.probing import connection_test, follow_states, mark_broken, mark_mended, probe_due
from connectors.readers import pinned_host_key, shown_host_key
from connectors.refusals import Refused

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
REFUSED = CheckStep("sign in", False, "The password was refused. Enter the new one.")


@pytest.fixture
def states(monkeypatch) -> list[str]:
    """What the orders app would be told."""
    told: list[str] = []
    monkeypatch.setattr("connectors.probing._followers", [])
    follow_states(lambda connection: told.append(connection.state))
    return told


@pytest.fixture
def working(cart) -> Connection:
    assert all(step.ok for step in connection_test(cart))
    connection_activate(connection=cart, actor="alice")
    return cart


def fails(toy) -> None:
    toy.behaviour.steps = [CheckStep("connect", True, "Connected."), REFUSED]


def works(toy) -> None:
    toy.behaviour.steps = [CheckStep("connect", True, "Connected."), CheckStep("sign in", True, "Signed in.")]


def wait(connection: Connection) -> float:
    assert connection.probe_at is not None
    return (connection.probe_at - datetime.now(tz=UTC)).total_seconds() / 60


def test_a_test_that_works_makes_the_connection_ok_and_pins_the_host_key(toy, cart):
    toy.behaviour.host_key = "ssh-ed25519 AAAA"
    steps = connection_test(cart)
    assert steps == tuple(toy.behaviour.steps)
    assert cart.state == ConnectionState.OK
    assert cart.checked_at is not None
    assert pinned_host_key(cart) == "ssh-ed25519 AAAA"
    seen = []
    toy.behaviour.on_open = lambda opening: seen.append(opening.pinned_host_key)
    connection_test(cart)
    assert seen == ["ssh-ed25519 AAAA"]


def test_a_failed_test_of_a_new_connection_leaves_it_new_and_pins_nothing(toy, cart, states):
    toy.behaviour.host_key = "ssh-ed25519 AAAA"
    fails(toy)
    assert connection_test(cart)[-1] == REFUSED
    assert (cart.state, cart.broken_words) == (ConnectionState.NEW, REFUSED.words)
    assert pinned_host_key(cart) == ""
    assert states == []


def test_a_failed_test_of_a_working_connection_breaks_it_and_tells_once(toy, working, states):
    fails(toy)
    connection_test(working)
    connection_test(working)
    assert (working.state, working.broken_words) == (ConnectionState.BROKEN, REFUSED.words)
    assert states == ["broken"]


@pytest.mark.parametrize("error", [TryLater("Nothing answers."), FixConnection("No such folder.")])
def test_an_error_at_opening_is_a_failed_step_in_its_words(toy, working, error):
    def refuse(opening: object) -> None:
        raise error

    toy.behaviour.on_open = refuse
    assert connection_test(working) == (CheckStep("connect", False, error.words),)
    assert working.state == ConnectionState.BROKEN


def test_a_used_up_request_limit_breaks_nothing(toy, working):
    def slow(opening: object) -> None:
        raise SlowDown("Wait.", after=60)

    toy.behaviour.on_check = slow
    assert not connection_test(working)[-1].ok
    assert working.state == ConnectionState.OK


def test_a_bug_of_a_connector_is_a_failed_step_and_is_logged(toy, working, caplog):
    def blunder(opening: object) -> None:
        raise KeyError("hunter2 is not shown")

    toy.behaviour.on_check = blunder
    with caplog.at_level(logging.ERROR):
        steps = connection_test(working)
    assert steps[-1].step == "internal"
    assert "hunter2" not in steps[-1].words
    assert "KeyError" in caplog.text
    assert toy.behaviour.closed == toy.behaviour.opened


def again(connection: Connection) -> Connection:
    return Connection.objects.for_account(connection.account_id).get(pk=connection.pk)


def test_a_test_that_fails_after_another_one_has_found_it_well_breaks_nothing(toy, working, states):
    fails(toy)
    steps = connection_test(working, told=lambda step: mark_mended(again(working)))
    assert not steps[-1].ok
    assert working.state == ConnectionState.OK
    assert states == []


def test_what_works_while_others_find_it_broken_is_tested_once_more(toy, working, states):
    def told(step: CheckStep) -> None:
        if step.step == "sign in":
            mark_broken(again(working), REFUSED.words)
            fails(toy)

    works(toy)
    steps = connection_test(working, told=told)
    assert steps[-1] == REFUSED
    assert working.state == ConnectionState.BROKEN
    assert states == ["broken"]


def test_no_far_side_is_tested_inside_a_transaction(toy, cart):
    with transaction.atomic(), pytest.raises(TransactionOpen):
        connection_test(cart)


def test_a_broken_connection_is_probed_after_1_5_15_60_minutes_and_then_hourly(toy, working):
    fails(toy)
    with time_machine.travel(START, tick=False) as clock:
        mark_broken(working, "The password was refused.")
        waits = []
        for _ in range(6):
            waits.append(wait(working))
            assert not probe_due(working)
            clock.move_to(working.probe_at)
            opened = toy.behaviour.opened
            assert not probe_due(working)
            assert toy.behaviour.opened == opened + 1
    assert [round(minutes) for minutes in waits[:4]] == [1, 5, 15, 60]
    assert all(60 <= minutes <= 66 for minutes in waits[4:])


def test_a_probe_that_works_restarts_the_services_and_tells(toy, working, states):
    mark_broken(working, "The password was refused.")
    Service.objects.for_account(working.account_id).update(failures=3)
    works(toy)
    assert probe_due(working, now=True)
    assert (working.state, working.broken_words, working.probes, working.probe_at) == (ConnectionState.OK, "", 0, None)
    assert states == ["broken", "ok"]
    for service in Service.objects.for_account(working.account_id):
        assert service.failures == 0
        assert service.due_at <= datetime.now(tz=UTC)


def test_a_broken_connections_services_come_due_with_its_probe(working):
    mark_broken(working, "The password was refused.")
    services = Service.objects.for_account(working.account_id)
    assert {service.due_at for service in services} == {working.probe_at}


def test_what_needs_a_person_is_probed_only_on_request(toy, working):
    mark_broken(working, "The server shows another key.", needs_person=True)
    assert (working.needs_person, working.probe_at) == (True, None)
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(days=1)):
        assert not probe_due(working)
    works(toy)
    assert probe_due(working, now=True)
    assert not working.needs_person


def test_two_workers_do_not_probe_at_once(toy, working):
    mark_broken(working, "The password was refused.")
    Connection.objects.for_account(working.account_id).update(probe_at=START)
    working.refresh_from_db()
    other = Connection.objects.for_account(working.account_id).get(pk=working.pk)
    fails(toy)
    opened = toy.behaviour.opened
    probe_due(working)
    probe_due(other)
    assert toy.behaviour.opened == opened + 1


def test_a_change_of_settings_probes_a_broken_connection_at_once(working, acme):
    mark_broken(working, "The server shows another key.", needs_person=True)
    connection_save(account=acme, kind="toy_cart", name="Toys", secrets={"password": "swordfish"}, actor="alice")
    working.refresh_from_db()
    assert working.state == ConnectionState.BROKEN
    assert working.probe_at <= datetime.now(tz=UTC)
    assert not working.needs_person


def test_a_live_connection_that_never_worked_is_broken_and_mends_itself(toy, cart):
    fails(toy)
    connection_activate(connection=cart, actor="alice")
    connection_test(cart)
    assert cart.state == ConnectionState.BROKEN
    works(toy)
    assert probe_due(cart, now=True)
    assert cart.state == ConnectionState.OK


def test_mending_what_is_not_broken_tells_nobody(working, states):
    assert not mark_mended(working)
    assert states == []


def test_a_changed_host_key_needs_a_person_who_has_seen_it(toy, cart, states):
    toy.behaviour.host_key = "ssh-ed25519 AAAA"
    connection_test(cart)
    toy.behaviour.host_key = "ssh-ed25519 BBBB"
    toy.behaviour.steps = [CheckStep("host key", False, "The server shows another key.")]
    connection_test(cart)
    assert (cart.state, cart.needs_person, cart.probe_at) == (ConnectionState.BROKEN, True, None)
    assert (pinned_host_key(cart), shown_host_key(cart)) == ("ssh-ed25519 AAAA", "ssh-ed25519 BBBB")
    with pytest.raises(Refused, match="another key meanwhile"):
        host_key_accept(connection=cart, shown="ssh-ed25519 CCCC", actor="alice")
    works(toy)
    steps = host_key_accept(connection=cart, shown="ssh-ed25519 BBBB", actor="alice")
    assert all(step.ok for step in steps)
    assert (cart.state, pinned_host_key(cart), shown_host_key(cart)) == (ConnectionState.OK, "ssh-ed25519 BBBB", "")
    assert states == ["ok", "broken", "ok"]
