"""What needs somebody, what somebody has put aside, and what is over."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders import words
from orders.alerts import dismiss_alert
from orders.listings.alerts import alerts_page
from orders.models import Alert, AlertState
from orders.views.queries import one_of, public_id_of


@require_safe
@account_page(Role.VIEWER)
def alert_list(request: AccountRequest) -> HttpResponse:
    state = one_of(AlertState, request.GET.get("state", "")) or AlertState.OPEN
    page = alerts_page(request.account, state, public_id_of(request.GET.get("after", "")))
    shown = {"page": page, "state": state, "states": words.ALERT.items(), "may_act": request.membership.may(Role.OPERATOR)}
    return render(request, "orders/alerts.html", shown)


@require_POST
@account_page(Role.OPERATOR)
def alert_dismiss(request: AccountRequest, public_id: UUID) -> HttpResponse:
    alert = Alert.objects.for_account(request.account).select_related("order").filter(public_id=public_id).first()
    if alert is None:
        raise Http404("This account has no such alert.")
    if dismiss_alert(alert, actor=str(request.user)):
        messages.success(request, "Dismissed. It stays out of sight until its cause is gone and comes back.")
    else:
        messages.info(request, "This alert isn't open any more.")
    return redirect("alerts", slug=request.account.slug)
