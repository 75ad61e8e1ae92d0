"""The staff console: every list and every row opens, history stays as it is, and no secret shows."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
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
    Pulse,
    RemoteFact,
    RequestBudget,
    RequestSlot,
    Service,
    ServiceDay,
    ServiceRun,
)
from orders import models as tables
from orders.notifications.channels import channel_add
from orders.programs.api_keys import key_make
from tests.factories import (
    AlertFactory,
    ConnectionFactory,
    MembershipFactory,
    OrderEventFactory,
    OrderFactory,
    SecretFactory,
    ServiceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
OURS = [model for model in apps.get_models() if model._meta.app_label in ("accounts", "connectors", "orders")]
BYTES = b"secret bytes"
SHA256 = hashlib.sha256(BYTES).hexdigest()
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
        **own, connection=cart, purpose="shipments", name="b.csv", size=12, sha256=SHA256, deflated=zlib.compress(BYTES)
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
    work = tables.Job.objects.create(**own, kind="orders", actor="alice")
    made: list[Model] = [
        *(acme, acme.organization, alice, alice.memberships.get(), cart, service, order, line, inbound, outbound, message),
        *(work, tables.JobPart.objects.create(**own, job=work, seq=0, rows=[])),
        tables.SavedView.objects.create(**own, user=alice, name="Held"),
        tables.ListColumns.objects.create(**own, user=alice),
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
        RequestSlot.objects.create(remote="api.example.com", number=0),
        ServiceDay.objects.create(**own, service=service, day=now.date()),
        Pulse.objects.create(name="clock"),
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
        tables.OrderedItem.objects.create(**own, cart=cart, item="CAP-9"),
        tables.ChannelStock.objects.create(**own, cart=cart, item="CAP-9", quantity=1, status="in-stock"),
        key_make(account=acme, name="Shop", level=tables.ApiLevel.MERCHANT, actor="alice")[0],
        tables.ApiRequest.objects.create(account=acme, method="GET", path="/v1/cart/list", status=200),
        channel,
        tables.Notification.objects.create(**own, channel=channel, alert=alert, event="opened"),
        asked := tables.SupportRequest.objects.create(**own, connection=cart, number=1, fee="none", created_by="alice"),
        tables.SupportNote.objects.create(**own, request=asked, who="alice", words="Please."),
    ]
    return {type(row): row for row in made}


def _address(row: Model | type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=args)


def test_every_table_of_ours_is_in_the_console_and_no_other(rows: dict[type[Model], Model]) -> None:
    """Other packages' pages show sessions, tokens and second factors."""
    assert set(OURS) == set(admin.site._registry) - {EmailAddress, Authenticator} == set(rows)


def test_every_list_and_row_opens_without_showing_a_secret(
    rows: dict[type[Model], Model], staff: User, browser: Browser
) -> None:
    client = browser(staff)
    assert client.get(reverse("admin:index")).status_code == 200
    secret, channel = rows[ConnectionSecret], rows[tables.NotificationChannel]
    sealed = [secret.sealed, channel.sealed_address, channel.sealed_secret]  # type: ignore[attr-defined]
    hidden = ["hunter2", "secret bytes", "handshake-state", "digest-of-a-link", rows[tables.ApiKey].digest]  # type: ignore[attr-defined]
    hidden += [bytes(text).decode()[:40] for text in sealed if text]
    hidden += [str(client.session.session_key), staff.password, rows[User].password]  # type: ignore[attr-defined]
    factor = Authenticator.objects.create(user=staff, type="totp", data={"secret": "totp-canary"})
    hidden.append("totp-canary")
    for model, row in {**rows, Authenticator: factor, EmailAddress: staff.emailaddress_set.get()}.items():
        for page, address in (("list", _address(model, "changelist")), ("row", _address(row, "change", row.pk))):
            answer = client.get(address)
            assert answer.status_code == 200, (model, page)
            html = answer.content.decode()
            assert not any(text in html for text in hidden), (model, page)
    assert secret.name in client.get(_address(secret, "changelist")).content.decode()  # type: ignore[attr-defined]


def test_only_the_console_has_the_wider_policy_and_nothing_is_loaded_from_elsewhere(
    staff: User, alice: User, browser: Browser
) -> None:
    answer = browser(staff).get(reverse("admin:index"))
    assert "script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'" in answer[HEADER]
    assert "http" not in answer[HEADER]
    sources = re.findall(r'(?:src|href)="([^"]+)"', answer.content.decode())
    assert sources
    assert not [source for source in sources if re.match(r"(?:https?:)?//", source)]
    for address in ("/a/acme/", "/", "/staff/", "/healthz"):
        assert "unsafe" not in browser(alice).get(address)[HEADER]


def test_lists_can_be_searched_and_filtered(rows: dict[type[Model], Model], staff: User, browser: Browser) -> None:
    client = browser(staff)
    for model in OURS:
        site = admin.site.get_model_admin(model)
        assert site.search_fields, model
        assert client.get(_address(model, "changelist"), {"q": "acme"}).status_code == 200, model
    found = client.get(_address(tables.Order, "changelist"), {"q": rows[tables.Order].cust_po_no})  # type: ignore[attr-defined]
    assert len(found.context["cl"].result_list) == 1
    for model, query in (
        (Service, "stuck=any"),
        (ServiceRun, "ended=badly"),
        (Connection, "needs=us"),
        (tables.OutboundMessage, "trouble=yes"),
        (tables.Order, "held=yes"),
    ):
        assert client.get(f"{_address(model, 'changelist')}?{query}").context["cl"].result_list == [], model
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


