"""A warehouse posts the stock of some SKUs: those were counted when it says so, and the others stay as old as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from cartrover.accounts.models import Account, User
from connectors.models import Connection
from orders.models import StockLevel
from orders.pipeline.stock_upload import sellable
from tests.api.conftest import Program, order

pytestmark = pytest.mark.django_db
STOCK = "/v1/merchant/inventory"
BEGAN = datetime(2026, 11, 30, 8, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(BEGAN, tick=False) as travelling:
        yield travelling


def level(sku: str, available: int, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "qty_available": available, **more}


def stamp(minutes: int) -> str:
    return (BEGAN + timedelta(minutes=minutes)).isoformat()


class Floor:
    """A cart and a warehouse, a minute at a time."""

    def __init__(self, shop: Program, warehouse: Program, cart: Connection, clock: Any) -> None:
        self.shop, self.warehouse, self.cart, self.clock, self.number = shop, warehouse, cart, clock, 0

    def ordered(self, *, taken: bool = True, **items: int) -> str:
        """Push an order of these SKUs and let the warehouse take it, a minute later each; return its number."""
        self.number += 1
        number = f"A-{self.number}"
        lines = [{"item": sku, "quantity": quantity} for sku, quantity in items.items()]
        assert self.shop.post("/v1/cart/orders/cartrover", order(number, items=lines))["success_code"] is True
        self.later()
        if taken:
            assert self.update(number, order_status="at_wms")["success_code"] is True
            self.later()
        return number

    def update(self, number: str, **body: Any) -> Any:
        return self.warehouse.post(f"/v1/merchant/orders/update/{number}", body)

    def posted(self, *levels: dict[str, Any]) -> Any:
        answer = self.warehouse.post(STOCK, list(levels))
        self.later()
        return answer

    def later(self, minutes: int = 1) -> None:
        self.clock.shift(timedelta(minutes=minutes))

    @property
    def told(self) -> dict[str, int]:
        return {row.item: row.quantity for row in sellable(self.cart)}


@pytest.fixture
def floor(shop: Program, warehouse: Program, cart: Connection, clock: Any) -> Floor:
    return Floor(shop, warehouse, cart, clock)


def test_what_was_ordered_since_a_sku_was_posted_stays_taken_off_when_others_are_posted(floor: Floor) -> None:
    floor.posted(level("CAP", 10), level("MUG", 10))
    first = floor.ordered(CAP=3, MUG=3)
    assert floor.told == {"CAP": 7, "MUG": 7}
    floor.posted(level("MUG", 7))
    assert floor.told == {"CAP": 7, "MUG": 7}, "nobody has counted the caps since"
    floor.update(first, order_status="shipped", shipments=[{"tracking_no": "T1"}])
    assert floor.told == {"CAP": 7, "MUG": 7}
    floor.posted(level("CAP", 7))
    assert floor.told == {"CAP": 7, "MUG": 7}


def test_an_order_that_nobody_has_taken_is_taken_off_whenever_the_sku_was_posted(floor: Floor) -> None:
    floor.ordered(taken=False, CAP=3)
    floor.posted(level("CAP", 10))
    assert floor.told == {"CAP": 7}


def test_a_canceled_order_is_taken_off_no_more(floor: Floor) -> None:
    floor.posted(level("CAP", 10))
    number = floor.ordered(CAP=3)
    assert floor.told == {"CAP": 7}
    floor.update(number, order_status="canceled")
    assert floor.told == {"CAP": 10}


def test_what_the_warehouse_counted_earlier_lacks_what_was_taken_since(floor: Floor) -> None:
    floor.later(10)
    floor.ordered(CAP=3)
    floor.posted(level("CAP", 10, wms_datetime=stamp(5)))
    assert floor.told == {"CAP": 7}, "counted at 5, taken at 11"
    floor.posted(level("CAP", 7, wms_datetime=stamp(12)))
    assert floor.told == {"CAP": 7}


def test_an_older_count_never_follows_a_newer_one(floor: Floor, acme: Account) -> None:
    floor.later(10)
    assert floor.posted(level("CAP", 7, wms_datetime=stamp(8))) == {"success_code": True, "count": 1}
    floor.ordered(CAP=1)
    answer = floor.posted(level("CAP", 99, wms_datetime=stamp(5)), level("MUG", 4, wms_datetime=stamp(5)))
    assert answer == {"success_code": True, "count": 1, "older": 1}
    assert dict(StockLevel.objects.for_account(acme).values_list("sku", "available")) == {"CAP": 7, "MUG": 4}
    assert floor.told == {"CAP": 6}
    twice = [level("CAP", 5, wms_datetime=stamp(11)), level("CAP", 6, wms_datetime=stamp(9))]
    assert floor.posted(*twice) == {"success_code": True, "count": 1, "older": 1}
    assert StockLevel.objects.for_account(acme).get(sku="CAP").available == 5


def test_a_clock_that_is_fast_makes_no_count_newer_than_now(floor: Floor) -> None:
    floor.posted(level("CAP", 10, wms_datetime=stamp(600)))
    assert floor.warehouse.get(f"{STOCK}/CAP")["response"]["wms_datetime"] == stamp(0)
    floor.ordered(CAP=3)
    assert floor.told == {"CAP": 7}, "an order of after the count is never hidden by a wrong clock"
    assert floor.posted(level("CAP", 5))["count"] == 1


def test_one_warehouse_of_two_is_counted_anew(floor: Floor) -> None:
    both = [level("CAP", 5, warehouse="EAST"), level("CAP", 5, warehouse="WEST")]
    floor.posted(*both)
    floor.ordered(CAP=3)
    floor.posted(level("CAP", 5, warehouse="WEST"))
    assert floor.told == {"CAP": 7}, "they may have gone from EAST"
    floor.ordered(CAP=4)
    assert floor.told == {"CAP": 3}
    floor.posted(level("CAP", 5, warehouse="WEST"))
    assert floor.told == {"CAP": 5}, "EAST had five: more than those can't be missing from it"
    read = floor.warehouse.get(STOCK)["response"][0]
    assert read["wms_datetime"] == min(place["wms_datetime"] for place in read["warehouses"].values())
    assert read["wms_datetime"] == stamp(0), "the sum is as old as its oldest part"


def test_a_warehouse_without_stock_that_nobody_counts_any_more_hides_nothing(floor: Floor) -> None:
    floor.posted(level("CAP", 0, warehouse="OLD"), level("CAP", 9, warehouse="NEW"))
    floor.ordered(CAP=2)
    floor.posted(level("CAP", 7, warehouse="NEW"))
    assert floor.told == {"CAP": 7}


def test_the_page_says_when_each_sku_was_counted(floor: Floor, alice: User, browser: Callable[..., Client]) -> None:
    floor.posted(level("CAP", 10), level("MUG", 10))
    floor.ordered(CAP=1)
    floor.later(60)
    floor.posted(level("MUG", 9))
    page = browser(alice).get("/a/acme/inventory/").content.decode()
    assert f'datetime="{stamp(0)}"' in page
    assert f'datetime="{stamp(63)}"' in page
