"""Products, aliases and shipping codes: the lists, and one of them added, changed or removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Account, Role
from orders.acts import mapping_actions as acts
from orders.forms import AliasForm, MappingForm, ProductForm, ShipMethodForm
from orders.listings import mappings
from orders.models import Product, ProductAlias, ShipMethodMap
from orders.views.queries import public_id_of

WAITERS_GO_ON = "Orders that waited for it go on by themselves."


@dataclass(frozen=True, slots=True)
class MappingKind:
    """What is different about products, aliases and shipping codes. `one` is what a single one is called."""

    title: str
    one: str
    model: Any
    form: type[MappingForm]
    add: Callable[..., Any]
    change: Callable[..., Any]
    remove: Callable[..., None] | None
    listed: Callable[[Account, str, UUID | None], Mapping[str, Any]]


def _products(account: Account, sku: str, after: UUID | None) -> Mapping[str, Any]:
    return {"page": mappings.products_page(account, sku=sku, after=after)}


def _aliases(account: Account, sku: str, after: UUID | None) -> Mapping[str, Any]:
    return {
        "page": mappings.aliases_page(account, sku=sku, after=after),
        "unknown": mappings.unknown_skus(account),
        "counted": mappings.HELD_LOOKED_AT,
    }


def _ship_methods(account: Account, sku: str, after: UUID | None) -> Mapping[str, Any]:
    codes = mappings.codes_page(account, after=after)
    return {"unmapped": codes.unmapped, "page": codes.mapped, "counted": codes.counted}


KINDS: Mapping[str, MappingKind] = {
    "products": MappingKind(
        "Products", "product", Product, ProductForm, acts.product_add, acts.product_change, acts.product_remove, _products
    ),
    "aliases": MappingKind(
        "Aliases", "alias", ProductAlias, AliasForm, acts.alias_add, acts.alias_change, acts.alias_remove, _aliases
    ),
    "ship_methods": MappingKind(
        "Shipping codes",
        "shipping code",
        ShipMethodMap,
        ShipMethodForm,
        acts.ship_method_add,
        acts.ship_method_change,
        None,
        _ship_methods,
    ),
}


@require_safe
@account_page(Role.VIEWER)
def mapping_list(request: AccountRequest, kind: str) -> HttpResponse:
    sku, after = request.GET.get("sku", "").strip()[:200], public_id_of(request.GET.get("after", ""))
    shown = {**KINDS[kind].listed(request.account, sku, after), "sku": sku, "may_act": request.membership.may(Role.OPERATOR)}
    return render(request, f"orders/{kind}.html", {**shown, "kind": kind, "about": KINDS[kind]})


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OPERATOR)
def mapping_add(request: AccountRequest, kind: str) -> HttpResponse:
    about = KINDS[kind]
    form = about.form(request.POST or None, account=request.account, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        try:
            about.add(account=request.account, actor=str(request.user), **form.cleaned_data)
        except ValueError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Added. {WAITERS_GO_ON}")
            return redirect(kind, slug=request.account.slug)
    return render(request, "orders/mapping.html", {"form": form, "kind": kind, "about": about})


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OPERATOR)
def mapping_change(request: AccountRequest, kind: str, public_id: UUID) -> HttpResponse:
    about, row = KINDS[kind], _row(request.account, kind, public_id)
    values = {name: getattr(row, name) for name in about.form.base_fields if name not in about.form.key}
    form = about.form(request.POST or None, account=request.account, is_new=False, initial=values)
    if request.method == "POST" and form.is_valid():
        try:
            about.change(row, actor=str(request.user), **form.cleaned_data)
        except ValueError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Saved. {WAITERS_GO_ON}")
            return redirect(kind, slug=request.account.slug)
    return render(request, "orders/mapping.html", {"form": form, "kind": kind, "about": about, "row": row})


@require_POST
@account_page(Role.OPERATOR)
def mapping_remove(request: AccountRequest, kind: str, public_id: UUID) -> HttpResponse:
    about, row = KINDS[kind], _row(request.account, kind, public_id)
    if about.remove is None:
        raise Http404("Received codes stay listed; one is unmapped by an empty code of the WMS.")
    try:
        about.remove(row, actor=str(request.user))
    except ValueError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, "Removed.")
    return redirect(kind, slug=request.account.slug)


def _row(account: Account, kind: str, public_id: UUID) -> Any:
    related = {"products": "connection"}.get(kind, "cart")
    row = KINDS[kind].model.objects.for_account(account).select_related(related).filter(public_id=public_id).first()
    if row is None:
        raise Http404("This account has no such row.")
    return row
