"""Orders that a program pushes in: the pipeline's own way in, for one cart, answered order by order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, transaction
from django.db.models import F

from cartrover.accounts.models import Account
from connectors.contract import OrderDraft
from connectors.models import Connection, ServiceName
from orders.models import Order
from orders.pipeline.loader import OneOf
from orders.pipeline.persist import load_drafts, skip_reason
from orders.pipeline.route import Route
from orders.waking import wake, wake_stock_uploads

logger = logging.getLogger(__name__)


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
            orders.filter(OneOf(F("external_id"), [draft.external_id for draft in drafts])).values_list(
                "external_id", flat=True
            )
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
        route = Route.of(cart)
        load_drafts(connection=cart, drafts=fresh.values(), document=None, actor=actor, route=route)
        refs = dict(orders.filter(OneOf(F("external_id"), fresh)).values_list("external_id", "cust_ref"))
    if route.wms is not None:
        wake(route.wms, ServiceName.ORDER_DELIVERY)
    wake_stock_uploads(account_id)
    return [_outcome(draft, is_first, refs, route) for draft, is_first in zip(drafts, first, strict=True)]


def _outcome(draft: OrderDraft, is_first: bool, refs: dict[str, str], route: Route) -> Pushed:
    if not is_first:
        return Pushed(draft, duplicate=True)
    if draft.external_id in refs:
        return Pushed(draft, cust_ref=refs[draft.external_id])
    reason = skip_reason(draft, route)
    return Pushed(draft, skipped=reason[1] if reason else "It was knowingly not loaded.")


# --- single orders that come at once -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Ticket:
    """One order on its way in, in the thread that waits for it."""

    draft: OrderDraft
    pushed: Pushed | None = None
    alone: bool = False
    """What it was loaded with failed: it is tried by itself, so that another one's trouble isn't its own."""


@dataclass(slots=True)
class _Gathering:
    """The orders of one cart and key that wait in this process. Whoever has the turn loads all that wait by then."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    guard: threading.Lock = field(default_factory=threading.Lock)
    waiting: list[_Ticket] = field(default_factory=list)


_gatherings: dict[tuple[int, str], _Gathering] = {}
_making = threading.Lock()


def push_order(*, cart: Connection, draft: OrderDraft, actor: str) -> Pushed:
    """Load one order as `push_orders` does; what comes in other threads of this process meanwhile goes in with it.

    Returns once the order is committed. A transaction costs much the same with one order as with many.
    """
    with _making:
        gathering = _gatherings.setdefault((cart.pk, actor), _Gathering())
    ticket = _Ticket(draft)
    with gathering.guard:
        gathering.waiting.append(ticket)
    with gathering.turn:
        if ticket.pushed is None and not ticket.alone:
            with gathering.guard:
                together, gathering.waiting = gathering.waiting, []
            _push_together(cart, together, actor)
        if ticket.pushed is None:
            (ticket.pushed,) = push_orders(cart=cart, drafts=[draft], actor=actor)
    return ticket.pushed


def _push_together(cart: Connection, tickets: Sequence[_Ticket], actor: str) -> None:
    for ticket in tickets:
        ticket.alone = True
    if len(tickets) > 1:
        try:
            outcomes = push_orders(cart=cart, drafts=[ticket.draft for ticket in tickets], actor=actor)
        except DatabaseError:
            logger.warning("%s orders that came at once are loaded one by one", len(tickets), exc_info=True)
            return
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            ticket.pushed = outcome
