"""Setting up: choosing what to connect, and the guide that leads through it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cartrover.accounts.models import Account, User
from connectors import registry
from connectors.contract import HoldReason, Side
from connectors.models import Connection, ConnectionState
from connectors.oauth_views import redirect_uri
from connectors.readers import secrets_of
from orders.models import DocumentState, InboundDocument, OutboundDocument, Product, ProductAlias
from tests.connectors.app.conftest import added_kinds
from tests.factories import ConnectionFactory, OrderFactory, SecretFactory

__all__ = ["added_kinds"]

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
PASTED = "Here is your login.\n\nFTP Password: hG7!x_q#2\nFTP Server: sftp.dsco.io\nFTP Username: account1000061639\n"
JOBS, CREDENTIALS, LAST = 4, 2, 7
"""Steps of DSCO's guide."""


@pytest.fixture
def owner(alice: User, browser: Browser) -> Client:
    return browser(alice)


@pytest.fixture
def cart(acme: Account) -> Connection:
    """A DSCO cart that was begun a moment ago."""
    return ConnectionFactory.create(account=acme, name="Shop", settings={}, state=ConnectionState.NEW, live=False)


def address(connection: Connection, step: int | None = None) -> str:
    return f"/a/{connection.account.slug}/connections/{connection.public_id}/setup/" + (f"?step={step}" if step else "")


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


# --- choosing ----------------------------------------------------------------------------------------------------------------


def test_every_installed_kind_can_be_chosen_the_wms_first(owner: Client, acme: Account) -> None:
    text = text_of(owner.get("/a/acme/connections/new/"))
    assert text.index("Step 1: Connect your WMS") < text.index("Step 2: Connect your cart")
    for spec in registry.all_specs():
        place = text.index(f"Connect {spec.name}")
        assert (place > text.index("Step 2")) == (spec.side is Side.CART)


def test_copied_kind_can_be_set_up_by_itself(owner: Client, acme: Account, added_kinds: Any, tmp_path: Path) -> None:
    template = Path(settings.ROOT) / "connectors" / "_template"
    shutil.copytree(template, tmp_path / "kinds" / "corner_shop", ignore=shutil.ignore_patterns("__pycache__"))
    added_kinds(tmp_path / "kinds")
    assert 'value="corner_shop"' in owner.get("/a/acme/connections/new/").content.decode()
    answer = owner.post("/a/acme/connections/new/", {"kind": "corner_shop", "name": "Corner"}, follow=True)
    assert answer.status_code == 200
    made = Connection.objects.for_account(acme).get()
    for step in (1, 2, 3):
        assert owner.get(address(made, step)).status_code == 200
    assert owner.post(address(made, 1), {"set-shop": "0042"})["Location"] == address(made, 2)
    made.refresh_from_db()
    assert made.settings == {"shop": "0042"}


def test_chosen_connection_is_begun_switched_off_and_kept(owner: Client, acme: Account) -> None:
    answer = owner.post("/a/acme/connections/new/", {"kind": "dsco", "name": "Shop"})
    made = Connection.objects.for_account(acme).get()
    assert answer["Location"] == address(made)
    assert (made.state, made.live) == (ConnectionState.NEW, False)
    assert set(made.services.values_list("every", flat=True)) == {""}
    text = text_of(owner.get("/a/acme/connections/new/"))
    assert "Shop go on with its set-up" in text
    assert "Go on with the set-up guide" in text_of(owner.get(f"/a/acme/connections/{made.public_id}/"))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"kind": "dsco", "name": "Taken"}, "is there already"),
        ({"kind": "dsco", "name": "  "}, "Give the connection a name"),
        ({"kind": "unheard_of", "name": "New"}, "has no connector"),
    ],
)
def test_what_can_not_be_begun_says_why(form: dict[str, str], words: str, owner: Client, acme: Account) -> None:
    ConnectionFactory.create(account=acme, name="Taken")
    answer = owner.post("/a/acme/connections/new/", form)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert Connection.objects.for_account(acme).count() == 1


def test_free_name_is_proposed(owner: Client, acme: Account) -> None:
    for name in ("DSCO", "DSCO 2"):
        ConnectionFactory.create(account=acme, name=name)
    assert 'value="DSCO 3"' in owner.get("/a/acme/connections/new/").content.decode()


# --- steps -------------------------------------------------------------------------------------------------------------------


def test_guide_opens_at_the_first_step_that_lacks_something(owner: Client, cart: Connection) -> None:
    assert "2. Copy the FTP credentials" in text_of(owner.get(address(cart)))
    SecretFactory.create(connection=cart)
    Connection.objects.for_account(cart.account).update(settings={"ftp_username": "merchant"})
    assert "1. Switch other integrations off first" in text_of(owner.get(address(cart)))


@pytest.mark.parametrize("step", ["0", "99", "x", "-1", "1e9", "²"])
def test_step_that_is_none_opens_one_that_is(step: str, owner: Client, cart: Connection) -> None:
    assert owner.get(f"{address(cart)}?step={step}").status_code == 200


