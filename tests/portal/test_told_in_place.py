"""Messages of an act that a page does in place go with its answer, and no other answer takes them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Account, Role, User
from connectors.models import Service
from tests.factories import ConnectionFactory, MembershipFactory, ServiceFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
IN_PLACE = {"HX-Request": "true"}


@pytest.fixture
def service(acme: Account) -> Service:
    return ServiceFactory.create(connection=ConnectionFactory.create(account=acme), due_at=timezone.now())


def _at(service: Service, path: str) -> str:
    return f"/a/acme/connections/{service.connection.public_id}/{path}"


def test_answer_to_the_page_carries_the_messages_and_the_part_that_changed(
    bob: User, service: Service, browser: Browser
) -> None:
    client = browser(bob)
    answer = client.post(_at(service, "services/order_download/run/"), headers=IN_PLACE)
    [said] = json.loads(answer["HX-Trigger"])["told"]["messages"]
    assert (said["tags"], said["words"].partition(" as ")[0]) == ("success", "Order download runs")
    assert answer.content.decode().lstrip().startswith('<div id="running"')
    assert 'class="notices"' not in client.get(_at(service, "")).content.decode()


def test_without_a_script_that_asks_the_next_page_says_it(bob: User, service: Service, browser: Browser) -> None:
    client = browser(bob)
    answer = client.post(_at(service, "services/order_download/run/"))
    assert (answer.status_code, "HX-Trigger" in answer) == (302, False)
    assert '<p class="notice success" role="status">Order download runs' in client.get(answer["Location"]).content.decode()


def test_page_that_asks_by_itself_takes_no_message_from_another_window(bob: User, service: Service, browser: Browser) -> None:
    client = browser(bob)
    client.post(_at(service, "services/order_download/run/"))
    assert "HX-Trigger" not in client.get(_at(service, "services/now/"), headers=IN_PLACE)
    assert "Order download runs" in client.get(_at(service, "")).content.decode()


def test_error_is_an_alert_and_everything_else_is_not(alice: User, acme: Account, browser: Browser) -> None:
    client = browser(alice)
    client.post(f"/a/acme/settings/members/{alice.public_id}/remove/")
    assert '<p class="notice error" role="alert">' in client.get("/a/acme/settings/members/").content.decode()
    MembershipFactory.create(account=acme, role=Role.OWNER)
    client.post(f"/a/acme/settings/members/{alice.public_id}/role/", {"role": "viewer"})
    assert '<p class="notice success" role="status">' in client.get("/a/acme/settings/members/").content.decode()
