"""The list of orders: filtered, in the columns that people like, under the views that they keep, and exported just so."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors.contract import Side
from connectors.models import Connection
from orders import saved_views, words
from orders.acts.marking import WORDS as ELSEWHERE
from orders.import_export import exports
from orders.listings import columns as listing
from orders.listings.orders import OrderFilter, filtered, orders_page, retailers
from orders.models import SavedView
from orders.views.queries import public_id_of


@require_safe
@account_page(Role.VIEWER)
def order_list(request: AccountRequest) -> HttpResponse:
    """List orders, newest first; a search that finds a single one leads straight to it."""
    wanted, after = OrderFilter.read(request.GET.dict()), public_id_of(request.GET.get("after", ""))
    views = listing.views_for(request.account, request.user)
    view = next((one for one in views if str(one.public_id) == request.GET.get("view", "")), None)
    chosen = (view.columns if view else []) or listing.chosen_columns(request.account, request.user)
    columns = listing.columns_of(chosen)
    page = orders_page(request.account, wanted, after, columns=columns)
    if wanted.q and after is None and len(page.rows) == 1 and page.next is None:
        return redirect("order", slug=request.account.slug, public_id=page.rows[0].public_id)
    carts = Connection.objects.for_account(request.account).filter(side=Side.CART).order_by("name")
    choices = {"statuses": words.STATUS.items(), "holds": words.HOLD.items(), "carts": carts, "all_columns": listing.COLUMNS}
    choices["retailers"] = retailers(request.account)
    query = urlencode(wanted.as_query())
    shown = {
        "page": page,
        "wanted": wanted,
        "query": query,
        "may_act": request.membership.may(Role.OPERATOR),
        "elsewhere": ELSEWHERE.items(),
        "columns": columns,
        "chosen": [column.name for column in columns],
        "has_own_columns": bool(chosen),
        "views": [(one, urlencode({**one.query, "view": str(one.public_id)})) for one in views],
        "view": view,
        "may_change_view": view is not None and saved_views.may_change(view, request.membership),
        "is_changed": view is not None and wanted.as_query() != view.query,
    }
    return render(request, "orders/list.html", shown | choices)


@require_safe
@account_page(Role.VIEWER)
def order_export(request: AccountRequest) -> HttpResponseBase:
    """The orders that the filter asks for, all of them, as CSV: with every column, or with those that are named."""
    rows = filtered(request.account, OrderFilter.read(request.GET.dict()))
    named = request.GET.get("columns", "").split(",")
    columns = listing.exported(listing.columns_of(named)) if named != [""] else exports.ORDER_COLUMNS
    chunks = exports.order_chunks(request.account, rows, columns=columns)
    headers = {"Content-Disposition": f'attachment; filename="{request.account.slug}-orders.csv"'}
    return StreamingHttpResponse(chunks, content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
@account_page(Role.VIEWER)
def columns_save(request: AccountRequest) -> HttpResponse:
    """Remember which columns a person likes; in a view that they may change, the view's."""
    view = _view_or_none(request, request.POST.get("view", ""))
    names = [] if request.POST.get("usual") else [name for name in request.POST.getlist("column") if name in listing.BY_NAME]
    if view is not None and saved_views.may_change(view, request.membership):
        saved_views.view_change(view, name=view.name, columns=names)
    else:
        saved_views.columns_choose(account=request.account, user=request.user, columns=names)
    return _to_list(request, view)


# --- views that are kept -----------------------------------------------------------------------------------------------------


@require_POST
@account_page(Role.VIEWER)
def view_add(request: AccountRequest) -> HttpResponse:
    """Keep the list as it is filtered now under a name."""
    try:
        view = saved_views.view_add(
            membership=request.membership,
            name=request.POST.get("name", ""),
            query=_wanted(request).as_query(),
            columns=listing.chosen_columns(request.account, request.user),
            for_all=request.POST.get("for") == "all",
        )
    except ValueError as refusal:
        messages.warning(request, str(refusal))
        return _to_list(request, None)
    messages.success(request, f"The view “{view.name}” is kept{' for all' if view.user_id is None else ''}.")
    return _to_list(request, view)


@require_POST
@account_page(Role.VIEWER)
def view_change(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Give a view another name or another place, or what is filtered now."""
    view = _own_view(request, public_id)
    query = _wanted(request).as_query() if request.POST.get("with_filter") else None
    try:
        name, first = request.POST.get("name", view.name), bool(request.POST.get("first"))
        saved_views.view_change(view, name=name, query=query, first=first)
    except ValueError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, "The view is saved.")
    return _to_list(request, view)


@require_POST
@account_page(Role.VIEWER)
def view_remove(request: AccountRequest, public_id: UUID) -> HttpResponse:
    view = _own_view(request, public_id)
    saved_views.view_remove(view)
    messages.success(request, f"The view “{view.name}” is deleted. The orders stay.")
    return _to_list(request, None)


def _own_view(request: AccountRequest, public_id: UUID) -> SavedView:
    view = _view_or_none(request, str(public_id))
    if view is None or not saved_views.may_change(view, request.membership):
        raise Http404("You have no such view.")
    return view


def _view_or_none(request: AccountRequest, text: str) -> SavedView | None:
    public_id = public_id_of(text)
    return next((one for one in listing.views_for(request.account, request.user) if one.public_id == public_id), None)


def _wanted(request: AccountRequest) -> OrderFilter:
    """Return the filter that a form carries on."""
    return OrderFilter.read(QueryDict(request.POST.get("query", "")).dict())


def _to_list(request: AccountRequest, view: SavedView | None) -> HttpResponse:
    query = {**_wanted(request).as_query(), **({"view": str(view.public_id)} if view else {})}
    return redirect(f"{reverse('orders', kwargs={'slug': request.account.slug})}?{urlencode(query)}")
