"""The pages of carts and WMS: what they show, what they never show, and what their buttons do."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cartrover.accounts.models import Account, AuditEntry, User
from connectors.contract import HoldReason
from connectors.host_keys import HostKey
from connectors.models import Connection, ConnectionState, Outcome, Service, ServiceName, ServiceRun
from connectors.readers import HOST_KEY, HOST_KEY_SHOWN, pinned_host_key, secret_names_of, secrets_of
from orders import dispatcher
from orders.models import InboundBody, InboundDocument, InboundState, Order, OutboundDocument
from orders.states import OrderState
from tests.factories import AlertFactory, ConnectionFactory, OrderFactory, SecretFactory, ServiceFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
OLD_KEY, NEW_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB=="
PASSWORD = "hunter2-is-sealed"


@pytest.fixture
def cart(acme: Account) -> Connection:
    """A cart that can't be reached: nothing listens on its port."""
    settings = {"ftp_server": "127.0.0.1", "ftp_username": "merchant", "port": 9}
    row = ConnectionFactory.create(account=acme, name="Shop", settings=settings)
    SecretFactory.create(connection=row, text=PASSWORD)
    for name in (ServiceName.ORDER_DOWNLOAD, ServiceName.SHIPMENT_UPLOAD):
        ServiceFactory.create(connection=row, name=name)
    return row


@pytest.fixture
def owner(alice: User, browser: Browser) -> Client:
    return browser(alice)


def address(connection: Connection, part: str = "") -> str:
    return f"/a/{connection.account.slug}/connections/{connection.public_id}/{part}"


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


# --- looking -----------------------------------------------------------------------------------------------------------------


def test_list_says_how_each_connection_stands(owner: Client, cart: Connection, acme: Account, globex: Account) -> None:
    words = "DSCO refused the password."
    ConnectionFactory.create(account=acme, wms=True, name="Books", state=ConnectionState.BROKEN, broken_words=words)
    ConnectionFactory.create(account=acme, name="Former", state=ConnectionState.DISCONNECTED)
    ConnectionFactory.create(account=globex, name="Somebody else's")
    text = text_of(owner.get("/a/acme/connections/"))
    assert text.index("Shop") < text.index("Books") < text.index("Former")
    assert words in text
    assert "Somebody else" not in text


def test_empty_list_says_what_fills_it(owner: Client, acme: Account) -> None:
    assert "Nothing is connected yet." in text_of(owner.get("/a/acme/connections/"))


def test_page_shows_services_runs_and_schedules(owner: Client, cart: Connection) -> None:
    service = cart.services.get(name=ServiceName.ORDER_DOWNLOAD)
    now = timezone.now()
    ServiceRun.objects.create(
        account=cart.account,
        service=service,
        started_at=now - timedelta(minutes=3),
        finished_at=now - timedelta(minutes=2, seconds=58),
        outcome=Outcome.PROBLEMS,
        counts={"orders": 1, "files": 12, "known": 0},
        words="One file could not be fetched.",
    )
    text = text_of(owner.get(address(cart)))
    assert "Order download Done with problems 3 min ago , 2 s 1 order · 12 files One file could not be fetched." in text
    for schedule in ("every 5 minutes", "every 30 minutes", "every 12 hours", "daily at 23:00", "off"):
        assert schedule in text


def test_viewer_sees_no_button_that_is_not_his(vera: User, bob: User, cart: Connection, browser: Browser) -> None:
    watched, worked = (browser(who).get(address(cart)).content.decode() for who in (vera, bob))
    assert "<form" not in watched[watched.index("<main") :]
    assert "Run now" in worked
    assert "Disconnect" not in worked


def test_pages_ask_the_database_as_often_for_much_as_for_little(owner: Client, cart: Connection) -> None:
    def queries(part: str) -> int:
        with CaptureQueriesContext(database) as asked:
            assert owner.get(part).status_code == 200
        return len(asked)

    parts = [address(cart, part) for part in ("", "settings/", "files/", "files/?way=out", "runs/")]
    parts.append("/a/acme/connections/")
    grow(cart, 1)
    few = [queries(part) for part in parts]
    grow(cart, 5)
    ConnectionFactory.create_batch(4, account=cart.account)
    assert [queries(part) for part in parts] == few
    assert max(few) < 20


