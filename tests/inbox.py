"""A DSCO cart whose order folder tests fill, and what a merchant sees of it afterwards."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from cartrover.accounts.models import Account
from connectors import registry
from connectors.contract import Opening, RunningSandbox, Session
from connectors.models import Connection, ServiceName
from orders.dispatcher import run_named
from orders.import_export.exports import EXPORTS
from orders.models import Alert, AlertState, InboundDocument, Order, OrderLine
from orders.scheduling.running import Finished
from tests.connectors.dsco.files import table
from tests.factories import ConnectionFactory

Row = Mapping[str, str]


@dataclass
class Inbox:
    """A cart and the folder that it reads."""

    account: Account
    cart: Connection
    dsco: RunningSandbox

    def put(self, content: str | bytes | Iterable[Row], name: str = "Purchase_Order_1.csv", *, age: float = 60) -> str:
        """Lay a file into DSCO's order folder that was last written `age` seconds ago; return its name."""
        self._lay(content, f"/out/{name}", age)
        return name

    def archive(self, content: str | bytes | Iterable[Row], name: str = "Purchase_Order_1.csv", *, age: float = 60) -> str:
        """Lay a file into the archive, as DSCO does once somebody has downloaded it."""
        self._lay(content, f"/out/archive/{name}", age)
        return name

    def _lay(self, content: str | bytes | Iterable[Row], path: str, age: float) -> None:
        body = content if isinstance(content, str | bytes) else table(content)
        data = body.encode() if isinstance(body, str) else body
        self.dsco.drive("put_file", path=path, base64=base64.b64encode(data).decode(), age=age)

    def download(self) -> Finished:
        """Run the download now and return how it ended."""
        (finished,) = run_named([self.cart], [ServiceName.ORDER_DOWNLOAD])
        return finished

    def read(self, content: str | bytes | Iterable[Row], name: str = "Purchase_Order_1.csv") -> Finished:
        """Lay a file there and download it."""
        self.put(content, name)
        return self.download()

    def exported(self, what: str) -> list[Mapping[str, Any]]:
        return list(EXPORTS[what].rows(self.account, None))

    @property
    def skipped(self) -> list[Mapping[str, Any]]:
        return self.exported("skipped")

    def events(self, kind: str) -> list[str]:
        """Return the words of all events of a kind."""
        return [event["words"] for event in self.exported("events") if event["kind"] == kind]

    @property
    def alerts(self) -> dict[str, str]:
        """Return the words of the open alerts by cause."""
        rows = Alert.objects.for_account(self.account).filter(state=AlertState.OPEN).order_by("pk")
        return dict(rows.values_list("cause", "words"))

    @property
    def orders(self) -> set[str]:
        """Return the full numbers of all orders."""
        return set(Order.objects.for_account(self.account).values_list("cust_po_no", flat=True))

    def order(self, number: str) -> Order:
        return Order.objects.for_account(self.account).select_related("source", "wms").get(cust_po_no=number)

    def lines(self, number: str) -> list[tuple[str, int]]:
        """Return item and quantity of each line of an order, in order."""
        rows = OrderLine.objects.for_account(self.account).filter(order__cust_po_no=number).order_by("line_no")
        return list(rows.values_list("item", "quantity"))

    def documents(self) -> Counter[str]:
        """Count the known files by state."""
        return Counter(InboundDocument.objects.for_account(self.account).values_list("state", flat=True))


Instead = Callable[..., Any]


def change_sessions(monkeypatch: pytest.MonkeyPatch, **methods: Instead) -> None:
    """Let DSCO's sessions do something else in these methods: each is given the real one first, then its arguments."""
    spec, get = registry.get("dsco"), registry.get

    def open_session(opening: Opening) -> Session:
        session = spec.open_session(opening)
        for name, instead in methods.items():
            setattr(session, name, partial(instead, getattr(session, name)))
        return session

    changed = replace(spec, open_session=open_session)
    monkeypatch.setattr(registry, "get", lambda kind: changed if kind == spec.kind else get(kind))


def a_wms(account: Account, kind: str = "quickbooks_commerce") -> Connection:
    """Make a WMS of this kind that orders are routed to and that nothing is sent to."""
    settings = {"api_url": "http://127.0.0.1:9/", "authorize_url": "http://127.0.0.1:9/a", "token_url": "http://127.0.0.1:9/t"}
    wms: Connection = ConnectionFactory.create(
        account=account, wms=True, kind=kind, name=registry.get(kind).name, settings=settings
    )
    return wms
