"""Orders that are pushed at the same moment: taken together, and each as if it had come alone."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import DatabaseError, connections, transaction

from cartrover.accounts.models import Account
from connectors.models import Connection
from orders.api import new_orders
from orders.api.gathering import Gathering
from orders.models import ApiLevel, ApiRequest, Order
from orders.pipeline.persist import lock_loading
from orders.programs import api_keys
from orders.programs.pushed_orders import push_orders
from tests.api.conftest import Program, connect, order
from tests.servers.web import WebServer
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
NEW_ORDER = "/v1/cart/orders/cartrover"


class Gate:
    """Stands before the storing of pushed orders: shut until it is opened, and knows how many came through together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, refuses: int = 0) -> None:
        """`refuses`: loading so many orders together fails in the database."""
        self.together: list[int] = []
        self.reached, self.opened, self.refuses = threading.Event(), threading.Event(), refuses
        monkeypatch.setattr(new_orders, "push_orders", self._push_orders)

    def _push_orders(self, *, drafts: Callable[[], Sequence[Any]], **rest: Any) -> Any:
        given = drafts()
        self.together.append(len(given))
        self.reached.set()
        assert self.opened.wait(60)
        if len(given) == self.refuses:
            push_orders(drafts=lambda: given, **{**rest, "and_so": _refused})
        return push_orders(drafts=lambda: given, **rest)


def _refused(pushed: Sequence[Any]) -> None:
    raise DatabaseError("what they have in common goes wrong")


Pushing = Callable[[Program, Any], "Future[Any]"]


@pytest.fixture
def pushing() -> Iterator[Pushing]:
    """Return what calls New Order in a thread of its own."""
    with ThreadPoolExecutor(20) as threads:

        def push(program: Program, body: Any) -> Future[Any]:
            def call() -> Any:
                try:
                    return program.call("POST", NEW_ORDER, body)
                finally:
                    connections.close_all()

            return threads.submit(call)

        yield push


def _crowd(gate: Gate, pushing: Pushing, first: tuple[Program, Any], *then: tuple[Program, Any]) -> list[Future[Any]]:
    """Push one order, and the others while it is at work."""
    calls = [pushing(*first)]
    assert gate.reached.wait(60)
    calls += [pushing(*one) for one in then]
    until(lambda: new_orders._gathering.waiting(first[0].key.api_user) == len(then), 60)
    return calls


def _answers(gate: Gate, calls: Sequence[Future[Any]]) -> list[Any]:
    gate.opened.set()
    return [call.result(60) for call in calls]


def _numbers(account: Account) -> list[str]:
    return sorted(Order.objects.for_account(account).values_list("cust_ref", flat=True))