def grow(cart: Connection, number: int) -> None:
    for _ in range(number):
        for service in cart.services.all():
            ServiceRun.objects.create(account=cart.account, service=service, outcome=Outcome.DONE)
        inbound(cart, f"Purchase_Order_{Order.objects.for_account(cart.account).count()}.csv", b"po_number\n1\n")
        outbound(cart, f"Shipment_{Order.objects.for_account(cart.account).count()}.csv", b"x")
        OrderFactory.create(account=cart.account, source=cart)


def test_runs_and_files_go_on_page_by_page(owner: Client, cart: Connection) -> None:
    service = cart.services.first()
    moment = timezone.now()
    for number in range(51):
        ServiceRun.objects.create(
            account=cart.account, service=service, started_at=moment - timedelta(seconds=number), words=f"Run {number}."
        )
    first = owner.get(address(cart, "runs/"))
    assert "Run 49." in text_of(first)
    assert "Run 50." not in text_of(first)
    [link] = re.findall(r'rel="next" href="([^"]+)"', first.content.decode())
    assert "Run 50." in text_of(owner.get(address(cart, "runs/") + link))


# --- settings ----------------------------------------------------------------------------------------------------------------


def form_of(answer: Any) -> dict[str, str]:
    """What a browser would send back of the settings form, untouched."""
    html = answer.content.decode()
    sent = dict(re.findall(r'<input type="(?:text|date|url)" id="[^"]+" name="(set-[^"]+)" value="([^"]*)"', html))
    for name, options in re.findall(r'<select id="[^"]+" name="(set-[^"]+)"(.*?)</select>', html, re.S):
        chosen = re.findall(r'value="([^"]*)" selected', options) or re.findall(r'value="([^"]*)"', options)
        sent[name] = chosen[0]
    for name, ticked in re.findall(r'type="checkbox" id="[^"]+" name="(set-[^"]+)" value="yes"( checked)?', html):
        sent[name] = "yes" if ticked else "no"
    return sent


def test_form_that_is_sent_back_untouched_changes_nothing(owner: Client, cart: Connection) -> None:
    before = dict(cart.settings)
    sent = form_of(owner.get(address(cart, "settings/")))
    assert {"set-ftp_server", "set-minimum_stock", "set-hold_incomplete", "set-upload_mode"} <= set(sent)
    assert "Saved." in said(owner.post(address(cart, "settings/"), {**sent, "set-ftp_password": ""}, follow=True))
    cart.refresh_from_db()
    assert cart.settings == before
    assert secrets_of(cart) == {"ftp_password": PASSWORD}
    assert not AuditEntry.objects.filter(account=cart.account).exists()


def test_what_was_changed_is_saved_and_nothing_else(owner: Client, cart: Connection) -> None:
    sent = form_of(owner.get(address(cart, "settings/")))
    sent |= {"set-minimum_stock": "5", "set-hold_incomplete": "no", "set-ftp_password": "another one"}
    owner.post(address(cart, "settings/"), sent)
    cart.refresh_from_db()
    assert cart.settings == {
        "ftp_server": "127.0.0.1",
        "ftp_username": "merchant",
        "port": 9,
        "minimum_stock": 5,
        "hold_incomplete": False,
    }
    assert secrets_of(cart) == {"ftp_password": "another one"}
    entry = AuditEntry.objects.get(account=cart.account)
    assert entry.actor == "alice@example.com"
    assert "another one" not in entry.words


def test_secrets_are_shown_nowhere(owner: Client, cart: Connection) -> None:
    for part in ("", "settings/", "files/", "runs/"):
        assert PASSWORD not in owner.get(address(cart, part)).content.decode()
    refused = owner.post(address(cart, "settings/"), {"set-minimum_stock": "many", "set-ftp_password": "typed just now"})
    assert "typed just now" not in refused.content.decode()


def test_refused_form_keeps_what_was_typed_and_says_what_to_enter(owner: Client, cart: Connection) -> None:
    sent = form_of(owner.get(address(cart, "settings/"))) | {"set-minimum_stock": "many", "set-order_folder": "orders/new"}
    answer = owner.post(address(cart, "settings/"), sent)
    assert answer.status_code == 422
    assert "Minimum stock must be a whole number" in text_of(answer)
    assert 'value="orders/new"' in answer.content.decode()
    cart.refresh_from_db()
    assert "order_folder" not in cart.settings


