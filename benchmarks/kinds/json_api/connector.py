"""The whole of the connector: what a generic JSON API needs and no more, over the hub's own HTTP client."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from connectors.contract import (
    CheckStep,
    ConnectorSpec,
    Exchange,
    Field,
    FieldKind,
    Opening,
    OrderOut,
    Receipt,
    RemoteState,
    Role,
    Sent,
    Side,
)
from connectors.errors import FixOrder
from connectors.transports.http import HttpClient, exchange

SENDS_AT_ONCE = 32

_STATES = {"open": RemoteState.OPEN, "void": RemoteState.VOID}


class JsonApiSession:
    """Implements Session and OrderDestination. `send` is safe in threads."""

    seen_host_key = ""

    def __init__(self, opening: Opening) -> None:
        self._http = HttpClient(
            opening.settings["api_url"],
            network=opening.network,
            limiter=opening.limiter,
            progress=opening.progress,
            now=opening.now,
            pool_size=SENDS_AT_ONCE,
            far_side="The API",
        )

    def check(self) -> Iterator[CheckStep]:
        answer = self._http.request("GET", "/orders?reference=none", is_write=False)
        yield CheckStep("Reach the API", answer.ok, f"It answered {answer.status}.")

    def close(self) -> None:
        self._http.close()

    def prepare(self, orders: Sequence[OrderOut]) -> Mapping[str, Exception]:
        return {}

    def send(self, order: OrderOut, key: str, taken: frozenset[str] = frozenset()) -> Sent:
        body = render_order(order)
        answer = self._http.request("POST", "/orders", json=body, is_write=True, headers={"Idempotency-Key": key})
        if not answer.ok:
            raise FixOrder(f"The API refused order {order.cust_ref} ({answer.status}).")
        return Sent(receipt=_receipt(answer.json()), exchange=exchange(answer, sent=body))

    def find(self, order: OrderOut) -> Sequence[Receipt]:
        answer = self._http.request("GET", "/orders", params={"reference": order.cust_po_no}, is_write=False)
        return [_receipt(row) for row in answer.json()["orders"]]

    def cancel(self, receipt: Receipt) -> Exchange | None:
        return exchange(self._http.request("DELETE", f"/orders/{receipt.external_id}", is_write=True))

    def known_items(self, skus: Collection[str]) -> set[str]:
        return set(skus)


def render_order(order: OrderOut) -> dict[str, Any]:
    """Return the order as the API takes it."""
    return {
        "number": order.cust_ref,
        "reference": order.cust_po_no,
        "customer": order.customer_code,
        "ship_by": order.ship_by.isoformat() if order.ship_by else None,
        "ship_method": order.ship_code or order.ship_method,
        "ship_to": {
            "first_name": order.ship_to.first_name,
            "last_name": order.ship_to.last_name,
            "address_1": order.ship_to.address_1,
            "address_2": order.ship_to.address_2,
            "city": order.ship_to.city,
            "state": order.ship_to.state,
            "zip": order.ship_to.zip,
            "country": order.ship_to.country,
            "phone": order.ship_to.phone,
        },
        "lines": [
            {"sku": line.wms_item, "quantity": line.quantity, "price": None if line.price is None else str(line.price)}
            for line in order.lines
        ],
    }


def _receipt(row: Mapping[str, Any]) -> Receipt:
    return Receipt(
        external_id=str(row["id"]), number=str(row["id"]), state=_STATES[row["state"]], reference=str(row["reference"])
    )


SPEC = ConnectorSpec(
    kind="json_api",
    name="JSON API",
    side=Side.WMS,
    roles=frozenset({Role.ORDER_DESTINATION}),
    fields=(Field(name="api_url", label="API address", kind=FieldKind.URL, required=True),),
    open_session=JsonApiSession,
    sends_at_once=SENDS_AT_ONCE,
)
