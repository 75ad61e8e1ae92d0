"""The staff console: every list and every row opens, history stays as it is, and no secret shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cartrover.accounts.models import Account, AuditEntry, Invitation, Membership, Organization, Role, SignUp, User
from cartrover.content_policy import HEADER
from cartrover.tenancy import AccountOwned
from connectors.models import (
    Connection,
    ConnectionSecret,
    ConnectionTest,
    OAuthHandshake,
    RemoteFact,
    RequestBudget,
    Service,
    ServiceRun,
)
from orders import models as tables
from orders.api_keys import key_make
from orders.channels import channel_add
from tests.factories import (
    AlertFactory,
    ConnectionFactory,
    MembershipFactory,
    OrderEventFactory,
    OrderFactory,
    SecretFactory,
    ServiceFactory,
)

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
OURS = [model for model in apps.get_models() if model._meta.app_label in ("accounts", "connectors", "orders")]
CHANGEABLE = {Organization, Account, User, Membership, tables.SupportRequest}


@pytest.fixture
def rows(acme: Account, alice: User, staff: User) -> dict[type[Model], Model]:
    """One row of every table."""
    now = timezone.now()
    cart, wms = ConnectionFactory.create(account=acme), ConnectionFactory.create(account=acme, wms=True)
    order = OrderFactory.create(account=acme, source=cart, wms=wms)
    line, own, at_wms = order.lines.get(), {"account": acme}, {"account": acme, "connection": wms}
    service = ServiceFactory.create(connection=cart)
    inbound = tables.InboundDocument.objects.create(**own, connection=cart, name="a.csv", size=1, modified_at=now)
    outbound = tables.OutboundDocument.objects.create(
        **own, connection=cart, purpose="shipments", name="b.csv", size=1, sha256="0" * 64, deflated=b"secret bytes"
    )
    message = tables.OutboundMessage.objects.create(**at_wms, order=order)
    package = tables.Shipment.objects.create(
        **at_wms, order=order, external_id="1", external_order_id="1", state="shipped", remote_updated_at=now
    )
    invoice = tables.Invoice.objects.create(**at_wms, order=order, external_id="1")
    part = {"external_id": "1", "external_line_id": "1", "line": line, "quantity": 1}
    alert = AlertFactory.create(account=acme, connection=cart)
    channel, _ = channel_add(
        account=acme, kind=tables.ChannelKind.SLACK, actor="alice", address="https://example.com/hunter2", name="Ops"
    )
    made: list[Model] = [
        *(acme, acme.organization, alice, alice.memberships.get(), cart, service, order, line, inbound, outbound, message),
        *(package, invoice, alert, OrderEventFactory.create(order=order)),
        AuditEntry.objects.create(account=acme, actor="alice", verb="account.made", subject="acme"),
        SecretFactory.create(connection=cart, text="hunter2"),
        SignUp.objects.create(user=staff, company="Staff & Co."),
        Invitation.objects.create(**own, email="new@example.org", token_digest="digest-of-a-link", expires_at=now),
        OAuthHandshake.objects.create(**at_wms, user=alice, state="handshake-state"),
        ConnectionTest.objects.create(**own, connection=cart, by="alice"),
        ServiceRun.objects.create(**own, service=service, outcome="done"),
        RemoteFact.objects.create(**at_wms, kind="variant", key="CAP-9", value="7"),
        RequestBudget.objects.create(remote="api.example.com"),
        tables.SkippedOrder.objects.create(**own, connection=cart, reason="too_old", words="Placed before the earliest date."),
        tables.InboundBody.objects.create(**own, document=inbound, seq=0, deflated=b"secret bytes"),
        tables.OutboundAttempt.objects.create(**own, message=message, outcome="sent"),
        tables.LineCancellation.objects.create(**own, line=line, quantity=1, because="voided"),
        tables.ShipmentLine.objects.create(**own, shipment=package, **part),
        tables.InvoiceLine.objects.create(**own, invoice=invoice, **part),
        tables.Product.objects.create(**at_wms, sku="CAP-9"),
        tables.ProductAlias.objects.create(**own, cart=cart, cart_sku="CAP-9", wms_sku="CAP-009"),
        tables.ShipMethodMap.objects.create(**own, cart=cart, cart_code="UPS", wms_code="UPS Ground"),
        tables.StockReading.objects.create(**at_wms, began_at=now, started_at=now, rows=1),
        tables.StockLevel.objects.create(**at_wms, sku="CAP-9", as_of=now),
        tables.ChannelStock.objects.create(**own, cart=cart, item="CAP-9", quantity=1, status="in-stock"),
        key_make(account=acme, name="Shop", level=tables.ApiLevel.MERCHANT, actor="alice")[0],
        channel,
        tables.Notification.objects.create(**own, channel=channel, alert=alert, event="opened"),
        asked := tables.SupportRequest.objects.create(**own, connection=cart, number=1, fee="none", created_by="alice"),
        tables.SupportNote.objects.create(**own, request=asked, who="alice", words="Please."),
    ]
    return {type(row): row for row in made}


def _address(row: Model | type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=args)


def test_every_table_of_ours_is_in_the_console(rows: dict[type[Model], Model]) -> None:
    assert set(OURS) == {model for model in OURS if admin.site.is_registered(model)} == set(rows)


def test_every_list_and_row_opens_without_showing_a_secret(
    rows: dict[type[Model], Model], staff: User, browser: Browser
) -> None:
    client = browser(staff)
    assert client.get(reverse("admin:index")).status_code == 200
    secret = rows[ConnectionSecret]
    hidden = ["hunter2", "digest-of-a-link", "secret bytes", "handshake-state", bytes(secret.sealed).decode()[:40]]  # type: ignore[attr-defined]
    for model, row in rows.items():
        for page, address in (("list", _address(model, "changelist")), ("row", _address(row, "change", row.pk))):
            answer = client.get(address)
            assert answer.status_code == 200, (model, page)
            assert "unsafe" not in answer[HEADER]
            html = answer.content.decode()
            assert not any(text in html for text in hidden), (model, page)
            assert page == "row" or "1 " in html


def test_lists_can_be_searched_and_filtered(rows: dict[type[Model], Model], staff: User, browser: Browser) -> None:
    client = browser(staff)
    for model in OURS:
        site = admin.site.get_model_admin(model)
        assert site.search_fields, model
        assert client.get(_address(model, "changelist"), {"q": "acme"}).status_code == 200, model
    found = client.get(_address(tables.Order, "changelist"), {"q": rows[tables.Order].cust_po_no})  # type: ignore[attr-defined]
    assert found.context["cl"].result_count == 1
    for state, count in (("new", 1), ("sent", 0)):
        listed = client.get(_address(tables.Order, "changelist"), {"state": state, "hold": ""})
        assert len(listed.context["cl"].result_list) in (0, count)
        assert len(client.get(_address(tables.Order, "changelist"), {"state": state}).context["cl"].result_list) == count


def test_history_can_be_neither_made_nor_changed_nor_deleted(
    rows: dict[type[Model], Model], staff: User, browser: Browser
) -> None:
    client = browser(staff)
    for model, row in rows.items():
        if model in CHANGEABLE:
            continue
        assert client.get(_address(model, "add")).status_code == 403, model
        assert client.post(_address(row, "change", row.pk), {"name": "x"}).status_code == 403, model
        assert client.post(_address(row, "delete", row.pk), {"post": "yes"}).status_code == 403, model


def test_rows_of_all_accounts_are_shown(staff: User, acme: Account, globex: Account, browser: Browser) -> None:
    for account in (acme, globex):
        ConnectionFactory.create(account=account)
    listed = browser(staff).get(_address(Connection, "changelist")).context["cl"].result_list
    assert {row.account for row in listed} == {acme, globex}


def test_lists_ask_the_database_as_often_for_much_as_for_little(
    rows: dict[type[Model], Model], staff: User, browser: Browser, django_assert_max_num_queries: Any
) -> None:
    client = browser(staff)
    cart = rows[Connection]
    for _ in range(8):
        order = OrderFactory.create(account=cart.account, source=cart)  # type: ignore[attr-defined]
        OrderEventFactory.create(order=order)
    for model in (tables.Order, tables.OrderLine, tables.OrderEvent, Service, Connection):
        with django_assert_max_num_queries(10):
            client.get(_address(model, "changelist"))


@pytest.mark.parametrize("who", ["stranger", "owner"])
def test_console_is_closed_to_everybody_else(who: str, alice: User, rows: dict[type[Model], Model], browser: Browser) -> None:
    client = browser(alice if who == "owner" else None)
    for model in OURS:
        assert client.get(_address(model, "changelist")).status_code == 302


def test_staff_gets_into_an_account_by_a_membership_that_leaves_a_trail(staff: User, acme: Account, browser: Browser) -> None:
    client = browser(staff)
    assert client.get("/a/acme/").status_code == 404
    client.post(_address(Membership, "add"), {"account": acme.pk, "user": staff.pk, "role": Role.VIEWER})
    assert client.get("/a/acme/").status_code == 200
    entry = AuditEntry.objects.get(account=acme)
    assert (entry.actor, entry.verb) == ("staff@example.com", "staff.made")
    membership = Membership.objects.get(user=staff)
    client.post(_address(Membership, "delete", membership.pk), {"post": "yes"})
    assert client.get("/a/acme/").status_code == 404
    assert AuditEntry.objects.filter(account=acme, verb="staff.deleted").exists()


def test_staff_makes_a_person_who_can_sign_in(staff: User, browser: Browser, client: Client) -> None:
    password = "a long enough passphrase"
    form = {"email": "New@Example.com", "name": "New", "password1": password, "password2": password}
    answer = browser(staff).post(_address(User, "add"), form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert client.post("/sign-in/", {"email": "new@example.com", "password": password})["Location"] == "/"


def test_time_zone_that_nobody_knows_is_refused(staff: User, acme: Account, browser: Browser) -> None:
    client, address = browser(staff), _address(Account, "change", acme.pk)
    form = {"name": "Acme", "slug": "acme", "organization": acme.organization_id, "retention_days": ""}
    refused = client.post(address, {**form, "time_zone": "Mars/Olympus"})
    assert "Enter a time zone" in refused.content.decode()
    assert client.post(address, {**form, "time_zone": "Europe/Berlin"}).status_code == 302
    acme.refresh_from_db()
    assert acme.time_zone == "Europe/Berlin"
    assert "time_zone" in AuditEntry.objects.get(account=acme).words


def test_every_tenants_table_shows_its_account() -> None:
    for model in OURS:
        if issubclass(model, AccountOwned):
            assert "account" in admin.site.get_model_admin(model).list_display, model


def test_membership_of_others_is_not_touched(staff: User, alice: User, browser: Browser) -> None:
    MembershipFactory.create(user=alice)
    assert alice.memberships.count() == 2
    assert browser(staff).get(_address(Membership, "changelist")).context["cl"].result_count == 2