def test_advanced_field_with_a_problem_is_unfolded(owner: Client, cart: Connection) -> None:
    sent = form_of(owner.get(address(cart, "settings/"))) | {"set-stock_drop_guard_percent": "900"}
    html = owner.post(address(cart, "settings/"), sent).content.decode()
    assert html.count("<details open>") == 1


def test_pasted_address_fills_the_port(owner: Client, cart: Connection) -> None:
    sent = form_of(owner.get(address(cart, "settings/"))) | {"set-ftp_server": "sftp://shop.example.com:2222/out"}
    owner.post(address(cart, "settings/"), sent)
    cart.refresh_from_db()
    assert (cart.settings["ftp_server"], cart.settings["port"]) == ("shop.example.com", 2222)


def test_optional_secret_can_be_removed(owner: Client, acme: Account) -> None:
    wms = ConnectionFactory.create(account=acme, wms=True)
    SecretFactory.create(connection=wms, name="access_token", text="a-token")
    assert "Remove the stored privileged access token" in text_of(owner.get(address(wms, "settings/")))
    owner.post(address(wms, "secrets/access_token/remove/"))
    assert secret_names_of(wms) == frozenset()


# --- testing and host keys ---------------------------------------------------------------------------------------------------


def test_failed_test_shows_its_step_and_stays_until_something_else_tests(owner: Client, cart: Connection) -> None:
    answer = owner.post(address(cart, "test/"), follow=True)
    assert answer.redirect_chain == [(address(cart) + "#test", 302)]
    text = text_of(answer)
    assert "Address failed:" in text
    assert "127.0.0.1" in text
    cart.refresh_from_db()
    assert cart.state == ConnectionState.BROKEN
    Connection.objects.for_account(cart.account).update(checked_at=timezone.now() + timedelta(seconds=1))
    assert "Address failed:" not in text_of(owner.get(address(cart)))


def test_changed_host_key_is_shown_beside_the_kept_one_and_accepted_knowingly(owner: Client, cart: Connection) -> None:
    SecretFactory.create(connection=cart, name=HOST_KEY, text=OLD_KEY)
    SecretFactory.create(connection=cart, name=HOST_KEY_SHOWN, text=NEW_KEY)
    page = owner.get(address(cart)).content.decode()
    assert HostKey(OLD_KEY).fingerprint in page
    assert HostKey(NEW_KEY).fingerprint in page
    assert "has shown another key meanwhile" in said(owner.post(address(cart, "host-key/"), {"shown": OLD_KEY}, follow=True))
    assert pinned_host_key(cart) == OLD_KEY
    owner.post(address(cart, "host-key/"), {"shown": NEW_KEY})
    assert pinned_host_key(cart) == NEW_KEY


def test_buttons_lead_back_to_pages_of_the_account_alone(owner: Client, cart: Connection) -> None:
    wanted = address(cart, "runs/")
    assert owner.post(address(cart, "pause/"), {"back": wanted})["Location"] == wanted
    for elsewhere in ("https://example.com/", "//example.com/a/acme/", "/a/globex/", "javascript:alert(1)"):
        assert owner.post(address(cart, "pause/"), {"back": elsewhere})["Location"] == address(cart)


# --- services ----------------------------------------------------------------------------------------------------------------


def test_schedules_that_were_changed_are_set(owner: Client, cart: Connection) -> None:
    chosen = {"every-order_download": "daily@06", "every-shipment_upload": "5"}
    assert "saved" in said(owner.post(address(cart, "services/"), chosen, follow=True))
    kept = dict(Service.objects.for_account(cart.account).filter(connection=cart).values_list("name", "every"))
    assert (kept["order_download"], kept["shipment_upload"]) == ("daily@06", "5")
    assert AuditEntry.objects.get(account=cart.account).words == "Set: order_download daily@06."
    assert "can't be automatic" in said(
        owner.post(address(cart, "services/"), {"every-order_download": "automatic"}, follow=True)
    )


