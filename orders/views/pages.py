"""The first page of an account, and an order with its story."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders import readers
from orders.acts.cancel_codes import codes_of
from orders.acts.editing import why_not
from orders.acts.marking import WORDS as ELSEWHERE
from orders.listings.columns import USUAL, columns_of
from orders.listings.flow import flow, lag
from orders.listings.orders import OrderFilter, orders_page
from orders.listings.previews import preview_page
from orders.listings.story import order_story
from orders.models import Order

LATEST = 20
"""Orders on the first page, which is about how everything stands; the others are a click away."""


@require_safe
@account_page(Role.VIEWER)
def account_home(request: AccountRequest) -> HttpResponse:
    home, columns = readers.home_page(request.account), columns_of(USUAL)
    page = orders_page(request.account, OrderFilter(), columns=columns, limit=LATEST)
    shown = {"home": home, "legs": flow(request.account, home.connections), "lag": lag(request.account), "page": page}
    may_connect = request.membership.may(Role.OWNER)
    return render(request, "orders/home.html", shown | {"columns": columns, "may_connect": may_connect})


@require_safe
@account_page(Role.VIEWER)
def order_detail(request: AccountRequest, public_id: UUID) -> HttpResponse:
    story = order_story(request.account, public_id)
    if story is None:
        raise Http404("This account has no such order.")
    return render(
        request,
        "orders/order.html",
        {
            "story": story,
            "order": story.order,
            "may_act": request.membership.may(Role.OPERATOR),
            "no_edit": why_not(story.order),
            "cancel_codes": codes_of(story.order.source) if story.can_be_canceled else (),
            "usual_code": story.order.source.settings.get("cancel_code", ""),
            "elsewhere": ELSEWHERE.items(),
        },
    )


@require_safe
@account_page(Role.OPERATOR)
def order_preview(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Show what would be sent of an order, asking the WMS only; without the page around it where a page asks for just that."""
    orders = Order.objects.for_account(request.account).select_related("source", "wms")
    order = orders.filter(public_id=public_id).first()
    if order is None:
        raise Http404("This account has no such order.")
    template = "orders/_preview.html" if "HX-Request" in request.headers else "orders/preview.html"
    return render(request, template, {"order": order, "preview": preview_page(order)})
