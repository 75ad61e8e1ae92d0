"""What the portal's pages say."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cartrover.accounts.models import Account, Role, User
from connectors.contract import HoldReason
from connectors.models import Connection, ConnectionState, Outcome, Service, ServiceName
from orders import readers, words
from orders.listings.orders import OrderFilter, orders_page
from orders.listings.paging import Page
from orders.models import (
    AlertState,
    Invoice,
    MessageState,
    Order,
    OutboundAttempt,
    OutboundMessage,
    Shipment,
    ShipmentLine,
)
from orders.states import OrderState, Status
from orders.templatetags.portal import ago, bytes_said, money
from orders.views.pages import LATEST
from tests.factories import (
    AlertFactory,
    ConnectionFactory,
    MembershipFactory,
    OrderEventFactory,
    OrderFactory,
    ServiceFactory,
)

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def page(alice: User, browser: Browser) -> Callable[[str], str]:
    """Return what reads a page of acme as alice, as a person does: tags gone, spaces single."""
    client = browser(alice)

    def read(path: str) -> str:
        answer = client.get(f"/a/acme/{path}", follow=True)
        assert answer.status_code == 200
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))

    return read


def test_account_without_anything_says_what_fills_it(page: Callable[[str], str]) -> None:
    text = page("")
    assert "Nothing needs you." not in text
    assert "No connections yet." in text
    assert "No orders yet." in text


WAY_TO_SET_UP = re.compile(r'<a class="button" href="(/a/acme/connections/new/[^"]*)">([^<]+)</a>')


@pytest.mark.parametrize("path", ["", "inventory/", "connections/"])
def test_account_without_connections_leads_owners_to_the_set_up_and_others_to_the_owners(
    path: str, acme: Account, alice: User, bob: User, vera: User, browser: Browser
) -> None:
    MembershipFactory.create(account=acme, user__email="gone@example.com", user__is_active=False, role=Role.OWNER)
    owner = browser(alice)
    [(way, words)] = WAY_TO_SET_UP.findall(owner.get(f"/a/acme/{path}").content.decode())
    assert words == ("Connect a cart" if path == "inventory/" else "Set up the first connection")
    assert owner.get(way).status_code == 200
    for person in (bob, vera):
        html = browser(person).get(f"/a/acme/{path}").content.decode()
        assert "Owners of this account set it up: alice@example.com. Ask one of them." in html
        assert not WAY_TO_SET_UP.search(html)


def test_half_of_a_set_up_says_what_is_left_of_it(alice: User, vera: User, acme: Account, browser: Browser) -> None:
    wms = ConnectionFactory.create(account=acme, wms=True, name="QBC", state=ConnectionState.NEW)
    html = browser(alice).get("/a/acme/").content.decode()
    assert "Set up the first connection" not in html
    assert f'<a href="/a/acme/connections/{wms.public_id}/setup/">Go on with its set-up</a>' in html
    assert '<a href="/a/acme/connections/new/#step-2">Connect a cart</a>' in html
    html = browser(vera).get("/a/acme/").content.decode()
    assert "Nothing needs you." in html
    assert "/connections/new/" not in html
    assert "/setup/" not in html


def test_open_alerts_stand_first_and_closed_ones_are_gone(page: Callable[[str], str], acme: Account, globex: Account) -> None:
    AlertFactory.create(account=acme, words="DSCO refused the password.", times=12)
    AlertFactory.create(account=acme, words="This is over.", state=AlertState.RESOLVED)
    AlertFactory.create(account=acme, words="This was seen.", state=AlertState.DISMISSED)
    AlertFactory.create(account=globex, words="This is somebody else's.")
    text = page("")
    assert text.index("DSCO refused the password.") < text.index("Flow")
    assert "12 times" in text
    for gone in ("Nothing needs you", "This is over", "This was seen", "somebody else"):
        assert gone not in text


def test_many_alerts_are_counted(page: Callable[[str], str], acme: Account) -> None:
    AlertFactory.create_batch(readers.ALERTS_SHOWN + 3, account=acme)
    assert "and 3 more" in page("")


def test_connection_says_how_each_service_went_and_goes_on(page: Callable[[str], str], acme: Account) -> None:
    cart = ConnectionFactory.create(account=acme, name="DSCO")
    now = timezone.now()
    ServiceFactory.create(
        connection=cart,
        last_run_at=now - timedelta(minutes=3, seconds=5),
        last_outcome=Outcome.DONE,
        last_counts={"orders": 1234, "lines": 0},
        due_at=now + timedelta(minutes=2, seconds=30),
    )
    ServiceFactory.create(connection=cart, name=ServiceName.SHIPMENT_UPLOAD, every="automatic")
    ServiceFactory.create(connection=cart, name=ServiceName.INVOICE_UPLOAD, every="off")
    text = page("")
    assert "Cart → to hub DSCO Connected" in text
    assert "Order download every 5 minutes" in text
    assert "Done 3 min ago , next: in 2 min" in text
    assert "Shipment upload automatic" in text
    assert "never ran , next: when there is something to send" in text
    assert "never ran , next: off" in text
    assert "No WMS yet" in text


def test_service_that_runs_now_says_so(page: Callable[[str], str], acme: Account) -> None:
    service = ServiceFactory.create(connection=ConnectionFactory.create(account=acme))
    rows = Service.objects.for_account(acme).filter(pk=service.pk)
    rows.update(lease_token="x", lease_until=timezone.now() + timedelta(seconds=60))
    assert "running now" in page("")
    rows.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert "running now" not in page("")


@pytest.mark.parametrize(
    ("state", "fields", "said", "tone"),
    [
        (ConnectionState.OK, {}, "Connected", "good"),
        (ConnectionState.NEW, {}, "Not tested yet", "quiet"),
        (ConnectionState.PAUSED, {}, "Paused", "quiet"),
        (ConnectionState.BROKEN, {"needs_person": True, "probe_at": NOW}, "Needs you", "bad"),
        (ConnectionState.BROKEN, {"probe_at": NOW}, "Broken, trying again", "warn"),
        (ConnectionState.BROKEN, {}, "Needs you", "bad"),
    ],
)
def test_red_is_kept_for_what_needs_a_person(state: str, fields: dict[str, object], said: str, tone: str) -> None:
    assert words.connection_words(Connection(state=state, **fields)) == (said, tone)


def test_broken_connection_shows_its_words_and_stops_promising_runs(page: Callable[[str], str], acme: Account) -> None:
    wms = ConnectionFactory.create(account=acme, wms=True, state=ConnectionState.BROKEN, broken_words="It answers 503.")
    ServiceFactory.create(connection=wms, name=ServiceName.ORDER_DELIVERY, due_at=timezone.now())
    text = page("")
    assert "It answers 503." in text
    assert "when the connection works" in text


def test_cart_in_test_mode_can_not_be_mistaken(page: Callable[[str], str], acme: Account) -> None:
    ConnectionFactory.create(account=acme, name="DSCO", live=False)
    assert "Test mode. Live orders of DSCO are loaded and wait; test orders run through." in page("")


def test_disconnected_connection_is_not_shown(page: Callable[[str], str], acme: Account) -> None:
    ConnectionFactory.create(account=acme, name="Old one", state=ConnectionState.DISCONNECTED)
    assert "Old one" not in page("")


@pytest.mark.parametrize("hold", ["", *HoldReason])
@pytest.mark.parametrize("state", list(OrderState))
def test_status_in_the_database_is_the_one_that_is_shown(state: str, hold: str, acme: Account) -> None:
    for shipped in (0, 1):
        order = OrderFactory.create(account=acme, state=state, hold=hold, shipped_quantity=shipped, lines=0)
        rows = Order.objects.for_account(acme).filter(pk=order.pk)
        assert [status for status in Status if rows.filter(standing=status).exists()] == [order.status]


def test_counts_stop_at_a_bound(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "COUNTED", 2)
    cart = ConnectionFactory.create(account=acme)
    OrderFactory.create_batch(3, account=acme, source=cart, lines=0)
    OrderFactory.create_batch(2, account=acme, source=cart, state=OrderState.SENT, lines=0)
    counts = {row.status: (row.count, row.is_more) for row in readers.home_page(acme).counts}
    assert (counts[Status.NEW], counts[Status.AT_WMS], counts[Status.SHIPPED]) == ((2, True), (2, False), (0, False))


def test_held_order_always_shows_its_reason(page: Callable[[str], str], acme: Account) -> None:
    OrderFactory.create(account=acme, hold=HoldReason.UNKNOWN_SKU)
    OrderFactory.create(account=acme, hold=HoldReason.NOT_LIVE)
    text = page("orders/")
    assert "Held: SKU unknown at the WMS" in text
    assert "New waits to go live" in text


def test_every_word_that_the_hub_knows_has_one_on_the_pages() -> None:
    assert set(words.HOLD) == set(HoldReason)
    assert set(words.STATUS) == set(Status)
    assert set(words.OUTCOME) == set(Outcome)
    assert set(words.MESSAGE) == set(MessageState)
    assert all(words.service_label(name) for name in ServiceName)


def _orders(account: Account, number: int, **fields: object) -> list[Order]:
    """Make orders, the newest last; every second one has the stamp of its neighbour."""
    cart = ConnectionFactory.create(account=account)
    stamps = [NOW + timedelta(minutes=n // 2) for n in range(number)]
    return [OrderFactory.create(account=account, source=cart, lines=0, created_at=stamp, **fields) for stamp in stamps]


def test_older_pages_hold_every_order_once_also_while_new_ones_come(acme: Account, globex: Account) -> None:
    made = _orders(acme, 25)
    _orders(globex, 5)
    seen: list[Order] = []
    before = None
    while True:
        part = orders_page(acme, OrderFilter(), before, limit=4)
        seen += part.rows
        OrderFactory.create(account=acme, source=made[0].source, lines=0)
        if part.next is None:
            break
        before = part.next
    assert [order.pk for order in seen] == [order.pk for order in reversed(made)]


def test_cursor_of_another_account_shows_nothing(acme: Account, globex: Account) -> None:
    _orders(acme, 3)
    [foreign] = _orders(globex, 1)
    assert orders_page(acme, OrderFilter(), foreign.public_id) == Page([], None)


def test_older_link_leads_to_the_next_page(alice: User, acme: Account, browser: Browser) -> None:
    made = _orders(acme, LATEST + 1)
    client = browser(alice)
    first = client.get("/a/acme/").content.decode()
    [link] = re.findall(r'href="(/a/acme/orders/\?after=[^"]+)"', first)
    assert made[0].cust_ref not in first
    second = client.get(link).content.decode()
    assert made[0].cust_ref in second
    assert made[1].cust_ref not in second


def test_orders_of_one_status_can_be_listed_page_by_page(page: Callable[[str], str], acme: Account) -> None:
    held = OrderFactory.create(account=acme, hold=HoldReason.REFUSED)
    free = OrderFactory.create(account=acme)
    text = page("orders/?status=error")
    assert held.cust_ref in text
    assert free.cust_ref not in text
    assert "No order is like that." in page("orders/?status=shipped")
    assert free.cust_ref in page("orders/?status=unheard-of&after=nonsense")


def test_number_that_one_order_has_leads_to_it(alice: User, acme: Account, globex: Account, browser: Browser) -> None:
    order = OrderFactory.create(account=acme, cust_po_no="PO-2026/0001", cust_ref="AC1-x")
    OrderFactory.create(account=globex, cust_po_no="PO-9", cust_ref="AC1-x")
    client = browser(alice)
    for number in ("PO-2026/0001", " ac1-X "):
        answer = client.get("/a/acme/orders/", {"q": number})
        assert answer["Location"] == f"/a/acme/orders/{order.public_id}/"
    assert "Nothing was found for “PO-9”." in client.get("/a/acme/orders/?q=PO-9").content.decode()


def test_number_that_several_orders_have_lists_them(page: Callable[[str], str], acme: Account) -> None:
    for ref in ("A1", "A2"):
        OrderFactory.create(account=acme, cust_po_no="PO-7", cust_ref=ref)
    OrderFactory.create(account=acme, cust_ref="OTHER")
    text = page("orders/?q=PO-7")
    assert "A1" in text
    assert "A2" in text
    assert "OTHER" not in text


@pytest.fixture
def told(acme: Account) -> Order:
    """An order with everything that can have happened to one."""
    wms = ConnectionFactory.create(account=acme, wms=True, name="QuickBooks Commerce")
    order = OrderFactory.create(
        account=acme,
        wms=wms,
        wms_number="100231",
        hold=HoldReason.UNKNOWN_SKU,
        hold_words="SKU CAP-9 is not in QuickBooks Commerce. Add it there.",
        ship_to={"first_name": "Erika", "last_name": "Mustermann", "city": "Springfield", "zip": "62701"},
        lines=[{"item": "CAP-9", "wms_item": "CAP-009", "quantity": 1200, "price": Decimal("1234.5")}],
    )
    moment = timezone.now() - timedelta(minutes=5)
    for number, text in enumerate(("Loaded from row 14.", "Held: SKU CAP-9 unknown.", "Alias CAP-9 to CAP-009 added.")):
        OrderEventFactory.create(order=order, words=text, at=moment + timedelta(seconds=number))
    message = OutboundMessage.objects.create(account=acme, connection=wms, order=order, state=MessageState.HELD)
    tries = {"account": acme, "message": message, "request": "POST /orders", "answer": '{"errors": ["<b>no</b>"]}'}
    OutboundAttempt.objects.create(**tries, outcome="FixOrder", status=422, elapsed_ms=240)
    shipped = {"account": acme, "connection": wms, "order": order, "remote_updated_at": moment, "state": "shipped"}
    package = Shipment.objects.create(**shipped, external_id="1", external_order_id="1", tracking_number="1Z999")
    line = order.lines.get()
    ShipmentLine.objects.create(account=acme, shipment=package, external_id="1", external_line_id="1", line=line, quantity=7)
    Invoice.objects.create(account=acme, connection=wms, order=order, external_id="1", number="INV-1", total=Decimal("99"))
    AlertFactory.create(account=acme, order=order, words="This order waits.")
    return order


def test_order_tells_its_story_newest_first(page: Callable[[str], str], told: Order) -> None:
    text = page(f"orders/{told.public_id}/")
    for said in (
        told.cust_ref,
        told.cust_po_no,
        "Held: SKU unknown at the WMS",
        "SKU CAP-9 is not in QuickBooks Commerce. Add it there.",
        "QuickBooks Commerce, 100231",
        "CAP-9 → CAP-009",
        "1,200",
        "1,234.50 USD",
        "Erika Mustermann",
        "1Z999",
        "7 × CAP-9",
        "INV-1 99.00",
        "refused (422, 240 ms)",
        "POST /orders",
        "This order waits.",
    ):
        assert said in text, said
    assert (
        text.index("Alias CAP-9 to CAP-009 added.") < text.index("Held: SKU CAP-9 unknown.") < text.index("Loaded from row 14.")
    )


def test_what_a_far_side_answered_stays_text(alice: User, told: Order, browser: Browser) -> None:
    html = browser(alice).get(f"/a/acme/orders/{told.public_id}/").content.decode()
    assert "<b>no</b>" not in html
    assert "&lt;b&gt;no&lt;/b&gt;" in html


def test_bare_order_says_what_is_not_there(page: Callable[[str], str], acme: Account) -> None:
    order = OrderFactory.create(account=acme, lines=0)
    text = page(f"orders/{order.public_id}/")
    assert "This order has no lines." in text
    assert "Nothing has happened to this order yet." in text
    assert "not at a WMS yet" in text


def _queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_pages_ask_the_database_as_often_for_much_as_for_little(
    alice: User, acme: Account, told: Order, browser: Browser
) -> None:
    client = browser(alice)
    paths = ["/a/acme/", "/a/acme/orders/", f"/a/acme/orders/{told.public_id}/"]
    AlertFactory.create(account=acme, connection=told.wms)
    ServiceFactory.create(connection=told.source)
    few = [_queries(client, path) for path in paths]
    for number in range(6):
        cart = ConnectionFactory.create(account=acme)
        for name in (ServiceName.ORDER_DOWNLOAD, ServiceName.SHIPMENT_UPLOAD):
            ServiceFactory.create(connection=cart, name=name)
        AlertFactory.create(account=acme, connection=cart, order=OrderFactory.create(account=acme, source=cart))
        OrderEventFactory.create(order=told)
        _more(told, number)
    assert [_queries(client, path) for path in paths] == few
    assert max(few) < 25


def _more(order: Order, number: int) -> None:
    owned = {"account": order.account, "connection": order.wms, "order": order}
    message = OutboundMessage.objects.create(**owned, state=MessageState.DONE)
    OutboundAttempt.objects.create(account=order.account, message=message, outcome="sent")
    moment = timezone.now()
    package = Shipment.objects.create(
        **owned, external_id=f"more{number}", external_order_id="1", state="shipped", remote_updated_at=moment
    )
    line = {"account": order.account, "external_id": "1", "external_line_id": "1", "line": order.lines.first()}
    ShipmentLine.objects.create(**line, shipment=package, quantity=1)
    Invoice.objects.create(**owned, external_id=f"more{number}")


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (NOW - timedelta(seconds=20), "just now"),
        (NOW + timedelta(seconds=20), "in a moment"),
        (NOW - timedelta(minutes=3), "3 min ago"),
        (NOW + timedelta(minutes=59, seconds=59), "in 59 min"),
        (NOW - timedelta(hours=3), "today 09:00"),
        (NOW + timedelta(hours=3), "today 15:00"),
        (NOW - timedelta(days=1), "yesterday 12:00"),
        (NOW + timedelta(days=1), "tomorrow 12:00"),
        (NOW - timedelta(days=9), "13 Nov 12:00"),
        (NOW - timedelta(days=400), "18 Oct 2025"),
    ],
)
def test_times_are_said_as_people_say_them(moment: datetime, said: str) -> None:
    with time_machine.travel(NOW, tick=False):
        assert f">{said}</time>" in ago(moment)


def test_time_is_shown_in_the_accounts_zone_and_in_utc(alice: User, acme: Account, browser: Browser) -> None:
    Account.objects.filter(pk=acme.pk).update(time_zone="America/Chicago")
    OrderFactory.create(account=acme, created_at=NOW)
    html = browser(alice).get("/a/acme/orders/").content.decode()
    assert "06:00:00 America/Chicago\nSun, 22 Nov 2026, 12:00:00 UTC" in html


@pytest.mark.parametrize(
    ("amount", "said"), [("1234.5", "1,234.50 USD"), ("0", "0.00 USD"), ("12.3456", "12.3456 USD"), ("12.3000", "12.30 USD")]
)
def test_money_has_at_least_two_decimals_and_its_currency(amount: str, said: str) -> None:
    assert money(Decimal(amount), "USD") == said
    assert money(None) == "–"


def test_sizes_are_said_in_fitting_units() -> None:
    assert [bytes_said(size) for size in (12, 45_678, 123_456_789)] == ["12 bytes", "46 kB", "123 MB"]
