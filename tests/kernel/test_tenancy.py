"""No query on tenant rows runs before an account is named."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Prefetch, QuerySet
from django.shortcuts import get_object_or_404

from cartrover.accounts.models import Account
from cartrover.tenancy import AccountNotNamed, TenantQuerySet
from connectors.models import Connection
from orders.models import Order, OrderLine, Product
from tests.factories import ConnectionFactory, OrderFactory

pytestmark = pytest.mark.django_db

Rows = QuerySet[Any]
USES: dict[str, Callable[[Rows], object]] = {
    "iteration": lambda rows: list(rows),
    "len": lambda rows: len(rows),
    "truth": lambda rows: bool(rows),
    "index": lambda rows: rows.order_by("pk")[0],
    "slice": lambda rows: list(rows.order_by("pk")[:1]),
    "iterator": lambda rows: list(rows.iterator()),
    "aiterator": lambda rows: asyncio.run(_all_of(rows)),
    "get": lambda rows: rows.get(sku="A"),
    "get_object_or_404": lambda rows: get_object_or_404(rows, sku="A"),
    "get_or_create": lambda rows: rows.get_or_create(sku="A"),
    "first": lambda rows: rows.first(),
    "last": lambda rows: rows.last(),
    "earliest": lambda rows: rows.earliest("updated_at"),
    "latest": lambda rows: rows.latest("updated_at"),
    "count": lambda rows: rows.count(),
    "exists": lambda rows: rows.exists(),
    "contains": lambda rows: rows.contains(Product(pk=1)),
    "aggregate": lambda rows: rows.aggregate(n=Count("pk")),
    "in_bulk": lambda rows: rows.in_bulk(),
    "values": lambda rows: list(rows.values("sku")),
    "values_list": lambda rows: list(rows.values_list("sku", flat=True)),
    "dates": lambda rows: list(rows.datetimes("updated_at", "day")),
    "annotate": lambda rows: list(rows.annotate(n=Count("pk")).order_by("n")),
    "select_related": lambda rows: list(rows.select_related("connection")),
    "defer": lambda rows: list(rows.only("sku")),
    "exclude": lambda rows: list(rows.exclude(sku="B")),
    "distinct": lambda rows: list(rows.distinct()),
    "union": lambda rows: list(rows.union(rows)),
    "or": lambda rows: list(rows | rows),
    "xor": lambda rows: list(rows ^ rows.filter(sku="B")),
    "and": lambda rows: list(rows & rows),
    "explain": lambda rows: rows.explain(),
    "pickle": lambda rows: pickle.dumps(rows),
    "update": lambda rows: rows.update(name="renamed"),
    "update_or_create": lambda rows: rows.update_or_create(sku="A", defaults={"name": "x"}),
    "bulk_update": lambda rows: rows.bulk_update([Product(pk=1, name="x")], ["name"]),
    "delete": lambda rows: rows.filter(sku="nothing has it").delete(),
}


async def _all_of(rows: Rows) -> list[Any]:
    return [row async for row in rows.aiterator()]


@pytest.mark.parametrize("use", [name for name in USES if name != "aiterator"])
def test_query_without_account_is_refused_and_with_one_runs(use: str, acme: Account, globex: Account) -> None:
    Product.objects.create(account=acme, sku="A")
    Product.objects.create(account=globex, sku="A")
    with pytest.raises(AccountNotNamed, match="name the account"), transaction.atomic():
        USES[use](Product.objects.all())
    USES[use](Product.objects.for_account(acme))
    assert Product.objects.for_account(globex).get().name == "", "the other account's row was touched"


def test_async_iteration_without_account_is_refused() -> None:
    with pytest.raises(AccountNotNamed):
        USES["aiterator"](Product.objects.all())


def test_naming_an_account_shows_only_its_rows(acme: Account, globex: Account) -> None:
    ours, theirs = Product.objects.create(account=acme, sku="A"), Product.objects.create(account=globex, sku="B")
    assert list(Product.objects.for_account(acme)) == [ours]
    assert list(Product.objects.for_account(globex.pk)) == [theirs]
    assert list(Product.objects.filter(account=acme)) == [ours]
    assert Product.objects.get(account_id=globex.pk) == theirs
    assert set(Product.objects.across_accounts("a test")) == {ours, theirs}


def test_all_accounts_need_a_reason() -> None:
    with pytest.raises(ValueError, match="say why"):
        Product.objects.across_accounts("")


def test_excluding_an_account_names_none(acme: Account) -> None:
    with pytest.raises(AccountNotNamed):
        list(Product.objects.exclude(account=acme))


def test_rows_of_nobody_can_be_asked_for() -> None:
    assert list(Product.objects.none()) == []
    assert Product.objects.none().count() == 0


def test_a_named_query_cannot_be_joined_with_an_unnamed_one(acme: Account) -> None:
    named, unnamed = Product.objects.for_account(acme), Product.objects.filter(sku="B")
    for joined in (lambda: named | unnamed, lambda: unnamed | named, lambda: named.union(unnamed), lambda: named ^ unnamed):
        with pytest.raises(AccountNotNamed):
            list(joined())


def test_narrowing_keeps_the_account(acme: Account, globex: Account) -> None:
    Product.objects.create(account=globex, sku="B")
    assert list(Product.objects.for_account(acme) & Product.objects.filter(sku="B")) == []
    assert not Product.objects.for_account(acme).filter(sku="B").exclude(sku="A").order_by("sku").exists()


def test_rows_reached_from_a_row_need_no_name(acme: Account) -> None:
    order = OrderFactory(account=acme, lines=2)
    assert order.lines.count() == 2
    assert order.lines.first().order == order
    assert [line.item for line in order.source.orders.get().lines.order_by("line_no")]
    [again] = Order.objects.for_account(acme).prefetch_related("lines", Prefetch("events"))
    assert len(again.lines.all()) == 2
    order.lines.all().delete()
    order.refresh_from_db()
    assert not order.lines.exists()


def test_prefetching_through_a_query_does_not_open_it(acme: Account) -> None:
    OrderFactory(account=acme)
    lines = OrderLine.objects.order_by("line_no")
    list(Order.objects.for_account(acme).prefetch_related(Prefetch("lines", queryset=lines.all())))
    with pytest.raises(AccountNotNamed):
        list(lines.filter(item="x"))


def test_bulk_create_refuses_rows_without_account_and_of_another(acme: Account, globex: Account) -> None:
    with pytest.raises(AccountNotNamed):
        Product.objects.bulk_create([Product(sku="A")])
    with pytest.raises(AccountNotNamed):
        Product.objects.for_account(acme).bulk_create([Product(account=acme, sku="A"), Product(account=globex, sku="B")])
    Product.objects.for_account(acme).bulk_create([Product(account=acme, sku="A")])
    assert Product.objects.for_account(acme).get().sku == "A"


def test_create_through_a_named_account_belongs_to_it(acme: Account, globex: Account) -> None:
    assert Product.objects.for_account(acme).create(sku="A").account_id == acme.pk
    assert Product.objects.for_account(acme).get_or_create(sku="B")[0].account_id == acme.pk
    for owner in ({"account": globex}, {"account_id": globex.pk}):
        with pytest.raises(AccountNotNamed):
            Product.objects.for_account(acme).create(sku="C", **owner)
    with pytest.raises(AccountNotNamed):
        Product.objects.create(sku="D")


def test_guard_holds_for_querysets_made_from_it(acme: Account) -> None:
    class Ordered(TenantQuerySet[Connection]):
        def by_name(self) -> Ordered:
            return self.order_by("name")

    rows = Ordered(Connection)
    with pytest.raises(AccountNotNamed):
        list(rows.by_name())
    assert list(rows.for_account(acme).by_name()) == []


def test_validation_may_ask_whether_a_value_is_taken(acme: Account, globex: Account) -> None:
    ConnectionFactory(account=acme, remote_identity="sftp.dsco.io:22/merchant")
    again = ConnectionFactory.build(account=globex, remote_identity="sftp.dsco.io:22/merchant")
    with pytest.raises(ValidationError, match="connection_remote_once"):
        again.full_clean()
    with pytest.raises(AccountNotNamed):
        Connection.objects.exists()