def test_service_nobody_has_set_keeps_waiting_for_the_connection_to_go_live(owner: Client, cart: Connection) -> None:
    Service.objects.for_account(cart.account).update(every="")
    assert "off until you go live, then every 5 minutes" in text_of(owner.get(address(cart)))
    owner.post(address(cart, "services/"), {"every-order_download": "", "every-shipment_upload": ""})
    assert set(Service.objects.for_account(cart.account).values_list("every", flat=True)) == {""}


@pytest.mark.parametrize("every", ["5", "off", ""])
def test_operator_runs_a_service_now_whatever_its_schedule(every: str, bob: User, cart: Connection, browser: Browser) -> None:
    rows = Service.objects.for_account(cart.account).filter(name=ServiceName.ORDER_DOWNLOAD)
    rows.update(every=every, due_at=None)
    client = browser(bob)
    assert "Order download runs as soon as" in said(client.post(address(cart, "services/order_download/run/"), follow=True))
    assert "in a moment" in text_of(client.get(address(cart)))
    finished = list(dispatcher.run_due(5))
    assert [one.service.name for one in finished] == [ServiceName.ORDER_DOWNLOAD]
    if every != "5":
        assert rows.get().due_at is None


def test_page_keeps_itself_up_to_date_only_while_something_runs(owner: Client, cart: Connection) -> None:
    Service.objects.for_account(cart.account).update(due_at=None)
    assert "hx-get" not in owner.get(address(cart)).content.decode()
    Service.objects.for_account(cart.account).update(due_at=timezone.now())
    assert f'hx-get="{address(cart, "services/now/")}"' in owner.get(address(cart)).content.decode()
    assert 'id="running"' in owner.get(address(cart, "services/now/")).content.decode()


def test_paused_connection_says_why_nothing_runs(owner: Client, cart: Connection) -> None:
    owner.post(address(cart, "pause/"))
    assert "Resume it first" in said(owner.post(address(cart, "services/order_download/run/"), follow=True))
    assert "goes on where it stood" in said(owner.post(address(cart, "resume/"), follow=True))


# --- name and destination ----------------------------------------------------------------------------------------------------


def test_renamed_connection_keeps_its_alerts(owner: Client, cart: Connection, acme: Account) -> None:
    ConnectionFactory.create(account=acme, name="Taken")
    alert = AlertFactory.create(account=acme, connection=cart, cause="internal", subject="Shop order_download")
    assert "is the name of another connection" in said(owner.post(address(cart, "name/"), {"name": "Taken"}, follow=True))
    assert "is called “Corner shop”" in said(owner.post(address(cart, "name/"), {"name": " Corner  shop "}, follow=True))
    cart.refresh_from_db()
    alert.refresh_from_db()
    assert (cart.name, alert.subject) == ("Corner shop", "Corner shop order_download")
    assert AuditEntry.objects.get(account=acme, verb="connection.renamed").words == "Was: Shop."


def test_wms_is_chosen_where_there_are_several_and_what_had_nowhere_to_go_goes_on(
    owner: Client, cart: Connection, acme: Account, globex: Account
) -> None:
    one = ConnectionFactory.create(account=acme, wms=True)
    assert "WMS that its orders go to" not in text_of(owner.get(address(cart, "settings/")))
    other = ConnectionFactory.create(account=acme, wms=True)
    order = OrderFactory.create(account=acme, source=cart, hold=HoldReason.NO_ROUTE)
    assert "WMS that its orders go to" in text_of(owner.get(address(cart, "settings/")))
    foreign = ConnectionFactory.create(account=globex, wms=True)
    assert owner.post(address(cart, "destination/"), {"wms": str(foreign.public_id)}).status_code == 404
    assert "is no WMS" in said(owner.post(address(cart, "destination/"), {"wms": str(cart.public_id)}, follow=True))
    answer = owner.post(address(cart, "destination/"), {"wms": str(other.public_id)}, follow=True)
    assert "1 that had nowhere to go goes on." in said(answer)
    order.refresh_from_db()
    cart.refresh_from_db()
    assert (order.wms, order.hold, cart.destination) == (other, "", other)
    owner.post(address(cart, "destination/"), {"wms": ""})
    cart.refresh_from_db()
    assert cart.destination is None
    assert one.sources.count() == 0


