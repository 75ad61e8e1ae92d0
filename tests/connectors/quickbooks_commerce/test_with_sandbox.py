"""The whole way with the connector's own sandbox: out, found again, shipped, invoiced, voided, and its cost in requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import OrderOut, Receipt, RemoteState, RunningSandbox, ShipmentState
from connectors.errors import AlreadyTaken, FixConnection, FixOrder, OutcomeUnknown, SlowDown, TryLater
from connectors.opening import open_session
from connectors.quickbooks_commerce.connector import SPEC
from connectors.quickbooks_commerce.session import OAUTH, QuickBooksCommerceSession
from connectors.transports.oauth2 import OAuthClient
from tests.connectors.quickbooks_commerce.rig import Hub, PromptNetwork, an_order, granted, line
from tests.factories import ConnectionFactory, SecretFactory
from tests.servers.hub import utc_now


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    assert SPEC.sandbox is not None
    sandbox = SPEC.sandbox(str(tmp_path_factory.mktemp("sandbox")), {"http": 0})
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(started: RunningSandbox) -> RunningSandbox:
    started.drive("reset")
    started.drive("clear_requests")
    started.drive("set", rate_limit=100_000)
    return started


@pytest.fixture
def hub(sandbox: RunningSandbox) -> Hub:
    return Hub(settings=dict(sandbox.settings), secrets=dict(sandbox.secrets))


@pytest.fixture
def session(hub: Hub) -> Iterator[QuickBooksCommerceSession]:
    opened = hub.open()
    yield opened
    opened.close()


def deliver(session: QuickBooksCommerceSession, *orders: OrderOut) -> dict[str, Receipt]:
    assert session.prepare(orders) == {}
    with ThreadPoolExecutor(8) as pool:
        sent = pool.map(lambda order: session.send(order, f"{order.public_id}-1"), orders)
        return {order.cust_ref: one.receipt for order, one in zip(orders, sent, strict=True)}


def there(sandbox: RunningSandbox, number: str) -> dict[str, Any]:
    (order,) = sandbox.drive("state", order_number=number)["orders"]
    return dict(order)


# --- the way out and back ----------------------------------------------------------------------------------------------------


def test_the_connection_test_passes(session: QuickBooksCommerceSession) -> None:
    steps = list(session.check())
    assert [step.step for step in steps if not step.ok] == []
    assert "40 products" in next(step.words for step in steps if step.step == "products")


def test_an_order_arrives_whole(sandbox: RunningSandbox, session: QuickBooksCommerceSession) -> None:
    order = an_order(
        "PO-1", line(1, "CAP-001", 2, "12.50"), line(2, "TEE-001", 1, "7.125"), line(3, "CAP-001", 3, "12.00"),
        shipping_charge=Decimal(5), discount=Decimal("2.50"), notes="Ring twice",
    )  # fmt: skip
    receipt = deliver(session, order)["PO-1"]
    arrived = there(sandbox, "PO-1")
    assert (str(arrived["id"]), arrived["reference_number"], arrived["status"]) == (receipt.external_id, "PO-1-FULL", "active")
    assert (arrived["company_code"], arrived["company_name"]) == ("DSCO-1000", "Hearth & Home")
    assert (arrived["issued_at"], arrived["ship_at"], arrived["notes"]) == ("2026-11-18", "2026-11-21", "Ring twice")
    address = arrived["shipping_address"]
    assert (address["label"], address["address1"], address["state"]) == ("PO-1", "1 Sample Street", "OR")
    lines: list[tuple[Any, ...]] = [
        (one["sku"], Decimal(one["quantity"]), Decimal(one["price"]), one["line_type"]) for one in arrived["lines"]
    ]
    assert lines[:3] == [
        ("CAP-001", 2, Decimal("12.5"), None), ("TEE-001", 1, Decimal("7.125"), None), ("CAP-001", 3, 12, None),
    ]  # fmt: skip
    assert [(price, kind) for _, _, price, kind in lines[3:]] == [(5, "shipping"), (Decimal("-2.5"), "discount")]
    (page,) = session.list_orders_changed(None)
    (remote,) = page.items
    by_number = {one.line_no: one.external_id for one in remote.lines}
    assert by_number == {at: str(one["id"]) for at, one in enumerate(arrived["lines"][:3], start=1)}


def test_250_orders_cost_at_most_a_tenth_of_a_request_more_than_themselves(
    sandbox: RunningSandbox, session: QuickBooksCommerceSession
) -> None:
    orders = [an_order(f"PO-{at}", line(1, "CAP-001"), line(2, f"TEE-00{at % 9 + 1}", 2)) for at in range(250)]
    for start in range(0, 250, 100):
        deliver(session, *orders[start : start + 100])
    for order in orders[:3]:
        sandbox.drive("finalize", order_number=order.cust_ref)
    sandbox.drive("pack_and_ship", order_number="PO-0")
    sandbox.drive("invoice", order_number="PO-0")
    assert sum(len(page.items) for page in session.list_orders_changed(None)) == 250
    assert sum(len(page.items) for page in session.list_shipments(None)) == 1
    assert sum(len(page.items) for page in session.list_invoices(None)) == 1
    told = sandbox.drive("requests")["counters"]
    assert told["by_route"]["POST /orders"] == 250
    assert told["by_route"]["POST /companies"] == 1
    assert told["total"] <= 275, told["by_route"]


def test_packages_and_invoices_come_back(sandbox: RunningSandbox, hub: Hub) -> None:
    session = hub.open(order_status="finalized")
    receipt = deliver(session, an_order("PO-1", line(1, "CAP-001", 2), line(2, "TEE-001", 1)))["PO-1"]
    packages = [{"lines": {"CAP-001": 1}, "tracking": "1Z1"}, {"lines": {"CAP-001": 1, "TEE-001": 1}, "tracking": "1Z2"}]
    sandbox.drive("pack_and_ship", order_number="PO-1", packages=packages)
    sandbox.drive("invoice", order_number="PO-1", invoice_number="INV-9")
    (page,) = session.list_shipments(None)
    assert {one.tracking_number: (one.state, one.carrier, one.service) for one in page.items} == {
        "1Z1": (ShipmentState.SHIPPED, "UPS", "Ground"), "1Z2": (ShipmentState.SHIPPED, "UPS", "Ground"),
    }  # fmt: skip
    (remote,) = session.read_orders({receipt.external_id})
    assert remote.state is RemoteState.SHIPPED
    ours = {one.external_id: one.line_no for one in remote.lines}
    shipped = sorted((ours[one.external_line_id], one.quantity) for package in page.items for one in package.lines)
    assert shipped == [(1, 1), (1, 1), (2, 1)]
    invoices = [one for each in session.list_invoices(None) for one in each.items]
    assert [(one.number, one.total, one.currency, one.is_void) for one in invoices] == [("INV-9", Decimal(30), "USD", False)]
    sandbox.drive("void_fulfillment", fulfillment_id=int(page.items[0].external_id))
    sandbox.drive("void_invoice", invoice_number="INV-9")
    sandbox.drive("set", list_voided=False)
    states = {one.external_id: one.state for one in session.read_shipments({receipt.external_id})}
    assert states[page.items[0].external_id] is ShipmentState.VOID
    assert [one.is_void for each in session.list_invoices(None) for one in each.items] == [True]


def test_lines_that_were_cut_removed_or_added_are_told_apart(
    sandbox: RunningSandbox, session: QuickBooksCommerceSession
) -> None:
    order = an_order("PO-1", line(1, "CAP-001", 5), line(2, "CAP-001", 2), line(3, "TEE-001", 4))
    receipt = deliver(session, order)["PO-1"]
    ids = [one["id"] for one in there(sandbox, "PO-1")["lines"]]
    sandbox.drive("delete_line", order_number="PO-1", line=ids[0])
    sandbox.drive("cut_line", order_number="PO-1", line=ids[2], quantity=1)
    sandbox.drive("add_line", order_number="PO-1", sku="MUG-001")
    (remote,) = session.read_orders({receipt.external_id})
    kept = {one.external_id: (one.line_no, one.quantity) for one in remote.lines}
    assert kept.pop(str(ids[1])) == (2, 2)
    assert kept.pop(str(ids[2])) == (3, 1)
    ((number, quantity),) = kept.values()
    assert number not in (1, 2, 3)
    assert quantity == 1


@pytest.mark.django_db
def test_the_hub_itself_opens_tests_and_delivers(sandbox: RunningSandbox) -> None:
    connection = ConnectionFactory.create(wms=True, settings={**sandbox.settings})
    SecretFactory.create(connection=connection, name="access_token", text=sandbox.secrets["access_token"])
    for number in ("PO-1", "PO-2"):
        with open_session(connection) as opened:
            assert isinstance(opened, QuickBooksCommerceSession)
            assert all(step.ok for step in opened.check())
            assert opened.prepare([an_order(number)]) == {}
            assert opened.send(an_order(number), f"{number}-key").receipt.number == number
    told = sandbox.drive("requests")["counters"]["by_route"]
    assert (told["POST /orders"], told["POST /companies"], told["GET /companies"]) == (2, 1, 1)


# --- lost answers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["500_after", "503_after", "drop_after", "cut", "html", "broken_json", "empty"])
def test_a_lost_answer_is_in_doubt_and_the_order_is_found_once(
    sandbox: RunningSandbox, session: QuickBooksCommerceSession, fault: str
) -> None:
    order = an_order()
    session.prepare([order])
    sandbox.drive("fault", name=fault, path="/orders", method="POST")
    with pytest.raises(OutcomeUnknown):
        session.send(order, "key-1")
    (receipt,) = session.find(order)
    assert (receipt.number, receipt.state) == ("PO-1", RemoteState.OPEN)
    with pytest.raises(AlreadyTaken) as taken:
        session.send(order, "key-1")
    assert taken.value.what in ("key", "label")
    assert sandbox.drive("counts")["orders"] == 1


@pytest.mark.parametrize("manner", ["refuse", "conflict", "replay"])
def test_a_repeated_key_never_makes_a_second_order(
    sandbox: RunningSandbox, session: QuickBooksCommerceSession, manner: str
) -> None:
    sandbox.drive("set", idempotency=manner)
    order = an_order()
    first = deliver(session, order)["PO-1"]
    if manner == "replay":
        assert session.send(order, "public-PO-1-1").receipt.external_id == first.external_id
    else:
        with pytest.raises(AlreadyTaken, match="key"):
            session.send(order, "public-PO-1-1")
    assert sandbox.drive("counts")["orders"] == 1


@pytest.mark.parametrize("fault", ["drop_before", "500", "503"])
def test_an_order_that_never_arrived_is_not_found(
    sandbox: RunningSandbox, session: QuickBooksCommerceSession, fault: str
) -> None:
    order = an_order()
    session.prepare([order])
    sandbox.drive("fault", name=fault, path="/orders", method="POST")
    with pytest.raises(OutcomeUnknown):
        session.send(order, "key-1")
    assert session.find(order) == []
    assert session.send(order, "key-1").receipt.number == "PO-1"


def test_find_sees_voided_orders_and_no_strangers(sandbox: RunningSandbox, session: QuickBooksCommerceSession) -> None:
    order = an_order()
    receipt = deliver(session, order)["PO-1"]
    sandbox.drive("add_stranger_order", order_number="PO-1", reference_number="PO-1-FULL")
    sandbox.drive("void", order_id=int(receipt.external_id))
    sandbox.drive("set", list_voided=False)
    assert [(one.external_id, one.state) for one in session.find(order)] == [(receipt.external_id, RemoteState.VOID)]


def test_the_address_of_a_lost_try_is_used_again(sandbox: RunningSandbox, session: QuickBooksCommerceSession) -> None:
    order = an_order()
    first = deliver(session, order)["PO-1"]
    sandbox.drive("void", order_id=int(first.external_id))
    with pytest.raises(AlreadyTaken) as taken:
        session.send(order, "key-2")
    assert taken.value.what == "label"
    addresses = sandbox.drive("counts")["addresses"]
    again = session.send(order, "key-2", frozenset({"label"})).receipt
    assert again.external_id != first.external_id
    assert sandbox.drive("counts")["addresses"] == addresses


def test_strict_numbers_are_told_and_a_strangers_number_holds_the_order(
    sandbox: RunningSandbox, session: QuickBooksCommerceSession
) -> None:
    sandbox.drive("set", strict_order_numbers=True)
    sandbox.drive("add_stranger_order", order_number="PO-1")
    order = an_order()
    session.prepare([order])
    with pytest.raises(AlreadyTaken) as taken:
        session.send(order, "key-1")
    assert taken.value.what == "number"
    assert session.find(order) == []
    with pytest.raises(FixOrder, match="PO-1"):
        session.send(order, "key-1", frozenset({"number"}))


def test_a_refused_line_without_price_says_which_setting_helps(sandbox: RunningSandbox, hub: Hub) -> None:
    sandbox.drive("set", price_required=True)
    order = an_order("PO-1", line(1, "CAP-001", price=None))
    with pytest.raises(FixOrder, match="settings") as refused:
        deliver(hub.open(), order)
    assert refused.value.field == "price"
    deliver(hub.open(missing_price="zero"), order)
    assert Decimal(there(sandbox, "PO-1")["lines"][0]["price"]) == 0


def test_the_request_limit_is_kept_by_waiting(sandbox: RunningSandbox, hub: Hub) -> None:
    sandbox.drive("set", rate_limit=4)
    session = hub.open()
    with pytest.raises(SlowDown) as slowed:
        deliver(session, *[an_order(f"PO-{at}") for at in range(5)])
    assert 0 < slowed.value.after <= 300
    assert hub.limiter.exhausted_until
    assert sandbox.drive("counts")["orders"] <= 1


# --- what is stale -----------------------------------------------------------------------------------------------------------


def test_a_product_that_was_made_anew_is_found_under_its_sku(sandbox: RunningSandbox, hub: Hub) -> None:
    deliver(hub.open(), an_order("PO-1"))
    sandbox.drive("archive_products", skus=["CAP-001"])
    sandbox.drive("add_products", products=[{"sku": "CAP-001", "stock": {"Main": 5}}])
    assert hub.open().send(an_order("PO-2"), "key-2").receipt.number == "PO-2"


def test_a_product_that_went_holds_the_order(sandbox: RunningSandbox, hub: Hub) -> None:
    deliver(hub.open(), an_order("PO-1"))
    sandbox.drive("archive_products", skus=["CAP-001"])
    with pytest.raises(FixOrder) as refused:
        hub.open().send(an_order("PO-2"), "key-2")
    assert refused.value.reason == "unknown_sku"
    assert "CAP-001" in refused.value.words


def test_a_sku_of_two_products_holds_the_order(sandbox: RunningSandbox, session: QuickBooksCommerceSession) -> None:
    sandbox.drive("add_products", products=[{"sku": "TWIN"}, {"sku": "TWIN"}])
    assert session.known_items({"TWIN", "CAP-001", "NONE"}) == {"CAP-001"}
    assert "2 products" in str(session.prepare([an_order("PO-1", line(1, "TWIN"))])["public-PO-1"])


# --- voiding -----------------------------------------------------------------------------------------------------------------


def test_orders_and_drafts_are_canceled_and_twice_is_harmless(sandbox: RunningSandbox, hub: Hub) -> None:
    active = deliver(hub.open(), an_order("PO-1"))["PO-1"]
    draft = deliver(hub.open(order_status="draft"), an_order("PO-2"))["PO-2"]
    assert (active.state, draft.state) == (RemoteState.OPEN, RemoteState.DRAFT)
    session = hub.open()
    for receipt in (active, active, draft, draft):
        session.cancel(receipt)
    states = {one.number: one.state for one in session.read_orders({active.external_id, draft.external_id})}
    assert states == {"PO-1": RemoteState.VOID, "PO-2": RemoteState.DELETED}


def test_a_shipped_order_stays(sandbox: RunningSandbox, hub: Hub) -> None:
    session = hub.open(order_status="finalized")
    receipt = deliver(session, an_order())["PO-1"]
    sandbox.drive("pack_and_ship", order_number="PO-1")
    with pytest.raises(FixOrder, match="PO-1"):
        session.cancel(receipt)


def test_orders_are_packed_and_invoiced_at_once_where_that_is_wished(sandbox: RunningSandbox, hub: Hub) -> None:
    session = hub.open(order_status="finalized", pack_orders="true", create_invoice="true")
    deliver(session, an_order())
    arrived = there(sandbox, "PO-1")
    assert (arrived["packed_status"], arrived["invoice_status"]) == ("packed", "invoiced")


# --- stock -------------------------------------------------------------------------------------------------------------------


def test_all_stock_is_read_with_its_total(sandbox: RunningSandbox, hub: Hub) -> None:
    sandbox.drive("set_stock", sku="CAP-002", quantity=3, location="Main")
    sandbox.drive("set_product", sku="CAP-003", max_online=110)
    deliver(hub.open(), an_order("PO-1", line(1, "CAP-001", 4)))
    pages = list(hub.open(page_size="7").list_stock())
    items = {item.sku: item.levels for page in pages for item in page.items}
    assert {page.total for page in pages} == {40}
    assert len(items) == 40
    assert items["CAP-001"] == {"Main": 96, "Overflow": 20}
    assert items["CAP-002"] == {"Main": 3, "Overflow": 20}
    assert items["CAP-003"] == {"Main": 100, "Overflow": 10}
    assert items["GIFT-CARD"] is None
    (asked,) = hub.open(stock_location="Overflow").ask_stock({"CAP-001", "NEVER"})
    assert asked.levels == {"Overflow": 20}


# --- tokens, rights, limits --------------------------------------------------------------------------------------------------


def oauth_hub(sandbox: RunningSandbox, user: int = 1) -> Hub:
    redirect = "http://127.0.0.1/callback"
    code = sandbox.drive("authorize", redirect_uri=redirect, user=user)["code"]
    client = OAuthClient.of(OAUTH, sandbox.settings, sandbox.secrets, redirect_uri=redirect)
    token = client.exchange(code, network=PromptNetwork(), now=utc_now)
    secrets = {"client_secret": sandbox.secrets["client_secret"]}
    hub = Hub(settings=dict(sandbox.settings), secrets=secrets, tokens=granted())
    hub.tokens.token = token
    return hub


def test_granted_access_is_renewed_when_it_ends(sandbox: RunningSandbox) -> None:
    hub = oauth_hub(sandbox)
    before = hub.tokens.token
    deliver(hub.open(), an_order("PO-1"))
    sandbox.drive("expire_tokens")
    deliver(hub.open(), an_order("PO-2"))
    assert hub.tokens.token is not None
    assert before is not None
    assert hub.tokens.token.access != before.access
    assert hub.tokens.token.refresh != before.refresh
    assert sandbox.drive("counts")["orders"] == 2


def test_a_user_without_rights_is_told_in_the_test_and_at_the_first_order(sandbox: RunningSandbox) -> None:
    session = oauth_hub(sandbox, user=2).open()
    failed = {step.step: step.words for step in session.check() if not step.ok}
    assert "write orders" in failed["rights"]
    with pytest.raises(FixConnection, match="403"):
        deliver(session, an_order())


@pytest.mark.parametrize("fault", ["401_expired", "401_revoked", "401_invalid", "402", "403", "404"])
def test_a_connection_that_needs_mending_is_told_as_such(
    sandbox: RunningSandbox, session: QuickBooksCommerceSession, fault: str
) -> None:
    sandbox.drive("fault", name=fault, times=0)
    with pytest.raises(FixConnection):
        list(session.list_orders_changed(None))


@pytest.mark.parametrize("fault", ["500", "503", "cut", "drop_before", "html", "broken_json", "empty"])
@pytest.mark.parametrize(
    "act",
    [
        lambda session: session.prepare([an_order()]),
        lambda session: list(session.list_stock()),
        lambda session: session.find(an_order()),
    ],
    ids=["prepare", "stock", "find"],
)
def test_a_read_that_breaks_can_be_tried_again(
    sandbox: RunningSandbox,
    session: QuickBooksCommerceSession,
    act: Callable[[QuickBooksCommerceSession], Any],
    fault: str,
) -> None:
    # A kept connection that is found dead is asked once more by the transport; the second fault makes the read fail for sure.
    sandbox.drive("fault", name=fault, method="GET", times=2)
    with pytest.raises(TryLater):
        act(session)
    sandbox.drive("clear_faults")
    act(session)
