"""Two web servers on one database are one API to its programs: an order comes once, and a bucket is emptied once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from cartrover.accounts.models import Account
from orders.api.bucket import DRIP_MS, SIZE
from orders.models import ApiKey, ApiLevel, Order
from tests.api.conftest import Program, connect, order
from tests.servers.web import WebServer
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

AT_ONCE = 8


@pytest.fixture(scope="module")
def addresses(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder: Path = tmp_path_factory.mktemp("web")
    pair = WebServer(folder, "one"), WebServer(folder, "other")
    try:
        for one in pair:
            one.start()
        for one in pair:
            until(one.answers, 120)
        yield pair[0].address, pair[1].address
    finally:
        for one in pair:
            one.kill()


def _call(url: str, program: Program, body: Any = None) -> Any:
    method = "GET" if body is None else "POST"
    auth = (program.key.api_user, program.secret)
    return requests.request(method, url, json=body, auth=auth, timeout=60).json()


def test_an_order_that_both_get_at_the_same_moment_is_one_order_and_one_duplicate(
    addresses: tuple[str, str], shop: Program, acme: Account
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(6):
            given = order(f"SAME-{number}")
            path, body = (("cartrover", given), ("batch", [given, given]))[number % 2]
            urls = [f"{addresses[at % 2]}/v1/cart/orders/{path}" for at in range(AT_ONCE)]
            answers = list(pool.map(lambda url, body=body: _call(url, shop, body), urls))  # type: ignore[misc]  # bound now
            if path == "batch":
                taken = [row for answer in answers for row in answer["response"]["success"]]
                refused = [row["message"] for answer in answers for row in answer["response"]["failed"]]
                assert (len(taken), set(refused), len(refused)) == (1, {"OrderDuplicate"}, 2 * AT_ONCE - 1)
            else:
                said = Counter(answer.get("message", "") for answer in answers)
                assert said == {"": 1, "OrderDuplicate": AT_ONCE - 1}
    assert sorted(Order.objects.for_account(acme).values_list("cust_ref", flat=True)) == [f"SAME-{at}" for at in range(6)]


def test_a_number_that_two_carts_push_at_the_same_moment_is_two_orders(
    addresses: tuple[str, str], shop: Program, acme: Account, program: Callable[..., Program]
) -> None:
    other = program(acme, ApiLevel.CART, cart=connect(acme, "api_cart", "APIAccess2"))
    carts = (shop, other)
    with ThreadPoolExecutor(2) as pool:
        for number in range(4):
            given = order(f"WEB-{number}", ship_company=None, ship_first_name="Ada", ship_last_name="Example")
            pushes = [(f"{host}/v1/cart/orders/cartrover", cart) for host, cart in zip(addresses, carts, strict=True)]
            answers = list(pool.map(lambda one, given=given: _call(*one, given), pushes))  # type: ignore[misc]  # bound now
            refs = [answer["cust_ref"] for answer in answers]
            assert f"WEB-{number}" in refs
            assert len(set(refs)) == 2
            for cart, ref in zip(carts, refs, strict=True):
                for asked in (f"WEB-{number}", ref):
                    found = _call(f"{addresses[1]}/v1/cart/orders/{asked}", cart)["response"]
                    assert (found["cust_ref"], found["cust_ref_original"]) == (ref, f"WEB-{number}")


def test_a_bucket_holds_a_hundred_calls_for_both_together(addresses: tuple[str, str], shop: Program) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        urls = [f"{addresses[at % 2]}/v1/cart/orders/list/new" for at in range(SIZE + 60)]
        answers = list(pool.map(lambda url: _call(url, shop), urls))
    came_back = int((time.monotonic() - began) * 1000 / DRIP_MS) + 1
    taken = sum(answer["success_code"] for answer in answers)
    assert SIZE <= taken <= SIZE + came_back
    assert {answer["error_code"] for answer in answers if not answer["success_code"]} <= {"RateLimit"}
    empty = ApiKey.objects.across_accounts("the only one").get(pk=shop.key.pk).bucket_empty_ms
    assert empty > 0
