"""While one load has an account's turn, everything else of the account goes on."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from orders.models import Order
from orders.pipeline.persist import lock_loading
from tests.factories import OrderFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite has one writer: make test-services runs this on PostgreSQL"
    ),
]


def _in_another_thread(order: Order, outcome: list[DatabaseError | str]) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        OrderFactory(account=order.account, source=order.source)
        outcome.append("written")
    except DatabaseError as error:
        outcome.append(error)
    finally:
        connection.close()


def test_rows_of_the_account_are_written_while_a_load_has_its_turn() -> None:
    order, outcome = OrderFactory(), list[DatabaseError | str]()
    writer = threading.Thread(target=_in_another_thread, args=(order, outcome))
    with transaction.atomic():
        lock_loading(order.account_id)
        writer.start()
        writer.join(10)
        assert outcome == ["written"]


def test_a_second_load_of_the_account_waits_for_its_turn() -> None:
    order, had_it = OrderFactory(), threading.Event()

    def load() -> None:
        try:
            with transaction.atomic():
                lock_loading(order.account_id)
                had_it.set()
        finally:
            connection.close()

    second = threading.Thread(target=load)
    with transaction.atomic():
        lock_loading(order.account_id)
        second.start()
        assert not had_it.wait(0.5)
    assert had_it.wait(10)
    second.join(10)
