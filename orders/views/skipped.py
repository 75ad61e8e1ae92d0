"""Orders that stayed out, and how one comes in after all."""

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
from orders.acts.bulk_work import SKIPPED
from orders.acts.jobs import job_begin
from orders.listings.skipped import skipped_page
from orders.models import Order, SkippedOrder
from orders.views.queries import public_id_of


@require_safe
@account_page(Role.VIEWER)
def skipped_list(request: AccountRequest) -> HttpResponse:
    file, loaded = request.GET.get("file", "")[:300], request.GET.get("show") == "loaded"
    page = skipped_page(request.account, loaded=loaded, file=file, after=public_id_of(request.GET.get("after", "")))
    shown = {"page": page, "file": file, "loaded": loaded, "may_act": request.membership.may(Role.OPERATOR)}
    return render(request, "orders/skipped.html", shown)


@require_POST
@account_page(Role.OPERATOR)
def skipped_load_all(request: AccountRequest) -> HttpResponse:
    """Load all that stay out, of one file where the list shows one, in the background."""
    asked = {"file": request.POST.get("file", "")[:300]}
    job = job_begin(account=request.account, kind=SKIPPED, asked=asked, actor=str(request.user))
    return redirect("work", slug=request.account.slug, public_id=job.public_id)


@require_POST
@account_page(Role.OPERATOR)
def skipped_load(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Load a skipped order and lead to it; what can't be loaded says why, where it stands."""
    with transaction.atomic():
        rows = SkippedOrder.objects.for_account(request.account).select_related("connection", "document")
        skipped = rows.select_for_update(of=("self",)).filter(public_id=public_id).first()
        if skipped is None:
            raise Http404("This account has no such skipped order.")
        try:
            counts = actions.skipped_load(skipped, actor=str(request.user))
        except ValueError as refusal:
            messages.warning(request, str(refusal))
            return redirect("skipped", slug=request.account.slug)
    order = (
        Order.objects.for_account(request.account).filter(source=skipped.connection, external_id=skipped.external_id).first()
    )
    if order is None:
        return redirect("skipped", slug=request.account.slug)
    messages.success(request, "Loaded." if counts.orders else "This order was loaded already.")
    return redirect("order", slug=request.account.slug, public_id=order.public_id)
