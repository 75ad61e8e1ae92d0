"""PostgreSQL learns of an account's rows while the first large file is loaded, and not a minute later."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cartrover import planner_facts
from cartrover.accounts.models import Account
from connectors.contract import LineDraft, OrderDraft
from connectors.models import Connection
from orders.pipeline import persist
from tests.factories import ConnectionFactory
from tests.inbox import a_wms

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite is told beforehand: make test-services runs this on PostgreSQL"
    ),
]
FILLED = {"orders_order", "orders_orderline", "orders_orderevent", "orders_outboundmessage"}


@pytest.fixture
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make PostgreSQL and this process forget what they know of the tables."""
    monkeypatch.setattr(planner_facts, "_known", set())
    with connection.cursor() as cursor:
        cursor.execute("SET allow_system_table_mods = on")
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = ANY(%s::regclass[])", [sorted(FILLED)])
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET allow_system_table_mods")


def _known() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_stats WHERE tablename = ANY(%s)", [sorted(FILLED)])
        return {table for (table,) in cursor.fetchall()}


def _drafts(first: int, count: int) -> list[OrderDraft]:
    return [
        OrderDraft(
            external_id=f"9000{number}",
            cust_po_no=f"PO-{number}",
            lines=[LineDraft(line_id="1", item="CAP-001", quantity=1)],
            content_hash=f"{number:064}",
        )
        for number in range(first, first + count)
    ]


@pytest.mark.usefixtures("nothing_known")
def test_it_looks_once_after_the_first_full_chunk(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    a_wms(acme)
    cart: Connection = ConnectionFactory.create(account=acme, live=True)
    monkeypatch.setattr(persist, "CHUNK", 5)
    persist.load_drafts(connection=cart, drafts=_drafts(0, 4), document=None)
    assert _known() == set(), "a few orders are found whatever the plan"
    with CaptureQueriesContext(connection) as asked:
        persist.load_drafts(connection=cart, drafts=_drafts(10, 20), document=None)
    assert _known() == FILLED
    looks = [query["sql"] for query in asked.captured_queries if query["sql"].startswith("ANALYZE")]
    assert len(looks) == len(FILLED)
