"""The list of orders: filtered, acted on in bulk, and exported just as it is filtered."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Account, Role
from connectors.contract import Side
from connectors.models import Connection
from orders import exports, words
from orders.listings.orders import OrderFilter, filtered, orders_page
from orders.listings.paging import PAGE
from orders.models import Order
from orders.views.acts import ACTS, act_on
from orders.views.queries import public_id_of

REFUSALS_SHOWN = 5

DONE = {"release": "released", "hold": "held", "cancel": "canceled, or asked of the WMS"}


@require_safe
@account_page(Role.VIEWER)
def order_list(request: AccountRequest) -> HttpResponse:
    """List orders, newest first; a search that finds a single one leads straight to it."""
    wanted, after = OrderFilter.read(request.GET.dict()), public_id_of(request.GET.get("after", ""))
    page = orders_page(request.account, wanted, after)
    if wanted.q and after is None and len(page.rows) == 1:
        return redirect("order", slug=request.account.slug, public_id=page.rows[0].public_id)
    carts = Connection.objects.for_account(request.account).filter(side=Side.CART).order_by("name")
    choices = {"statuses": words.STATUS.items(), "holds": words.HOLD.items(), "carts": carts}
    query = urlencode(wanted.as_query())
    shown = {"page": page, "wanted": wanted, "query": query, "may_act": request.membership.may(Role.OPERATOR)}
    return render(request, "orders/list.html", shown | choices)


@require_safe
@account_page(Role.VIEWER)
def order_export(request: AccountRequest) -> HttpResponseBase:
    """The orders that the filter asks for, all of them, as CSV."""
    rows = filtered(request.account, OrderFilter.read(request.GET.dict()))
    chunks = exports.order_chunks(request.account, rows)
    headers = {"Content-Disposition": f'attachment; filename="{request.account.slug}-orders.csv"'}
    return StreamingHttpResponse(chunks, content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
@account_page(Role.OPERATOR)
def order_bulk(request: AccountRequest) -> HttpResponse:
    """Do one thing to the chosen orders of a page, each on its own, and lead back to the list as it was filtered."""
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise Http404("There is no such act.")
    chosen = [public_id for text in request.POST.getlist("order")[:PAGE] if (public_id := public_id_of(text)) is not None]
    done, refusals = _act_on_all(request.account, chosen, act, str(request.user))
    if not chosen:
        messages.warning(request, "No order was chosen. Tick those that are meant.")
    elif done:
        messages.success(request, f"{done} order{'' if done == 1 else 's'} {DONE[act]}.")
    for said, number in refusals.most_common(REFUSALS_SHOWN):
        messages.warning(request, said if number == 1 else f"{number} orders: {said}")
    wanted = OrderFilter.read(QueryDict(request.POST.get("query", "")).dict())
    return redirect(f"{reverse('orders', kwargs={'slug': request.account.slug})}?{urlencode(wanted.as_query())}")


def _act_on_all(account: Account, chosen: list[UUID], act: str, actor: str) -> tuple[int, Counter[str]]:
    done, refusals = 0, Counter[str]()
    for public_id in dict.fromkeys(chosen):
        with transaction.atomic():
            order = Order.objects.for_account(account).select_for_update().filter(public_id=public_id).first()
            if order is None:
                continue
            good, said = act_on(order, act, actor)
        done += good
        refusals.update([] if good else [said])
    return done, refusals
