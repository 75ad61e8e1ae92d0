"""Many accounts on few workers: a big merchant's backlog makes way for a small one's orders."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cartrover.accounts.models import Account
from connectors.models import Service, ServiceName
from connectors.readers import service_of
from orders.dispatcher import run_service_by_id
from orders.models import MessageState, Order, OutboundMessage
from orders.run import Run
from orders.states import OrderState
from tests.factories import ConnectionFactory, ServiceFactory
from tests.orders.outgoing.desk import Desk, draft

LONG_AGO = timedelta(seconds=6)


def _delivery(desk: Desk) -> Service:
    service = service_of(desk.wms, ServiceName.ORDER_DELIVERY)
    assert service is not None
    return service


def _waits(account: Account, since: timedelta) -> None:
    cart = ConnectionFactory.create(account=account)
    ServiceFactory.create(account=account, connection=cart, name=ServiceName.ORDER_DOWNLOAD, due_at=timezone.now() - since)


@pytest.mark.parametrize(
    ("lasted", "waited", "named", "makes_way"),
    [(6, 3, False, True), (6, 1, False, False), (4, 3, False, False), (6, 3, True, False)],
)
def test_a_run_makes_way_once_it_had_its_turn_and_others_have_waited(
    desk: Desk, globex: Account, lasted: int, waited: int, named: bool, makes_way: bool
) -> None:
    _waits(globex, timedelta(seconds=waited))
    started_at = timezone.now() - timedelta(seconds=lasted)
    run = Run(service=_delivery(desk), connection=desk.wms, named=named, lease=None, started_at=started_at)
    assert run.out_of_time is makes_way


def test_nobody_makes_way_for_the_own_account(desk: Desk) -> None:
    _waits(desk.account, LONG_AGO)
    run = Run(service=_delivery(desk), connection=desk.wms, named=False, lease=None, started_at=timezone.now() - LONG_AGO)
    assert run.out_of_time is False


def test_a_delivery_stops_in_the_middle_of_a_batch_and_the_rest_goes_out_in_its_next_turn(
    desk: Desk, globex: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = _delivery(desk)
    for number in range(40):
        desk.load(draft(f"PO-{number}"))
    Service.objects.for_account(desk.account).filter(pk=service.pk).update(due_at=timezone.now())
    monkeypatch.setattr(Run, "out_of_time", property(lambda run: desk.commerce.drive("counts")["orders"] >= 5))
    run_service_by_id(service.pk)
    assert 5 <= desk.commerce.drive("counts")["orders"] < 40
    states = set(OutboundMessage.objects.for_account(desk.account).values_list("state", flat=True))
    assert states == {MessageState.DONE, MessageState.WAITING}
    service.refresh_from_db()
    assert service.due_at is not None
    assert service.due_at <= timezone.now()

    monkeypatch.undo()
    run_service_by_id(service.pk)
    assert desk.commerce.drive("counts")["orders"] == 40
    assert set(Order.objects.for_account(desk.account).values_list("state", flat=True)) == {OrderState.SENT}