def test_step_shows_just_its_own_fields_and_leads_on(owner: Client, cart: Connection) -> None:
    html = owner.get(address(cart, 3)).content.decode()
    assert set(re.findall(r'name="set-([a-z_]+)"', html)) == {"order_folder", "upload_folder"}
    assert owner.post(address(cart, 3), {"set-order_folder": "orders/new"})["Location"] == address(cart, JOBS)
    cart.refresh_from_db()
    assert cart.settings == {"order_folder": "orders/new"}
    assert owner.post(address(cart, LAST), {})["Location"] == f"/a/acme/connections/{cart.public_id}/go-live/"


def test_refused_step_keeps_what_was_typed(owner: Client, cart: Connection) -> None:
    answer = owner.post(address(cart, CREDENTIALS), {"set-port": "many", "set-ftp_username": "jo", "set-ftp_password": "psst"})
    assert answer.status_code == 422
    assert "Port must be a whole number" in text_of(answer)
    assert 'value="jo"' in answer.content.decode()
    assert "psst" not in answer.content.decode()
    cart.refresh_from_db()
    assert cart.settings == {}


def test_pasted_text_fills_all_three_fields_and_shows_no_password(owner: Client, cart: Connection) -> None:
    answer = owner.post(
        address(cart, CREDENTIALS), {"pasted": PASTED, "do": "read", "set-ftp_server": "sftp.dsco.io"}, follow=True
    )
    assert answer.redirect_chain == [(address(cart, CREDENTIALS), 302)]
    assert "FTP server sftp.dsco.io, FTP username account1000061639, FTP password (9 characters, kept sealed)" in said(answer)
    html = answer.content.decode()
    assert 'value="account1000061639"' in html
    assert "hG7!x_q#2" not in html
    cart.refresh_from_db()
    assert cart.settings["ftp_username"] == "account1000061639"
    assert secrets_of(cart) == {"ftp_password": "hG7!x_q#2"}


@pytest.mark.parametrize(("pasted", "words"), [("call me back", "names none of these fields"), ("", "Nothing was pasted")])
def test_text_that_names_nothing_says_so(pasted: str, words: str, owner: Client, cart: Connection) -> None:
    answer = owner.post(address(cart, CREDENTIALS), {"pasted": pasted, "do": "read"})
    assert answer.status_code == 422
    assert words in text_of(answer)


def test_test_of_a_step_saves_and_shows_each_step_found(owner: Client, cart: Connection) -> None:
    form = {"set-ftp_server": "127.0.0.1", "set-port": "9", "set-ftp_username": "jo", "set-ftp_password": "x", "do": "test"}
    answer = owner.post(address(cart, CREDENTIALS), form, follow=True)
    assert answer.redirect_chain == [(f"{address(cart, CREDENTIALS)}#test", 302)]
    assert "Address failed:" in text_of(answer)


def test_access_is_granted_at_the_step_of_its_client(owner: Client, acme: Account) -> None:
    wms = ConnectionFactory.create(account=acme, wms=True, state=ConnectionState.NEW)
    html = owner.get(address(wms, 2)).content.decode()
    assert redirect_uri() in html
    assert "Grant API access" in html
    answer = owner.post(address(wms, 2), {"set-client_id": "app-7", "do": "grant"})
    assert answer["Location"] == f"/a/acme/connections/{wms.public_id}/grant/"
    assert 'value="grant"' not in owner.get(address(wms, 1)).content.decode()


def test_outgoing_addresses_stand_where_a_server_is_entered(owner: Client, cart: Connection, settings: Any) -> None:
    settings.OUTGOING_ADDRESSES = ["192.0.2.7", "192.0.2.8"]
    assert "Allow these: 192.0.2.7 , 192.0.2.8" in text_of(owner.get(address(cart, CREDENTIALS)))
    assert "192.0.2.7" not in text_of(owner.get(address(cart, 1)))


# --- jobs --------------------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_value_by_value_for_these_settings(owner: Client, cart: Connection) -> None:
    Connection.objects.for_account(cart.account).update(settings={"upload_folder": "to-dsco", "delimiter": "pipe"})
    html = owner.get(address(cart, JOBS)).content.decode()
    values = re.findall(r'readonly data-copy value="([^"]*)"', html)
    assert len(values) == 5 * 7
    assert {"/to-dsco", "/out", "Shipment_*.psv", "Purchase_Order_{$ymdt}.csv", "Order Export"} <= set(values)
    assert text_of(owner.get(address(cart, JOBS))).count("not seen yet") == 5
    assert "data-copy" not in owner.get(address(cart, 1)).content.decode()


