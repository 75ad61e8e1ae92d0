"""Orders that a program pushes in: the pipeline's own way in, for one cart, answered order by order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from cartrover.compiled_queries import CompiledQuery, Texts, number
from connectors.contract import OrderDraft
from connectors.models import Connection
from orders.models import Order
from orders.pipeline.loader import OneOf
from orders.pipeline.persist import load_fresh, lock_loading, skip_reason
from orders.pipeline.route import Route
from orders.waking import wake_for_orders

_SEEN = CompiledQuery(
    lambda: Order.objects.filter(
        OneOf(F("external_id"), Texts("numbers")), account_id=number("account_id"), source_id=number("cart_id")
    ).values_list("external_id")
)
"""Which of these numbers the cart has pushed before."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of one order: `cust_ref` is what it is called from now on, "" where it wasn't taken.

    `duplicate`: the cart has pushed this number before, in this call or earlier. `skipped` says why it must stay out.
    """

    draft: OrderDraft
    cust_ref: str = ""
    duplicate: bool = False
    skipped: str = ""


def push_orders(
    *,
    cart: Connection,
    drafts: Callable[[], Sequence[OrderDraft]],
    actor: str,
    and_so: Callable[[Sequence[Pushed]], None] | None = None,
) -> list[Pushed]:
    """Load what the cart hasn't pushed before; return what became of each, in the same order.

    `drafts` is asked in the transaction, once it is this load's turn in the account: what came meanwhile may go with it. An
    order that is known is left as it is, whatever the draft says. One that must stay out (too old, a test in live mode) stands
    among the skipped ones. Two calls at once for one number make one order. `and_so` is called with the outcome in the same
    transaction, for what must be true if and only if the orders are there.
    """
    account_id = cart.account_id
    route = Route.of(cart)
    with transaction.atomic():
        lock_loading(account_id)  # who comes second sees what the first one has loaded
        given = drafts()
        numbers = [draft.external_id for draft in given]
        seen = set(_SEEN.column(account_id=account_id, cart_id=cart.pk, numbers=numbers))
        fresh: dict[str, OrderDraft] = {}
        for draft in given:
            if draft.external_id not in seen:
                fresh.setdefault(draft.external_id, draft)
        refs = load_fresh(route=route, drafts=fresh.values(), actor=actor)
        pushed = [_outcome(draft, fresh, refs, route) for draft in given]
        if and_so is not None:
            and_so(pushed)
    if refs:
        wake_for_orders(account_id, route.wms)
    return pushed


def _outcome(draft: OrderDraft, fresh: Mapping[str, OrderDraft], refs: Mapping[str, str], route: Route) -> Pushed:
    if fresh.get(draft.external_id) is not draft:
        return Pushed(draft, duplicate=True)
    if draft.external_id in refs:
        return Pushed(draft, cust_ref=refs[draft.external_id])
    reason = skip_reason(draft, route)
    return Pushed(draft, skipped=reason[1] if reason else "It was knowingly not loaded.")
