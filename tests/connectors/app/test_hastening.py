"""Far sides that call the hub, with Intuit's webhooks as they come from the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Account
from connectors import registry
from connectors.actions import connection_save
from connectors.contract import RunningSandbox
from connectors.models import Connection, Service, ServiceName

ADDRESS = "/hooks/quickbooks_online/"
CHANGES = {
    "Invoice": ServiceName.SHIPMENT_PICKUP,
    "SalesReceipt": ServiceName.SHIPMENT_PICKUP,
    "Item": ServiceName.INVENTORY_PICKUP,
}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    start = registry.get("quickbooks_online").sandbox
    assert start is not None
    box = start(str(tmp_path_factory.mktemp("company")), {})
    yield box
    box.stop()


@pytest.fixture
def wms(acme: Account, company: RunningSandbox) -> Connection:
    connection = connection_save(
        account=acme,
        kind="quickbooks_online",
        name="Books",
        settings=company.settings,
        secrets=company.secrets,
        actor="test",
    )
    later = timezone.now() + timedelta(hours=1)
    Service.objects.for_account(acme).filter(connection=connection).update(every="60", due_at=later)
    return connection


def call(company: RunningSandbox, name: str, form: str = "events", *, signature: str | None = None, body: str = "") -> int:
    change = {"name": name, "id": "1", "operation": "Update", "lastUpdated": "2026-11-22T10:00:00-08:00"}
    told = company.drive("notice", changes=[change], form=form)
    headers = {"intuit-signature": told["signature"] if signature is None else signature}
    return Client().post(ADDRESS, body or told["body"], content_type="application/json", headers=headers).status_code


def hastened(wms: Connection) -> set[str]:
    soon = timezone.now() + timedelta(seconds=10)
    return set(Service.objects.for_account(wms.account_id).filter(due_at__lt=soon).values_list("name", flat=True))


@pytest.mark.parametrize("form", ["events", "cloud"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_signed_call_makes_just_its_pickup_come_sooner(
    wms: Connection, company: RunningSandbox, name: str, form: str
) -> None:
    assert call(company, name, form) == 200
    assert hastened(wms) == {CHANGES[name]}


def test_who_did_not_sign_it_changes_nothing(wms: Connection, company: RunningSandbox) -> None:
    good = company.drive("notice", changes=[{"name": "Invoice", "id": "1", "operation": "Update", "lastUpdated": ""}])
    assert call(company, "Invoice", signature="") == 401
    assert call(company, "Invoice", signature="bm9uc2Vuc2U=") == 401
    assert call(company, "Invoice", signature=good["signature"], body=good["body"] + " ") == 401
    assert call(company, "Invoice", body="[1]") == 400
    assert call(company, "Invoice", body="no JSON") == 400
    assert hastened(wms) == set()
    assert Client().post("/hooks/dsco/", "{}", content_type="application/json").status_code == 404
    assert Client().get(ADDRESS).status_code == 405


def test_calls_in_a_row_bring_one_run_a_minute_and_wake_nobody_who_must_wait(wms: Connection, company: RunningSandbox) -> None:
    rows = Service.objects.for_account(wms.account_id).filter(connection=wms, name=ServiceName.SHIPMENT_PICKUP)
    now = timezone.now()
    rows.update(last_run_at=now - timedelta(seconds=10))
    assert call(company, "Invoice") == 200
    assert now + timedelta(seconds=40) < rows.get().due_at < now + timedelta(seconds=60)
    rows.update(due_at=now + timedelta(hours=1), slowed_until=now + timedelta(minutes=5))
    assert call(company, "Invoice") == 200
    assert hastened(wms) == set()
    rows.update(due_at=None, slowed_until=None)
    assert call(company, "Invoice") == 200
    assert rows.get().due_at is None


def test_the_guide_shows_the_address_at_its_step(wms: Connection, acme: Account, browser, alice) -> None:
    page = f"/a/acme/connections/{wms.public_id}/setup/"
    pages = [browser(alice).get(page, {"step": number}).content.decode() for number in (1, 7)]
    assert [ADDRESS in text for text in pages] == [False, True]


def test_the_page_of_the_connection_says_what_the_month_has_cost(wms: Connection, browser, alice) -> None:
    page = browser(alice).get(f"/a/acme/connections/{wms.public_id}/").content.decode()
    assert "0 of the 500,000 that this month may cost (0&nbsp;%)." in page
