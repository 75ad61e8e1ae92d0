"""A grant that comes back with its company, ends some day, and is given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Account, User
from connectors import registry
from connectors.actions import connection_save
from connectors.contract import RunningSandbox, Token
from connectors.models import Connection
from connectors.opening import open_session
from connectors.token_store import StoredToken
from orders.models import Alert, AlertState
from orders.upkeep.ending_access import alert_ending_access


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    start = registry.get("quickbooks_online").sandbox
    assert start is not None
    box = start(str(tmp_path_factory.mktemp("company")), {})
    yield box
    box.stop()


@pytest.fixture
def wms(acme: Account, company: RunningSandbox) -> Connection:
    settings = {name: value for name, value in company.settings.items() if name != "realm_id"}
    secrets = {"client_secret": company.secrets["client_secret"]}
    return connection_save(
        account=acme, kind="quickbooks_online", name="Books", settings=settings, secrets=secrets, actor="alice@example.com"
    )


def grant(client: Client, connection: Connection, company: RunningSandbox, realm: str) -> str:
    """Grant access as a person does, with this company in the address that leads back; return the words of the page."""
    begun = client.post(f"/a/acme/connections/{connection.public_id}/grant/")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun["Location"]).query).items()}
    assert asked["scope"] == "com.intuit.quickbooks.accounting"
    code = company.drive("authorize", redirect_uri=asked["redirect_uri"])["code"]
    back = client.get(f"/oauth/callback/?{urlencode({'code': code, 'state': asked['state'], 'realmId': realm})}")
    return " ".join(str(message) for message in get_messages(back.wsgi_request))


@pytest.mark.django_db(transaction=True)
def test_the_company_comes_with_the_grant_and_another_one_is_refused(
    wms: Connection, company: RunningSandbox, browser: Callable[[User | None], Client], alice: User
) -> None:
    realm = company.settings["realm_id"]
    assert "it works" in grant(browser(alice), wms, company, realm)
    wms.refresh_from_db()
    assert wms.settings["realm_id"] == realm
    assert wms.remote_identity.endswith(realm)
    token = StoredToken(wms).current()
    assert token is not None
    assert token.ends_at is not None
    assert timedelta(days=99) < token.ends_at - timezone.now() < timedelta(days=102)

    assert "another company" in grant(browser(alice), wms, company, "123")
    assert StoredToken(wms).current() == token


@pytest.mark.django_db(transaction=True)
def test_an_hour_later_the_token_is_renewed_by_form_and_header_and_the_new_one_is_kept(
    wms: Connection, company: RunningSandbox, browser: Callable[[User | None], Client], alice: User
) -> None:
    grant(browser(alice), wms, company, company.settings["realm_id"])
    wms.refresh_from_db()
    first = StoredToken(wms).current()
    company.drive("expire_tokens")
    with open_session(wms) as session:
        assert all(step.ok for step in session.check())
    second = StoredToken(wms).current()
    assert first is not None
    assert second is not None
    assert (second.access, second.refresh) != (first.access, first.refresh)


@pytest.mark.django_db(transaction=True)
def test_disconnecting_gives_access_back(
    wms: Connection, company: RunningSandbox, browser: Callable[[User | None], Client], alice: User
) -> None:
    grant(browser(alice), wms, company, company.settings["realm_id"])
    company.drive("clear_requests")
    answer = browser(alice).post(f"/a/acme/connections/{wms.public_id}/disconnect/")
    assert answer.status_code in (200, 302)
    assert company.drive("requests")["counters"] == {
        "total": 1,
        "by_status": {"200": 1},
        "by_route": {"POST /v2/oauth2/tokens/revoke": 1},
    }
    wms.refresh_from_db()
    assert wms.state == "disconnected"


@pytest.mark.django_db(transaction=True)
def test_the_five_years_count_where_they_end_first(
    wms: Connection, company: RunningSandbox, browser: Callable[[User | None], Client], alice: User
) -> None:
    company.drive("set", hard_seconds=3 * 86_400)
    try:
        grant(browser(alice), wms, company, company.settings["realm_id"])
    finally:
        company.drive("set", hard_seconds=157_680_000)
    token = StoredToken(wms).current()
    assert token is not None
    assert token.ends_at is not None
    assert timedelta(days=2) < token.ends_at - timezone.now() <= timedelta(days=3)


def test_the_end_of_access_is_told_a_month_a_week_and_a_day_before(wms: Connection, acme: Account) -> None:
    now = timezone.now()
    StoredToken(wms).grant(Token("access", "refresh", now, now + timedelta(days=40)))
    open_ones = Alert.objects.for_account(acme).filter(state=AlertState.OPEN, cause="access_ends")
    seen: list[list[str]] = []
    for day in (0, 5, 11, 34, 39.5):
        alert_ending_access(acme, now + timedelta(days=day))
        seen.append([subject.rpartition(":")[2] for subject in open_ones.values_list("subject", flat=True)])
    assert seen == [[], [], ["30"], ["7"], ["1"]]
    assert "Grant API access again" in open_ones.get().words
    StoredToken(wms).grant(Token("access", "refresh", now, now + timedelta(days=400)))
    alert_ending_access(acme, now + timedelta(days=40))
    assert not open_ones.exists()
