"""Requests for help, as their pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cartrover.accounts.models import Account
from orders import words
from orders.listings.paging import Page, page_of
from orders.models import SupportNote, SupportRequest


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request with its state in words."""

    request: SupportRequest
    state: str
    tone: str
    notes: Sequence[SupportNote] = ()


def requests_page(account: Account, after: UUID | None = None) -> Page[RequestRow]:
    """Return the account's requests, the one that moved last first."""
    rows = SupportRequest.objects.for_account(account).select_related("connection")
    page = page_of(account, rows, along="updated_at", descending=True, after=after)
    return Page([_row(request) for request in page.rows], page.next)


def request_of(account: Account, public_id: UUID) -> RequestRow | None:
    """Return a request with what was said about it, the oldest first; None when the account has no such one."""
    rows = SupportRequest.objects.for_account(account).select_related("connection", "account")
    request = rows.filter(public_id=public_id).first()
    if request is None:
        return None
    notes = SupportNote.objects.for_account(account).filter(request=request).order_by("at", "pk")
    return _row(request, list(notes))


def _row(request: SupportRequest, notes: Sequence[SupportNote] = ()) -> RequestRow:
    return RequestRow(
        request,
        words.SUPPORT.get(request.state, request.state),
        words.SUPPORT_TONE.get(request.state, "quiet"),
        notes,
    )
