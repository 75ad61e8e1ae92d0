"""The alerts: what happened, to what, and the one place that mends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cartrover.accounts.models import Account, AuditEntry, User
from orders.alerts import raise_alert
from orders.listings.alerts import alerts_page
from orders.listings.paging import PAGE
from orders.models import Alert, AlertState
from tests.factories import AlertFactory, ConnectionFactory, OrderFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


def test_each_state_has_its_list(bob: User, acme: Account, globex: Account, browser: Browser) -> None:
    client = browser(bob)
    said = {state: AlertFactory.create(account=acme, state=state, words=f"This is {state}.").words for state in AlertState}
    AlertFactory.create(account=globex, words="This is somebody else's.")
    for state in AlertState:
        html = client.get(f"/a/acme/alerts/?state={state}").content.decode()
        assert [words for words in said.values() if words in html] == [said[state]]
        assert "somebody else" not in html
    assert said[AlertState.OPEN] in client.get("/a/acme/alerts/?state=unheard-of").content.decode()


def test_lists_without_alerts_say_why(bob: User, acme: Account, browser: Browser) -> None:
    client = browser(bob)
    said = {"open": "Nothing needs you.", "dismissed": "Nobody has dismissed", "resolved": "No alert has resolved itself"}
    for state, words in said.items():
        assert words in client.get(f"/a/acme/alerts/?state={state}").content.decode()


def test_alert_of_an_order_leads_to_it(bob: User, acme: Account, browser: Browser) -> None:
    order = OrderFactory.create(account=acme)
    AlertFactory.create(account=acme, order=order, connection=order.source)
    html = browser(bob).get("/a/acme/alerts/").content.decode()
    assert f'href="/a/acme/orders/{order.public_id}/"' in html
    assert f"Look at order {order.cust_ref}" in html


def test_alert_of_a_connection_leads_to_it_or_to_its_files(bob: User, acme: Account, browser: Browser) -> None:
    cart = ConnectionFactory.create(account=acme, name="DSCO")
    AlertFactory.create(account=acme, connection=cart)
    AlertFactory.create(account=acme, connection=cart, cause="not_taken", subject="Shipment_1.csv")
    AlertFactory.create(account=acme, connection=cart, cause="internal")
    html = browser(bob).get("/a/acme/alerts/").content.decode()
    assert re.findall(r'class="mend" href="([^"]+)">([^<]+)<', html) == [
        (f"/a/acme/connections/{cart.public_id}/files/", "Look at the files of DSCO"),
        (f"/a/acme/connections/{cart.public_id}/", "Look at DSCO"),
    ]


def test_dismissed_alert_stays_away_when_its_cause_is_seen_again(bob: User, acme: Account, browser: Browser) -> None:
    alert = AlertFactory.create(account=acme, cause="stock_drop", subject="DSCO")
    client, path = browser(bob), f"/a/acme/alerts/{alert.public_id}/dismiss/"
    assert client.post(path)["Location"] == "/a/acme/alerts/"
    alert.refresh_from_db()
    assert alert.state == AlertState.DISMISSED
    entry = AuditEntry.objects.get(account=acme, verb="alert.dismissed")
    assert (entry.actor, entry.words) == (bob.email, alert.words)
    raise_alert(account_id=acme.pk, cause="stock_drop", subject="DSCO", words="Again.")
    assert Alert.objects.for_account(acme).get().state == AlertState.DISMISSED
    answer = client.post(path, follow=True)
    assert "open any more" in answer.content.decode()


def test_only_operators_dismiss_and_only_by_post(bob: User, vera: User, charlie: User, acme: Account, browser: Browser) -> None:
    alert = AlertFactory.create(account=acme)
    path = f"/a/acme/alerts/{alert.public_id}/dismiss/"
    assert path in browser(bob).get("/a/acme/alerts/").content.decode()
    assert path not in browser(vera).get("/a/acme/alerts/").content.decode()
    assert [browser(who).post(path).status_code for who in (None, charlie, vera)] == [302, 404, 403]
    assert browser(charlie).post(f"/a/globex/alerts/{alert.public_id}/dismiss/").status_code == 404
    assert browser(bob).get(path).status_code == 405
    alert.refresh_from_db()
    assert alert.state == AlertState.OPEN


@pytest.mark.parametrize(("number", "said"), [(0, ""), (3, "3"), (99, "99"), (120, "99+")])
def test_menu_counts_open_alerts(number: int, said: str, vera: User, acme: Account, browser: Browser) -> None:
    one = AlertFactory.build(account=acme)
    Alert.objects.bulk_create(
        Alert(account=acme, cause=one.cause, subject=str(place), words=one.words) for place in range(number)
    )
    AlertFactory.create(account=acme, state=AlertState.DISMISSED)
    html = browser(vera).get("/a/acme/orders/").content.decode()
    assert re.findall(r'class="bubble">([^<]*)<', html) == ([said] if said else [])


def test_pages_hold_every_alert_once(acme: Account) -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    made = [AlertFactory.create(account=acme, last_seen_at=start + timedelta(minutes=n // 3)) for n in range(PAGE + 7)]
    first = alerts_page(acme, AlertState.OPEN)
    second = alerts_page(acme, AlertState.OPEN, first.next)
    assert [row.pk for row in (*first.rows, *second.rows)] == [row.pk for row in reversed(made)]
    assert second.next is None


def test_next_page_begins_behind_an_alert_that_was_dismissed_meanwhile(acme: Account, globex: Account) -> None:
    made = [AlertFactory.create(account=acme) for _ in range(PAGE + 2)]
    first = alerts_page(acme, AlertState.OPEN)
    Alert.objects.for_account(acme).filter(public_id=first.next).update(state=AlertState.DISMISSED)
    assert {row.pk for row in alerts_page(acme, AlertState.OPEN, first.next).rows} == {made[0].pk, made[1].pk}
    assert not alerts_page(globex, AlertState.OPEN, first.next).rows


def test_list_asks_the_database_as_often_for_much_as_for_little(bob: User, acme: Account, browser: Browser) -> None:
    client, asked = browser(bob), []
    for number in (1, 12):
        for _ in range(number):
            cart = ConnectionFactory.create(account=acme)
            AlertFactory.create(account=acme, connection=cart, order=OrderFactory.create(account=acme, source=cart))
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/a/acme/alerts/").status_code == 200
        asked.append(len(captured))
    assert asked[0] == asked[1]
