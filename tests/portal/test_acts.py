"""What people do to an order from its page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from cartrover.accounts.models import Account, User
from connectors.contract import HoldReason
from orders.models import Order
from orders.states import OrderState
from tests.factories import OrderFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


def _act(client: Client, order: Order, act: str) -> str:
    """Return what the page says afterwards."""
    answer = client.post(f"/a/{order.account.slug}/orders/{order.public_id}/{act}/", follow=True)
    assert answer.status_code == 200
    return " ".join(str(message) for message in answer.context["messages"])


def test_operator_holds_releases_and_cancels(bob: User, acme: Account, browser: Browser) -> None:
    client, order = browser(bob), OrderFactory.create(account=acme)
    assert _act(client, order, "hold").startswith("Held.")
    order.refresh_from_db()
    assert (order.hold, order.hold_words) == (HoldReason.BY_PERSON, "Held by bob@example.com.")
    _act(client, order, "release")
    order.refresh_from_db()
    assert order.hold != HoldReason.BY_PERSON
    assert _act(client, order, "cancel").startswith("Canceled.")
    order.refresh_from_db()
    assert (order.state, order.hold) == (OrderState.CANCELED, "")
    assert set(order.events.values_list("actor", flat=True)) >= {"bob@example.com"}


def test_what_is_not_possible_says_why_and_changes_nothing(bob: User, acme: Account, browser: Browser) -> None:
    client, order = browser(bob), OrderFactory.create(account=acme, state=OrderState.SHIPPED)
    assert "can't be canceled" in _act(client, order, "cancel")
    assert "can't be held" in _act(client, order, "hold")
    assert "isn't held any more" in _act(client, order, "release")
    order.refresh_from_db()
    assert (order.state, order.hold) == (OrderState.SHIPPED, "")


def test_page_offers_what_is_possible_to_those_who_may(bob: User, vera: User, acme: Account, browser: Browser) -> None:
    offers = {
        OrderFactory.create(account=acme): {"hold", "cancel"},
        OrderFactory.create(account=acme, hold=HoldReason.REFUSED): {"release", "cancel"},
        OrderFactory.create(account=acme, state=OrderState.SENT): {"cancel"},
        OrderFactory.create(account=acme, state=OrderState.CONFIRMED): set(),
    }
    for order, acts in offers.items():
        path = f"/a/acme/orders/{order.public_id}/"
        shown, watched = (browser(who).get(path).content.decode() for who in (bob, vera))
        assert {act for act in ("hold", "release", "cancel") if f"{path}{act}/" in shown} == acts
        assert not any(f"{path}{act}/" in watched for act in ("hold", "release", "cancel"))


@pytest.mark.parametrize("act", ["hold", "release", "cancel"])
def test_only_operators_of_the_account_act_and_only_by_post(
    act: str, bob: User, vera: User, charlie: User, acme: Account, browser: Browser
) -> None:
    order = OrderFactory.create(account=acme)
    path = f"/a/acme/orders/{order.public_id}/{act}/"
    assert browser(None).post(path).status_code == 302
    assert browser(charlie).post(path).status_code == 404
    assert browser(charlie).post(f"/a/globex/orders/{order.public_id}/{act}/").status_code == 404
    assert browser(vera).post(path).status_code == 403
    assert browser(bob).get(path).status_code == 405
    order.refresh_from_db()
    assert (order.state, order.hold) == (OrderState.NEW, "")
