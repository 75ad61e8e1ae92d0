"""More than one web server on one database: to a person they are one."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cartrover.accounts.guesses import FROM_ONE_PLACE
from cartrover.accounts.models import User
from cartrover.accounts.words import STOPPED, WRONG
from tests.factories import PASSWORD
from tests.servers.web import WebServer
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[WebServer, WebServer]]:
    pair = WebServer(tmp_path, "one"), WebServer(tmp_path, "other")
    try:
        for one in pair:
            one.start()
        for one in pair:
            until(one.answers, 120)
        yield pair
    finally:
        for one in pair:
            one.kill()


def _sign_in(browser: requests.Session, server: WebServer, email: str, password: str) -> tuple[str, str]:
    """Return where it led to, and what is said there."""
    browser.get(f"{server.address}/sign-in/", timeout=30)
    form = {"email": email, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    answer = browser.post(f"{server.address}/sign-in/", data=form, timeout=30)
    return answer.url, html.unescape(answer.text)


def test_a_person_goes_from_one_to_the_other_and_a_guesser_is_stopped_by_both(
    servers: tuple[WebServer, WebServer], alice: User
) -> None:
    one, other = servers
    browser = requests.Session()
    assert _sign_in(browser, one, alice.email, PASSWORD)[0] == f"{one.address}/a/acme/"
    assert browser.get(f"{other.address}/a/acme/orders/", timeout=30).url == f"{other.address}/a/acme/orders/"

    guesser = requests.Session()
    for number in range(FROM_ONE_PLACE):
        assert WRONG in _sign_in(guesser, servers[number % 2], alice.email, f"guess {number}")[1]
    for server in servers:
        assert STOPPED in _sign_in(guesser, server, alice.email, PASSWORD)[1]

    # A deployment replaces one after the other: whoever is signed in stays so.
    one.ask_to_stop()
    assert one.wait(30) == 0
    assert browser.get(f"{other.address}/a/acme/", timeout=30).url == f"{other.address}/a/acme/"
    signs_out = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    browser.post(f"{other.address}/sign-out/", data=signs_out, timeout=30)
    one.start()
    until(one.answers, 120)
    assert browser.get(f"{one.address}/a/acme/", timeout=30).url.startswith(f"{one.address}/sign-in/")
