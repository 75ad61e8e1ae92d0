"""What people do to orders, one by one or many at once, each by its name and with what to say about how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import transaction

from orders import actions
from orders.acts.cancel_codes import telling_of
from orders.acts.marking import Elsewhere, order_mark
from orders.models import Order


@dataclass(frozen=True, slots=True)
class Act:
    """Something that can be done to an order. `past` ends the sentence "3 orders ..."."""

    do: Callable[[Order, str, Mapping[str, str]], tuple[bool, str]]
    past: str


def act_on(order: Order, act: str, actor: str, options: Mapping[str, str] | None = None) -> tuple[bool, str]:
    """Do one of `ACTS` to an order that is locked; return whether it went as meant, and what to say.

    `options` is what the person filled in beside the button.
    """
    try:
        with transaction.atomic():
            return ACTS[act].do(order, actor, options or {})
    except ValueError as refusal:
        return False, str(refusal)


def _release(order: Order, actor: str, options: Mapping[str, str]) -> tuple[bool, str]:
    if not order.hold:
        return True, "This order isn't held any more."
    if actions.order_release(order, actor=actor):
        return True, "Released. The order goes on by itself."
    return False, "The order is still held: what it waits for isn't mended yet."


def _resend(order: Order, actor: str, options: Mapping[str, str]) -> tuple[bool, str]:
    if actions.order_resend(order, actor=actor):
        return True, "Sent again: the order goes out with the next delivery, which is due now."
    return False, "The order is still held: what it waits for isn't mended yet."


def _hold(order: Order, actor: str, options: Mapping[str, str]) -> tuple[bool, str]:
    actions.order_hold(order, actor=actor)
    return True, "Held. It stays here until somebody releases it."


def _cancel(order: Order, actor: str, options: Mapping[str, str]) -> tuple[bool, str]:
    telling, cart = telling_of(order.source, options), order.source.name
    if actions.order_cancel(order, actor=actor, telling=telling):
        return True, f"Canceled. The WMS was never told of it.{f' {cart} is told.' if telling else ''}"
    then = f", and {cart} is told then" if telling else ""
    return True, f"The WMS is asked to cancel it. It is canceled as soon as the WMS agrees{then}."


def _mark(order: Order, actor: str, options: Mapping[str, str]) -> tuple[bool, str]:
    if options.get("as") not in list(Elsewhere):
        raise ValueError("Choose what was done elsewhere: shipped, confirmed or canceled.")
    done = Elsewhere(options["as"])
    order_mark(order, done, reason=options.get("reason", ""), actor=actor)
    return True, f"Marked as {done}. Nobody was told of it."


ACTS: Mapping[str, Act] = {
    "release": Act(_release, "released"),
    "resend": Act(_resend, "sent again"),
    "hold": Act(_hold, "held"),
    "cancel": Act(_cancel, "canceled, or asked of the WMS"),
    "mark": Act(_mark, "marked"),
}
OPTIONS = ("as", "reason", "tell", "code")
"""What may be filled in beside a button."""
