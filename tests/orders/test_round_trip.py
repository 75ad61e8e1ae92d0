"""The main job: orders go round, each once, and everything comes back, each once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connectors.models import Outcome, ServiceName
from orders.models import Alert, AlertState, Order, ProductAlias
from orders.pipeline.stock_upload import sellable
from tests.far_sides import EVERY_WMS
from tests.hub import Hub

pytestmark = EVERY_WMS

KNOWN = ["CAP-001", "CAP-002", "TEE-001", "TEE-002", "MUG-001", "MUG-002"]


def _ship_and_invoice_everything(hub: Hub) -> None:
    for order in hub.at_commerce():
        hub.commerce.drive("finalize", order_id=order["id"])
        hub.commerce.drive("pack_and_ship", order_id=order["id"], packages=2 if order["id"] % 2 else None)
        hub.commerce.drive("invoice", order_id=order["id"])


def _shipped_once(orders: dict[str, dict[str, Any]]) -> bool:
    return all(line["shipped"] == line["ordered"] for order in orders.values() for line in order["lines"])


def test_forty_orders_of_three_retailers_go_round(hub: Hub) -> None:
    placed = hub.dsco.drive("place_orders", count=39, retailers=3, lines=[1, 3], quantity=[1, 4], skus=KNOWN, seed=7)
    odd = hub.dsco.drive("place_orders", count=1, items=[{"sku": "CAP-9", "quantity": 2, "cost": "5.00"}])
    hub.dsco.drive("export", columns=223)

    finished = hub.run()
    assert finished[ServiceName.ORDER_DOWNLOAD].counts["orders"] == 40
    assert finished[ServiceName.ORDER_DELIVERY].counts["sent"] == 39
    assert len(hub.at_commerce()) == 39
    assert hub.statuses() == Counter(at_wms=39, error=1)
    assert hub.order(external_id=odd[0]["dsco_order_id"]).hold == "unknown_sku"

    ProductAlias.objects.create(account=hub.account, cart_sku="CAP-9", wms_sku="CAP-009")
    hub.run(ServiceName.ORDER_DELIVERY)
    assert hub.statuses() == Counter(at_wms=40)
    assert not Alert.objects.for_account(hub.account).filter(state=AlertState.OPEN).exists()

    _ship_and_invoice_everything(hub)
    hub.run()
    hub.dsco.drive("wait")
    hub.run(ServiceName.SHIPMENT_UPLOAD, ServiceName.INVOICE_UPLOAD, ServiceName.INVENTORY_UPLOAD)

    assert hub.dsco.drive("state")["problems"] == []
    at_dsco = hub.at_dsco()
    assert len(at_dsco) == len(placed) + 1
    assert _shipped_once(at_dsco)
    assert all(line["invoiced"] == line["ordered"] for order in at_dsco.values() for line in order["lines"])
    assert len(hub.dsco.drive("state")["invoices"]) == 40
    assert hub.statuses() == Counter(confirmed=40)

    told = {sku: row["told_quantity"] for sku, row in hub.dsco.drive("state")["inventory"].items() if row["told_at"]}
    stock = hub.commerce.drive("state")["stock"]
    for row in sellable(hub.cart):
        sku = "CAP-009" if row.item == "CAP-9" else row.item
        available = sum(int(float(level["available"])) for level in stock[sku].values())
        assert told[row.item] == available


def test_a_second_round_changes_nothing(hub: Hub) -> None:
    hub.place(count=5, skus=KNOWN)
    hub.run()
    _ship_and_invoice_everything(hub)
    hub.run()
    hub.dsco.drive("wait")
    before = len(hub.dsco.drive("state")["processes"])
    finished = hub.run()
    hub.dsco.drive("wait")
    assert len(hub.dsco.drive("state")["processes"]) == before
    assert len(hub.at_commerce()) == 5
    assert Order.objects.for_account(hub.account).count() == 5
    assert {one.outcome for one in finished.values()} <= {Outcome.DONE, Outcome.NOTHING}
