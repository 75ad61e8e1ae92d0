"""What runs leave behind for the pictures on home."""

from __future__ import annotations

from connectors.models import ServiceDay, ServiceName
from orders.listings.flow import lag
from tests.hub import Hub


def test_runs_of_a_day_add_up_and_orders_have_a_lag(hub: Hub) -> None:
    for number in (2, 3):
        hub.place(count=number, skus=["CAP-001"])
        hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    hub.run(ServiceName.ORDER_DOWNLOAD)
    days = {row.service.name: row for row in ServiceDay.objects.for_account(hub.account).select_related("service")}
    download, delivery = days[ServiceName.ORDER_DOWNLOAD], days[ServiceName.ORDER_DELIVERY]
    assert (download.runs, download.counts["orders"], delivery.runs, delivery.counts["sent"]) == (3, 5, 2, 5)
    found = lag(hub.account)
    assert found is not None
    assert found.orders == 5
