"""Inventory: what each cart was told, and what it will be told next."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors.contract import Side
from connectors.models import Connection, Service, ServiceName
from orders import actions
from orders.listings.stock import inventory_page
from orders.views.queries import public_id_of


@require_safe
@account_page(Role.VIEWER)
def inventory_list(request: AccountRequest) -> HttpResponse:
    sku, after = request.GET.get("sku", "").strip()[:200], request.GET.get("after", "")[:200]
    cart_id = public_id_of(request.GET.get("cart", ""))
    stock = inventory_page(request.account, cart_id=cart_id, sku=sku, after=after)
    shown = {"stock": stock, "page": stock.page, "sku": sku, "may_act": request.membership.may(Role.OPERATOR)}
    return render(request, "orders/inventory.html", shown)


@require_POST
@account_page(Role.OPERATOR)
def inventory_send(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Let a cart be told its stock although much of it falls to zero at once."""
    carts = Connection.objects.for_account(request.account).filter(side=Side.CART)
    cart = carts.filter(public_id=public_id).first()
    if cart is None:
        raise Http404("This account has no such cart.")
    uploads = Service.objects.for_account(request.account).filter(connection=cart, name=ServiceName.INVENTORY_UPLOAD)
    if uploads.exists():
        actions.stock_send_anyway(cart, actor=str(request.user))
        messages.success(request, f"{cart.name} is told its stock as it is, this once.")
    else:
        messages.warning(request, f"{cart.name} takes no inventory.")
    return redirect(f"{reverse('inventory', kwargs={'slug': request.account.slug})}?{urlencode({'cart': public_id})}")
