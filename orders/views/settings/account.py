"""The account itself: its name, its time zone, and how long it keeps what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.changing import account_change, retention_of, time_zones
from cartrover.accounts.models import Role
from cartrover.clock import hub_now
from orders.setting_forms import AccountForm
from orders.upkeep.retention import with_personal_data

COUNTED = 10_000
"""Orders that are counted before somebody shortens the retention; beyond it “over 10,000” says enough."""


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.VIEWER)
def account_settings(request: AccountRequest) -> HttpResponse:
    """Show the account's settings to every member and let owners change them; shortening the retention is asked once more."""
    account, may_change = request.account, request.membership.may(Role.OWNER)
    values = {"name": account.name, "time_zone": account.time_zone, "retention_days": retention_of(account)}
    form = AccountForm(request.POST or None, initial=values)
    shown: dict[str, Any] = {"form": form, "may_change": may_change, "retention": retention_of(account)}
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied("Only an owner of this account may do that. Ask one of its owners.")
        if form.is_valid():
            days = form.cleaned_data["retention_days"]
            if days >= retention_of(account) or request.POST.get("sure") == str(days):
                return _saved(request, form)
            old = hub_now() - timedelta(days=days)
            shown |= {"forgets": with_personal_data(account, old)[: COUNTED + 1].count(), "before": old, "sure": days}
            shown["forgets_more"] = shown["forgets"] > COUNTED
    if may_change:
        shown["zones"] = time_zones()
    return render(request, "settings/account.html", shown, status=422 if form.is_bound and not form.is_valid() else 200)


def _saved(request: AccountRequest, form: AccountForm) -> HttpResponse:
    if account_change(account=request.account, actor=str(request.user), **form.cleaned_data):
        messages.success(request, "Saved.")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect("account_settings", slug=request.account.slug)
