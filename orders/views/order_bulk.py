"""Acts on many orders: on those of a page at once, on everything that a filter lets through in the background."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Account, Role
from orders import words
from orders.acts.bulk_work import ORDERS
from orders.acts.jobs import MOST_ROWS, job_begin
from orders.acts.marking import WORDS as ELSEWHERE
from orders.acts.order_acts import ACTS, act_on
from orders.listings.orders import OrderFilter, counted
from orders.listings.paging import PAGE
from orders.models import Order
from orders.views.acts import options_of
from orders.views.queries import public_id_of

REFUSALS_SHOWN = 5


@require_POST
@account_page(Role.OPERATOR)
def order_bulk(request: AccountRequest) -> HttpResponse:
    """Do one thing to the chosen orders of a page, each on its own, and lead back to the list as it was filtered."""
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise Http404("There is no such act.")
    chosen = [public_id for text in request.POST.getlist("order")[:PAGE] if (public_id := public_id_of(text)) is not None]
    done, refusals = _act_on_all(request.account, chosen, act, str(request.user), options_of(request))
    if not chosen:
        messages.warning(request, "No order was chosen. Tick those that are meant.")
    elif done:
        messages.success(request, f"{done} order{'' if done == 1 else 's'} {ACTS[act].past}.")
    for said, number in refusals.most_common(REFUSALS_SHOWN):
        messages.warning(request, said if number == 1 else f"{number} orders: {said}")
    wanted = OrderFilter.read(QueryDict(request.POST.get("query", "")).dict())
    return redirect(f"{reverse('orders', kwargs={'slug': request.account.slug})}?{urlencode(wanted.as_query())}")


def _act_on_all(
    account: Account, chosen: list[UUID], act: str, actor: str, options: Mapping[str, str]
) -> tuple[int, Counter[str]]:
    done, refusals = 0, Counter[str]()
    for public_id in dict.fromkeys(chosen):
        with transaction.atomic():
            order = Order.objects.for_account(account).select_for_update().filter(public_id=public_id).first()
            if order is None:
                continue
            good, said = act_on(order, act, actor, options)
        done += good
        refusals.update([] if good else [said])
    return done, refusals


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OPERATOR)
def order_bulk_all(request: AccountRequest) -> HttpResponse:
    """Say how many orders match and what can be done to all of them; do it in the background once a person says so."""
    asked = QueryDict(request.POST.get("query", "")) if request.method == "POST" else request.GET
    wanted = OrderFilter.read(asked.dict())
    act, options, wrong = request.POST.get("act", ""), options_of(request), ""
    if request.method == "POST":
        wrong = _what_is_missing(act, options)
        if not wrong:
            said = {"act": act, "query": wanted.as_query(), "options": options}
            job = job_begin(account=request.account, kind=ORDERS, asked=said, actor=str(request.user))
            return redirect("work", slug=request.account.slug, public_id=job.public_id)
    shown = {
        "wanted": wanted,
        "query": urlencode(wanted.as_query()),
        "asked": _in_words(wanted),
        "counted": counted(request.account, wanted),
        "most": MOST_ROWS,
        "act": act,
        "options": options,
        "wrong": wrong,
        "elsewhere": ELSEWHERE.items(),
    }
    return render(request, "orders/bulk.html", shown, status=422 if wrong else 200)


def _what_is_missing(act: str, options: Mapping[str, str]) -> str:
    if act not in ACTS:
        return "Choose what is to be done."
    if act == "mark" and options.get("as") not in ELSEWHERE:
        return "Choose what was done elsewhere: shipped, confirmed or canceled."
    if act == "mark" and not options.get("reason", "").strip():
        return "Say why they are marked: the reason stands in each order's story."
    return ""


def _in_words(wanted: OrderFilter) -> list[tuple[str, str]]:
    """Return what is asked of the list, as (what, which), for people."""
    said = wanted.as_query()
    labels = {"q": "Search", "sku": "SKU", "since": "Loaded from", "until": "Loaded until", "hold": "Held because"}
    shown = {
        "status": words.STATUS.get(said.get("status", "")),
        "hold": words.HOLD.get(said.get("hold", "")),
        "cart": "one cart",
    }
    return [(labels.get(name, name.capitalize()), shown.get(name) or value) for name, value in said.items()]