# --- going live and ending ---------------------------------------------------------------------------------------------------


def test_going_live_says_beforehand_what_will_happen_and_does_just_that(owner: Client, cart: Connection, acme: Account) -> None:
    ConnectionFactory.create(account=acme, wms=True)
    Connection.objects.for_account(acme).filter(pk=cart.pk).update(
        live=False, settings={**cart.settings, "earliest_order_date": "2026-11-19"}
    )
    for day in (17, 18, 20, 21, 22):
        OrderFactory.create(account=acme, source=cart, order_date=date(2026, 11, day), hold=HoldReason.NOT_LIVE)
    text = text_of(owner.get(address(cart, "go-live/")))
    assert "5 orders wait, the oldest of 17 Nov 2026." in text
    assert "2 of them are older than your earliest order date, 19 Nov 2026, and stay out." in text
    assert "No test order has gone round yet" in said(owner.post(address(cart, "activate/"), follow=True))
    assert "3 waiting orders go out." in said(owner.post(address(cart, "activate/"), {"skip_test": "yes"}, follow=True))
    states = Order.objects.for_account(acme).filter(source=cart).values_list("state", flat=True)
    assert sorted(states).count(OrderState.CANCELED) == 2


def test_disconnecting_deletes_secrets_and_keeps_files(owner: Client, cart: Connection) -> None:
    document = inbound(cart, "Purchase_Order_1.csv", b"po_number\n1\n")
    assert "Yes, disconnect Shop" in text_of(owner.get(address(cart)))
    assert "is disconnected" in said(owner.post(address(cart, "disconnect/"), follow=True))
    assert secret_names_of(cart) == frozenset()
    assert owner.get(address(cart, f"files/in/{document.public_id}/")).status_code == 200
    assert "This connection was ended." in text_of(owner.get(address(cart)))


@pytest.mark.parametrize(
    "part",
    [
        "test/",
        "host-key/",
        "services/",
        "pause/",
        "resume/",
        "activate/",
        "test-mode/",
        "disconnect/",
        "go-live/test-order/",
        "secrets/ftp_password/remove/",
    ],
)
def test_only_owners_change_connections_and_only_by_post(
    part: str, bob: User, alice: User, charlie: User, cart: Connection, browser: Browser
) -> None:
    assert browser(None).post(address(cart, part)).status_code == 302
    assert browser(charlie).post(address(cart, part)).status_code == 404
    assert browser(charlie).post(f"/a/globex/connections/{cart.public_id}/{part}").status_code == 404
    assert browser(bob).post(address(cart, part)).status_code == 403
    assert browser(alice).get(address(cart, part)).status_code == 405
    cart.refresh_from_db()
    assert cart.state == ConnectionState.OK
    assert secret_names_of(cart) == {"ftp_password"}


# --- files -------------------------------------------------------------------------------------------------------------------


def inbound(cart: Connection, name: str, body: bytes, state: str = InboundState.READ) -> InboundDocument:
    document = InboundDocument.objects.create(
        account=cart.account, connection=cart, name=name, size=len(body), modified_at=timezone.now(), state=state
    )
    for seq, start in enumerate(range(0, len(body), 1000)):
        InboundBody.objects.create(
            account=cart.account, document=document, seq=seq, deflated=zlib.compress(body[start : start + 1000])
        )
    return document


def outbound(cart: Connection, name: str, body: bytes) -> OutboundDocument:
    return OutboundDocument.objects.create(
        account=cart.account,
        connection=cart,
        purpose="shipments",
        name=f"{name}-{timezone.now().timestamp()}",
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        deflated=zlib.compress(body),
        rows=1,
    )


def test_file_is_shown_without_secrets_and_given_as_it_came(owner: Client, cart: Connection) -> None:
    body = b"po_number,message\r\n1,the password: " + PASSWORD.encode() + b"\r\n" + b"2,x\r\n" * 900
    document = inbound(cart, "Purchase_Order_1.csv", body)
    page = owner.get(address(cart, f"files/in/{document.public_id}/"))
    assert "po_number,message" in text_of(page)
    assert "only its beginning" in text_of(page)
    assert PASSWORD not in page.content.decode()
    given = owner.get(address(cart, f"files/in/{document.public_id}/bytes/"))
    assert b"".join(given.streaming_content) == body
    assert given["Content-Disposition"] == 'attachment; filename="Purchase_Order_1.csv"'


