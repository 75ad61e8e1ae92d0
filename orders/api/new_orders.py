"""New orders of a cart's program: from the body of a call to its answer.

Calls of one key that come at once are taken together: one transaction holds their orders and the calls themselves, as they are
kept. An answer goes out after its commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils import timezone

from cartrover.accounts.access import zone_of
from connectors.contract import OrderDraft
from connectors.models import Connection, ConnectionState
from orders.api.bodies import listed, parsed, raw_body
from orders.api.callers import CARTS, Caller, api_user_of, caller_of
from orders.api.door import Call
from orders.api.envelope import Answer, Fault, failure, plain_success, refusal, success
from orders.api.gathering import Gathering
from orders.api.order_in import draft_in, number_of
from orders.api.recording import keep
from orders.models import ApiKey
from orders.programs import api_keys
from orders.programs.pushed_orders import Pushed, push_orders

MOST_IN_BATCH = 1000
DUPLICATE = "OrderDuplicate"

LARGEST_GATHERED = 64 * 1024
"""Bytes of a body that is taken together with others: an order of hundreds of lines. A list of many orders goes by itself."""


def new_order_answer(call: Call) -> Answer:
    """Take what a call to New Order has pushed, together with what comes meanwhile; return its answer."""
    try:
        call.raw = raw_body(call)
    except Fault as fault:
        return refusal(fault)
    if len(call.raw) > LARGEST_GATHERED:
        _take(call, lambda: [])
    else:
        _gathering.do(api_user_of(call), call)
    return call.answer


def batch_answer(caller: Caller, orders: list[Any]) -> Answer:
    """Take a list of orders, each by itself: one that can't be taken is named in the answer."""
    given = _Given.of(caller, orders)
    drafts = given.drafts
    pushed = push_orders(cart=_working_cart(caller), drafts=lambda: drafts, actor=caller.actor) if drafts else []
    return given.list_answer(pushed)


@dataclass(slots=True)
class _Given:
    """The orders of one call as they came, and each read: a draft, or the reason why there is none."""

    orders: list[Any]
    read: list[OrderDraft | Fault]

    @classmethod
    def of(cls, caller: Caller, orders: list[Any]) -> _Given:
        today = timezone.localdate(timezone=zone_of(caller.account)).isoformat()
        return cls(orders, [_draft_or_fault(order, today) for order in orders])

    @property
    def drafts(self) -> list[OrderDraft]:
        return [one for one in self.read if isinstance(one, OrderDraft)]

    def answer(self, pushed: Sequence[Pushed]) -> Answer:
        """Return the answer to New Order, which takes one order, and a list of them as a batch. `pushed`: of the drafts."""
        if len(self.orders) > 1:
            return self.list_answer(pushed)
        (read,) = self.read
        if isinstance(read, Fault):
            return refusal(read)
        (one,) = pushed
        return plain_success(cust_ref=one.cust_ref, order_number=one.cust_ref) if one.cust_ref else refusal(failure(_why(one)))

    def list_answer(self, pushed: Sequence[Pushed]) -> Answer:
        """Return the answer to a list of orders."""
        outcomes = iter(pushed)
        taken: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for at, (order, read) in enumerate(zip(self.orders, self.read, strict=True)):
            if isinstance(read, Fault):
                failed.append(not_taken(order, at, read.words))
                continue
            one = next(outcomes)
            if one.cust_ref:
                taken.append({"cust_ref": one.cust_ref, "cust_po_no": one.draft.cust_po_no})
            else:
                failed.append(not_taken(order, at, _why(one)))
        return success({"success": taken, "failed": failed})


def _draft_or_fault(order: Any, today: str) -> OrderDraft | Fault:
    try:
        return draft_in(order, today=today)
    except Fault as fault:
        return fault


def _why(pushed: Pushed) -> str:
    return DUPLICATE if pushed.duplicate else f"Order skipped: {pushed.skipped}"


def not_taken(order: Any, at: int, words: str) -> dict[str, Any]:
    """Return what a list's answer says of one that failed: its numbers, or where it stands when it has none."""
    cust_ref, cust_po_no = number_of(order)
    place = {} if cust_ref else {"index_pos": at}
    return {"cust_ref": cust_ref, "cust_po_no": cust_po_no, **place, "message": words}


def _working_cart(caller: Caller) -> Connection:
    """Return the cart of the key. Raise `Fault` where it takes no orders now."""
    cart = caller.cart
    if cart.state == ConnectionState.PAUSED:
        raise failure(f"{cart.name} is paused. Resume it in the portal.")
    return cart


# --- calls that come at once -------------------------------------------------------------------------------------------------


def _take(first: Call, others: Callable[[], Sequence[Call]]) -> None:
    """Take the orders of a call and of others that name the same API user, and keep the calls; each has its answer then.

    The others are asked for when it is this account's turn to store orders: meanwhile more have come.
    """
    opened = {first: _opened(first, api_keys.find_key)}

    def answer_and_keep(pushed: Sequence[Pushed]) -> None:
        outcomes = iter(pushed)
        for call, given in opened.items():
            if given is not None:
                call.answer = given.answer([next(outcomes) for _ in given.drafts])
        keep([(call, call.answer) for call in opened])

    def drafts() -> list[OrderDraft]:
        find = cache(api_keys.find_key)  # anew: the key may have been revoked while its orders waited
        opened.update({call: _opened(call, find) for call in others()})
        return [draft for given in opened.values() if given is not None for draft in given.drafts]

    given = opened[first]
    if given is not None and given.drafts:
        push_orders(cart=first.caller.cart, drafts=drafts, actor=first.caller.actor, and_so=answer_and_keep)
    else:
        answer_and_keep([])
    for call in opened:
        call.is_kept = True


def _opened(call: Call, find: Callable[[str], ApiKey | None]) -> _Given | None:
    """Return what a call brings; None for one that is refused, and answered so."""
    try:
        call.caller = caller_of(call, CARTS, for_merchant=True, find=find)
        given = _Given.of(call.caller, listed(parsed(call.raw), MOST_IN_BATCH, "orders"))
        if given.drafts:
            _working_cart(call.caller)
    except Fault as fault:
        call.answer = refusal(fault)
        return None
    return given


_gathering: Gathering[Call] = Gathering(_take)
