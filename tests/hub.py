"""A whole hub in one process: an account with DSCO and QuickBooks Commerce connected to their sandboxes."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cartrover.accounts.models import Account
from connectors import actions, probing
from connectors.contract import RunningSandbox
from connectors.models import Connection, ServiceName
from orders.dispatcher import run_named
from orders.models import Order, OutboundDocument
from orders.pipeline.documents import document_bytes
from orders.scheduling.running import Finished

ROUND = [
    ServiceName.ORDER_DOWNLOAD,
    ServiceName.ORDER_DELIVERY,
    ServiceName.SHIPMENT_PICKUP,
    ServiceName.INVENTORY_PICKUP,
    ServiceName.SHIPMENT_UPLOAD,
    ServiceName.INVOICE_UPLOAD,
    ServiceName.CANCEL_UPLOAD,
    ServiceName.INVENTORY_UPLOAD,
]


@dataclass
class Hub:
    """What a test does with a hub and its two far sides."""

    account: Account
    cart: Connection
    wms: Connection
    dsco: RunningSandbox
    commerce: RunningSandbox

    def run(self, *names: ServiceName) -> dict[str, Finished]:
        """Run the named services (all of them, in the flow's order, without names) and return how each ended."""
        finished = run_named([self.cart, self.wms], list(names) or ROUND)
        return {one.service.name: one for one in finished}

    def place(self, **arguments: Any) -> list[dict[str, Any]]:
        """Have retailers place orders at DSCO and DSCO export them; return the orders as DSCO has them."""
        placed: list[dict[str, Any]] = self.dsco.drive("place_orders", **arguments)
        self.dsco.drive("export")
        return placed

    def order(self, **lookup: Any) -> Order:
        return Order.objects.for_account(self.account).select_related("source", "wms").get(**lookup)

    def statuses(self) -> Counter[str]:
        """Count the account's orders by outward status."""
        return Counter(str(order.status) for order in Order.objects.for_account(self.account))

    def told(self, purpose: str) -> list[dict[str, str]]:
        """Return all rows of all files of this purpose, as the cart got them."""
        rows: list[dict[str, str]] = []
        for document in OutboundDocument.objects.for_account(self.account).filter(purpose=purpose).order_by("pk"):
            rows += csv.DictReader(io.StringIO(document_bytes(document).decode()))
        return rows

    def at_dsco(self) -> dict[str, dict[str, Any]]:
        """Return DSCO's orders by id."""
        return {order["dsco_order_id"]: order for order in self.dsco.drive("state")["orders"]}

    def at_commerce(self) -> list[dict[str, Any]]:
        """Return the orders that the hub made at QuickBooks Commerce, by whatever state."""
        orders = self.commerce.drive("state")["orders"]
        return [order for order in orders if not order["by_stranger"]]


def connect(
    account: Account,
    kind: str,
    name: str,
    box: RunningSandbox,
    *,
    live: bool = True,
    settings: Mapping[str, str] | None = None,
    services: Sequence[ServiceName] | None = None,
    without_secrets: Sequence[str] = (),
) -> Connection:
    """Connect an account to a sandbox as the merchant does: save, test, go live; services run only when they are named."""
    secrets = {key: value for key, value in box.secrets.items() if key not in without_secrets}
    connection = actions.connection_save(
        account=account, kind=kind, name=name, settings={**box.settings, **(settings or {})}, secrets=secrets, actor="test"
    )
    steps = probing.connection_test(connection)
    assert all(step.ok for step in steps), [step.words for step in steps if not step.ok]
    if live:
        actions.connection_activate(connection=connection, actor="test")
    connection.refresh_from_db()
    return connection
