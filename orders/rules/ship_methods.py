"""What a cart's shipping code is at the WMS.

Codes are compared without case, as senders differ in it (DSCO reference 4).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cartrover.compiled_queries import CompiledQuery, number
from connectors.models import Connection
from orders.models import ShipMethodMap

_CODES = CompiledQuery(
    lambda: ShipMethodMap.objects.filter(account_id=number("account_id"), cart_id=number("cart_id")).values_list(
        "cart_code", "wms_code"
    )
)


@dataclass(slots=True)
class ShipMethods:
    """The mapping of one cart, read once for a whole load."""

    cart: Connection
    hold_unmapped: bool
    codes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, cart: Connection, *, hold_unmapped: bool) -> ShipMethods:
        rows = _CODES.rows(account_id=cart.account_id, cart_id=cart.pk)
        return cls(cart, hold_unmapped, {cart_code.upper(): wms_code for cart_code, wms_code in rows})

    def at_wms(self, cart_code: str) -> str:
        """Return the WMS's code; an unmapped one passes through."""
        return self.codes.get(cart_code.upper()) or cart_code

    def must_hold(self, cart_code: str) -> bool:
        """Say whether an order with this code waits until a person has mapped it."""
        return self.hold_unmapped and bool(cart_code) and not self.codes.get(cart_code.upper())

    def note_seen(self, cart_codes: set[str]) -> None:
        """Keep every code ever received, so that a person can map it."""
        new = {code.upper(): code for code in cart_codes if code and code.upper() not in self.codes}
        if not new:
            return
        ShipMethodMap.objects.bulk_create(
            [ShipMethodMap(account_id=self.cart.account_id, cart=self.cart, cart_code=code) for code in new.values()],
            ignore_conflicts=True,
        )
        self.codes.update(dict.fromkeys(new, ""))