def test_file_that_was_made_is_shown_and_given(owner: Client, cart: Connection) -> None:
    document = outbound(cart, "Shipment_1.csv", b"po_number,tracking\n1,1Z\n")
    assert "Shipment_1.csv" in text_of(owner.get(address(cart, "files/?way=out")))
    assert "1,1Z" in text_of(owner.get(address(cart, f"files/out/{document.public_id}/")))
    given = owner.get(address(cart, f"files/out/{document.public_id}/bytes/"))
    assert b"".join(given.streaming_content) == b"po_number,tracking\n1,1Z\n"


def test_compressed_file_is_opened_for_the_page_alone(owner: Client, cart: Connection) -> None:
    body = gzip.compress(b"po_number\nPO-77\n")
    document = inbound(cart, "Purchase_Order_1.csv.gz", body)
    assert "PO-77" in text_of(owner.get(address(cart, f"files/in/{document.public_id}/")))
    given = owner.get(address(cart, f"files/in/{document.public_id}/bytes/"))
    assert b"".join(given.streaming_content) == body


def test_markup_in_a_file_stays_text(owner: Client, cart: Connection) -> None:
    document = inbound(cart, "<img src=x>.csv", b"<script>alert(1)</script>")
    html = owner.get(address(cart, f"files/in/{document.public_id}/")).content.decode()
    assert "<script>alert" not in html
    assert "<img src=x>" not in html


def test_purged_file_says_so(owner: Client, cart: Connection) -> None:
    document = inbound(cart, "Purchase_Order_1.csv", b"po_number\n1\n")
    InboundBody.objects.for_account(cart.account).delete()
    page = owner.get(address(cart, f"files/in/{document.public_id}/"))
    assert "Its bytes aren't kept" in text_of(page)
    assert owner.get(address(cart, f"files/in/{document.public_id}/bytes/")).status_code == 404
    assert "past the account's retention" in said(
        owner.post(address(cart, f"files/in/{document.public_id}/again/"), follow=True)
    )


@pytest.mark.parametrize(
    ("state", "then"),
    [
        (InboundState.READ, InboundState.FETCHED),
        (InboundState.REFUSED, InboundState.FETCHED),
        (InboundState.GONE, InboundState.WANTED),
        (InboundState.WANTED, InboundState.WANTED),
        (InboundState.REPLACED, InboundState.REPLACED),
    ],
)
def test_operator_has_a_file_read_again(
    state: InboundState, then: InboundState, bob: User, cart: Connection, browser: Browser
) -> None:
    document = inbound(cart, "Purchase_Order_1.csv", b"po_number\n1\n", state)
    Service.objects.for_account(cart.account).update(due_at=None)
    answer = browser(bob).post(address(cart, f"files/in/{document.public_id}/again/"), follow=True)
    document.refresh_from_db()
    assert document.state == then
    due = Service.objects.for_account(cart.account).get(connection=cart, name=ServiceName.ORDER_DOWNLOAD).due_at
    assert (due is not None) == (state != then)
    assert ("read again" in said(answer)) == (state != then)


def test_viewer_reads_no_file_again_and_strangers_see_none(
    vera: User, charlie: User, cart: Connection, browser: Browser
) -> None:
    document = inbound(cart, "Purchase_Order_1.csv", b"x")
    part = f"files/in/{document.public_id}/"
    assert browser(vera).get(address(cart, part)).status_code == 200
    assert browser(vera).post(address(cart, f"{part}again/")).status_code == 403
    for address_of in (address(cart, part), address(cart, f"{part}bytes/")):
        assert browser(charlie).get(address_of).status_code == 404
        assert browser(charlie).get(address_of.replace("/acme/", "/globex/")).status_code == 404


def test_file_of_another_connection_is_unknown(owner: Client, cart: Connection, acme: Account) -> None:
    document = inbound(ConnectionFactory.create(account=acme), "Purchase_Order_1.csv", b"x")
    for way in ("in", "out", "sideways"):
        assert owner.get(address(cart, f"files/{way}/{document.public_id}/")).status_code == 404
