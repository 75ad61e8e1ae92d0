"""The last page of a cart's guide: a test order goes round before anything live is sent."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors.contract import Side
from connectors.models import Connection
from connectors.refusals import Refused
from orders.connecting.sample_orders import sample_order_make
from orders.listings import gate as listing
from orders.views.connections import around, connection_or_404
from orders.views.queries import public_id_of


@require_safe
@account_page(Role.OWNER)
def go_live_gate(request: AccountRequest, public_id: UUID) -> HttpResponse:
    cart = _cart_or_404(request, public_id)
    gate = listing.gate_of(cart, public_id_of(request.GET.get("order", "")))
    return render(request, "connections/go_live.html", {"gate": gate, **around(request, cart)})


@require_safe
@account_page(Role.OWNER)
def stations(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """The line of stations, which asks for itself anew until the order is through."""
    cart = _cart_or_404(request, public_id)
    gate = listing.gate_of(cart)
    return render(request, "connections/_stations.html", {"gate": gate, "is_polled": True, **around(request, cart)})


@require_POST
@account_page(Role.OWNER)
def sample_order(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Make a test order, and lead back to its stations."""
    cart = _cart_or_404(request, public_id)
    try:
        made = sample_order_make(cart=cart, sku=request.POST.get("sku", ""), actor=str(request.user))
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        messages.success(request, f"{made.name} is made. Watch it go from station to station.")
    return redirect("connection_go_live", slug=request.account.slug, public_id=public_id)


def _cart_or_404(request: AccountRequest, public_id: UUID) -> Connection:
    cart = connection_or_404(request, public_id)
    if cart.side != Side.CART:
        raise Http404("Only carts go live with a test order.")
    return cart
