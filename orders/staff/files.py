"""The bytes of a merchant's file, for our own people."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseNotAllowed, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import content_disposition_header

from cartrover.accounts.actions import audit
from cartrover.staff import StaffAdmin
from orders.listings.files import bytes_of


def download(page: StaffAdmin, request: HttpRequest, pk: int) -> HttpResponseBase:
    """Give the bytes as they came or went, and write down in the merchant's audit log who took them."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not page.has_view_permission(request):
        raise PermissionDenied
    document = get_object_or_404(page.get_queryset(request).select_related("account"), pk=pk)
    pieces = bytes_of(document)
    if pieces is None:
        messages.warning(
            request, f"The bytes of {document.name} aren't kept: not fetched yet, or past the account's retention."
        )
        return redirect(f"admin:orders_{document._meta.model_name}_change", pk)
    audit(account=document.account, actor=str(request.user), verb="file.downloaded_by_staff", subject=f"file {document.name}")
    answer = StreamingHttpResponse(pieces, content_type="application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=document.name.rpartition("/")[2])
    return answer
