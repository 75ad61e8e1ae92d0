"""What the contract promises, asked of every connector on its own sandbox.

A sandbox of an order source knows `place_orders`, `export` and `wait`; one of a WMS knows `state`, `finalize`, `pack_and_ship`,
`invoice`, `void` and `set_stock`; each knows `reset`, `fault` and `clear_faults`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import chain

import pytest

from connectors.contract import (
    Address,
    CancelRow,
    DocumentRef,
    DocumentSink,
    FieldKind,
    InvoiceRow,
    InvoiceSource,
    OrderDestination,
    OrderDraft,
    OrderLineOut,
    OrderOut,
    OrderPreview,
    OrderSource,
    ParseSummary,
    Place,
    Purpose,
    RemoteState,
    Role,
    SampleOrder,
    ShipmentRow,
    ShipmentSource,
    ShipmentState,
    StockRow,
    StockSource,
)
from connectors.errors import AlreadyTaken, BadDocument, FixOrder, TryLater
from tests.contract.conftest import Bench, kinds, today

EVERY = pytest.mark.parametrize("kind", kinds())
SINKS = {
    Purpose.SHIPMENTS: Role.SHIPMENT_SINK,
    Purpose.INVOICES: Role.INVOICE_SINK,
    Purpose.STOCK: Role.STOCK_SINK,
    Purpose.CANCELS: Role.CANCEL_SINK,
}


@pytest.fixture
def bench(kind: str, make_bench: Callable[[str], Bench]) -> Bench:
    return make_bench(kind)


def _needs(bench: Bench, role: Role) -> None:
    if role not in bench.spec.roles:
        pytest.skip(f"{bench.spec.kind} doesn't declare {role}")


# --- every connector ---------------------------------------------------------------------------------------------------------


@EVERY
def test_every_step_of_the_test_passes_on_the_sandbox(bench: Bench) -> None:
    session = bench.open()
    steps = list(session.check())
    session.close()
    assert steps
    assert [step.words for step in steps if not step.ok] == []
    assert all(step.words for step in steps)


@EVERY
def test_a_wrong_secret_is_a_failed_step_with_words_and_no_error(bench: Bench) -> None:
    secrets = {name: f"not-{value}" for name, value in bench.box.secrets.items()}
    session = bench.open(secrets=secrets)
    steps = list(session.check())
    session.close()
    failed = [step for step in steps if not step.ok]
    assert failed
    assert all(len(step.words) > 20 for step in failed)
    shown = " ".join(step.words for step in steps)
    assert not any(secret in shown for secret in (*secrets.values(), *bench.box.secrets.values()))


@EVERY
def test_closing_twice_is_harmless(bench: Bench) -> None:
    session = bench.open()
    session.close()
    session.close()


@EVERY
def test_no_secret_is_in_the_reprs_of_what_a_session_is_opened_with(bench: Bench) -> None:
    opening_repr = repr(bench.open)
    assert not any(secret in opening_repr for secret in bench.box.secrets.values())
    assert {one.name for one in bench.spec.fields if one.kind is FieldKind.SECRET} >= set(bench.box.secrets)


@EVERY
def test_the_guide_has_steps_whose_fields_exist(bench: Bench) -> None:
    names = {one.name for one in bench.spec.fields}
    assert bench.spec.guide.steps
    assert all(set(step.fields) <= names for step in bench.spec.guide.steps)
    assert all(job.name and job.file_pattern and job.folder for job in bench.spec.guide.jobs(bench.settings()))


@EVERY
def test_the_remote_account_has_a_stable_name_without_secrets(bench: Bench) -> None:
    identity = bench.spec.identity(bench.settings(), bench.box.secrets)
    assert identity
    assert identity == bench.spec.identity(bench.settings(), bench.box.secrets)
    assert not any(secret in identity for secret in bench.box.secrets.values())


# --- orders in ---------------------------------------------------------------------------------------------------------------


def _fetched(bench: Bench, session: OrderSource) -> tuple[DocumentRef, bytes]:
    refs = session.list_orders().refs
    assert len(refs) == 1
    return refs[0], b"".join(session.fetch(refs[0]))


@EVERY
def test_what_is_listed_is_fetched_whole_and_parsed_once(bench: Bench) -> None:
    _needs(bench, Role.ORDER_SOURCE)
    placed = bench.box.drive("place_orders", count=7, retailers=2, lines=[1, 3])
    bench.box.drive("export", scattered=True)
    session = bench.open()
    assert isinstance(session, OrderSource)
    ref, body = _fetched(bench, session)
    assert len(body) == ref.size
    assert bench.spec.parse_orders is not None
    items = list(bench.spec.parse_orders(lambda: [body], ref.name, bench.settings()))
    drafts = [item for item in items if isinstance(item, OrderDraft)]
    assert len({draft.external_id for draft in drafts}) == len(drafts) == len(placed)
    assert isinstance(items[-1], ParseSummary)
    assert items[-1].rows == sum(len(draft.lines) for draft in drafts) == sum(len(order["lines"]) for order in placed)
    again = [
        item for item in bench.spec.parse_orders(lambda: [body], ref.name, bench.settings()) if isinstance(item, OrderDraft)
    ]
    assert [draft.content_hash for draft in again] == [draft.content_hash for draft in drafts]
    session.close()


@EVERY
def test_a_document_that_was_taken_meanwhile_is_still_fetched(bench: Bench) -> None:
    _needs(bench, Role.ORDER_SOURCE)
    bench.box.drive("place_orders", count=2)
    bench.box.drive("export")
    session = bench.open()
    assert isinstance(session, OrderSource)
    ref, body = _fetched(bench, session)
    assert b"".join(session.fetch(ref)) == body
    assert (ref.name, ref.size) in {(taken.name, taken.size) for taken in session.list_taken().refs}
    session.close()


@EVERY
def test_a_document_that_is_nowhere_is_said_to_be_so(bench: Bench) -> None:
    _needs(bench, Role.ORDER_SOURCE)
    session = bench.open()
    assert isinstance(session, OrderSource)
    with pytest.raises((BadDocument, TryLater)):
        b"".join(session.fetch(DocumentRef("Purchase_Order_never.csv", 10, today())))
    session.close()


@EVERY
def test_a_test_order_of_the_hubs_own_is_read_as_one(bench: Bench) -> None:
    if bench.spec.render_sample is None or bench.spec.parse_orders is None:
        pytest.skip(f"{bench.spec.kind} renders no test orders")
    sample = SampleOrder(number="TEST-7", order_date=today().date(), item='SKU,"1"', quantity=2, title="Größe")
    body = bench.spec.render_sample(sample, bench.settings())
    draft, summary = bench.spec.parse_orders(lambda: [body], "Test_order.csv", bench.settings())
    assert isinstance(draft, OrderDraft)
    assert isinstance(summary, ParseSummary)
    assert (draft.cust_po_no, draft.order_date, draft.is_test) == ("TEST-7", sample.order_date, True)
    assert [(line.item, line.quantity) for line in draft.lines] == [('SKU,"1"', 2)]
    assert draft.customer_code
    assert draft.ship_to.address_1


# --- orders out --------------------------------------------------------------------------------------------------------------


def _order(ref: str, *skus: str) -> OrderOut:
    return OrderOut(
        public_id=f"id-{ref}",
        cust_ref=ref,
        cust_po_no=f"PO.{ref}.0000000000000",
        order_date=today().date(),
        ship_by=today().date() + timedelta(days=3),
        retailer_name="Northwind Outfitters",
        customer_code="DSCO-1001",
        currency="USD",
        ship_to=Address(
            first_name="Test", last_name="Person", address_1="1 Example Street", city="Springfield", state="IL", zip="62701",
            country="US",
        ),
        bill_to=Address(),
        ship_code="FECG",
        ship_carrier="FedEx",
        ship_method="Ground",
        notes="",
        shipping_charge=Decimal("4.50"),
        discount=Decimal("1.00"),
        is_test=False,
        lines=tuple(
            OrderLineOut(line_no=number, item=sku, wms_item=sku, quantity=number + 1, price=Decimal("9.95"))
            for number, sku in enumerate(skus, start=1)
        ),
        extra={},
    )  # fmt: skip


def _some_skus(bench: Bench, number: int) -> list[str]:
    stock = bench.box.drive("state")["stock"]
    skus = [
        sku
        for sku, levels in sorted(stock.items())
        if sum(int(float(level["available"] or 0)) for level in levels.values()) > 20
    ]
    assert len(skus) >= number
    return skus[:number]


@pytest.fixture
def destination(bench: Bench) -> Iterator[OrderDestination]:
    _needs(bench, Role.ORDER_DESTINATION)
    session = bench.open()
    assert isinstance(session, OrderDestination)
    yield session
    session.close()


@EVERY
def test_an_order_is_sent_found_and_canceled(bench: Bench, destination: OrderDestination) -> None:
    order = _order("REF-1", *_some_skus(bench, 2))
    assert destination.prepare([order]) == {}
    assert list(destination.find(order)) == []
    sent = destination.send(order, "key-1")
    (found,) = destination.find(order)
    assert found.external_id == sent.receipt.external_id
    assert found.state in (RemoteState.OPEN, RemoteState.DRAFT)
    destination.cancel(found)
    destination.cancel(found)
    assert [one.state for one in destination.find(order)] in ([RemoteState.VOID], [RemoteState.DELETED])


@EVERY
def test_a_preview_is_what_is_sent_and_sends_nothing(bench: Bench, destination: OrderDestination) -> None:
    if not isinstance(destination, OrderPreview):
        pytest.skip(f"{bench.spec.kind} has no preview")
    order = _order("REF-P", *_some_skus(bench, 1))
    assert destination.preview(order, "key-p")[-1].notes
    assert list(destination.find(order)) == []
    destination.prepare([order])
    (request,) = destination.preview(order, "key-p")
    shown = f"{request} {request.body!r}"
    assert not any(secret in shown for secret in bench.box.secrets.values())
    assert b"REF-P" in request.body
    with pytest.raises(FixOrder):
        destination.preview(_order("REF-Q", "NO-SUCH-SKU"), "")


@EVERY
def test_one_key_makes_one_order(bench: Bench, destination: OrderDestination) -> None:
    order = _order("REF-2", *_some_skus(bench, 1))
    destination.prepare([order])
    first = destination.send(order, "key-2")
    # A far side answers a repeated key with the first answer, or says that the key is taken.
    with suppress(AlreadyTaken):
        assert destination.send(order, "key-2").receipt.external_id == first.receipt.external_id
    assert len(destination.find(order)) == 1


@EVERY
def test_the_same_number_of_another_order_is_not_ours(bench: Bench, destination: OrderDestination) -> None:
    order = _order("REF-3", *_some_skus(bench, 1))
    destination.prepare([order])
    destination.send(order, "key-3")
    assert list(destination.find(replace(order, cust_po_no="PO.of.somebody.else"))) == []


@EVERY
def test_an_unknown_sku_holds_its_order_only(bench: Bench, destination: OrderDestination) -> None:
    good = _order("REF-4", *_some_skus(bench, 1))
    bad = _order("REF-5", "NO-SUCH-SKU")
    problems = destination.prepare([good, bad])
    assert set(problems) == {bad.public_id}
    problem = problems[bad.public_id]
    assert isinstance(problem, FixOrder)
    assert problem.reason == "unknown_sku"
    assert "NO-SUCH-SKU" in problem.words
    assert destination.known_items(["NO-SUCH-SKU", good.lines[0].wms_item]) == {good.lines[0].wms_item}


# --- from the WMS ------------------------------------------------------------------------------------------------------------


@EVERY
def test_lines_packages_and_invoices_come_back_under_the_orders_own_lines(bench: Bench, destination: OrderDestination) -> None:
    _needs(bench, Role.SHIPMENT_SOURCE)
    session = bench.open()
    assert isinstance(session, ShipmentSource)
    sku = _some_skus(bench, 1)[0]
    order = _order("REF-6", sku, sku)  # the same SKU twice: lines are told apart by position
    destination.prepare([order])
    receipt = destination.send(order, "key-6").receipt
    bench.box.drive("finalize", order_number="REF-6")
    bench.box.drive("pack_and_ship", order_number="REF-6", packages=2)
    bench.box.drive("invoice", order_number="REF-6")

    remotes = list(chain.from_iterable(page.items for page in session.list_orders_changed(None)))
    (remote,) = [one for one in remotes if one.external_id == receipt.external_id]
    ours = {line.external_id: line for line in remote.lines if line.line_no}
    assert {line.line_no: line.quantity for line in ours.values()} == {1: 2, 2: 3}
    assert [one.external_id for one in session.read_orders([receipt.external_id])] == [receipt.external_id]

    shipments = list(chain.from_iterable(page.items for page in session.list_shipments(None)))
    assert all(one.state is ShipmentState.SHIPPED and one.tracking_number for one in shipments)
    shipped: dict[int, int] = {}
    for row in chain.from_iterable(one.lines for one in shipments):
        number = ours[row.external_line_id].line_no
        shipped[number] = shipped.get(number, 0) + row.quantity
    assert shipped == {1: 2, 2: 3}
    assert {one.external_id for one in session.read_shipments([receipt.external_id])} == {one.external_id for one in shipments}

    if Role.INVOICE_SOURCE in bench.spec.roles:
        assert isinstance(session, InvoiceSource)
        (invoice,) = chain.from_iterable(page.items for page in session.list_invoices(None))
        assert {ours[row.external_line_id].line_no: row.quantity for row in invoice.lines if row.external_line_id in ours} == {
            1: 2,
            2: 3,
        }
        assert invoice.external_order_id == receipt.external_id
    session.close()


@EVERY
def test_a_walk_from_the_last_stamp_sees_that_stamp_again(bench: Bench, destination: OrderDestination) -> None:
    _needs(bench, Role.SHIPMENT_SOURCE)
    session = bench.open()
    assert isinstance(session, ShipmentSource)
    order = _order("REF-7", *_some_skus(bench, 1))
    destination.prepare([order])
    destination.send(order, "key-7")
    pages = list(session.list_orders_changed(None))
    stamp = max(page.seen_to for page in pages if page.seen_to is not None)
    again = list(chain.from_iterable(page.items for page in session.list_orders_changed(stamp)))
    assert "REF-7" in {one.number for one in again}
    later = list(chain.from_iterable(page.items for page in session.list_orders_changed(stamp + timedelta(seconds=1))))
    assert later == []
    session.close()


@EVERY
def test_stock_is_read_whole_and_single_skus_can_be_asked_for(bench: Bench) -> None:
    _needs(bench, Role.STOCK_SOURCE)
    session = bench.open()
    assert isinstance(session, StockSource)
    pages = list(session.list_stock())
    items = list(chain.from_iterable(page.items for page in pages))
    assert all(page.total in (None, len(items)) for page in pages)
    some = _some_skus(bench, 2)
    asked = session.ask_stock([*some, "NO-SUCH-SKU"])
    assert {item.sku for item in asked} == set(some)
    assert {item.sku: item.levels for item in asked} == {item.sku: item.levels for item in items if item.sku in some}
    session.close()


# --- back to the cart --------------------------------------------------------------------------------------------------------

ROWS = {
    Purpose.SHIPMENTS: ShipmentRow(
        cust_po_no="PO-1", external_order_id="1", line_id="1", item="SKU,1", upc="", quantity=2, tracking_number="=1Z",
        carrier="UPS", service="Ground", ship_code="UPCG", shipped_at=today(), extra={},
    ),
    Purpose.INVOICES: InvoiceRow(
        invoice_id="INV-1", cust_po_no="PO-1", external_order_id="1", invoice_date=today().date(), total=Decimal("10.5"),
        currency="USD", line_id="1", item="SKU,1", upc="", title='A "thing"', unit_price=Decimal("5.25"), quantity=2,
        tracking_number="", carrier="", service="", ship_code="", shipped_at=None,
    ),
    Purpose.STOCK: StockRow(item="SKU,1", upc="", quantity=0, status="out-of-stock"),
    Purpose.CANCELS: CancelRow(
        cust_po_no="PO-1", external_order_id="1", line_id="1", item="SKU,1", code="CXSS", reason="cut", quantity=1
    ),
}  # fmt: skip


@EVERY
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_file_is_whole_where_the_cart_looks_and_is_found_again(bench: Bench, purpose: Purpose) -> None:
    _needs(bench, SINKS[purpose])
    assert bench.spec.name_document is not None
    body = bench.spec.renderers[purpose]([ROWS[purpose]], bench.settings())
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8"))))
    assert len(rows) == 1
    assert "SKU,1" in rows[0].values()
    assert body.endswith(b"\r\n")
    name = bench.spec.name_document(purpose, today(), "ab12cd34", bench.settings())
    session = bench.open()
    assert isinstance(session, DocumentSink)
    assert session.find_documents(purpose, [name]).get(name, None) in (None,) or (
        session.find_documents(purpose, [name])[name].place is Place.NOWHERE
    )
    assert session.send_document(purpose, name, body).size == len(body)
    bench.box.drive("wait")
    found = session.find_documents(purpose, [name])[name]
    assert (found.place, found.size) == (Place.TAKEN, len(body))
    session.close()


@EVERY
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_file_without_rows_is_never_made(bench: Bench, purpose: Purpose) -> None:
    _needs(bench, SINKS[purpose])
    with pytest.raises(ValueError, match="row"):
        bench.spec.renderers[purpose]([], bench.settings())
