"""A connection's test as its page shows it: step by step, and the host key is confirmed before a password is sent."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Account, AuditEntry, Role
from connectors import actions
from connectors.contract import RunningSandbox
from connectors.models import Connection, ConnectionState, ConnectionTest
from connectors.readers import pinned_host_key
from connectors.watched_tests import BROKEN_OFF, LONGEST, last_test
from tests.factories import AccountFactory, MembershipFactory

HX = {"HX-Request": "true"}


@pytest.fixture
def cart(transactional_db: None, dsco: RunningSandbox) -> Iterator[Connection]:
    """A cart that was typed in a moment ago."""
    account: Account = AccountFactory.create(slug="acme")
    yield actions.connection_save(
        account=account, kind="dsco", name="Shop", settings=dsco.settings, secrets=dsco.secrets, actor="test"
    )
    for _ in range(200):  # a thread that still writes would meet the next test's tables
        if not ConnectionTest.objects.for_account(account).filter(finished_at=None).exists():
            return
        time.sleep(0.02)


@pytest.fixture
def owner(cart: Connection) -> Client:
    client = Client()
    client.force_login(MembershipFactory.create(account=cart.account, user__email="olga@example.com", role=Role.OWNER).user)
    return client


def address(cart: Connection, part: str = "") -> str:
    return f"/a/acme/connections/{cart.public_id}/{part}"


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_host_key_is_asked_for_before_the_password_is_sent(owner: Client, cart: Connection, dsco: RunningSandbox) -> None:
    # Whoever signs in is refused, once: the first test would spend that.
    dsco.drive("fault", name="refuse_login", times=1)
    answer = owner.post(address(cart, "test/"), follow=True)
    text = text_of(answer)
    fingerprint = re.search(r"SHA256:[\w+/]+", text)
    assert fingerprint
    assert "Is this DSCO's server?" in text
    assert "no password was sent yet" in text
    assert "Logged in" not in text
    assert "Login" not in text
    cart.refresh_from_db()
    assert (cart.state, pinned_host_key(cart)) == (ConnectionState.NEW, "")

    [shown] = re.findall(r'name="shown" value="([^"]+)"', answer.content.decode())
    text = text_of(owner.post(address(cart, "host-key/"), {"shown": shown}, follow=True))
    assert "Login failed:" in text
    text = text_of(owner.post(address(cart, "test/"), follow=True))
    assert "Logged in as" in text
    assert "Is this DSCO's server?" not in text
    cart.refresh_from_db()
    assert (cart.state, pinned_host_key(cart)) == (ConnectionState.OK, shown)
    assert AuditEntry.objects.filter(verb="connection.host_key_accepted", actor="olga@example.com").exists()


def test_command_line_pins_the_key_of_the_first_good_test(cart: Connection) -> None:
    steps = actions.connection_test(cart)
    assert all(step.ok for step in steps)
    assert pinned_host_key(cart).startswith("ssh-")


def test_page_that_looks_on_gets_the_steps_as_they_happen(owner: Client, cart: Connection) -> None:
    actions.connection_test(cart)
    begun = owner.post(address(cart, "test/"), headers=HX)
    assert begun.status_code == 200
    assert f'hx-get="{address(cart, "test/steps/")}" hx-trigger="every 1s"' in begun.content.decode()
    for _ in range(500):
        polled = owner.get(address(cart, "test/steps/"), headers=HX)
        if "HX-Refresh" in polled:
            break
        assert "every 1s" in polled.content.decode()
        time.sleep(0.01)
    assert "Upload archive is well:" in text_of(owner.get(address(cart)))


def test_steps_found_so_far_are_shown_and_a_dead_test_ends(owner: Client, cart: Connection) -> None:
    row = ConnectionTest.objects.create(
        account=cart.account, connection=cart, by="olga", steps=[["address", True, "It answers.", False]]
    )
    page = owner.get(address(cart, "setup/?step=2"))
    assert "Address is well: It answers. The next step is under way…" in text_of(page)
    owner.post(address(cart, "test/"))
    row.refresh_from_db()
    assert row.by == "olga", "another test isn't begun meanwhile"
    rows = ConnectionTest.objects.for_account(cart.account)
    rows.update(started_at=timezone.now() - LONGEST)
    test = last_test(cart)
    assert test is not None
    assert (test.is_running, test.steps[-1]) == (False, BROKEN_OFF)
    owner.post(address(cart, "test/"))
    row.refresh_from_db()
    assert row.finished_at is not None


def test_failed_step_says_the_likeliest_cause_first(owner: Client, cart: Connection) -> None:
    actions.connection_test(cart)
    actions.connection_save(
        account=cart.account, kind="dsco", name="Shop", secrets={"ftp_password": "not-this-one"}, actor="test"
    )
    text = text_of(owner.post(address(cart, "test/"), follow=True))
    assert "Login failed: Most often the password was not copied whole, or was changed since." in text


def test_refused_field_of_a_watched_step_shows_the_whole_page(owner: Client, cart: Connection) -> None:
    answer = owner.post(address(cart, "setup/?step=2"), {"set-port": "many", "do": "test"}, headers=HX)
    assert (answer.status_code, answer["HX-Retarget"]) == (200, "body")
    assert "Port must be a whole number" in text_of(answer)
