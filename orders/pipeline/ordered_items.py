"""Which SKUs a cart has ever ordered, under its own names: what its file of stock tells of, however many orders there were."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import F

from cartrover.compiled_queries import CompiledQuery, Texts, number
from cartrover.ids import new_id
from connectors.models import Connection
from orders.models import OrderedItem, OrderLine
from orders.pipeline.loader import OneOf, insert_rows

_KNOWN = CompiledQuery(
    lambda: OrderedItem.objects.filter(
        OneOf(F("item"), Texts("items")), account_id=number("account_id"), cart_id=number("cart_id")
    ).values_list("item")
)


def note_ordered(cart: Connection, items: Collection[str]) -> None:
    """Remember SKUs of order lines, in the transaction that writes these; those that are known stay as they are."""
    if not items:
        return
    new = sorted(set(items) - set(_KNOWN.column(account_id=cart.account_id, cart_id=cart.pk, items=items)))
    if new:
        rows = [(cart.account_id, new_id(), cart.pk, item) for item in new]
        with transaction.atomic():
            insert_rows(OrderedItem, ("account_id", "public_id", "cart_id", "item"), rows, conflict=("cart", "item"))


def note_all_ordered(cart: Connection) -> None:
    """Remember the SKUs of all lines that the cart ever had: a process of an earlier version may have stored some meanwhile.

    It reads every line, so it is for the night.
    """
    lines = OrderLine.objects.for_account(cart.account_id).filter(order__source=cart)
    note_ordered(cart, set(lines.values_list("item", flat=True).distinct()))
