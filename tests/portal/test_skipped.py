"""Orders that stayed out: why, from where, and how one comes in after all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cartrover.accounts.models import Account, User
from connectors.contract import LineDraft, OrderDraft
from connectors.models import Connection
from orders.acts.jobs import run_job
from orders.listings.paging import PAGE
from orders.listings.skipped import skipped_page
from orders.models import InboundDocument, Job, Order, SkippedOrder
from tests.factories import AlertFactory, ConnectionFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


@pytest.fixture
def cart(acme: Account) -> Connection:
    return ConnectionFactory.create(account=acme, name="DSCO")


def _skipped(cart: Connection, external_id: str, **fields: Any) -> SkippedOrder:
    return SkippedOrder.objects.create(
        account=cart.account,
        connection=cart,
        external_id=external_id,
        cust_po_no=f"PO-{external_id}",
        **{"reason": "too_old", "words": "Placed long ago.", **fields},
    )


def _draft(external_id: str) -> Any:
    line = LineDraft(line_id="1", item="CAP-9", quantity=2, row=14)
    return msgspec.to_builtins(
        OrderDraft(external_id=external_id, cust_po_no=f"PO-{external_id}", lines=[line], content_hash="x", row=14)
    )


def _file(cart: Connection, name: str) -> InboundDocument:
    return InboundDocument.objects.create(account=cart.account, connection=cart, name=name, size=1, modified_at=timezone.now())


def test_list_says_why_and_from_where(bob: User, cart: Connection, globex: Account, browser: Browser) -> None:
    file = _file(cart, "Orders_1.csv")
    _skipped(cart, "1", document=file, row=1400, draft=_draft("1"))
    _skipped(cart, "2", reason="refused_row", words="row 3: no SKU")
    _skipped(ConnectionFactory.create(account=globex), "foreign")
    html = browser(bob).get("/a/acme/skipped/").content.decode()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    for said in ("PO-1", "Too old. Placed long ago.", ", row 1,400", "Can&#x27;t be read. row 3: no SKU"):
        assert said in text, said
    assert f'href="/a/acme/connections/{cart.public_id}/files/in/{file.public_id}/">Orders_1.csv</a>, row 1,400' in html
    assert "PO-foreign" not in text
    assert html.count("Load this order") == 1


def test_list_without_anything_says_what_would_fill_it(vera: User, acme: Account, browser: Browser) -> None:
    assert "Nothing was skipped." in browser(vera).get("/a/acme/skipped/").content.decode()
    assert "Nobody has loaded" in browser(vera).get("/a/acme/skipped/?show=loaded").content.decode()


def test_order_is_loaded_once_and_found_among_the_loaded(bob: User, cart: Connection, browser: Browser) -> None:
    skipped, client = _skipped(cart, "1", draft=_draft("1")), browser(bob)
    path = f"/a/acme/skipped/{skipped.public_id}/load/"
    answer = client.post(path)
    order = Order.objects.for_account(cart.account).get()
    assert answer["Location"] == f"/a/acme/orders/{order.public_id}/"
    assert order.events.filter(actor=bob.email).exists()
    again = client.post(path, follow=True)
    assert "loaded already" in again.content.decode()
    assert Order.objects.for_account(cart.account).count() == 1
    assert "PO-1" not in client.get("/a/acme/skipped/").content.decode()
    assert "PO-1" in client.get("/a/acme/skipped/?show=loaded").content.decode()


def test_order_that_could_not_be_read_says_what_to_do(bob: User, cart: Connection, browser: Browser) -> None:
    skipped = _skipped(cart, "1", reason="refused_row")
    answer = browser(bob).post(f"/a/acme/skipped/{skipped.public_id}/load/", follow=True)
    assert "could not be read" in answer.content.decode()
    assert not Order.objects.for_account(cart.account).exists()


def test_alert_about_refused_rows_leads_to_those_of_its_file(bob: User, cart: Connection, browser: Browser) -> None:
    AlertFactory.create(account=cart.account, connection=cart, cause="rows_refused", subject="Orders & more.csv")
    _skipped(cart, "1", document=_file(cart, "Orders & more.csv"))
    _skipped(cart, "2", document=_file(cart, "Other.csv"))
    client = browser(bob)
    [address] = re.findall(r'href="(/a/acme/skipped/\?[^"]+)"', client.get("/a/acme/alerts/").content.decode())
    html = client.get(address).content.decode()
    assert "PO-1" in html
    assert "PO-2" not in html


def test_only_operators_load_and_only_by_post(bob: User, vera: User, charlie: User, cart: Connection, browser: Browser) -> None:
    skipped = _skipped(cart, "1", draft=_draft("1"))
    path = f"/a/acme/skipped/{skipped.public_id}/load/"
    assert path not in browser(vera).get("/a/acme/skipped/").content.decode()
    assert [browser(who).post(path).status_code for who in (None, charlie, vera)] == [302, 404, 403]
    assert browser(charlie).post(f"/a/globex/skipped/{skipped.public_id}/load/").status_code == 404
    assert browser(bob).get(path).status_code == 405
    assert not Order.objects.for_account(cart.account).exists()


def test_pages_hold_every_order_once_in_as_many_queries(cart: Connection) -> None:
    for number in range(PAGE + 3):
        _skipped(cart, str(number), draft=_draft(str(number)))
    asked, seen, after = [], [], None
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            page = skipped_page(cart.account, after=after)
            seen += [(row.external_id, row.connection.name, row.can_be_loaded) for row in page.rows]
        asked.append(len(captured))
        after = page.next
    assert seen == [(str(number), "DSCO", True) for number in reversed(range(PAGE + 3))]
    assert asked == [1, 2], "the second page asks where the first one ended"
    assert after is None


def test_all_that_can_be_loaded_are_loaded_at_once_and_twice_is_harmless(
    bob: User, vera: User, cart: Connection, browser: Browser
) -> None:
    for number in range(3):
        _skipped(cart, str(number), draft=_draft(str(number)))
    _skipped(cart, "bad", reason="refused_row")
    client = browser(bob)
    assert "Load all that stay out" in client.get("/a/acme/skipped/").content.decode()
    assert "Load all that stay out" not in browser(vera).get("/a/acme/skipped/").content.decode()
    assert browser(vera).post("/a/acme/skipped/load/").status_code == 403
    for done, refused in ((3, 1), (0, 1)):
        client.post("/a/acme/skipped/load/")
        job = Job.objects.for_account(cart.account).latest("pk")
        run_job(job.pk)
        job.refresh_from_db()
        assert (job.state, job.done, job.refused) == ("done", done, refused)
    assert Order.objects.for_account(cart.account).count() == 3
