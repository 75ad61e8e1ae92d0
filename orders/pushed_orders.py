"""Orders that a program pushes in: the pipeline's own way in, for one cart, answered order by order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from cartrover.accounts.models import Account
from connectors.contract import OrderDraft
from connectors.models import Connection, ServiceName
from orders.models import Order
from orders.pipeline.loader import Texts
from orders.pipeline.persist import load_drafts, skip_reason
from orders.pipeline.route import Route
from orders.waking import wake, wake_stock_uploads


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of one order: `cust_ref` is what it is called from now on, "" where it wasn't taken.

    `duplicate`: the cart has pushed this number before, in this call or earlier. `skipped` says why it must stay out.
    """

    draft: OrderDraft
    cust_ref: str = ""
    duplicate: bool = False
    skipped: str = ""


def push_orders(*, cart: Connection, drafts: Sequence[OrderDraft], actor: str) -> list[Pushed]:
    """Load what the cart hasn't pushed before; return what became of each, in the same order.

    An order that is known is left as it is, whatever the draft says. One that must stay out (too old, a test in live mode)
    stands among the skipped ones. Two calls at once for one number make one order.
    """
    account_id = cart.account_id
    with transaction.atomic():
        # The loader takes the same lock: who comes second sees what the first one has loaded.
        Account.objects.select_for_update().get(pk=account_id)
        orders = Order.objects.for_account(account_id).filter(source=cart)
        seen = set(
            orders.filter(external_id__in=Texts([draft.external_id for draft in drafts])).values_list("external_id", flat=True)
        )
        fresh: dict[str, OrderDraft] = {}
        first: list[bool] = []
        for draft in drafts:
            first.append(draft.external_id not in seen)
            if draft.external_id not in seen:
                seen.add(draft.external_id)
                fresh[draft.external_id] = draft
        if not fresh:
            return [Pushed(draft, duplicate=True) for draft in drafts]
        load_drafts(connection=cart, drafts=fresh.values(), document=None, actor=actor)
        refs = dict(orders.filter(external_id__in=Texts(fresh)).values_list("external_id", "cust_ref"))
    _wake(cart)
    route = Route.of(cart) if len(refs) < len(fresh) else None
    return [_outcome(draft, is_first, refs, route) for draft, is_first in zip(drafts, first, strict=True)]


def _outcome(draft: OrderDraft, is_first: bool, refs: dict[str, str], route: Route | None) -> Pushed:
    if not is_first:
        return Pushed(draft, duplicate=True)
    if draft.external_id in refs:
        return Pushed(draft, cust_ref=refs[draft.external_id])
    reason = skip_reason(draft, route) if route is not None else None
    return Pushed(draft, skipped=reason[1] if reason else "It was knowingly not loaded.")


def _wake(cart: Connection) -> None:
    wms = Route.of(cart).wms
    if wms is not None:
        wake(wms, ServiceName.ORDER_DELIVERY)
    wake_stock_uploads(cart.account_id)
