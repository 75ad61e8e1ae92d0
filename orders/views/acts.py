"""What people do to an order from its page."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders import actions
from orders.models import Order


@require_POST
@account_page(Role.OPERATOR)
def order_act(request: AccountRequest, public_id: UUID, act: str) -> HttpResponse:
    """Do one thing to an order, say how it went, and lead back to its page."""
    with transaction.atomic():
        # Locked, so that two people (or a person and a worker) act one after the other.
        order = Order.objects.for_account(request.account).select_for_update().filter(public_id=public_id).first()
        if order is None:
            raise Http404("This account has no such order.")
        good, said = act_on(order, act, str(request.user))
    messages.add_message(request, messages.SUCCESS if good else messages.WARNING, said)
    return redirect("order", slug=request.account.slug, public_id=public_id)


def act_on(order: Order, act: str, actor: str) -> tuple[bool, str]:
    """Do one of `ACTS` to an order that is locked; return whether it went as meant, and what to say."""
    try:
        return _ACTS[act](order, actor)
    except ValueError as refusal:
        return False, str(refusal)


def _release(order: Order, actor: str) -> tuple[bool, str]:
    if not order.hold:
        return True, "This order isn't held any more."
    if actions.order_release(order, actor=actor):
        return True, "Released. The order goes on by itself."
    return False, "The order is still held: what it waits for isn't mended yet."


def _hold(order: Order, actor: str) -> tuple[bool, str]:
    actions.order_hold(order, actor=actor)
    return True, "Held. It stays here until somebody releases it."


def _cancel(order: Order, actor: str) -> tuple[bool, str]:
    if actions.order_cancel(order, actor=actor):
        return True, "Canceled. The WMS was never told of it."
    return True, "The WMS is asked to cancel it. It is canceled as soon as the WMS agrees."


_ACTS = {"release": _release, "hold": _hold, "cancel": _cancel}
ACTS = tuple(_ACTS)
