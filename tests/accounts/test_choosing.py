"""Choosing among many accounts: what needs somebody shows, and a box finds the rest."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from cartrover.accounts.models import User
from orders.alerts import raise_alert
from tests.factories import ConnectionFactory, MembershipFactory


def _page(client: Client, query: str = "") -> str:
    answer = client.get(f"/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_accounts_that_need_somebody_say_so(alice: User, browser: Callable[..., Client]) -> None:
    _, troubled = (MembershipFactory.create(user=alice, account__name=name).account for name in ("Calm", "Troubled"))
    cart = ConnectionFactory.create(account=troubled)
    for subject in ("one", "two"):
        raise_alert(account_id=troubled.pk, connection=cart, cause="bad_document", subject=subject, words="It can't be read.")
    page = _page(browser(alice))
    assert page.count("2 need you") == 1
    assert page.index("Calm") < page.index("Troubled") < page.index("2 need you")


def test_more_than_five_accounts_can_be_searched(alice: User, browser: Callable[..., Client]) -> None:
    for number in range(4):
        MembershipFactory.create(user=alice, account__name=f"Store {number}")
    assert 'name="q"' not in _page(browser(alice))
    MembershipFactory.create(user=alice, account__name="Lantern & Sons")
    page = _page(browser(alice), "?q=lantern")
    assert "Lantern &amp; Sons" in page
    assert "Store 1" not in page
    assert 'value="lantern"' in page
    assert "None of your accounts has “nowhere” in its name" in _page(browser(alice), "?q=nowhere")


def test_accounts_of_others_are_neither_shown_nor_counted(alice: User, charlie: User, browser: Callable[..., Client]) -> None:
    MembershipFactory.create(user=alice, account__name="Second")
    assert "Globex" not in _page(browser(alice), "?q=globex")
