"""What a cart can be told of an order that a person cancels: its own codes for the reason, and which one is usual."""

from __future__ import annotations

from collections.abc import Mapping

from connectors import registry
from connectors.contract import Role
from connectors.models import Connection
from connectors.readers import settings_of
from orders.pipeline.canceling import Telling

FIELD = "cancel_code"
"""The setting of a cart that names its usual code; its choices are all that it has."""


def codes_of(cart: Connection) -> tuple[tuple[str, str], ...]:
    """Return the cart's codes with what they mean; none where it can't be told of cancellations."""
    spec = registry.find(cart.kind)
    if spec is None or Role.CANCEL_SINK not in spec.roles:
        return ()
    return next((field.choices for field in spec.fields if field.name == FIELD), ())


def usual_code(cart: Connection) -> str:
    """Return the code that the cart's settings name; "" for none."""
    return str(settings_of(cart).get(FIELD) or "")


def telling_of(cart: Connection, options: Mapping[str, str]) -> Telling | None:
    """Return what a person wants the cart told, None for nothing. Raise `ValueError`, with words, where that can't be."""
    if options.get("tell") != "yes":
        return None
    codes = dict(codes_of(cart))
    if not codes:
        raise ValueError(f"{cart.name} can't be told of cancellations. Cancel without telling it, and settle it there.")
    code = options.get("code") or usual_code(cart)
    if code not in codes:
        raise ValueError(f"Choose the reason that {cart.name} is told: its settings name none.")
    return Telling(code=code, reason=options.get("reason", "").strip()[:200] or "Canceled by the merchant.")
