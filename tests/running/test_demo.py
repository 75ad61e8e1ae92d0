"""The demo: an account on the real sandboxes, with orders that flow through it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cartrover.accounts.models import Account, User
from connectors.models import Connection, ServiceName
from connectors.sandbox_flow import FIRST_HANDFUL, UNKNOWN_SKU, Flow
from connectors.sandboxes import Sandboxes
from orders import demo
from orders.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def var(settings: Any, tmp_path: Path) -> Path:
    settings.VAR = tmp_path
    return tmp_path


@pytest.fixture
def running(var: Path) -> Iterator[Sandboxes]:
    one = Sandboxes(var / "sandbox")
    Flow(one)
    one.start()
    yield one
    one.stop()


def test_without_a_sandbox_the_words_say_how_to_start_one(var: Path) -> None:
    with pytest.raises(CommandError, match="up --sandbox") as refused:
        call_command("demo")
    assert refused.value.returncode == 1
    assert not Account.objects.exists()


def test_a_wms_without_a_sandbox_is_named_with_those_that_have_one(running: Sandboxes, var: Path) -> None:
    with pytest.raises(CommandError, match="There is: quickbooks_commerce"):
        call_command("demo", "--wms", "abacus")


def test_the_demo_shows_another_wms_on_request_and_goes_back(running: Sandboxes, var: Path) -> None:
    assert demo.set_up(wms="quickbooks_online").problems == ()
    account = Account.objects.get(slug="demo")
    cart = Connection.objects.for_account(account).select_related("destination").get(kind="dsco")
    assert cart.destination is not None
    assert cart.destination.kind == "quickbooks_online"
    assert Order.objects.for_account(account).filter(state="sent", wms=cart.destination).count() == FIRST_HANDFUL - 1
    assert demo.set_up().problems == ()
    cart.refresh_from_db()
    assert cart.destination is not None
    assert cart.destination.kind == "quickbooks_commerce"


def test_orders_flow_through_both_sandboxes_and_twice_is_harmless(running: Sandboxes, var: Path) -> None:
    first = demo.set_up()

    account = Account.objects.get(slug="demo")
    assert first.problems == ()
    assert User.objects.get(email=first.email).check_password(first.password)
    assert (var / "demo.json").stat().st_mode & 0o777 == 0o600
    orders = Order.objects.for_account(account)
    assert orders.count() == FIRST_HANDFUL
    held = orders.get(hold="unknown_sku")
    assert [line.item for line in held.lines.all()] == [UNKNOWN_SKU]
    assert orders.filter(state="sent").count() == FIRST_HANDFUL - 1

    running.do("quickbooks_commerce", "pack_and_ship", {"all": True})
    demo.run_round((ServiceName.SHIPMENT_PICKUP, ServiceName.SHIPMENT_UPLOAD))
    running.do("dsco", "wait", {})
    told = running.do("dsco", "state", {"only": ["tracking"]})["tracking"]
    assert len(told) == FIRST_HANDFUL - 1

    printed = io.StringIO()
    call_command("demo", "--json", stdout=printed, stderr=io.StringIO())
    again = json.loads(printed.getvalue())
    assert again["password"] == first.password
    assert Connection.objects.for_account(account).count() == 2
    assert orders.count() == 2 * FIRST_HANDFUL
