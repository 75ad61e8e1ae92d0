"""Many products, aliases or shipping codes at once: a CSV file is checked, shown, and then loaded; and the way back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cartrover import locales
from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders.forms import ImportForm
from orders.import_export import csv_uploads, exports, imports
from orders.import_export.csv_text import UnreadableFile
from orders.import_export.imports import MissingColumns
from orders.views.mappings import KINDS, WAITERS_GO_ON

REFUSED_SHOWN = 200


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OPERATOR)
def import_check(request: AccountRequest, kind: str) -> HttpResponse:
    """Show what would become of a file. The page carries the file on, so that exactly what was shown is loaded."""
    shown = {"kind": kind, "about": KINDS[kind], "columns": imports.KINDS[kind]}
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        body = file.read()
        try:
            checked = csv_uploads.preview(account=request.account, what=kind, name=file.name, body=body)
        except (UnreadableFile, MissingColumns) as refusal:
            form.add_error("file", str(refusal))
        else:
            refused = checked.refused[:REFUSED_SHOWN]
            carried = {"name": file.name, "text": body.decode("utf-8-sig"), "checked": checked, "refused": refused}
            return render(request, "orders/import_preview.html", shown | carried)
    return render(request, "orders/import.html", shown | {"form": form})


@require_POST
@account_page(Role.OPERATOR)
def import_load(request: AccountRequest, kind: str) -> HttpResponse:
    name, body = request.POST.get("name", "")[:300], request.POST.get("text", "").encode()
    try:
        loaded = csv_uploads.load(account=request.account, what=kind, name=name, body=body, actor=str(request.user))
    except (UnreadableFile, MissingColumns) as refusal:
        messages.warning(request, str(refusal))
        return redirect(f"{kind}_import", slug=request.account.slug)
    refused = f" {locales.number(len(loaded.refused))} rows were refused." if loaded.refused else ""
    messages.success(
        request, f"{locales.number(loaded.added)} added, {locales.number(loaded.changed)} changed.{refused} {WAITERS_GO_ON}"
    )
    return redirect(kind, slug=request.account.slug)


@require_safe
@account_page(Role.VIEWER)
def export(request: AccountRequest, kind: str) -> HttpResponseBase:
    """The list as a CSV file that can be edited and imported again."""
    chunks = exports.csv_chunks(request.account, kind)
    disposition = f'attachment; filename="{request.account.slug}-{kind.replace("_", "-")}.csv"'
    return StreamingHttpResponse(chunks, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})
