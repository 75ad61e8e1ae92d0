"""The list of orders: filters, one search box, acts in bulk, and an export of exactly what is filtered."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cartrover.accounts.models import Account, User
from connectors.contract import HoldReason
from connectors.models import Connection
from orders.listings import orders as listing
from orders.listings.columns import COLUMNS, Column
from orders.listings.orders import OrderFilter, filtered, orders_page
from orders.models import Order
from orders.states import OrderState, Status
from orders.templatetags.order_table import CELLS
from tests.factories import ConnectionFactory, OrderFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def cart(acme: Account) -> Connection:
    return ConnectionFactory.create(account=acme, name="DSCO")


def _found(account: Account, **asked: Any) -> list[str]:
    return [order.cust_ref for order in orders_page(account, OrderFilter(**asked)).rows]


def _text(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_each_filter_keeps_its_own(cart: Connection, globex: Account) -> None:
    acme, other = cart.account, ConnectionFactory.create(account=cart.account)
    common = {"account": acme, "source": cart, "created_at": NOON}
    OrderFactory.create(**common, cust_ref="A", hold=HoldReason.REFUSED, retailer_name="Nordlicht Store")
    OrderFactory.create(**common, cust_ref="B", lines=[{"item": "CAP-9"}, {"item": "CAP-9"}], retailer_name="Südwind")
    OrderFactory.create(**{**common, "source": other}, cust_ref="C", state=OrderState.SHIPPED, retailer_name="")
    OrderFactory.create(**{**common, "created_at": NOON - timedelta(days=2)}, cust_ref="D", retailer_name="")
    OrderFactory.create(account=globex, cust_ref="A", hold=HoldReason.REFUSED, lines=[{"item": "CAP-9"}])
    day = NOON.date()
    assert _found(acme) == ["C", "B", "A", "D"]
    assert _found(acme, status=Status.ERROR) == ["A"]
    assert _found(acme, hold=HoldReason.REFUSED) == ["A"]
    assert _found(acme, cart=other.public_id) == ["C"]
    assert _found(acme, retailer="nordlicht") == ["A"]
    assert _found(acme, sku="CAP-9") == ["B"]
    assert _found(acme, since=day) == ["C", "B", "A"]
    assert _found(acme, until=day - timedelta(days=1)) == ["D"]
    assert _found(acme, since=day - timedelta(days=2), until=day, status=Status.NEW) == ["B", "D"]
    assert _found(acme, status=Status.ERROR, sku="CAP-9") == []


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_column_is_written_from_what_the_list_has_read(
    column: Column, cart: Connection, django_assert_num_queries: Callable[[int], Any]
) -> None:
    wms = ConnectionFactory.create(account=cart.account, wms=True, name="QuickBooks Commerce")
    at_wms = {"wms": wms, "wms_number": "100231", "delivered_at": NOON, "shipped_at": NOON, "held_at": NOON}
    said = {"ship_name": "Erika", "ship_code": "UPSG", "ship_method": "Ground", "order_date": NOON, "ship_by": NOON}
    OrderFactory.create(account=cart.account, source=cart, retailer_name="Nordlicht", hold=HoldReason.REFUSED, **at_wms, **said)
    rows = orders_page(cart.account, OrderFilter(), columns=[column]).rows
    with django_assert_num_queries(0):
        assert CELLS[column.name](rows[0])


def test_day_is_a_day_of_the_account(cart: Connection) -> None:
    OrderFactory.create(account=cart.account, source=cart, cust_ref="LATE", created_at=datetime(2026, 11, 23, 3, 0, tzinfo=UTC))
    with timezone.override("America/Chicago"):
        assert _found(cart.account, until=datetime(2026, 11, 22, tzinfo=UTC).date()) == ["LATE"]
        assert _found(cart.account, since=datetime(2026, 11, 23, tzinfo=UTC).date()) == []


def _walked(account: Account, **asked: Any) -> tuple[list[str], int]:
    """Follow the list to its end; return the short numbers and how many pages it had."""
    found, pages, after = [], 0, None
    while pages == 0 or after is not None:
        page = orders_page(account, OrderFilter(**asked), after)
        found += [order.cust_ref for order in page.rows]
        pages, after = pages + 1, page.next
    return found, pages


@pytest.mark.parametrize("bound", [2, 5, 100])
def test_what_no_index_answers_alone_is_found_bit_by_bit(cart: Connection, monkeypatch: pytest.MonkeyPatch, bound: int) -> None:
    monkeypatch.setattr(listing, "LOOKED_AT", bound)
    acme, other = cart.account, ConnectionFactory.create(account=cart.account)
    for number in range(12):
        OrderFactory.create(
            account=acme,
            source=other if number % 3 == 0 else cart,
            cust_ref=f"R{number:02}",
            created_at=NOON + timedelta(minutes=number // 2),
            hold=HoldReason.REFUSED if number % 2 else "",
            ship_name="Erika Mustermann" if number in (1, 10) else "Jo Other",
            retailer_name=("Nord", "Nordlicht", "West")[number % 3],
            lines=[{"item": "CAP-9"}] * 2 if number in (0, 3, 9) else [{"item": "MUG-1"}],
        )
    for asked, found in (
        ({"hold": HoldReason.REFUSED, "cart": other.public_id}, ["R09", "R03"]),
        ({"status": Status.NEW, "retailer": "west"}, ["R08", "R02"]),
        ({"retailer": "nord", "status": Status.ERROR}, ["R09", "R03"]),
        ({"retailer": "nor", "status": Status.ERROR}, ["R09", "R07", "R03", "R01"]),
        ({"sku": "CAP-9"}, ["R09", "R03", "R00"]),
        ({"sku": "CAP-9", "status": Status.NEW}, ["R00"]),
        ({"q": "CAP-9", "sku": "MUG-1"}, []),
        ({"q": "musterm"}, ["R10", "R01"]),
        ({"q": "musterm", "status": Status.ERROR}, ["R01"]),
    ):
        walked, pages = _walked(acme, **asked)
        assert walked == found, asked
        assert pages <= 12 // bound + 1
        assert sorted(filtered(acme, OrderFilter(**asked)).values_list("cust_ref", flat=True)) == sorted(found)


def test_page_says_how_far_back_it_looked(
    vera: User, cart: Connection, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Erika Mustermann", "Jo Other", "Jo Other"):
        OrderFactory.create(account=cart.account, source=cart, ship_name=name)
    monkeypatch.setattr(listing, "LOOKED_AT", 2)
    html = browser(vera).get("/a/acme/orders/?q=muster").content.decode()
    assert "Older ones are looked through some thousand at a time." in html
    [link] = re.findall(r'rel="next" href="([^"]+)"', html)
    assert "Erika" not in html
    assert browser(vera).get("/a/acme/orders/" + link.replace("&amp;", "&")).content.decode().count('class="row-link"') == 1


def test_one_box_finds_numbers_skus_and_parts_of_names(cart: Connection) -> None:
    common = {"account": cart.account, "source": cart}
    OrderFactory.create(**common, cust_ref="AC1-x", cust_po_no="PO-2026/1", ship_name="Erika Mustermann")
    OrderFactory.create(**common, cust_ref="R2", lines=[{"item": "CAP-9"}], ship_name="Jo Other")
    OrderFactory.create(**common, cust_ref="R3", ship_name="PO-2026/1 is my name")
    for text, found in (
        ("PO-2026/1", ["AC1-x"]),
        ("ac1-X", ["AC1-x"]),
        ("CAP-9", ["R2"]),
        ("musterm", ["AC1-x"]),
        ("o", ["R3", "R2"]),
        ("nobody", []),
    ):
        assert _found(cart.account, q=text) == found, text


def test_filter_survives_its_address_and_nonsense_is_not_asked() -> None:
    asked = OrderFilter(
        status=Status.ERROR, hold=HoldReason.REFUSED, retailer="A & B", sku="ü", since=NOON.date(), until=NOON.date(), q="1"
    )
    assert OrderFilter.read(asked.as_query()) == asked
    nonsense = {"status": "odd", "hold": "odd", "cart": "odd", "since": "2026-13-01", "until": "yesterday"}
    assert OrderFilter.read(nonsense).is_empty


def test_page_keeps_what_was_filled_in(vera: User, cart: Connection, browser: Browser) -> None:
    query = f"?cart={cart.public_id}&hold=refused&retailer=Nord&sku=CAP-9&since=2026-11-01&until=2026-11-22"
    html = browser(vera).get(f"/a/acme/orders/{query}").content.decode()
    for said in ('value="Nord"', 'value="CAP-9"', 'value="2026-11-01"', 'value="2026-11-22"', 'value="refused" selected'):
        assert said in html, said
    assert f'value="{cart.public_id}" selected' in html
    assert "No order is like that." in html


def test_next_page_keeps_the_filter(vera: User, cart: Connection, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(52):
        OrderFactory.create(account=cart.account, source=cart, lines=0, hold=HoldReason.REFUSED)
    free = OrderFactory.create(account=cart.account, source=cart, lines=0)
    client = browser(vera)
    html = client.get("/a/acme/orders/?status=error").content.decode()
    [link] = re.findall(r'rel="next" href="([^"]+)"', html)
    second = client.get("/a/acme/orders/" + link.replace("&amp;", "&")).content.decode()
    assert second.count('class="row-link"') == 2
    assert free.cust_ref not in html + second


# --- in bulk -----------------------------------------------------------------------------------------------------------------


def _bulk(client: Client, act: str, orders: list[Order], slug: str = "acme", **more: str) -> Any:
    chosen = [str(order.public_id) for order in orders]
    return client.post(f"/a/{slug}/orders/bulk/", {"act": act, "order": chosen, **more}, follow=True)


def test_chosen_orders_are_held_released_and_canceled(bob: User, cart: Connection, browser: Browser) -> None:
    cart.live = True
    ConnectionFactory.create(account=cart.account, wms=True)
    made = [OrderFactory.create(account=cart.account, source=cart) for _ in range(3)]
    client, rows = browser(bob), Order.objects.for_account(cart.account)
    assert "2 orders held." in _text(_bulk(client, "hold", made[:2]))
    assert rows.filter(hold=HoldReason.BY_PERSON).count() == 2
    assert "2 orders released." in _text(_bulk(client, "release", made[:2]))
    assert not rows.exclude(hold="").exists()
    assert "3 orders canceled" in _text(_bulk(client, "cancel", made))
    assert set(rows.values_list("state", flat=True)) == {OrderState.CANCELED}


def test_what_is_not_possible_is_said_and_the_rest_is_done(bob: User, cart: Connection, browser: Browser) -> None:
    free = OrderFactory.create(account=cart.account, source=cart)
    shipped = OrderFactory.create(account=cart.account, source=cart, state=OrderState.SHIPPED)
    text = _text(_bulk(browser(bob), "cancel", [shipped, free]))
    assert "1 order canceled" in text
    assert f"Order {shipped.cust_ref} is shipped already and can&#x27;t be canceled." in text
    assert "No order was chosen." in _text(_bulk(browser(bob), "cancel", []))


def test_bulk_leads_back_to_the_list_as_it_was_filtered(bob: User, cart: Connection, browser: Browser) -> None:
    answer = _bulk(browser(bob), "hold", [], query="status=error&sku=A+B&next=https://evil.example")
    assert answer.redirect_chain == [("/a/acme/orders/?status=error&sku=A+B", 302)]


def test_only_operators_act_in_bulk_and_only_on_their_own(
    bob: User, vera: User, charlie: User, cart: Connection, browser: Browser
) -> None:
    order = OrderFactory.create(account=cart.account, source=cart)
    assert 'id="bulk"' in browser(bob).get("/a/acme/orders/").content.decode()
    watched = browser(vera).get("/a/acme/orders/").content.decode()
    assert 'id="bulk"' not in watched
    assert 'class="choose"' not in watched
    for who, slug, status in ((vera, "acme", 403), (charlie, "acme", 404), (charlie, "globex", 200)):
        assert _bulk(browser(who), "cancel", [order], slug).status_code == status
    assert _bulk(browser(bob), "delete", [order]).status_code == 404
    assert browser(bob).get("/a/acme/orders/bulk/").status_code == 405
    order.refresh_from_db()
    assert (order.state, order.hold) == (OrderState.NEW, "")


# --- export ------------------------------------------------------------------------------------------------------------------


def test_export_holds_exactly_what_is_filtered(vera: User, cart: Connection, globex: Account, browser: Browser) -> None:
    for number in range(3):
        OrderFactory.create(account=cart.account, source=cart, cust_ref=f"H{number}", hold=HoldReason.REFUSED)
    OrderFactory.create(account=cart.account, source=cart, cust_ref="FREE")
    OrderFactory.create(account=globex, cust_ref="FOREIGN", hold=HoldReason.REFUSED)
    client = browser(vera)
    html = client.get("/a/acme/orders/?hold=refused&page=1").content.decode()
    [link] = re.findall(r'href="(/a/acme/orders/export/[^"]*)"', html)
    answer = client.get(link)
    assert answer["Content-Disposition"] == 'attachment; filename="acme-orders.csv"'
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))  # type: ignore[arg-type] # a streaming answer
    assert [row["cust_ref"] for row in rows] == ["H0", "H1", "H2"]
    everything = b"".join(client.get("/a/acme/orders/export/")).decode()  # type: ignore[arg-type] # a streaming answer
    assert "FREE" in everything
    assert "FOREIGN" not in everything


def test_list_asks_the_database_as_often_for_much_as_for_little(bob: User, cart: Connection, browser: Browser) -> None:
    client, asked = browser(bob), []
    queries = ("", "?status=new&retailer=Nord&since=2026-01-01", "?sku=CAP-9", "?q=erika", f"?cart={cart.public_id}")
    for number in (2, 9):
        for _ in range(number):
            OrderFactory.create(account=cart.account, source=cart, lines=[{"item": "CAP-9"}], ship_name="Erika")
        counts = []
        for query in queries:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(f"/a/acme/orders/{query}").status_code == 200
            counts.append(len(captured))
        asked.append(counts)
    assert asked[0] == asked[1]
    assert filtered(cart.account, OrderFilter(sku="CAP-9")).count() == 11
