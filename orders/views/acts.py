"""What people do to an order from its page."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders.acts.order_acts import OPTIONS, act_on
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
        good, said = act_on(order, act, str(request.user), options_of(request))
    messages.add_message(request, messages.SUCCESS if good else messages.WARNING, said)
    return redirect("order", slug=request.account.slug, public_id=public_id)


def options_of(request: HttpRequest) -> dict[str, str]:
    """Return what was filled in beside the button."""
    return {name: request.POST[name] for name in OPTIONS if request.POST.get(name)}
