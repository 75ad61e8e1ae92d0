"""Changing an order by hand: what may be, while it may be, and without losing what was typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Account, User
from connectors.contract import HoldReason
from connectors.models import Connection
from orders.models import MessageState, Order, OutboundMessage, ShipMethodMap
from orders.pipeline.messages import orders_out
from orders.states import OrderState
from tests.factories import ConnectionFactory, OrderFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
ADDRESS = {"first_name": "Erika", "last_name": "Muster", "address_1": "Main St 1", "city": "Springfield", "country": "US"}


@pytest.fixture
def wms(acme: Account) -> Connection:
    return ConnectionFactory.create(account=acme, wms=True, name="Books")


def _order(wms: Connection, message: str = MessageState.WAITING, attempts: int = 0, **fields: Any) -> Order:
    fields = {"state": OrderState.READY, "ship_to": ADDRESS, "ship_code": "GCG", **fields}
    order = OrderFactory.create(account=wms.account, wms=wms, **fields)
    OutboundMessage.objects.create(account=wms.account, connection=wms, order=order, state=message, attempts=attempts)
    return order


def _path(order: Order) -> str:
    return f"/a/acme/orders/{order.public_id}/edit/"


def _form(client: Client, order: Order, **changes: str) -> dict[str, str]:
    """What a browser would send of the form, with these changes."""
    answer = client.get(_path(order))
    form = answer.context["form"]
    return {name: form[name].value() or "" for name in form.fields} | changes


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_held_order_is_mended_and_sent_again_with_before_and_after_in_its_story(
    bob: User, wms: Connection, browser: Browser
) -> None:
    order = _order(wms, MessageState.HELD, attempts=1, hold=HoldReason.BAD_ADDRESS, hold_words="No such street.")
    client = browser(bob)
    changes = {"city": "Shelbyville", "sku_1": "CAP-009", "ship_code": "UPS2"}
    answer = client.post(_path(order), {**_form(client, order, **changes), "send": "yes"}, follow=True)
    assert "The order goes out with the next delivery." in _text(answer)
    order.refresh_from_db()
    assert (order.hold, order.ship_to["city"], order.ship_code) == ("", "Shelbyville", "UPS2")
    message = order.messages.select_related("order__source").get()
    assert (message.state, message.generation) == (MessageState.WAITING, 2)
    sent = orders_out([message], wms)[message.pk]
    assert (sent.ship_to.city, sent.lines[0].wms_item, sent.ship_code) == ("Shelbyville", "CAP-009", "UPS2")
    event = order.events.get(kind="order.edited")
    assert event.data["changes"]["ship-to city"] == ["Springfield", "Shelbyville"]
    assert "Springfield" not in event.words
    assert event.actor == "bob@example.com"
    assert "Springfield → Shelbyville" in _text(answer)


def test_order_that_goes_out_by_itself_is_taken_back_from_its_sender_and_changed(
    bob: User, wms: Connection, browser: Browser
) -> None:
    order, client = _order(wms), browser(bob)
    order.messages.update(lease_token="x", lease_until=timezone.now() + timedelta(seconds=60))
    assert "Saved: notes." in _text(client.post(_path(order), _form(client, order, notes="Ring twice"), follow=True))
    assert order.messages.get().lease_token == ""
    assert "Nothing was changed." in _text(client.post(_path(order), _form(client, order), follow=True))


def test_code_that_is_not_mapped_holds_the_order(bob: User, wms: Connection, browser: Browser) -> None:
    order, client = _order(wms), browser(bob)
    Connection.objects.for_account(wms.account).filter(pk=order.source_id).update(
        settings={**order.source.settings, "unmapped_ship_codes": "hold"}
    )
    ShipMethodMap.objects.create(account=wms.account, cart=order.source, cart_code="GCG", wms_code="GROUND")
    client.post(_path(order), _form(client, order, ship_code="ODD"))
    order.refresh_from_db()
    assert order.hold == HoldReason.UNMAPPED_SHIP_METHOD


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": OrderState.SENT, "wms_number": "100231"}, "It is at Books as 100231. Change it there."),
        ({"state": OrderState.SHIPPED}, "It is shipped"),
        ({"message": MessageState.UNKNOWN}, "may be there already"),
        ({"hold": HoldReason.GAVE_UP, "message": MessageState.HELD}, "Books may have it. Release it first"),
    ],
)
def test_what_is_too_late_says_why(fields: dict[str, Any], said: str, bob: User, wms: Connection, browser: Browser) -> None:
    order, client = _order(wms, **fields), browser(bob)
    assert said in _text(client.get(f"/a/acme/orders/{order.public_id}/"))
    assert said in _text(client.get(_path(order)))
    refused = client.post(_path(order), _form(client, order, city="Elsewhere"))
    assert refused.status_code == 409
    assert 'value="Elsewhere"' in refused.content.decode()
    order.refresh_from_db()
    assert order.ship_to == ADDRESS


def test_order_that_changed_meanwhile_keeps_what_was_typed(bob: User, wms: Connection, browser: Browser) -> None:
    order, client = _order(wms), browser(bob)
    typed = _form(client, order, city="Mine")
    Order.objects.for_account(wms.account).filter(pk=order.pk).update(
        ship_to={**ADDRESS, "city": "Theirs"}, updated_at=timezone.now() + timedelta(seconds=1)
    )
    answer = client.post(_path(order), typed)
    assert answer.status_code == 409
    assert "This order was changed meanwhile." in _text(answer)
    assert "The order says now: Theirs" in _text(answer)
    assert 'value="Mine"' in answer.content.decode()
    [version] = re.findall(r'name="version" value="([^"]+)"', answer.content.decode())
    client.post(_path(order), {**typed, "version": version})
    order.refresh_from_db()
    assert order.ship_to["city"] == "Mine"


def test_what_can_not_be_is_refused_where_it_was_typed(bob: User, wms: Connection, browser: Browser) -> None:
    order, client = _order(wms), browser(bob)
    wrong = {"first_name": "", "last_name": "", "city": "", "e_mail": "nobody", "country": "U" * 61}
    answer = client.post(_path(order), _form(client, order, **wrong, notes="kept"))
    assert answer.status_code == 422
    text = _text(answer)
    for said in ("Give a name or a company", "This field is required", "valid email address", "at most 60 characters", "kept"):
        assert said in text, said
    order.refresh_from_db()
    assert order.ship_to == ADDRESS
