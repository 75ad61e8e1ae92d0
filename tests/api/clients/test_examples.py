"""The examples on the API's page do what they say: each is run as it stands there, with a real address and key in its place."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from cartrover.accounts.models import Account, OrganizationKind
from orders.api.examples import KEY, USER, samples
from orders.api.openapi import LEVELS, description
from orders.models import ApiLevel
from tests.api.clients.stacks import require
from tests.api.conftest import Program, order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

FIRST = [
    ("post", "/v1/wms/shipmethod"),
    ("post", "/v1/cart/orders/cartrover"),
    ("post", "/v1/merchant/inventory"),
    ("post", "/v1/merchant/product"),
    ("post", "/v1/merchant/orders/update/{cust_ref}"),
]
"""What the others read, or say that they have read."""

CANCELED = {
    "/v1/cart/orders/wms_cancel/{cust_ref}": "WEB-1002",
    "/v1/cart/orders/cancel/cartrover": "WEB-1003",
    "/v1/cart/orders/cancel": "WEB-1004",
}
"""Orders that haven't shipped, in place of the one that has."""

Run = Callable[[list[str]], None]


def _bash(examples: list[str]) -> None:
    script = "set -euo pipefail\n" + "\n".join(f"{text} --silent --show-error\necho" for text in examples)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=200, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(examples)
    assert [answer for answer in answers if not answer["success_code"]] == []


def _python(examples: list[str]) -> None:
    subprocess.run([sys.executable, "-c", "\n".join(examples)], capture_output=True, timeout=200, check=True)


def _php(examples: list[str]) -> None:
    done = subprocess.run(["php", "-r", "\n".join(examples)], capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize(
    ("language", "command", "run"), [("curl", "curl", _bash), ("Python", sys.executable, _python), ("PHP", "php", _php)]
)
def test_every_example_is_answered_with_success(
    language: str,
    command: str,
    run: Run,
    address: str,
    acme: Account,
    globex: Account,
    shop: Program,
    warehouse: Program,
    program: Callable[..., Program],
) -> None:
    require(command)
    for account, kind in ((acme, OrganizationKind.FULFILLMENT), (globex, OrganizationKind.MASTER)):
        account.organization.kind = kind
        account.organization.save()
    keys = {
        "cart": shop,
        "merchant": warehouse,
        "warehouse": program(acme, ApiLevel.WAREHOUSE),
        "master": program(globex, ApiLevel.MASTER),
    }
    shop.post("/v1/cart/orders/batch", [order(number) for number in CANCELED.values()])
    described = {(method, path): one for path, methods in description()["paths"].items() for method, one in methods.items()}
    examples = []
    for method, path in [*FIRST, *(one for one in described if one not in FIRST)]:
        levels = described[method, path][LEVELS]
        text = samples(method, path, address, levels)[language]
        key = keys[next(level for level in keys if level in levels)]
        said = text.replace(USER, key.key.api_user).replace(KEY, key.secret)
        assert said != text
        examples.append(said.replace("WEB-1001", CANCELED.get(path, "WEB-1001")))
    run(examples)
    assert shop.get("/v1/cart/orders/status/WEB-1001")["response"]["order_status"] == "confirmed"
    canceled = shop.get("/v1/cart/orders/list/canceled")["response"]
    assert {one["cust_ref"] for one in canceled} == set(CANCELED.values())
