"""Files that came from a cart and went to it: the list, the head of one, its bytes, and reading it again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors.models import Connection
from connectors.refusals import Refused
from orders.acts import on_request
from orders.listings import files as listing
from orders.models import InboundDocument, OutboundDocument
from orders.views.connections import around, connection_or_404
from orders.views.queries import public_id_of


@require_safe
@account_page(Role.VIEWER)
def file_list(request: AccountRequest, public_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, public_id)
    way = listing.GOING if request.GET.get("way") == listing.GOING else listing.COMING
    page = listing.files_page(connection, way, public_id_of(request.GET.get("after", "")))
    return render(
        request, "connections/files.html", {"page": page, "way": way, "tab": "connection_files", **around(request, connection)}
    )


@require_safe
@account_page(Role.VIEWER)
def file_detail(request: AccountRequest, public_id: UUID, way: str, document_id: UUID) -> HttpResponse:
    connection, document = _found(request, public_id, way, document_id)
    page = {"page": listing.file_page(connection, document), "tab": "connection_files", **around(request, connection)}
    return render(request, "connections/file.html", page)


@require_safe
@account_page(Role.VIEWER)
def file_download(request: AccountRequest, public_id: UUID, way: str, document_id: UUID) -> HttpResponseBase:
    """Give the bytes exactly as they came or went; 404 once they are purged."""
    _, document = _found(request, public_id, way, document_id)
    pieces = listing.bytes_of(document)
    if pieces is None:
        raise Http404("The bytes of this file aren't kept (any more).")
    answer = StreamingHttpResponse(pieces, content_type="application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=document.name.rpartition("/")[2])
    answer["Content-Length"] = str(document.size)
    return answer


@require_POST
@account_page(Role.OPERATOR)
def file_again(request: AccountRequest, public_id: UUID, document_id: UUID) -> HttpResponse:
    _, document = _found(request, public_id, listing.COMING, document_id)
    assert isinstance(document, InboundDocument)  # noqa: S101 - told by its way
    try:
        on_request.read_again(document, actor=str(request.user))
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        messages.success(request, "The file is read again by the next order download, which is due now.")
    return redirect(
        "connection_file", slug=request.account.slug, public_id=public_id, way=listing.COMING, document_id=document_id
    )


def _found(
    request: AccountRequest, public_id: UUID, way: str, document_id: UUID
) -> tuple[Connection, InboundDocument | OutboundDocument]:
    connection = connection_or_404(request, public_id)
    document = listing.document_of(connection, way, document_id)
    if document is None:
        raise Http404("This connection has no such file.")
    return connection, document
