"""What the loader promises: one account's border, short numbers that are unique without case, rows for new orders only."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connections, transaction

from cartrover.accounts.models import Account
from connectors.contract import LineDraft, OrderDraft
from connectors.models import Connection
from orders.models import Order, OrderEvent, OrderLine, OutboundMessage
from orders.pipeline.persist import LoadCounts, load_drafts
from tests.connectors.dsco.files import row
from tests.factories import AccountFactory, ConnectionFactory
from tests.inbox import Inbox, a_wms


def _draft(number: int, *, po_number: str = "", lines: int = 1) -> OrderDraft:
    return OrderDraft(
        external_id=f"9000{number}",
        cust_po_no=po_number or f"PO-{number}",
        alternate_id=f"1000|PO-{number}",
        lines=[LineDraft(line_id=str(line), item=f"SKU-{line}", quantity=1, price=Decimal(5)) for line in range(1, lines + 1)],
        content_hash=f"{number:064}",
    )


@pytest.fixture
def cart(acme: Account) -> Connection:
    a_wms(acme)
    made: Connection = ConnectionFactory.create(account=acme)
    return made


def _load(cart: Connection, *drafts: OrderDraft) -> LoadCounts:
    return load_drafts(connection=cart, drafts=drafts, document=None)


def _refs(account: Account) -> list[str]:
    return list(Order.objects.for_account(account).order_by("pk").values_list("cust_ref", flat=True))


# --- short numbers -----------------------------------------------------------------------------------------------------------


def test_a_full_number_that_fits_and_is_free_is_the_short_one(cart: Connection) -> None:
    _load(cart, _draft(1, po_number="ABC-123"), _draft(2, po_number="A long number with blanks 4711"))
    fits, shortened = _refs(cart.account)
    assert fits == "ABC-123"
    assert len(shortened) <= 16
    assert "4711" in shortened


def test_short_numbers_are_unique_without_case_in_one_load_and_over_many(cart: Connection) -> None:
    _load(cart, _draft(1, po_number="abc"), _draft(2, po_number="ABC"), _draft(3, po_number="Abc"))
    _load(cart, _draft(4, po_number="aBC"))
    refs = _refs(cart.account)
    assert refs[0] == "abc"
    assert len({ref.upper() for ref in refs}) == 4


def test_a_short_number_never_changes_afterwards(cart: Connection) -> None:
    first = _draft(1, po_number="a number that is too long")
    _load(cart, first)
    before = _refs(cart.account)
    _load(cart, replace(first, cust_po_no="another", content_hash="x"))
    assert _refs(cart.account) == before


def test_the_strictest_wms_of_the_account_decides_what_a_short_number_may_be(cart: Connection) -> None:
    settings = {"api_url": "http://127.0.0.1:9/"}
    ConnectionFactory.create(account=cart.account, wms=True, settings=settings | {"cust_ref_length": 8})
    ConnectionFactory.create(account=cart.account, wms=True, settings=settings | {"cust_ref_characters": "digits"})
    _load(cart, _draft(1, po_number="PO-1234567890"))
    (ref,) = _refs(cart.account)
    assert ref.isdigit()
    assert len(ref) <= 8


def test_what_does_not_fit_a_wms_that_was_added_later_is_held(cart: Connection) -> None:
    _load(cart, _draft(1, po_number="PO-1234567890"))
    wms = Connection.objects.for_account(cart.account).get(side="wms")
    wms.settings = wms.settings | {"cust_ref_length": 6}
    wms.save()
    order = Order.objects.for_account(cart.account).get()
    _load(cart, replace(_draft(1, po_number="PO-1234567890", lines=2), content_hash="y"))
    order.refresh_from_db()
    assert (order.hold, order.cust_ref) == ("no_route", "PO-1234567890")
    assert "doesn't fit" in order.hold_words


def test_two_accounts_may_have_one_short_number(cart: Connection, globex: Account) -> None:
    other: Connection = ConnectionFactory.create(account=globex)
    _load(cart, _draft(1))
    _load(other, _draft(1))
    assert _refs(cart.account) == _refs(globex) == ["PO-1"]


# --- rows --------------------------------------------------------------------------------------------------------------------


def test_lines_events_and_messages_are_written_for_new_orders_only(cart: Connection) -> None:
    _load(cart, _draft(1, lines=2), _draft(2))
    counts = _load(cart, _draft(1, lines=2), _draft(2), _draft(3, lines=3))
    account = cart.account
    assert (counts.orders, counts.duplicates, counts.lines) == (1, 2, 3)
    assert OrderLine.objects.for_account(account).count() == 6
    assert OrderEvent.objects.for_account(account).filter(kind="order.loaded").count() == 3
    assert OutboundMessage.objects.for_account(account).count() == 3


def test_a_load_that_breaks_off_leaves_whole_orders_and_goes_on_where_it_was(
    cart: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.pipeline.persist.CHUNK", 10)
    drafts = [_draft(number, lines=2) for number in range(25)]

    def breaking() -> Iterator[OrderDraft]:
        yield from drafts[:15]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        load_drafts(connection=cart, drafts=breaking(), document=None)
    assert Order.objects.for_account(cart.account).count() == 10
    assert OrderLine.objects.for_account(cart.account).count() == 20
    assert _load(cart, *drafts).orders == 15


def test_an_order_twice_in_one_load_is_one_order_with_the_later_content(cart: Connection) -> None:
    counts = _load(cart, _draft(1), replace(_draft(1, lines=3), content_hash="later"))
    assert (counts.orders, counts.updated) == (1, 1)
    assert OrderLine.objects.for_account(cart.account).count() == 3


def test_the_account_is_that_of_the_connection_on_every_row(inbox: Inbox) -> None:
    inbox.read([row(1), row(2, line_item_quantity="x")])
    for model in (Order, OrderLine, OrderEvent, OutboundMessage):
        owners = set(model._base_manager.values_list("account_id", flat=True))
        assert owners == {inbox.account.pk}


def test_a_line_keeps_its_own_columns_and_the_order_keeps_the_orders(inbox: Inbox) -> None:
    extras = {"gift_message": "Happy birthday", "channel": "web"}
    inbox.read([row(1, 1, line_item_color="red", **extras), row(1, 2, line_item_color="", line_item_size="L", **extras)])
    order = inbox.order("PO-1")
    lines = list(order.lines.order_by("line_no"))
    assert order.extra["channel"] == "web"
    assert not {name for name in order.extra if name.startswith("line_item_")}
    assert (lines[0].extra["line_item_color"], "line_item_size" in lines[0].extra) == ("red", False)
    assert (lines[1].extra["line_item_size"], "line_item_color" in lines[1].extra) == ("L", False)
    assert not {name for line in lines for name in line.extra if name in extras}


def test_a_cart_without_a_wms_holds_its_orders_until_there_is_one(make_inbox: Callable[..., Inbox]) -> None:
    inbox = make_inbox(wms=False)
    inbox.read([row(1), row(2)])
    assert Counter(Order.objects.for_account(inbox.account).values_list("hold", flat=True)) == {"no_route": 2}
    assert "Connect one" in inbox.alerts["hold.no_route"]


# --- at once -----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_carts_that_load_at_once_give_no_short_number_twice() -> None:
    account: Account = AccountFactory.create(slug="acme")
    a_wms(account)
    carts: list[Connection] = [ConnectionFactory.create(account=account) for _ in range(2)]
    start, problems = threading.Barrier(2), []

    def load(cart: Connection, spelled: Callable[[str], str]) -> None:
        try:
            start.wait(10)
            for first in range(0, 60, 20):
                _load(cart, *(_draft(n, po_number=spelled(f"order-{n}"), lines=2) for n in range(first, first + 20)))
        except Exception as problem:
            problems.append(problem)
            raise
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=load, args=(cart, spelled)) for cart, spelled in zip(carts, (str.upper, str.lower), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    refs = _refs(account)
    assert len(refs) == len({ref.upper() for ref in refs}) == 120
    assert OrderLine.objects.for_account(account).count() == 240


@pytest.mark.django_db(transaction=True)
def test_two_loads_of_the_same_file_at_once_make_each_order_once() -> None:
    cart: Connection = ConnectionFactory.create()
    a_wms(cart.account)
    start, loaded = threading.Barrier(2), []

    def load() -> None:
        try:
            start.wait(10)
            loaded.append(_load(cart, *(_draft(number, lines=2) for number in range(60))).orders)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(loaded) == 60
    assert Order.objects.for_account(cart.account).count() == 60
    assert OrderLine.objects.for_account(cart.account).count() == 120
    assert OutboundMessage.objects.for_account(cart.account).count() == 60


@pytest.mark.django_db(transaction=True)
def test_a_load_waits_for_whoever_else_gives_out_numbers_in_the_account() -> None:
    cart: Connection = ConnectionFactory.create()
    done = threading.Event()

    def load() -> None:
        try:
            _load(cart, _draft(1))
            done.set()
        finally:
            connections.close_all()

    with transaction.atomic():
        Account.objects.select_for_update().get(pk=cart.account_id)
        thread = threading.Thread(target=load)
        thread.start()
        assert not done.wait(0.3)
    thread.join(30)
    assert done.is_set()
