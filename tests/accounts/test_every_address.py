"""Every address below an account, read from the URL table itself, by everybody: with the account's own ids and with another's.

`test_access` says which page opens to whom; here no address can be forgotten, also none that only takes a form.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from cartrover.accounts.models import Account, Invitation, Role, User
from connectors.contract import ShipmentState
from connectors.models import ServiceName
from orders.acts.backfilling import LOOK
from orders.acts.bulk_work import ORDERS
from orders.models import (
    ApiKey,
    InboundDocument,
    Job,
    NotificationChannel,
    OutboundDocument,
    Product,
    ProductAlias,
    SavedView,
    Shipment,
    ShipMethodMap,
    SkippedOrder,
    SupportRequest,
)
from tests.accounts.test_access import EVERYBODY, PEOPLE
from tests.factories import AlertFactory, ConnectionFactory, MembershipFactory, OrderFactory, ServiceFactory

Browser = Callable[[User | None], Client]
NO_DOOR = {403, 404, 405}

FORMS = {"orders_bulk": {"act": "hold"}}
"""What an address needs of a form before it says anything but that there is no such thing."""

NOT_THEIRS = {"order_view_change", "order_view_remove"}
"""A view that is there for all is changed by operators; for others it is none of theirs, which is told as unknown."""

NEVER = {"ship_methods_remove"}
"""Received codes stay listed: what removes other mappings knows none of them."""


def _below_accounts(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below_accounts(pattern.url_patterns, address)
        elif address.startswith("a/<slug:slug>/"):
            yield address.removeprefix("a/<slug:slug>/"), pattern


ADDRESSES = dict(_below_accounts(get_resolver().url_patterns))


def _everything_of(account: Account) -> Mapping[str, Any]:
    """Give the account one of each kind of thing that an address can name, by the beginning of such addresses."""
    cart, wms = ConnectionFactory.create(account=account), ConnectionFactory.create(account=account, wms=True)
    ServiceFactory.create(connection=cart, name=ServiceName.ORDER_DOWNLOAD)
    order = OrderFactory.create(account=account, source=cart)
    now, of_file = timezone.now(), {"account": account, "connection": cart, "size": 0}
    key = {"level": "merchant", "api_user": f"{account.slug}-key", "prefix": "x", "digest": "x", "created_by": "x"}
    package = {"external_id": "1", "external_order_id": "1", "state": ShipmentState.SHIPPED, "remote_updated_at": now}
    invited = {"email": "new@example.com", "token_digest": account.slug, "invited_by": "x"}
    person = MembershipFactory.create(account=account, role=Role.VIEWER).user
    return {
        "connections/": cart,
        "connections/<uuid:public_id>/grant/": wms,
        "inventory/": cart,
        "orders/": order,
        "orders/views/": SavedView.objects.create(account=account, name="Held", query={"status": "error"}),
        "work/": Job.objects.create(account=account, kind=ORDERS, asked={"act": "hold", "query": {}}, actor="bob"),
        "work_id": Job.objects.create(account=account, kind=LOOK, connection=cart, actor="bob"),
        "in": InboundDocument.objects.create(**of_file, name="Purchase_Order.csv", modified_at=now, state="read"),
        "out": OutboundDocument.objects.create(
            **of_file, name="Shipment.csv", purpose="shipments", deflated=zlib.compress(b"")
        ),
        "skipped/": SkippedOrder.objects.create(account=account, connection=cart, reason="too_old", words="Too old."),
        "shipments/": Shipment.objects.create(account=account, connection=cart, order=order, **package),
        "products/": Product.objects.create(account=account, sku="CAP-009"),
        "aliases/": ProductAlias.objects.create(account=account, cart_sku="CAP-9", wms_sku="CAP-009"),
        "ship-methods/": ShipMethodMap.objects.create(account=account, cart=cart, cart_code="UPSG"),
        "help/": SupportRequest.objects.create(account=account, connection=cart, number=1, fee="none", created_by="x"),
        "alerts/": AlertFactory.create(account=account, connection=cart),
        "settings/notifications/": NotificationChannel.objects.create(account=account, name="Ops", address="ops@example.com"),
        "settings/keys/": ApiKey.objects.create(account=account, name="Key", **key),
        "settings/members/": person,
        "settings/members/invitations/": Invitation.objects.create(
            account=account, **invited, expires_at=now + timedelta(days=1)
        ),
    }


def _ids(address: str, pattern: URLPattern, things: Mapping[str, Any], way: str) -> dict[str, Any]:
    """Return what the address needs to name these things."""
    called = max((begin for begin in things if address.startswith(begin)), key=len, default="")
    known = {
        "way": way,
        "name": "order_download" if "services" in address else "ftp_password",
        "document_id": things[way].public_id,
        "work_id": things["work_id"].public_id,
        **(dict.fromkeys(("public_id", "person"), things[called].public_id) if called else {}),
    }
    return {name: known[name] for name in pattern.pattern.converters if name != "slug"}


def _asked(client: Client, address: str, form: Mapping[str, str]) -> Any:
    """Open the address, with a form where it takes nothing else; nothing that this does lasts."""
    before = transaction.savepoint()
    answer: Any = client.get(address)
    if answer.status_code == 405:
        answer = client.post(address, form)
    if answer.streaming:
        b"".join(answer)
    transaction.savepoint_rollback(before)
    return answer


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_knows_members_and_the_accounts_own_things_alone(
    address: str,
    alice: User,
    bob: User,
    vera: User,
    charlie: User,
    staff: User,
    acme: Account,
    globex: Account,
    browser: Browser,
) -> None:
    people: dict[str | None, User | None] = {
        "alice": alice,
        "bob": bob,
        "vera": vera,
        "charlie": charlie,
        "staff": staff,
        None: None,
    }
    pattern, own, foreign = ADDRESSES[address], _everything_of(acme), _everything_of(globex)
    least: Role = pattern.callback.least_role  # type: ignore[attr-defined]  # what account_page puts there
    form = FORMS.get(pattern.name or "", {})
    for way in ("in", "out") if "way" in pattern.pattern.converters else ("in",):
        ids = _ids(address, pattern, own, way)
        mine = reverse(f"{pattern.name}", kwargs={"slug": acme.slug} | ids)
        for who in EVERYBODY:
            answer = _asked(browser(people[who]), mine, form)
            if who is None:
                assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, reverse("login"))
            elif who not in PEOPLE:
                assert answer.status_code == 404, who
            elif PEOPLE[who].rank < least.rank:
                assert answer.status_code == 403, who
            elif pattern.name in NEVER or (pattern.name in NOT_THEIRS and who == "vera"):
                assert answer.status_code == 404, who
            else:
                assert answer.status_code < 500, who
                assert answer.status_code not in NO_DOOR, who
        for name in ids.keys() - {"way", "name"}:
            theirs, nobodys = ids | {name: _ids(address, pattern, foreign, way)[name]}, ids | {name: uuid4()}
            answers = [
                _asked(browser(alice), reverse(f"{pattern.name}", kwargs={"slug": acme.slug} | some), form)
                for some in (theirs, nobodys)
            ]
            assert [answer.status_code for answer in answers] in ([404, 404], [302, 302]), name
            assert answers[0].headers.get("Location") == answers[1].headers.get("Location")
