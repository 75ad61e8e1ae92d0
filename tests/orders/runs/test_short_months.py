"""A month's requests that get short: who is told, what is read less often, and how it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Account, User
from connectors import registry
from connectors.actions import connection_save
from connectors.hastening import hasten
from connectors.models import Connection, Service, ServiceName
from connectors.month_budget import add_to_month, month_budget
from connectors.quickbooks_online.sandbox import Sandbox, start_sandbox
from connectors.remote_accounts import month_of
from orders.models import Alert, AlertState
from orders.notifications.places import place_of
from orders.scheduling.running import run_service
from orders.upkeep.spent_months import alert_spent_month

NOVEMBER = datetime(2026, 11, 20, 12, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 0, 5, tzinfo=UTC)
SPEC = registry.get("quickbooks_online")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    box = start_sandbox(str(tmp_path_factory.mktemp("company")), {})
    yield box
    box.stop()


@pytest.fixture
def wms(acme: Account, company: Sandbox) -> Connection:
    return books(acme, company)


def books(account: Account, company: Sandbox, **settings: str) -> Connection:
    return connection_save(
        account=account,
        kind="quickbooks_online",
        name="Books",
        settings={**company.settings, **settings},
        secrets=company.secrets,
        actor="test",
    )


def spend(wms: Connection, requests: int, now: datetime = NOVEMBER) -> None:
    add_to_month(month_of(wms, SPEC), requests, now=now)


def told(account: Account, now: datetime) -> list[str]:
    """Return the stages of the open alerts after a look at that moment."""
    alert_spent_month(account, now)
    rows = Alert.objects.for_account(account).filter(cause="month_spent", state=AlertState.OPEN)
    return [subject.rpartition(":")[2] for subject in rows.values_list("subject", flat=True)]


def test_it_is_told_at_80_per_cent_and_when_all_is_spent_and_is_over_with_the_month(wms: Connection, acme: Account) -> None:
    seen = []
    for more in (399_999, 1, 99_999, 1):
        spend(wms, more)
        seen.append(told(acme, NOVEMBER))
    assert seen == [[], ["80"], ["80"], ["100"]]
    assert told(acme, DECEMBER) == []


def test_it_says_what_happens_and_what_to_do(wms: Connection, acme: Account) -> None:
    spend(wms, 412_000)
    told(acme, NOVEMBER)
    alert = Alert.objects.for_account(acme).get()
    place = place_of(alert)
    assert place is not None
    assert place.page == "connection_settings"
    assert alert.words == (
        "“Books” has made 412,000 of the 500,000 requests that a month may cost. Until 1 December tracking, invoices and "
        "stock are read at most once an hour, and orders are sent for as long as they are taken. If your plan includes more, "
        "enter the number in the connection's settings; otherwise let its services run less often."
    )


@pytest.mark.parametrize(("number", "stages"), [("600000", []), ("500000", ["80"]), ("0", []), ("410000", ["100"])])
def test_a_larger_number_ends_it_and_0_is_no_limit(
    wms: Connection, acme: Account, company: Sandbox, number: str, stages: list[str]
) -> None:
    spend(wms, 410_000)
    assert told(acme, NOVEMBER) == ["80"]
    books(acme, company, monthly_requests=number)
    assert told(acme, NOVEMBER) == stages


def test_an_application_that_serves_two_companies_has_one_month(wms: Connection, globex: Account, company: Sandbox) -> None:
    other = books(globex, company, realm_id="1234567890")
    spend(wms, 300_000)
    spend(other, 100_000)
    for connection in (wms, other):
        budget = month_budget(connection, now=NOVEMBER)
        assert budget is not None
        assert budget.spent == 400_000


# --- what is read less often -------------------------------------------------------------------------------------------------


def next_in(wms: Connection, name: ServiceName) -> timedelta:
    """Run a service that is due every five minutes, and return after how long it is due again."""
    rows = Service.objects.for_account(wms.account_id).filter(connection=wms, name=name)
    rows.update(every="5", due_at=timezone.now())
    run_service(rows.select_related("connection__account").get(), named=False)
    due_at = rows.get().due_at
    assert due_at is not None
    return due_at - timezone.now()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", [ServiceName.SHIPMENT_PICKUP, ServiceName.INVENTORY_PICKUP])
@pytest.mark.parametrize(
    ("spent", "setting", "hours"), [(399_000, "save", 0), (400_000, "save", 1), (500_000, "save", 6), (500_000, "warn", 0)]
)
def test_reads_make_way_where_they_are_to(
    acme: Account, company: Sandbox, name: ServiceName, spent: int, setting: str, hours: int
) -> None:
    wms = books(acme, company, when_month_is_short=setting)
    spend(wms, spent, timezone.now())
    waited = next_in(wms, name)
    assert timedelta(hours=hours) - timedelta(minutes=1) < waited <= max(timedelta(hours=hours), timedelta(minutes=5))


def test_a_webhook_brings_no_read_sooner_than_that(wms: Connection, company: Sandbox) -> None:
    spend(wms, 450_000, timezone.now())
    rows = Service.objects.for_account(wms.account_id).filter(connection=wms, name=ServiceName.SHIPMENT_PICKUP)
    ran, due = timezone.now() - timedelta(minutes=10), timezone.now() + timedelta(hours=3)
    rows.update(every="5", last_run_at=ran, due_at=due)
    change = {"name": "Invoice", "id": "1", "operation": "Update", "lastUpdated": "2026-11-22T10:00:00-08:00"}
    call = company.drive("notice", changes=[change])
    assert SPEC.webhook is not None
    headers = {"intuit-signature": call["signature"]}
    assert hasten(kind=SPEC.kind, spec=SPEC.webhook, body=call["body"].encode(), headers=headers)
    assert rows.get().due_at == ran + timedelta(hours=1)


def test_when_it_is_over_reads_follow_their_schedule_again(wms: Connection, acme: Account) -> None:
    spend(wms, 500_000)
    rows = Service.objects.for_account(acme).filter(connection=wms, name=ServiceName.SHIPMENT_PICKUP)
    rows.update(every="15", due_at=DECEMBER + timedelta(hours=5))
    told(acme, NOVEMBER)
    told(acme, DECEMBER)
    due_at = rows.get().due_at
    assert due_at is not None
    assert due_at - DECEMBER <= timedelta(minutes=15)


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        (123_456, "123,456 of the 500,000 that this month may cost (24&nbsp;%)."),
        (450_000, "They are counted anew from 1 Dec 2026 (UTC)."),
        (450_000, "Until then tracking, invoices and stock are read less often"),
    ],
)
def test_the_connections_page_shows_it(
    wms: Connection, alice: User, browser: Callable[[User | None], Client], spent: int, words: str
) -> None:
    spend(wms, spent)
    with time_machine.travel(NOVEMBER, tick=False):
        page = browser(alice).get(f"/a/acme/connections/{wms.public_id}/").content.decode()
    assert words in " ".join(page.split())