def test_lists_ask_the_database_as_often_for_much_as_for_little_and_never_count(
    rows: dict[type[Model], Model], staff: User, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = (tables.Order, tables.OutboundMessage, tables.OutboundAttempt, tables.InboundDocument, Connection)
    for model in big:
        monkeypatch.setattr(admin.site.get_model_admin(model), "list_per_page", 4)
    client, cart = browser(staff), rows[Connection]
    few = {model: _queries(client, model) for model in big}
    own = {"account": cart.account}  # type: ignore[attr-defined]
    for number in range(6):
        order = OrderFactory.create(**own, source=cart)
        message = tables.OutboundMessage.objects.create(**own, order=order, connection=order.source)
        tables.OutboundAttempt.objects.create(**own, message=message)
        other = ConnectionFactory.create(account=MembershipFactory.create().account)
        ServiceFactory.create(connection=other)
        tables.InboundDocument.objects.create(
            account=other.account, connection=other, name=f"{number}.csv", size=1, modified_at=timezone.now()
        )
    for model in big:
        asked = _queries(client, model)
        assert len(asked) == len(few[model]) <= 8, model
        assert not [query for query in asked if "COUNT(" in query], model
    second = client.get(_address(tables.Order, "changelist"), {"p": "2"}).context["cl"]
    assert (len(second.result_list), second.paginator.has_more) == (3, False)


def _queries(client: Client, model: type[Model]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(_address(model, "changelist")).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def test_who_may_open_what(rows: dict[type[Model], Model], alice: User, staff: User, browser: Browser) -> None:
    """Strangers sign in at the portal, merchants find nothing, our own people see what they have the permission for."""
    clerk = UserFactory.create(is_staff=True)
    with_one = UserFactory.create(is_staff=True)
    with_one.user_permissions.add(Permission.objects.get(codename="view_order"))
    orders, users = _address(tables.Order, "changelist"), _address(User, "changelist")
    act_as = reverse("admin:accounts_user_act_as", args=[alice.pk])
    file = _address(rows[tables.OutboundDocument], "bytes", rows[tables.OutboundDocument].pk)
    for person, expected in (
        (None, [302, 302, 302, 302, 302, 302]),
        (alice, [404, 404, 404, 404, 404, 404]),
        (clerk, [200, 200, 403, 403, 403, 403]),
        (with_one, [200, 200, 200, 403, 403, 403]),
        (staff, [200, 200, 200, 200, 200, 200]),
    ):
        client = browser(person)
        found = [client.get(at).status_code for at in (reverse("admin:index"), reverse("staff_health"), orders, users, act_as)]
        assert [*found, client.post(file).status_code] == expected, person
    released = browser(with_one).post(orders, {"action": "release", "_selected_action": [rows[tables.Order].pk], "sure": "yes"})
    assert released.status_code in (200, 302)
    assert not AuditEntry.objects.filter(verb="order.released").exists()
    assert "?next=/staff/" in browser(None).get(reverse("admin:index"))["Location"]


def test_downloading_bytes_is_written_down(rows: dict[type[Model], Model], staff: User, browser: Browser) -> None:
    document = rows[tables.OutboundDocument]
    client, address = browser(staff), _address(document, "bytes", document.pk)
    assert client.get(address).status_code == 405
    assert b"".join(client.post(address).streaming_content) == BYTES  # type: ignore[attr-defined]
    entry = AuditEntry.objects.get(verb="file.downloaded_by_staff")
    assert (entry.actor, entry.subject) == ("staff@example.com", "file b.csv")


def test_many_are_mended_at_once_each_with_an_entry(rows: dict[type[Model], Model], staff: User, browser: Browser) -> None:
    client, order, alert = browser(staff), rows[tables.Order], rows[tables.Alert]
    tables.Order.objects.for_account(order.account_id).update(hold="by_person")  # type: ignore[attr-defined]

    def act(row: Model, name: str, **more: str) -> Any:
        form = {"action": name, "_selected_action": [row.pk], **more}
        return client.post(_address(row, "changelist"), form)

    assert "Release these orders?" in act(order, "release").content.decode()
    order.refresh_from_db()
    assert order.hold == "by_person"  # type: ignore[attr-defined]
    for row, name in ((order, "release"), (alert, "resolve"), (rows[Service], "run_now"), (rows[ServiceRun], "run_again")):
        assert act(row, name, sure="yes").status_code == 302
    order.refresh_from_db()
    alert.refresh_from_db()
    assert (order.hold, alert.state) == ("", "resolved")  # type: ignore[attr-defined]
    message = tables.OutboundMessage.objects.for_account(order.account_id).get()  # type: ignore[attr-defined]
    tables.OutboundMessage.objects.for_account(order.account_id).update(  # type: ignore[attr-defined]
        due_at=timezone.now() + timedelta(hours=3)
    )
    assert act(message, "send_now", sure="yes").status_code == 302
    message.refresh_from_db()
    assert message.due_at <= timezone.now()
    entries = AuditEntry.objects.filter(actor="staff@example.com").values_list("verb", flat=True)
    assert sorted(entries) == ["alert.resolved", "message.send_now", "order.released", "service.run_now", "service.run_now"]


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
    form |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
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
    assert len(browser(staff).get(_address(Membership, "changelist")).context["cl"].result_list) == 2