def test_what_comes_while_an_order_is_stored_goes_in_together_and_each_answer_leads_to_its_own_request(
    shop: Program, acme: Account, pushing: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    bodies: list[Any] = [order("T-0"), order("T-1"), order("T-1"), order("T-2", items=[]), b"{", [order("T-3"), order("T-0")]]
    answers = _answers(gate, _crowd(gate, pushing, *((shop, body) for body in bodies)))
    assert gate.together == [1, 4]
    said = [answer.data for answer in answers]
    assert [one.get("cust_ref", one.get("message")) for one in said[:1]] == ["T-0"]
    assert sorted(str(one.get("cust_ref", one.get("message"))) for one in said[1:3]) == ["OrderDuplicate", "T-1"]
    assert [one["message"] for one in said[3:5]] == ["Order missing required field(s): items", "The body is no valid JSON."]
    assert said[5]["response"]["success"] == [{"cust_ref": "T-3", "cust_po_no": "T-3"}]
    assert [one["message"] for one in said[5]["response"]["failed"]] == ["OrderDuplicate"]
    assert _numbers(acme) == ["T-0", "T-1", "T-3"]
    for body, answer in zip(bodies, answers, strict=True):
        kept = ApiRequest.objects.for_account(acme).get(public_id=answer["X-CartRover-Process-ID"])
        assert kept.body == (body.decode() if isinstance(body, bytes) else json.dumps(body))
        assert kept.words == answer.data.get("message", "")


def test_what_comes_while_an_order_waits_for_its_turn_in_the_account_is_stored_with_it(
    shop: Program, acme: Account, pushing: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: list[int] = []
    begun = threading.Event()

    def counted(**asked: Any) -> Any:
        begun.set()
        pushed = push_orders(**asked)
        together.append(len(pushed))
        return pushed

    shop.post(NEW_ORDER, order("T-0"))  # that the key is used is written down by now, and for a minute not again
    monkeypatch.setattr(new_orders, "push_orders", counted)
    with transaction.atomic():
        lock_loading(acme.pk)
        calls = [pushing(shop, order("T-1"))]
        assert begun.wait(60)
        calls += [pushing(shop, order(f"T-{at}")) for at in (2, 3, 4)]
        until(lambda: new_orders._gathering.waiting(shop.key.api_user) == 3, 60)
    assert [call.result(60).data["success_code"] for call in calls] == [True] * 4
    assert together == [4]
    assert _numbers(acme) == ["T-0", "T-1", "T-2", "T-3", "T-4"]


def test_where_the_database_refuses_them_together_each_is_tried_alone(
    shop: Program, acme: Account, pushing: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, refuses=4)
    answers = _answers(gate, _crowd(gate, pushing, *((shop, order(f"T-{at % 4}")) for at in range(5))))
    assert gate.together == [1, 4, 1, 1, 1, 1]
    assert [answer.data["success_code"] for answer in answers] == [True, True, True, True, False]
    assert answers[4].data["message"] == "OrderDuplicate"
    assert _numbers(acme) == ["T-0", "T-1", "T-2", "T-3"]
    assert ApiRequest.objects.for_account(acme).filter(path=NEW_ORDER).count() == 5


def test_a_call_that_breaks_is_answered_as_our_fault_and_kept_and_its_neighbours_go_in(
    shop: Program, acme: Account, pushing: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, refuses=1)
    gate.opened.set()
    shop_broken = Program(shop.key, shop.secret)
    with pytest.raises(DatabaseError):  # the test client passes on what a server answers with 500
        shop_broken.call("POST", NEW_ORDER, order("T-0"))
    assert _numbers(acme) == []
    (kept,) = ApiRequest.objects.for_account(acme).filter(path=NEW_ORDER)
    assert (kept.status, kept.error_code) == (500, "Failure")
    gate.refuses = 0
    assert shop.post(NEW_ORDER, order("T-0"))["success_code"] is True


def test_a_key_that_is_revoked_while_its_calls_wait_opens_nothing_more(
    shop: Program, acme: Account, pushing: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    wrong = Program(shop.key, "not the key")
    calls = _crowd(gate, pushing, (shop, order("T-0")), (wrong, order("T-1")), (shop, order("T-2")))
    api_keys.key_revoke(shop.key, actor="test")
    answers = _answers(gate, calls)
    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert _numbers(acme) == ["T-0"]
    kept = ApiRequest.objects.for_account(acme).get(public_id=answers[2]["X-CartRover-Process-ID"])
    assert (kept.status, kept.body) == (401, "")


def test_a_wrong_secret_among_right_ones_gets_nothing_of_theirs(
    shop: Program, acme: Account, pushing: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    wrong = Program(shop.key, "not the key")
    answers = _answers(gate, _crowd(gate, pushing, (shop, order("T-0")), (wrong, order("T-1")), (shop, order("T-2"))))
    assert [answer.status_code for answer in answers] == [200, 401, 200]
    assert _numbers(acme) == ["T-0", "T-2"]


def test_what_fails_by_a_mistake_of_ours_harms_nobody_who_waits_with_it() -> None:
    entered, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def work(first: str, others: Callable[[], Sequence[str]]) -> None:
        jobs = [first, *others()]
        entered.set()
        assert go_on.wait(60)
        if "bad" in jobs:
            raise ValueError("a mistake")
        done.extend(jobs)

    gathering: Gathering[str] = Gathering(work)
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(gathering.do, "lane", "first")]
        assert entered.wait(60)
        calls.append(threads.submit(gathering.do, "lane", "bad"))
        until(lambda: gathering.waiting("lane") == 1, 60)
        calls += [threads.submit(gathering.do, "lane", name) for name in ("good", "fine")]
        until(lambda: gathering.waiting("lane") == 3, 60)
        go_on.set()
        ends = [call.exception(60) for call in calls]
    assert [type(end) for end in ends] == [type(None), ValueError, type(None), type(None)]
    assert sorted(done) == ["fine", "first", "good"]
    assert gathering.waiting("lane") == 0


def test_two_web_servers_take_each_order_once_whichever_program_sends_it(
    acme: Account, cart: Connection, shop: Program, program: Callable[..., Program], tmp_path: Path
) -> None:
    other = program(acme, ApiLevel.CART, cart=connect(acme, "api_cart", "APIAccess2"))
    servers = [WebServer(tmp_path, name) for name in ("one", "two")]
    try:
        for server in servers:
            server.start()
        for server in servers:
            until(server.answers, 120)
        sent = [(one, f"{one.key.pk}-{at % 20}", server) for at in range(40) for one in (shop, other) for server in servers]
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda push: _posted(*push), sent))
    finally:
        for server in servers:
            server.kill()
    numbers = {number for _, number, _ in sent}
    assert _numbers(acme) == sorted(numbers)
    said = [(number, answer.json()) for (_, number, _), answer in zip(sent, answers, strict=True)]
    assert sorted(number for number, one in said if one["success_code"]) == sorted(numbers)
    assert {one["message"] for _, one in said if not one["success_code"]} == {"OrderDuplicate"}
    for (_, number, _), answer in zip(sent, answers, strict=True):
        kept = ApiRequest.objects.for_account(acme).get(public_id=answer.headers["X-CartRover-Process-ID"])
        assert json.loads(kept.body)["cust_ref"] == number
        assert kept.words == answer.json().get("message", "")


def _posted(program: Program, number: str, server: WebServer) -> requests.Response:
    pair = base64.b64encode(f"{program.key.api_user}:{program.secret}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}"}
    return requests.post(f"{server.address}{NEW_ORDER}", json=order(number), headers=headers, timeout=60)
