"""The first page of an account, and an order with its story."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders import readers
from orders.listings.flow import flow, lag
from orders.listings.orders import OrderFilter, orders_page


@require_safe
@account_page(Role.VIEWER)
def account_home(request: AccountRequest) -> HttpResponse:
    home, page = readers.home_page(request.account), orders_page(request.account, OrderFilter())
    shown = {"home": home, "legs": flow(request.account, home.connections), "lag": lag(request.account), "page": page}
    return render(request, "orders/home.html", shown)


@require_safe
@account_page(Role.VIEWER)
def order_detail(request: AccountRequest, public_id: UUID) -> HttpResponse:
    story = readers.order_story(request.account, public_id)
    if story is None:
        raise Http404("This account has no such order.")
    return render(
        request, "orders/order.html", {"story": story, "order": story.order, "may_act": request.membership.may(Role.OPERATOR)}
    )
