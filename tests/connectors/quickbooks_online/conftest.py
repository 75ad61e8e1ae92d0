"""A company that runs on this machine, emptied for each test, and what opens sessions on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Address, Opening, OrderLineOut, OrderOut
from connectors.field_values import typed
from connectors.quickbooks_online.connector import SPEC
from connectors.quickbooks_online.sandbox import Sandbox, start_sandbox
from connectors.quickbooks_online.session import QuickBooksOnlineSession
from tests.contract.conftest import Remembered
from tests.servers.hub import CountingLimiter, OpenNetwork, SharedTokens, no_progress, utc_now


@dataclass
class Desk:
    """A hub's side of a connection, in memory."""

    box: Sandbox
    memory: Remembered = field(default_factory=Remembered)
    limiter: CountingLimiter = field(default_factory=CountingLimiter)
    tokens: SharedTokens = field(default_factory=lambda: SharedTokens(None))
    secrets: dict[str, str] | None = None

    def open(self, **settings: str) -> QuickBooksOnlineSession:
        return QuickBooksOnlineSession(
            Opening(
                settings=typed(SPEC.fields, {**self.box.settings, **settings}),
                secrets=self.box.secrets if self.secrets is None else self.secrets,
                network=OpenNetwork(),
                limiter=self.limiter,
                memory=self.memory,
                tokens=self.tokens,
                progress=no_progress,
                now=utc_now,
            )
        )

    def orders(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.box.drive("state")["orders"]
        return found


@pytest.fixture(scope="session")
def _company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    box = start_sandbox(str(tmp_path_factory.mktemp("qbo")), {})
    yield box
    box.stop()


@pytest.fixture
def box(_company: Sandbox) -> Sandbox:
    _company.drive("reset")
    return _company


@pytest.fixture
def desk(box: Sandbox) -> Desk:
    return Desk(box)


@pytest.fixture
def sent(desk: Desk) -> Callable[..., QuickBooksOnlineSession]:
    """Return what opens a session and sends an order through it."""

    def send(order: OrderOut, **settings: str) -> QuickBooksOnlineSession:
        session = desk.open(**settings)
        assert session.prepare([order]) == {}
        session.send(order, f"key-{order.cust_ref}")
        return session

    return send


def line(line_no: int, sku: str, quantity: int = 1, price: str | None = "10.00") -> OrderLineOut:
    return OrderLineOut(
        line_no=line_no, item=sku, wms_item=sku, quantity=quantity, price=None if price is None else Decimal(price)
    )


def an_order(number: str = "PO-1", *lines: OrderLineOut, **changes: Any) -> OrderOut:
    values: dict[str, Any] = {
        "public_id": f"public-{number}",
        "cust_ref": number,
        "cust_po_no": f"{number}-FULL",
        "order_date": date(2026, 11, 18),
        "ship_by": date(2026, 11, 21),
        "retailer_name": "Hearth & Home",
        "customer_code": "DSCO-1000",
        "currency": "USD",
        "ship_to": Address(first_name="Pat", last_name="Doe", address_1="1 Sample Street", city="Portland", phone="555-0100"),
        "bill_to": Address(),
        "ship_code": "UPSG",
        "ship_carrier": "UPS",
        "ship_method": "Ground",
        "notes": "",
        "shipping_charge": Decimal(0),
        "discount": Decimal(0),
        "is_test": False,
        "lines": lines or (line(1, "CAP-001"),),
        "extra": {},
    }
    return OrderOut(**{**values, **changes})
