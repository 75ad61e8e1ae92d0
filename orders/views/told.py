"""Packages and invoices: what was told of them to whom."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders import actions
from orders.listings import told
from orders.models import Shipment
from orders.views.queries import one_of, public_id_of


@require_safe
@account_page(Role.VIEWER)
def shipment_list(request: AccountRequest) -> HttpResponse:
    shown = one_of(told.Shown, request.GET.get("show", "")) or told.Shown.ALL
    page = told.shipments_page(request.account, shown, public_id_of(request.GET.get("after", "")))
    holds = told.contents(request.account, page.rows)
    may_act = request.membership.may(Role.OPERATOR)
    return render(request, "orders/shipments.html", {"page": page, "shown": shown, "holds": holds, "may_act": may_act})


@require_POST
@account_page(Role.OPERATOR)
def shipment_send(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Let the cart be told of a package although it has no tracking number."""
    with transaction.atomic():
        rows = Shipment.objects.for_account(request.account).select_for_update(of=("self",))
        shipment = rows.select_related("order__source").filter(public_id=public_id).first()
        if shipment is None:
            raise Http404("This account has no such package.")
        if told.waits_for_tracking(shipment):
            actions.shipment_send_without_tracking(shipment, actor=str(request.user))
            messages.success(request, "It goes with the next file, without a tracking number.")
        else:
            messages.info(request, "This package doesn't wait for a tracking number any more.")
    return redirect("shipments", slug=request.account.slug)


@require_safe
@account_page(Role.VIEWER)
def invoice_list(request: AccountRequest) -> HttpResponse:
    shown = told.Shown.UNTOLD if request.GET.get("show") == told.Shown.UNTOLD else told.Shown.ALL
    page = told.invoices_page(request.account, shown, public_id_of(request.GET.get("after", "")))
    return render(request, "orders/invoices.html", {"page": page, "shown": shown})
