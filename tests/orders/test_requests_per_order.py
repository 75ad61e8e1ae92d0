"""What an order costs the WMS's request budget, once items and customers are known."""

from __future__ import annotations

from connectors.models import ServiceName
from tests.far_sides import EVERY_WMS
from tests.hub import Hub

pytestmark = EVERY_WMS

MAKES_AN_ORDER = {"quickbooks_commerce": "POST /orders", "quickbooks_online": "POST /invoice"}

SKUS = ["CAP-001", "CAP-002", "TEE-001", "MUG-001"]
ORDERS = 100


def test_in_steady_state_an_order_costs_at_most_1_1_requests_all_counted(hub: Hub) -> None:
    for sku in SKUS:
        hub.commerce.drive("set_stock", sku=sku, quantity=100_000)
    hub.place(count=3, retailers=3, skus=SKUS)
    hub.run()
    hub.commerce.drive("clear_requests")

    hub.place(count=ORDERS, retailers=3, lines=2, skus=SKUS)
    hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    for order in hub.at_commerce():
        if order["status"] == "active":
            hub.commerce.drive("finalize", order_id=order["id"])
            hub.commerce.drive("pack_and_ship", order_id=order["id"])
            hub.commerce.drive("invoice", order_id=order["id"])
    hub.run()
    hub.dsco.drive("wait")

    counters = hub.commerce.drive("requests")["counters"]
    assert hub.statuses() == {"confirmed": ORDERS + 3}
    assert counters["by_route"][MAKES_AN_ORDER[hub.wms.kind]] == ORDERS
    assert counters["total"] <= 1.1 * ORDERS, counters["by_route"]
