"""Help with setting up: asking for it, and the conversation with support."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors import registry
from connectors.refusals import Refused
from orders import support
from orders.listings import guide
from orders.listings import support as listing
from orders.views.connections import around, connection_or_404, rights
from orders.views.queries import public_id_of


@require_safe
@account_page(Role.VIEWER)
def help_list(request: AccountRequest) -> HttpResponse:
    page = listing.requests_page(request.account, public_id_of(request.GET.get("after", "")))
    return render(request, "support/list.html", {"page": page, **rights(request)})


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OWNER)
def help_ask(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Say what support does and what it costs, and make the request once that is confirmed."""
    connection = connection_or_404(request, public_id)
    spec = registry.find(connection.kind)
    if spec is None:
        raise Http404("This hub has no connector of that kind any more.")
    words, refusal = request.POST.get("words", ""), ""
    if request.method == "POST":
        try:
            if request.POST.get("confirmed") != "yes":
                raise Refused("Tick that you agree to the fee; nothing was sent yet.")
            made = support.setup_help_ask(
                connection=connection, words=words, fee=request.POST.get("fee", ""), actor=str(request.user)
            )
        except Refused as refused:
            refusal = refused.words
        else:
            messages.success(request, f"Support has your request. It is number {made.number}.")
            return redirect("help_request", slug=request.account.slug, public_id=made.public_id)
    page = {
        "jobs": guide.jobs_of(connection, spec),
        "fee": support.fee_words(),
        "asked": support.unfinished_request(connection),
        "longest": support.LONGEST,
        "words": words,
        "refusal": refusal,
    }
    return render(request, "support/ask.html", {**page, **around(request, connection)}, status=422 if refusal else 200)


@require_safe
@account_page(Role.VIEWER)
def help_request(request: AccountRequest, public_id: UUID) -> HttpResponse:
    return _shown(request, _row_or_404(request, public_id))


@require_POST
@account_page(Role.OPERATOR)
def help_answer(request: AccountRequest, public_id: UUID) -> HttpResponse:
    row, words = _row_or_404(request, public_id), request.POST.get("words", "")
    try:
        support.support_answer(row.request, words=words, actor=str(request.user))
    except Refused as refused:
        return _shown(request, row, words=words, refusal=refused.words)
    messages.success(request, "Sent to support.")
    return _back(request, public_id)


@require_POST
@account_page(Role.OWNER)
def help_withdraw(request: AccountRequest, public_id: UUID) -> HttpResponse:
    row = _row_or_404(request, public_id)
    support.support_withdraw(row.request, actor=str(request.user))
    messages.success(request, f"Request {row.request.number} is withdrawn.")
    return _back(request, public_id)


def _row_or_404(request: AccountRequest, public_id: UUID) -> listing.RequestRow:
    row = listing.request_of(request.account, public_id)
    if row is None:
        raise Http404("This account has no such request.")
    return row


def _shown(request: AccountRequest, row: listing.RequestRow, *, words: str = "", refusal: str = "") -> HttpResponse:
    page = {"row": row, "words": words, "refusal": refusal, "longest": support.LONGEST, **rights(request)}
    return render(request, "support/request.html", page, status=422 if refusal else 200)


def _back(request: AccountRequest, public_id: UUID) -> HttpResponse:
    return redirect("help_request", slug=request.account.slug, public_id=public_id)
