"""The factories make rows that belong together."""

from __future__ import annotations

import pytest

from cartrover.accounts.models import Account
from orders.models import Order
from tests.factories import AlertFactory, ConnectionFactory, OrderEventFactory, OrderFactory, SecretFactory, ServiceFactory


@pytest.mark.django_db
def test_all_that_a_factory_makes_for_one_account_belongs_to_it(acme: Account) -> None:
    cart = ConnectionFactory(account=acme)
    wms = ConnectionFactory(account=acme, wms=True)
    order = OrderFactory(account=acme, source=cart, lines=2)
    rows = [wms, ServiceFactory(connection=cart), SecretFactory(connection=wms), OrderEventFactory(order=order)]
    rows += [*order.lines.all(), AlertFactory(account=acme), OrderFactory(account=acme).source]
    assert {row.account for row in rows} == {acme}
    assert (cart.side, wms.side) == ("cart", "wms")
    assert Account.objects.count() == 1


@pytest.mark.django_db
def test_lines_can_be_counted_listed_or_left_out(acme: Account) -> None:
    assert OrderFactory(account=acme).lines.count() == 1
    assert OrderFactory(account=acme, lines=0).lines.count() == 0
    listed = OrderFactory(account=acme, lines=[{"item": "A", "quantity": 3}, {"item": "B"}])
    assert list(listed.lines.order_by("line_no").values_list("line_no", "item", "quantity")) == [(1, "A", 3), (2, "B", 2)]
    assert Order.objects.for_account(acme).count() == 3
