"""Views of the list that people keep, and the columns that they like."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cartrover.accounts.models import Account, User
from connectors.contract import HoldReason
from orders.models import SavedView
from tests.factories import ConnectionFactory, OrderFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


def _view(client: Client, **fields: str) -> Any:
    return client.post("/a/acme/orders/views/", fields, follow=True)


def _tabs(answer: Any) -> list[str]:
    found = re.search(r'<nav class="tabs".*?</nav>', answer.content.decode(), re.S)
    return re.findall(r">([^<>]+)</a>", found.group()) if found else []


def _columns(answer: Any) -> list[str]:
    head = re.search(r'<table class="orders">.*?</thead>', answer.content.decode(), re.S)
    return re.findall(r'<th scope="col"[^>]*>([^<]+)', head.group()) if head else []


def test_filter_is_kept_under_a_name_and_comes_back(vera: User, bob: User, acme: Account, browser: Browser) -> None:
    OrderFactory.create(account=acme, hold=HoldReason.REFUSED, cust_ref="HELD")
    OrderFactory.create(account=acme, cust_ref="FREE")
    client = browser(vera)
    assert _tabs(client.get("/a/acme/orders/")) == []
    kept = _view(client, name="  My   held ones ", query="status=error&q=&nonsense=1")
    assert _tabs(kept) == ["All orders", "My held ones"]
    html = kept.content.decode()
    assert "HELD" in html
    assert "FREE" not in html
    assert "is kept" in html
    assert "There is a view" in _view(client, name="My held ones", query="").content.decode()
    assert "Give the view a name." in _view(client, name=" ").content.decode()
    assert _tabs(browser(bob).get("/a/acme/orders/")) == []


def test_view_for_all_is_made_and_changed_by_operators(
    vera: User, bob: User, charlie: User, acme: Account, globex: Account, browser: Browser
) -> None:
    refused = _view(browser(vera), name="Everybody's", **{"for": "all"})
    assert "Only operators and owners" in refused.content.decode()
    _view(browser(bob), name="Everybody's", query="status=new", **{"for": "all"})
    view = SavedView.objects.for_account(acme).get()
    assert view.user is None
    assert _tabs(browser(vera).get("/a/acme/orders/")) == ["All orders", "Everybody&#x27;s"]
    path = f"/a/acme/orders/views/{view.public_id}/"
    assert [browser(who).post(path, {"name": "X"}).status_code for who in (vera, charlie)] == [404, 404]
    assert browser(charlie).post(path.replace("acme", "globex"), {"name": "X"}).status_code == 404
    _view(browser(bob), name="Second", **{"for": "all"})
    second = SavedView.objects.for_account(acme).get(name="Second")
    first = {"name": "First", "first": "yes", "with_filter": "yes", "query": "status=shipped"}
    browser(bob).post(f"/a/acme/orders/views/{second.public_id}/", first)
    assert _tabs(browser(vera).get("/a/acme/orders/")) == ["All orders", "First", "Everybody&#x27;s"]
    second.refresh_from_db()
    assert second.query == {"status": "shipped"}
    assert browser(vera).post(f"{path}remove/").status_code == 404
    browser(bob).post(f"{path}remove/")
    assert not SavedView.objects.for_account(acme).filter(pk=view.pk).exists()


def test_columns_are_remembered_for_a_person_and_in_a_view_and_exported(
    vera: User, bob: User, acme: Account, browser: Browser
) -> None:
    order = OrderFactory.create(account=acme, source=ConnectionFactory.create(account=acme, name="Shop"), ship_name="Erika")
    OrderFactory.create(account=acme)
    client, usual = browser(vera), ["Order", "Full number", "Retailer", "Status", "Total", "Loaded"]
    assert _columns(client.get("/a/acme/orders/")) == usual
    chosen = client.post("/a/acme/orders/columns/", {"column": ["recipient", "cart", "odd"]}, follow=True)
    assert _columns(chosen) == ["Order", "Cart", "Recipient"]
    assert "Erika" in chosen.content.decode()
    [link] = re.findall(r'href="(/a/acme/orders/export/[^"]*columns=[^"]*)"', chosen.content.decode())
    rows = list(csv.DictReader(io.StringIO(b"".join(client.get(link)).decode())))  # type: ignore[arg-type] # a streaming answer
    assert list(rows[0]) == ["cust_ref", "order_source", "ship_first_name", "ship_last_name", "ship_company"]
    assert [row["cust_ref"] for row in rows if row["order_source"] == "Shop"] == [order.cust_ref]
    assert _columns(browser(bob).get("/a/acme/orders/")) == usual
    _view(client, name="Narrow")
    view = SavedView.objects.for_account(acme).get()
    client.post("/a/acme/orders/columns/", {"column": ["total"], "view": str(view.public_id)})
    assert _columns(client.get(f"/a/acme/orders/?view={view.public_id}")) == ["Order", "Total"]
    assert _columns(client.get("/a/acme/orders/")) == ["Order", "Cart", "Recipient"]
    assert _columns(client.post("/a/acme/orders/columns/", {"usual": "yes"}, follow=True)) == usual


def test_list_asks_as_often_with_views_and_every_column(vera: User, acme: Account, browser: Browser) -> None:
    client, asked = browser(vera), []
    columns = {"column": ["cart", "wms", "wms_number", "recipient", "held", "delivered", "shipped", "ship_by", "status"]}
    client.post("/a/acme/orders/columns/", columns)
    for number in (2, 7):
        for _ in range(number):
            wms = ConnectionFactory.create(account=acme, wms=True)
            OrderFactory.create(account=acme, wms=wms)
            _view(client, name=f"View {wms.pk}")
        with CaptureQueriesContext(database) as captured:
            assert client.get("/a/acme/orders/").status_code == 200
        asked.append(len(captured))
    assert asked[0] == asked[1]
