"""Programs that push orders while the web server's processes are killed under their calls."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
import requests
from urllib3.exceptions import MaxRetryError

from tests.api.conftest import order
from tests.faults.conftest import SEED
from tests.faults.installation import Installation
from tests.faults.model import SKUS, left_open
from tests.faults.parts import Part
from tests.faults.tally import Tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

CLIENTS = 16
KILLS = 10
AT_MOST = 60
"""Pushes of one client: on a quick machine the kills are the test's subject, and not the heap of orders."""

LIST = 5
"""Orders in each second push; the others are one order each, which the server takes together with what comes meanwhile."""

PATIENCE = 120.0
"""Seconds for which a client tries one push: for a busy machine, on which a new process takes long to come."""

MAKE_KEY = """
import json
from cartrover.accounts.models import Account
from connectors.models import Connection
from orders.programs.api_keys import key_make
account = Account.objects.get(slug="acme")
cart = Connection.objects.for_account(account).get(name="Shop")
key, secret = key_make(account=account, name="Shop", level="cart", cart=cart, actor="test")
print(json.dumps([key.api_user, secret]))
"""


@dataclass
class Pushers:
    """Programs of one shop: two send each number, and each tries again when its connection breaks."""

    address: str
    key: tuple[str, str]
    taken: list[tuple[str, str]] = field(default_factory=list)
    """Each number that was answered with success, and the id of the call that said so."""
    sent: set[str] = field(default_factory=set)
    broken: int = 0
    """Calls that broke off under way: nobody knows what came of them."""
    refused: int = 0
    """Calls that met no server."""
    odd: list[str] = field(default_factory=list)
    """Answers that are neither success nor a duplicate."""
    is_over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, client: int) -> None:
        """Push until it is over, each second time a list."""
        for at in range(AT_MOST):
            if self.is_over.is_set():
                return
            count = LIST if at % 2 else 1
            self.push([f"S{client // 2}-{at}-{one}" for one in range(count)])

    def push(self, numbers: Sequence[str]) -> None:
        """Push these orders until there is an answer."""
        with self.lock:
            self.sent |= set(numbers)
        items = [{"item": SKUS[0], "quantity": 1}]
        orders = [order(number, order_source="Example Outfitters", customer_id="OUTFIT", items=items) for number in numbers]
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = requests.post(
                    self.address, json=orders if len(orders) > 1 else orders[0], auth=self.key, timeout=PATIENCE
                )
            except requests.ConnectionError as lost:
                with self.lock:
                    if isinstance(lost.args[0], MaxRetryError):
                        self.refused += 1
                    else:
                        self.broken += 1
                assert time.monotonic() < end, f"no answer to {numbers}"
                time.sleep(0.1)
                continue
            with self.lock:
                self._note(numbers, answer)
            return

    def _note(self, numbers: Sequence[str], answer: requests.Response) -> None:
        said: dict[str, Any] = answer.json()
        if answer.status_code >= 500:
            self.odd.append(answer.text)
            return
        if len(numbers) > 1:
            good = [one["cust_ref"] for one in said["response"]["success"]]
            bad = said["response"]["failed"]
        else:
            good, bad = ([said["cust_ref"]], []) if said["success_code"] else ([], [said])
        self.taken += [(number, answer.headers["X-CartRover-Process-ID"]) for number in good]
        self.odd += [one["message"] for one in bad if one["message"] != "OrderDuplicate"]


def _kill_again_and_again(web: Part, dice: random.Random, pushers: Pushers) -> int:
    """Kill one of the server's processes, or the whole server, each at a random moment; return how often."""
    for number in range(KILLS):
        time.sleep(dice.uniform(0.2, 1.2))
        if number % 4 == 3 or not web.kill_one_below(dice):
            web.kill()
            web.start()
    time.sleep(0.5)
    pushers.is_over.set()
    return KILLS


def test_orders_pushed_while_web_processes_are_killed_are_there_once_and_every_success_is_true(
    hub: Installation, tell: Tell
) -> None:
    hub.command("connect", "acme", "api_cart", "--name", "Shop", "--activate")
    user, secret = json.loads(hub.command("shell", "--no-imports", "--command", MAKE_KEY))
    hub.clock()
    hub.worker()
    web, address = hub.web()
    pushers = Pushers(f"{address}/v1/cart/orders/cartrover", (user, secret))
    pushers.push(["S-first"])
    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [threads.submit(pushers.work, client) for client in range(CLIENTS)]
        kills = _kill_again_and_again(web, random.Random(SEED), pushers)
        for client in clients:
            client.result()
    assert pushers.odd == []
    assert pushers.broken, "no call was under way when its process was killed"

    stored = Counter(number for (number,) in hub.rows("SELECT external_id FROM orders_order"))
    assert stored == dict.fromkeys(pushers.sent, 1)
    told = Counter(number for number, _ in pushers.taken)
    assert set(told.values()) == {1}
    assert set(told) <= set(stored)
    kept = {str(one) for (one,) in hub.rows("SELECT public_id FROM orders_apirequest")}
    assert {call for _, call in pushers.taken} <= kept
    again = Pushers(pushers.address, pushers.key)
    for number in sorted(pushers.sent):
        again.push([number])
    assert (again.taken, again.odd) == ([], [])

    hub.wait_for(lambda: not left_open(hub.rows))
    there = Counter(one["order_number"] for one in hub.trade.commerce.drive("state")["orders"])
    assert there == dict.fromkeys(pushers.sent, 1)
    assert hub.stopped_well() == []
    locked = _nothing_is_locked(hub)
    tell(
        f"{CLIENTS} clients pushed {len(stored)} orders, each number twice at once, while {kills} web processes were killed: "
        f"{pushers.broken} calls broke off, {pushers.refused} met no server, {len(stored) - len(told)} answers of success were "
        f"lost, {len(told)} were true, all orders once in the hub and at the WMS, {locked} tables without a lock"
    )


def _nothing_is_locked(hub: Installation) -> int:
    """Take the strictest lock of each table at once; return how many there are."""
    tables = [table for (table,) in hub.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    with psycopg.connect(hub.database_url) as database:
        for table in tables:
            database.execute(f'LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE NOWAIT'.encode())
    return len(tables)
