"""Reading back: walks by change time, bulk reads, stock, and the connection test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.contract import RemoteState, ShipmentState
from connectors.errors import BadDocument, FixConnection, TryLater
from tests.connectors.quickbooks_commerce.rig import Asked, FarSide, Hub, Reply, listed, sample

START = datetime(2026, 11, 18, 8, tzinfo=UTC)


def stamp(milliseconds: int) -> str:
    return (START + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Table:
    """A list that pages, bounds and sorts as the API does; a test may change it between two requests."""

    def __init__(self, root: str, rows: list[dict[str, Any]], column: str = "updated_at", *, inclusive: bool = True) -> None:
        self.root, self.rows, self.column, self.inclusive = root, rows, column, inclusive
        self.served = 0
        self.after: dict[int, Any] = {}

    def __call__(self, asked: Asked) -> Reply:
        given = dict(asked.params)
        lower = given.get(f"{self.column}_min", "")
        rows = [row for row in self.rows if (row[self.column] >= lower if self.inclusive else row[self.column] > lower)]
        assert given.get("order") == f"{self.column} asc"
        rows.sort(key=lambda row: (row[self.column], row["id"]))
        limit, page = int(given["limit"]), int(given["page"])
        hits = [dict(row) for row in rows[(page - 1) * limit : page * limit]]
        reply = listed(self.root, hits, total=len(rows), last=page * limit >= len(rows))
        self.served += 1
        self.after.get(self.served, lambda: None)()
        return reply


def order(number: int, at: int, **changes: Any) -> dict[str, Any]:
    row = {"id": number, "order_number": f"PO-{number}", "reference_number": None, "status": "active", "updated_at": stamp(at)}
    return {**row, "order_line_item_ids": [], **changes}


def walked(hub: Hub, since: datetime | None = None, **settings: str) -> list[str]:
    pages = list(hub.open(**settings).list_orders_changed(since))
    return [one.external_id for page in pages for one in page.items]


# --- walks -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_walk_goes_on_from_the_last_stamp_and_gives_each_order_once(far: FarSide, hub: Hub, inclusive: bool) -> None:
    # Seven share one stamp, more than two pages of three hold.
    at = [0, 1, *[2] * 7, 3, 4, 500, 501]
    rows = [order(number, when) for number, when in enumerate(at, start=1)]
    far.on("GET /orders", Table("orders", rows, inclusive=inclusive))
    assert walked(hub, page_size="3") == [str(number) for number in range(1, len(at) + 1)]


def test_an_order_that_moves_while_we_walk_pushes_nobody_off_a_page(far: FarSide, hub: Hub) -> None:
    rows = [order(number, number) for number in range(1, 13)]
    table = Table("orders", rows)
    table.after = {1: lambda: rows[0].update(updated_at=stamp(100)), 2: lambda: rows[4].update(updated_at=stamp(101))}
    far.on("GET /orders", table)
    seen = walked(hub, page_size="3")
    assert set(seen) == {str(number) for number in range(1, 13)}
    assert seen[-2:] == ["1", "5"]


def test_a_walk_starts_where_it_is_told_and_names_all_states(far: FarSide, hub: Hub) -> None:
    far.on("GET /orders", Table("orders", [order(1, 0), order(2, 60_000)]))
    pages = list(hub.open().list_orders_changed(START + timedelta(seconds=60)))
    assert [one.external_id for page in pages for one in page.items] == ["2"]
    asked = far.requests("GET /orders")[0]
    assert asked.values("updated_at_min") == ["2026-11-18T08:01:00.000Z"]
    assert asked.values("status[]") == ["draft", "active", "finalized", "fulfilled", "void", "deleted"]
    assert pages[0].seen_to == START + timedelta(seconds=60)


def test_an_empty_walk_still_tells_the_far_sides_time(far: FarSide, hub: Hub) -> None:
    page = listed("orders", [])
    far.on("GET /orders", Reply(200, page.body, {**page.headers, "Date": "Wed, 18 Nov 2026 08:30:00 GMT"}))
    (only,) = hub.open().list_orders_changed(None)
    assert (only.items, only.seen_to) == ((), None)
    assert only.far_now == datetime(2026, 11, 18, 8, 30, tzinfo=UTC)


def test_a_far_side_that_cannot_sort_is_paged_through(far: FarSide, hub: Hub) -> None:
    rows = [order(number, number) for number in range(9, 0, -1)]

    def newest_first(asked: Asked) -> Reply:
        page = int(asked.values("page")[0])
        return listed("orders", rows[(page - 1) * 3 : page * 3], last=page == 3)

    far.on("GET /orders", newest_first)
    assert sorted(walked(hub, page_size="3")) == [str(number) for number in range(1, 10)]


def test_pages_without_the_pagination_header_are_read_to_the_end(far: FarSide, hub: Hub) -> None:
    rows = [order(number, number) for number in range(1, 8)]

    def silent(asked: Asked) -> Reply:
        given = dict(asked.params)
        hits = [row for row in rows if row["updated_at"] >= given.get("updated_at_min", "")]
        page = int(given["page"])
        return Reply(200, {"orders": hits[(page - 1) * 2 : page * 2]})  # fewer than asked for

    far.on("GET /orders", silent)
    assert walked(hub, page_size="5") == [str(number) for number in range(1, 8)]


def test_orders_come_with_lines_read_in_bulk(far: FarSide, hub: Hub) -> None:
    far.on("GET /orders", listed("orders", sample("orders.json")["orders"]))
    lines = sample("order_line_items.json")["order_line_items"]
    far.on("GET /order_line_items", listed("order_line_items", lines))
    (page,) = hub.open().list_orders_changed(None)
    first, voided, draft = page.items
    assert {one.line_no: one.external_id for one in first.lines} == {1: "12433", 2: "12434", 3: "12435"}
    assert (voided.state, draft.state) == (RemoteState.VOID, RemoteState.DRAFT)
    (asked,) = far.requests("GET /order_line_items")
    assert asked.values("order_id") == ["5706,5707"]


def test_lines_that_a_page_broke_away_are_asked_for_by_id(far: FarSide, hub: Hub) -> None:
    rows = sample("orders.json")["orders"][:1]
    lines = sample("order_line_items.json")["order_line_items"][:4]
    far.on("GET /orders", listed("orders", rows))
    far.on(
        "GET /order_line_items",
        lambda asked: listed("order_line_items", lines[2:] if asked.values("ids") else lines[:2]),
    )
    (page,) = hub.open().list_orders_changed(None)
    assert len(page.items[0].lines) == 3
    assert far.requests("GET /order_line_items")[1].values("ids") == ["12435,12436"]


def test_an_order_that_cannot_be_read_is_told_and_the_others_go_on(far: FarSide, hub: Hub) -> None:
    far.on("GET /orders", listed("orders", [order(1, 0, status="bewitched"), order(2, 1)]))
    (page,) = hub.open().list_orders_changed(None)
    assert [one.external_id for one in page.items] == ["2"]
    assert "PO-1" in page.problems[0]
    assert page.seen_to == START + timedelta(milliseconds=1)


def test_orders_are_read_by_id_in_bulk(far: FarSide, hub: Hub) -> None:
    def some(asked: Asked) -> Reply:
        ids = asked.values("ids")[0].split(",")
        return listed("orders", [order(int(number), 0) for number in ids if int(number) % 2])

    far.on("GET /orders", some)
    found = hub.open().read_orders({str(number) for number in range(1, 451)})
    assert len(found) == 225
    assert len(far.asked) == 3


# --- packages and invoices ---------------------------------------------------------------------------------------------------


def test_packages_come_with_their_sideloaded_lines(far: FarSide, hub: Hub) -> None:
    body = sample("fulfillments.json")
    lines = body["fulfillment_line_items"]
    far.on("GET /fulfillments", listed("fulfillments", body["fulfillments"], fulfillment_line_items=lines))
    (page,) = hub.open().list_shipments(None)
    assert [(one.state, len(one.lines)) for one in page.items] == [(ShipmentState.PACKED, 1), (ShipmentState.SHIPPED, 2)]
    assert far.asked[0].values("status[]") == ["packed", "fulfilled", "void", "deleted"]
    assert len(hub.open().read_shipments({"5706"})) == 2
    assert far.asked[-1].values("order_id") == ["5706"]
    assert len(far.asked) == 2


def test_package_lines_that_were_not_sideloaded_are_asked_for(far: FarSide, hub: Hub) -> None:
    body = sample("fulfillments.json")
    far.on("GET /fulfillments", listed("fulfillments", body["fulfillments"]))
    far.on("GET /fulfillment_line_items", listed("fulfillment_line_items", body["fulfillment_line_items"]))
    (page,) = hub.open().list_shipments(None)
    assert [len(one.lines) for one in page.items] == [1, 2]


def test_invoices_dead_ones_included_come_with_currency(far: FarSide, hub: Hub) -> None:
    body = sample("invoices.json")
    (alive,), lines = body["invoices"], body["invoice_line_items"]
    dead = {**alive, "id": 62, "status": "void", "invoice_line_item_ids": []}

    def some(asked: Asked) -> Reply:
        return listed("invoices", [dead]) if asked.values("status[]") else listed("invoices", [alive], invoice_line_items=lines)

    far.on("GET /invoices", some)
    far.on("GET /currencies", listed("currencies", [{"id": 1, "iso": "USD", "name": "US Dollars"}]))
    pages = list(hub.open().list_invoices(None))
    assert [(one.external_id, one.is_void, one.currency) for page in pages for one in page.items] == [
        ("62", True, "USD"), ("63", False, "USD"),
    ]  # fmt: skip
    assert pages[0].seen_to is None
    list(hub.open().list_invoices(None))
    assert len(far.requests("GET /currencies")) == 1


# --- stock -------------------------------------------------------------------------------------------------------------------


def variant(number: int, sku: str | None = None, **changes: Any) -> dict[str, Any]:
    locations = [
        {"location_id": 1, "stock_on_hand": "10", "committed": "3", "available": "7"},
        {"location_id": 2, "stock_on_hand": "2", "committed": None},
    ]
    row = {"id": number, "sku": sku or f"SKU-{number}", "status": "active", "created_at": stamp(number), "manage_stock": True}
    return {**row, "locations": locations, **changes}


@pytest.fixture
def located(far: FarSide) -> FarSide:
    far.on("GET /locations", listed("locations", sample("locations.json")["locations"]))
    return far


def test_stock_is_walked_to_the_end_with_its_total(located: FarSide, hub: Hub) -> None:
    located.on("GET /variants", Table("variants", [variant(number) for number in range(1, 8)], "created_at"))
    pages = list(hub.open(page_size="3").list_stock())
    items = [item for page in pages for item in page.items]
    assert [item.sku for item in items] == [f"SKU-{number}" for number in range(1, 8)]
    assert {page.total for page in pages} == {7}
    assert items[0].levels == {"Main": 7, "Overflow": 2}


def test_a_product_that_goes_while_stock_is_read_hides_no_other(located: FarSide, hub: Hub) -> None:
    rows = [variant(number) for number in range(1, 10)]
    table = Table("variants", rows, "created_at")
    table.after = {1: lambda: rows.pop(0)}
    located.on("GET /variants", table)
    items = [item.external_id for page in hub.open(page_size="3").list_stock() for item in page.items]
    assert items == [str(number) for number in range(1, 10)]


def test_only_the_named_locations_count(located: FarSide, hub: Hub) -> None:
    located.on("GET /variants", listed("variants", [variant(1)]))
    for setting, levels in ((" overflow ", {"Overflow": 2}), ("Main, Overflow", {"Main": 7, "Overflow": 2})):
        assert [item.levels for item in hub.open(stock_location=setting).ask_stock({"SKU-1"})] == [levels]


def test_a_location_that_is_not_there_is_no_location_without_stock(located: FarSide, hub: Hub) -> None:
    located.on("GET /variants", listed("variants", [variant(1)]))
    session = hub.open(stock_location="Main, Attic")
    with pytest.raises(FixConnection, match=r"Attic.*Main, Overflow"):
        next(iter(session.list_stock()))
    with pytest.raises(FixConnection):
        session.ask_stock({"SKU-1"})


def test_stock_that_cannot_be_read_discards_the_reading(located: FarSide, hub: Hub) -> None:
    broken = variant(2, locations=[{"location_id": 1, "available": "lots"}])
    located.on("GET /variants", listed("variants", [variant(1), broken]))
    with pytest.raises(BadDocument, match="lots"):
        list(hub.open().list_stock())


def test_asking_for_skus_gives_just_those_that_live(located: FarSide, hub: Hub) -> None:
    rows = [variant(1, "CAP"), variant(2, "cap"), variant(3, "OLD", status="archived")]
    located.on("GET /variants", listed("variants", rows))
    assert [item.external_id for item in hub.open().ask_stock({"CAP", "OLD", "NEW"})] == ["1"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(503),
        Reply(200, b"<html>"),
        Reply(200, {"variants": "none"}),
        Reply(200, []),
        Reply(400, {"message": "no"}),
    ],
)
def test_a_read_that_fails_can_be_tried_again(located: FarSide, hub: Hub, reply: Reply) -> None:
    located.on("GET /variants", reply)
    with pytest.raises(TryLater):
        list(hub.open().list_stock())


# --- the connection test -----------------------------------------------------------------------------------------------------


@pytest.fixture
def whole(located: FarSide) -> FarSide:
    located.on("GET /accounts/current", Reply(200, {"account": {"id": 1, "name": "Acme Supply"}}))
    located.on("GET /users/current", Reply(200, {"user": {"id": 1, "permissions": ["write_orders", "write_companies"]}}))
    located.on("GET /variants", listed("variants", [], total=1234))
    located.on("GET /orders", listed("orders", [], total=7))
    located.on("GET /currencies", listed("currencies", [{"id": 1, "iso": "USD", "name": "US Dollars"}]))
    return located


def steps(hub: Hub, **settings: str) -> dict[str, tuple[bool, str]]:
    return {step.step: (step.ok, step.words) for step in hub.open(**settings).check()}


def test_a_good_connection_passes_each_step_in_words(whole: FarSide, hub: Hub) -> None:
    told = steps(hub, currency="US Dollars")
    assert list(told) == ["address", "token", "rights", "products", "orders", "locations", "currency"]
    assert all(ok for ok, _ in told.values())
    assert "Acme Supply" in told["token"][1]
    assert "1,234 products" in told["products"][1]
    assert "Main, Overflow" in told["locations"][1]
    assert not [asked for asked in whole.asked if asked.method != "GET"]


@pytest.mark.parametrize(
    ("route", "reply", "step", "words"),
    [
        (
            "GET /accounts/current",
            Reply(401, {"type": "unauthorized", "message": "The access token expired"}),
            "token",
            "expired",
        ),
        ("GET /accounts/current", Reply(404, b"<html>"), "token", "API address"),
        ("GET /accounts/current", Reply(402, {}), "token", "subscription"),
        ("GET /users/current", Reply(200, {"user": {"permissions": ["write_orders"]}}), "rights", "write companies"),
        ("GET /variants", Reply(403, {"message": "no products for you"}), "products", "no products for you"),
        ("GET /orders", Reply(503), "orders", "503"),
        ("GET /locations", listed("locations", []), "locations", "no locations"),
    ],
)
def test_a_failing_step_says_why(whole: FarSide, hub: Hub, route: str, reply: Reply, step: str, words: str) -> None:
    whole.on(route, reply)
    told = steps(hub)
    assert [name for name, (ok, _) in told.items() if not ok] == [step]
    assert words in told[step][1]


def test_settings_that_do_not_fit_are_failing_steps(whole: FarSide, hub: Hub) -> None:
    told = steps(hub, stock_location="Attic", currency="EUR", create_invoice="true")
    assert [name for name, (ok, _) in told.items() if not ok] == ["locations", "currency", "settings"]


def test_nobody_there_ends_the_test_at_the_address(far: FarSide, hub: Hub) -> None:
    far.stop()
    assert [(name, ok) for name, (ok, _) in steps(hub).items()] == [("address", False)]


def test_missing_access_is_a_failing_step_and_no_crash(whole: FarSide, hub: Hub) -> None:
    hub.secrets.pop("access_token")
    hub.settings["client_id"] = ""
    told = steps(hub)
    assert [name for name, (ok, _) in told.items() if not ok] == ["token"]
    assert "client id" in told["token"][1]
