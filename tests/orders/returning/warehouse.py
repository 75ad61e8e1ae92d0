"""What tests of the way back do again and again: orders that are at the WMS, and what its people do with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from connectors.models import Service, ServiceName
from orders.dispatcher import run_service_by_id
from orders.models import Alert, AlertState, Order, OrderLine
from orders.scheduling.running import Finished
from tests.hub import Hub


def delivered(hub: Hub, items: Sequence[tuple[str, int]] = (("CAP-001", 2),), **placing: Any) -> Order:
    """Return an order of these SKUs and quantities that has come from DSCO and is at the WMS."""
    lines = [{"sku": sku, "quantity": quantity, "cost": "5.25"} for sku, quantity in items]
    (placed,) = hub.place(count=1, items=lines, **placing)
    hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    order = hub.order(external_id=placed["dsco_order_id"])
    assert order.state == "sent"
    return order


def ship(hub: Hub, order: Order, **how: Any) -> list[dict[str, Any]]:
    """Have the warehouse pack and ship an order, or what of it is named."""
    made: list[dict[str, Any]] = hub.commerce.drive("pack_and_ship", order_number=order.cust_ref, **how)["fulfillments"]
    return made


def invoice(hub: Hub, order: Order, **how: Any) -> list[dict[str, Any]]:
    """Have the office invoice an order, or what of it is named."""
    made: list[dict[str, Any]] = hub.commerce.drive("invoice", order_number=order.cust_ref, **how)["invoices"]
    return made


def go_back(hub: Hub) -> dict[str, Finished]:
    """Pick everything up and tell the cart, which takes the packages before the rest comes."""
    finished = hub.run(ServiceName.SHIPMENT_PICKUP, ServiceName.SHIPMENT_UPLOAD)
    hub.dsco.drive("process")
    return finished | hub.run(ServiceName.INVOICE_UPLOAD, ServiceName.CANCEL_UPLOAD)


def again(order: Order) -> Order:
    """Return the order as it stands now."""
    return Order.objects.for_account(order.account_id).select_related("source", "wms").get(pk=order.pk)


def line_of(order: Order, line_no: int = 1) -> OrderLine:
    return OrderLine.objects.for_account(order.account_id).get(order=order, line_no=line_no)


def open_alerts(hub: Hub, cause: str) -> list[Alert]:
    return list(Alert.objects.for_account(hub.account).filter(cause=cause, state=AlertState.OPEN).order_by("pk"))


def shipped_at_dsco(hub: Hub, order: Order) -> dict[str, int]:
    """Return what DSCO counts as shipped, by line number, once it has taken all files."""
    hub.dsco.drive("process")
    return {str(line["line_number"]): line["shipped"] for line in hub.at_dsco()[order.external_id]["lines"]}


def problems_at_dsco(hub: Hub) -> list[str]:
    """Return the codes of the rows that DSCO didn't simply take."""
    hub.dsco.drive("process")
    return [problem["code"] for problem in hub.dsco.drive("state", only=["problems"])["problems"]]


def service(hub: Hub, name: ServiceName) -> Service:
    return Service.objects.for_account(hub.account).get(name=name)


def run_by_itself(hub: Hub, name: ServiceName) -> str:
    """Run a service as a worker does, due now; return the outcome."""
    row = service(hub, name)
    Service.objects.for_account(hub.account).filter(pk=row.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    return run_service_by_id(row.pk)


def free_lease(hub: Hub, name: ServiceName) -> None:
    """Let go of what a killed run held, as the end of its process does."""
    Service.objects.for_account(hub.account).filter(name=name).update(lease_token="", lease_owner="", lease_until=None)
