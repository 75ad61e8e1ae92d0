"""Several processes at one connection, and processes that die in the middle: each order once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from connectors.granting import grant_finish
from connectors.models import Connection, ConnectionSecret
from orders.models import MessageState, Order, OutboundAttempt, OutboundMessage
from orders.states import OrderState
from tests.command_line import CommandLine
from tests.orders.outgoing.desk import Desk, draft, line
from tests.servers.databases import this_database
from tests.waiting import until

RUN = ("run_services", "--account", "acme", "--service", "order_delivery", "--json")
ORDERS = 120
"""More than one batch takes, so that there is something left for a second process."""


@pytest.fixture
def line_of(tmp_path: Path) -> Iterator[CommandLine]:
    """Commands in processes of their own, on this test's database; none outlives it."""
    line = CommandLine(tmp_path, {"DATABASE_URL": this_database()})
    yield line
    line.end()


def _results(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err, err
    (finished,) = json.loads(out)
    return dict(finished)


def _two_at_once(line_of: CommandLine) -> list[dict[str, Any]]:
    processes = [line_of.start(*RUN) for _ in range(2)]
    return [_results(process) for process in processes]


def _many(desk: Desk) -> None:
    skus = [f"{kind}-00{number}" for kind in ("CAP", "TEE") for number in range(1, 9)]
    for sku in skus:
        desk.commerce.drive("set_stock", sku=sku, quantity=100_000)
    desk.load(*(draft(f"PO-{at}", line("1", skus[at % len(skus)])) for at in range(ORDERS)))


def _each_once(desk: Desk) -> None:
    numbers = [one["order_number"] for one in desk.there()]
    assert sorted(numbers) == sorted(f"PO-{at}" for at in range(ORDERS))
    orders = Order.objects.for_account(desk.account)
    assert set(orders.values_list("state", flat=True)) == {OrderState.SENT}
    assert len(set(orders.values_list("wms_order_id", flat=True))) == ORDERS


def test_two_processes_deliver_disjoint_batches_and_make_the_company_once(desk: Desk, line_of: CommandLine) -> None:
    _many(desk)
    # Whoever comes first waits with its batch until the other one has taken the rest, and both then need the company.
    desk.fault("delay", path="/variants", method="GET", seconds=3)
    desk.fault("delay", path="/companies", seconds=3)
    finished = _two_at_once(line_of)
    _each_once(desk)
    assert desk.requests("POST /orders") == ORDERS
    sent = [one["counts"].get("sent", 0) for one in finished]
    assert sum(sent) == ORDERS
    assert all(sent), "one process did everything"
    assert desk.requests("POST /companies") == 1
    attempts = OutboundAttempt.objects.for_account(desk.account)
    assert attempts.count() == ORDERS
    assert set(attempts.values_list("outcome", flat=True)) == {"delivered"}


def test_two_processes_renew_an_expired_token_once_and_go_on(desk: Desk, line_of: CommandLine) -> None:
    _grant(desk)
    _many(desk)
    desk.commerce.drive("expire_tokens")
    desk.commerce.drive("clear_requests")
    desk.fault("delay", path="/oauth/token", seconds=3)
    finished = _two_at_once(line_of)
    _each_once(desk)
    assert all(one["counts"].get("sent", 0) for one in finished), finished
    assert desk.requests("POST /oauth/token") == 1


def _grant(desk: Desk) -> None:
    """Have access by OAuth instead of by the privileged token."""
    ConnectionSecret.objects.for_account(desk.account).filter(connection=desk.wms, name="access_token").delete()
    Connection.objects.for_account(desk.account).filter(pk=desk.wms.pk).update(remote_identity="")
    desk.wms.refresh_from_db()
    code = desk.commerce.drive("authorize", redirect_uri="http://127.0.0.1/callback")["code"]
    works, words = grant_finish(connection=desk.wms, code=code, redirect_uri="http://127.0.0.1/callback", actor="alice")
    assert works, words


# --- dying -------------------------------------------------------------------------------------------------------------------


def _killed_while_sending(desk: Desk, line_of: CommandLine, order: Order) -> None:
    process = line_of.start(*RUN)
    until(lambda: desk.commerce.drive("faults") == [])
    process.kill()
    process.communicate()
    message = desk.message(order)
    assert (message.state, message.attempts) == (MessageState.SENDING, 1)
    assert message.lease_token
    assert desk.outcomes(order) == [""]


def test_a_killed_process_leaves_an_order_that_is_looked_up_and_not_resent_for_a_minute(
    desk: Desk, line_of: CommandLine
) -> None:
    order = desk.load()
    desk.fault("stall_before", seconds=60, done=False)
    _killed_while_sending(desk, line_of, order)
    assert desk.deliver().counts == {"waiting": 1}
    assert desk.deliver().counts == {"waiting": 1}
    message = desk.message(order)
    assert message.state == MessageState.UNKNOWN
    assert timedelta(seconds=50) < message.due_at - message.sent_at <= timedelta(seconds=60)
    assert desk.there() == []

    desk.age(order, seconds=61)
    assert desk.deliver().counts == {"sent": 1}
    assert len(desk.there()) == 1
    assert len(set(desk.sent_keys())) == 1
    assert desk.outcomes(order) == ["", "delivered"]


def test_an_order_that_arrives_after_its_process_was_killed_is_adopted(desk: Desk, line_of: CommandLine) -> None:
    order = desk.load()
    desk.fault("stall_before", seconds=1.2)
    _killed_while_sending(desk, line_of, order)
    desk.deliver()
    assert desk.order().state == OrderState.READY
    until(lambda: desk.there())
    assert desk.deliver().counts == {"adopted": 1}
    assert desk.order().state == OrderState.SENT
    assert len(desk.there()) == 1
    assert desk.outcomes(order) == ["adopted"]


def test_messages_of_a_process_that_cannot_be_seen_from_here_wait_for_their_lease(desk: Desk) -> None:
    order = desk.load()
    rows = OutboundMessage.objects.for_account(desk.account)
    later = timezone.now() + timedelta(seconds=90)
    rows.update(lease_token="elsewhere", lease_owner="another-host|boot|ns|1|1", lease_until=later)
    desk.deliver()
    assert desk.there() == []
    rows.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert desk.deliver().counts == {"sent": 1}
    assert desk.order(order.external_id).state == OrderState.SENT
