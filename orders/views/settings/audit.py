"""Who changed what."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders.listings.audit import VERBS, TrailFilter, trail_page


@require_safe
@account_page(Role.OWNER)
def audit_log(request: AccountRequest) -> HttpResponse:
    wanted = TrailFilter.read(request.GET.dict())
    page = trail_page(request.account, wanted, request.GET.get("after", ""))
    verbs = sorted(VERBS.items(), key=lambda one: one[1])
    return render(request, "settings/audit_log.html", {"page": page, "wanted": wanted, "verbs": verbs})
