"""Everything that the account has, as one ZIP file."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.actions import audit
from cartrover.accounts.models import AuditEntry, Role
from cartrover.clock import hub_now
from orders.import_export.account_archive import CONTENTS, archive_chunks


@require_safe
@account_page(Role.OWNER)
def account_export(request: AccountRequest) -> HttpResponse:
    last = AuditEntry.objects.filter(account=request.account, verb="account.exported").first()
    return render(request, "settings/export.html", {"contents": CONTENTS.items(), "last": last})


@require_POST
@account_page(Role.OWNER)
def account_export_zip(request: AccountRequest) -> HttpResponseBase:
    """Send the ZIP while it is made, and leave a trail of who took it."""
    account, now = request.account, hub_now()
    audit(account=account, actor=request.user, verb="account.exported", subject=f"account {account.slug}")
    name = f"{account.slug}-{timezone.localtime(now):%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(archive_chunks(account, now), content_type="application/zip", headers=headers)