def test_job_ticks_itself_when_its_first_file_is_seen_or_taken(owner: Client, cart: Connection) -> None:
    now = timezone.now()
    came = {"name": "Purchase_Order_1.csv", "size": 1, "modified_at": now, "seen_at": now - timedelta(minutes=2)}
    InboundDocument.objects.create(account=cart.account, connection=cart, **came)
    went = {"shipments": DocumentState.TAKEN, "invoices": DocumentState.SENT, "stock": DocumentState.READY}
    for purpose, state in went.items():
        taken_at = now - timedelta(minutes=4) if state == DocumentState.TAKEN else None
        told = {"purpose": purpose, "state": state, "sent_at": now - timedelta(minutes=5), "taken_at": taken_at}
        OutboundDocument.objects.create(account=cart.account, connection=cart, name=f"{purpose}.csv", size=1, **told)
    polled = owner.get(f"/a/acme/connections/{cart.public_id}/setup/jobs/")
    for text in (text_of(owner.get(address(cart, JOBS))), text_of(polled)):
        assert "✓ seen 2 min ago : Purchase_Order_1.csv" in text
        assert "✓ taken 4 min ago : shipments.csv" in text
        assert "put there 5 min ago , not taken yet: invoices.csv" in text
        assert text.count("not seen yet") == 2
    assert polled.content.decode().count('hx-swap-oob="true"') == 5


# --- the merchant's own data -------------------------------------------------------------------------------------------------


def test_order_numbers_are_previewed_as_the_wms_will_get_them(owner: Client, cart: Connection, acme: Account) -> None:
    ConnectionFactory.create(account=acme, wms=True, settings={"cust_ref_length": 10, "cust_ref_characters": "letters_digits"})
    OrderFactory.create(account=acme, source=cart, cust_po_no="PO-77")
    text = text_of(owner.get(address(cart, LAST)))
    assert re.search(r"PO-77 becomes PO77[0-9A-Z]{4}", text)
    assert "at most 10 letters and digits" in text
    assert re.search(r"2026/11/A-9 becomes \w{10} \.", text_of(owner.get(address(cart, LAST) + "&number=2026/11/A-9")))
    assert "ABC stays as it is" in text_of(owner.get(address(cart, LAST) + "&number=ABC"))


def test_skus_that_the_wms_lacks_are_named(owner: Client, cart: Connection, acme: Account) -> None:
    ConnectionFactory.create(account=acme, wms=True, name="Books")
    OrderFactory.create(account=acme, source=cart, lines=[{"item": sku} for sku in ("CAP-1", "CAP-2", "CAP-3")])
    assert "The products of Books aren't read yet." in text_of(owner.get(address(cart, LAST)))
    for sku in ("CAP-1", "CAP-002"):
        Product.objects.create(account=acme, sku=sku)
    assert "2 of the 3 SKUs of your last orders are not in Books: CAP-2, CAP-3." in text_of(owner.get(address(cart, LAST)))
    ProductAlias.objects.create(account=acme, cart_sku="CAP-2", wms_sku="CAP-002")
    assert "1 of the 3 SKUs of your last orders is not in Books: CAP-3." in text_of(owner.get(address(cart, LAST)))
    Product.objects.create(account=acme, sku="CAP-3")
    assert "All 3 SKUs of your last orders are in Books." in text_of(owner.get(address(cart, LAST)))


def test_what_waits_is_told_before_going_live(owner: Client, cart: Connection, acme: Account) -> None:
    assert "No orders wait." in text_of(owner.get(address(cart, LAST)))
    OrderFactory.create(account=acme, source=cart, order_date=date(2026, 11, 18), hold=HoldReason.NOT_LIVE)
    text = text_of(owner.get(address(cart, LAST)))
    assert "1 order waits, of 18 Nov 2026. No earliest order date is set" in text
    owner.post(address(cart, LAST), {"set-earliest_order_date": "2026-11-20"})
    assert "1 of them is older than your earliest order date, 20 Nov 2026, and stays out." in text_of(
        owner.get(address(cart, LAST))
    )


def test_guide_asks_the_database_as_often_for_much_as_for_little(owner: Client, cart: Connection, acme: Account) -> None:
    ConnectionFactory.create(account=acme, wms=True)

    def queries(step: int) -> int:
        with CaptureQueriesContext(database) as asked:
            assert owner.get(address(cart, step)).status_code == 200
        return len(asked)

    OrderFactory.create(account=acme, source=cart)
    few = [queries(step) for step in (CREDENTIALS, JOBS, LAST)]
    OrderFactory.create_batch(9, account=acme, source=cart, lines=3)
    Product.objects.create(account=acme, sku="CAP-X")
    assert [queries(step) for step in (CREDENTIALS, JOBS)] == few[:2]
    assert queries(LAST) <= few[2] + 1
    assert max(few) < 25


@pytest.mark.parametrize("part", ["new/", "{id}/setup/", "{id}/setup/jobs/"])
def test_only_owners_set_up(part: str, bob: User, charlie: User, alice: User, cart: Connection, browser: Browser) -> None:
    path = f"/a/acme/connections/{part.format(id=cart.public_id)}"
    assert browser(None).get(path).status_code == 302
    assert browser(charlie).get(path).status_code == 404
    assert browser(bob).get(path).status_code == 403
    assert browser(bob).post(path).status_code in (403, 405)
    assert browser(alice).get(path).status_code == 200
    if "{id}" in part:
        assert browser(charlie).get(path.replace("/acme/", "/globex/")).status_code == 404
