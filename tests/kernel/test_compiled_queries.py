"""A query that is compiled once answers as the queryset that it was written as, each time with what is there then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F, QuerySet
from django.test.utils import CaptureQueriesContext

from cartrover.compiled_queries import CompiledQuery, Texts, columns, instance, instant, number, text
from cartrover.tenancy import AccountNotNamed
from connectors.models import Connection, Service
from orders.models import Order, Product
from orders.pipeline.loader import OneOf
from tests.factories import AccountFactory, ConnectionFactory, OrderFactory

pytestmark = pytest.mark.django_db

NUMBERS = CompiledQuery(
    lambda: (
        Order.objects.filter(OneOf(F("cust_ref"), Texts("refs")), account_id=number("account_id"))
        .order_by("cust_ref")
        .values_list("cust_ref")
    )
)


def test_it_reads_what_is_there_each_time() -> None:
    order = OrderFactory(cust_ref="A-1")
    asked = {"account_id": order.account_id, "refs": ["A-1", "A-2", "it's; --"]}
    assert NUMBERS.column(**asked) == ["A-1"]
    OrderFactory(account=order.account, source=order.source, cust_ref="A-2")
    OrderFactory(account=order.account, source=order.source, cust_ref="it's; --")
    assert NUMBERS.column(**asked) == ["A-1", "A-2", "it's; --"]
    assert NUMBERS.column(account_id=AccountFactory().pk, refs=["A-1"]) == [], "another account has none of them"
    assert NUMBERS.column(account_id=order.account_id, refs=[]) == []


def test_django_puts_it_into_sql_once() -> None:
    built: list[int] = []

    def build() -> QuerySet[Product, tuple[str]]:
        built.append(1)
        return Product.objects.filter(account_id=number("account_id"), sku=text("sku")).values_list("sku")

    query = CompiledQuery(build)
    with CaptureQueriesContext(connection) as asked:
        for sku in ("A", "B", "C"):
            query.rows(account_id=1, sku=sku)
    assert (len(built), len(asked)) == (1, 3)


def test_whole_rows_come_out_as_django_reads_them() -> None:
    made = ConnectionFactory()
    query = CompiledQuery(lambda: Connection.objects.filter(account_id=number("account_id")).values_list(*columns(Connection)))
    (values,) = query.rows(account_id=made.account_id)
    read, known = instance(Connection, values), Connection.objects.for_account(made.account_id).get()
    assert {name: getattr(read, name) for name in columns(Connection)} == {
        name: getattr(known, name) for name in columns(Connection)
    }
    read.name = "Another name"
    read.save()
    assert Connection.objects.for_account(made.account_id).get().name == "Another name", "it is no new row"


def test_times_go_in_and_come_out_aware() -> None:
    due_at = datetime(2026, 11, 22, 10, 30, 0, 250_000, tzinfo=UTC)
    cart = ConnectionFactory()
    service = cart.services.create(account_id=cart.account_id, name="order_download", every="automatic", due_at=due_at)
    query = CompiledQuery(
        lambda: Service.objects.filter(account_id=number("account_id"), due_at__gt=instant("now")).values_list("due_at")
    )
    assert query.column(account_id=service.account_id, now=due_at - timedelta(microseconds=1)) == [due_at]
    assert query.column(account_id=service.account_id, now=due_at) == []


def test_no_row_equals_none() -> None:
    order = OrderFactory(wms=None)
    query = CompiledQuery(
        lambda: Order.objects.filter(account_id=number("account_id"), wms_id=number("wms_id")).values_list("pk")
    )
    assert query.rows(account_id=order.account_id, wms_id=None) == []


@pytest.mark.parametrize("values", [{}, {"account_id": 1}, {"account_id": 1, "refs": [], "more": 1}])
def test_it_takes_just_the_values_that_it_names(values: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="takes account_id, refs"):
        NUMBERS.rows(**values)


def test_it_names_its_account() -> None:
    query = CompiledQuery(lambda: Product.objects.filter(sku=text("sku")).values_list("sku"))
    with pytest.raises(AccountNotNamed):
        query.rows(sku="A")
