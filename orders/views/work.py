"""Work in the background: how far it is, what came out of it, and stopping it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders.acts import jobs
from orders.listings.work import work_page
from orders.models import Job


@require_safe
@account_page(Role.VIEWER)
def work_detail(request: AccountRequest, public_id: UUID) -> HttpResponse:
    return render(request, "orders/work.html", _shown(request, public_id))


@require_safe
@account_page(Role.VIEWER)
def work_now(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """The part of the page that changes while the work goes on."""
    return render(request, "orders/_work.html", _shown(request, public_id))


@require_POST
@account_page(Role.OPERATOR)
def work_stop(request: AccountRequest, public_id: UUID) -> HttpResponse:
    if jobs.job_stop(_job_or_404(request, public_id), actor=str(request.user)):
        messages.success(request, "Stopped. What was done stays done.")
    else:
        messages.warning(request, "It had ended already.")
    return redirect("work", slug=request.account.slug, public_id=public_id)


def _shown(request: AccountRequest, public_id: UUID) -> dict[str, object]:
    return {"work": work_page(_job_or_404(request, public_id)), "may_act": request.membership.may(Role.OPERATOR)}


def _job_or_404(request: AccountRequest, public_id: UUID) -> Job:
    rows = Job.objects.for_account(request.account).select_related("account", "connection")
    job = rows.filter(public_id=public_id).first()
    if job is None:
        raise Http404("This account has no such work.")
    return job
