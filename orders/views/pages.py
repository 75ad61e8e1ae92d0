"""The first page of an account, the list of orders, and an order with its story."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders import readers, words
from orders.states import Status
from orders.views.queries import one_of, public_id_of


@require_safe
@account_page(Role.VIEWER)
def account_home(request: AccountRequest) -> HttpResponse:
    page = {"home": readers.home_page(request.account), "page": readers.orders_page(request.account)}
    return render(request, "orders/home.html", page)


@require_safe
@account_page(Role.VIEWER)
def order_list(request: AccountRequest) -> HttpResponse:
    """List orders, newest first; a number that only one order has leads straight to it."""
    status, number = one_of(Status, request.GET.get("status", "")), request.GET.get("number", "").strip()[:200]
    page = readers.orders_page(request.account, public_id_of(request.GET.get("before", "")), status=status, number=number)
    if number and len(page.orders) == 1:
        return redirect("order", slug=request.account.slug, public_id=page.orders[0].public_id)
    chosen = {"page": page, "status": status, "number": number, "statuses": words.STATUS.items()}
    return render(request, "orders/list.html", chosen)


@require_safe
@account_page(Role.VIEWER)
def order_detail(request: AccountRequest, public_id: UUID) -> HttpResponse:
    story = readers.order_story(request.account, public_id)
    if story is None:
        raise Http404("This account has no such order.")
    return render(
        request, "orders/order.html", {"story": story, "order": story.order, "may_act": request.membership.may(Role.OPERATOR)}
    )
