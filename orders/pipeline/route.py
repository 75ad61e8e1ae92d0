"""Stage: where an order goes, and whether it may go now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from cartrover.compiled_queries import CompiledQuery, columns, instance, number
from connectors.contract import HoldReason, Side
from connectors.models import Connection, ConnectionState
from connectors.readers import settings_of
from orders.rules.order_ids import OrderIdRule
from orders.rules.ship_methods import ShipMethods


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason to wait, in words; `subject` is what many orders may share."""

    reason: HoldReason
    words: str
    subject: str = ""


@dataclass(slots=True)
class Route:
    """Everything about a cart that decides on its orders, read once for a whole load."""

    cart: Connection
    settings: Mapping[str, Any]
    wms: Connection | None
    no_route_words: str
    id_rule: OrderIdRule
    ship_methods: ShipMethods

    @classmethod
    def of(cls, cart: Connection) -> Route:
        settings = settings_of(cart)
        connected = [instance(Connection, values) for values in _CONNECTED.rows(account_id=cart.account_id)]
        wms, words = _destination(cart, connected)
        return cls(
            cart=cart,
            settings=settings,
            wms=wms,
            no_route_words=words,
            id_rule=OrderIdRule.strictest([settings_of(one) for one in connected]),
            ship_methods=ShipMethods.of(cart, hold_unmapped=settings["unmapped_ship_codes"] == "hold"),
        )

    @property
    def earliest_order_date(self) -> date | None:
        """Orders placed before this date stay out."""
        earliest: date | None = self.settings["earliest_order_date"]
        return earliest

    def hold_of(self, *, is_test: bool, lines: int, expected_lines: int | None, ship_code: str, cust_ref: str) -> Hold | None:
        """Return why an order of this cart must wait before it may be delivered; None when it may go."""
        if expected_lines is not None and lines < expected_lines and self.settings["hold_incomplete"]:
            return Hold(
                HoldReason.INCOMPLETE,
                f"{lines} of {expected_lines} lines have come. The rest is awaited in a later file; nothing is sent before.",
            )
        if not self.cart.live and not is_test:
            return Hold(HoldReason.NOT_LIVE, f"{self.cart.name} is in test mode. The order goes out when you go live.")
        if self.wms is None:
            return Hold(HoldReason.NO_ROUTE, self.no_route_words)
        if not self.id_rule.accepts(cust_ref):
            return Hold(
                HoldReason.NO_ROUTE,
                f"The order number {cust_ref} doesn't fit {self.wms.name}, which was connected later. Change its "
                "order id settings.",
            )
        if self.ship_methods.must_hold(ship_code):
            return Hold(
                HoldReason.UNMAPPED_SHIP_METHOD,
                f"The shipping code {ship_code} of {self.cart.name} has no code of {self.wms.name} yet. Map it under "
                "Shipping codes.",
                subject=ship_code.upper(),
            )
        return None


def _connected() -> QuerySet[Connection, Any]:
    rows = Connection.objects.filter(account_id=number("account_id"), side=Side.WMS)
    return rows.exclude(state=ConnectionState.DISCONNECTED).order_by("pk").values_list(*columns(Connection))


_CONNECTED = CompiledQuery(_connected)
"""The WMSs of an account, the oldest first."""


def _destination(cart: Connection, connected: list[Connection]) -> tuple[Connection | None, str]:
    if cart.destination_id is not None:
        for one in connected:
            if one.pk == cart.destination_id:
                return one, ""
        return None, f"The WMS that {cart.name} delivers to is disconnected. Choose another one in the cart's settings."
    if len(connected) == 1:
        return connected[0], ""
    if not connected:
        return None, "There is no WMS connected to deliver to. Connect one under WMS."
    return None, f"There are {len(connected)} WMSs. Choose in the settings of {cart.name} which one its orders go to."
