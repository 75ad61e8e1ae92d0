"""QuickBooks Online under a whole hub: under which key an order goes out, and when it gets another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.contract import HoldReason
from connectors.models import ServiceName
from orders import actions
from tests.hub import Hub

pytestmark = pytest.mark.parametrize("wms_kind", ["quickbooks_online"], indirect=True)

SEND = ServiceName.ORDER_DELIVERY


def keys(hub: Hub) -> list[str]:
    """Return the keys of all invoices that were asked for, in order."""
    log = hub.commerce.drive("requests")["log"]
    return [one["requestid"] for one in log if (one["method"], one["path"]) == ("POST", "/invoice")]


def test_an_order_keeps_its_key_until_a_person_wants_it_sent_anew(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(wms_settings={"resend_after_seconds": "0"})
    hub.place(count=2, skus=["CAP-001"])
    hub.commerce.drive("fault", name="drop_before", path="/invoice", method="POST", times=2)
    hub.run(ServiceName.ORDER_DOWNLOAD, SEND)
    hub.run(SEND)
    lost, again = keys(hub)[:2], keys(hub)[2:]
    assert sorted(lost) == sorted(again)
    assert len(set(lost)) == 2
    assert all(0 < len(key) <= 50 for key in lost)

    hub.commerce.drive("fault", name="drop_after", path="/invoice", method="POST", times=1)
    (placed,) = hub.place(count=1, skus=["CAP-001"])
    hub.run(ServiceName.ORDER_DOWNLOAD, SEND)
    order = hub.order(cust_po_no=placed["po_number"])
    hub.commerce.drive("void", order_number=order.cust_ref)
    hub.run(SEND)
    assert hub.order(pk=order.pk).hold == HoldReason.VOIDED_AT_WMS
    assert actions.order_release(hub.order(pk=order.pk), actor="olga@example.com")
    hub.run(SEND)
    first, anew = keys(hub)[-2:]
    assert first != anew
    assert sorted(one["status"] for one in hub.at_commerce()) == ["active", "active", "active", "void"]
