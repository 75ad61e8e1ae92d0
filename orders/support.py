"""Asking support for help with setting up, and the conversation that follows."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.urls import reverse

from cartrover.accounts.actions import person_of
from cartrover.accounts.models import Account, AuditEntry
from cartrover.clock import hub_now
from connectors.models import Connection, ConnectionState
from connectors.refusals import Refused
from orders.models import SupportNote, SupportRequest, SupportState
from orders.models.support import UNFINISHED

logger = logging.getLogger(__name__)

LONGEST = 5_000
"""Characters of one message: a page and a half. Longer ones are logs, which nobody reads here."""

ASK_FOR_PRICE = "Ask us for the price"


def fee_words() -> str:
    """Return what the help costs, in the words that this installation has for it."""
    return settings.SETUP_HELP_FEE.strip()[:200] or ASK_FOR_PRICE


def unfinished_request(connection: Connection) -> SupportRequest | None:
    """Return the connection's request that isn't over; there is one at most."""
    rows = SupportRequest.objects.for_account(connection.account_id)
    return rows.filter(connection=connection, state__in=UNFINISHED).first()


def setup_help_ask(*, connection: Connection, words: str, fee: str, actor: str) -> SupportRequest:
    """Make a request, and mail it to support where this installation has an address for that.

    `fee` is what the person saw and confirmed. Raise `Refused` where it was changed meanwhile, where help was asked for
    already, for a connection that was ended and for a message that is too long.
    """
    if connection.state == ConnectionState.DISCONNECTED:
        raise Refused(f"“{connection.name}” is disconnected. Connect it again first.")
    if fee != fee_words():
        raise Refused(f"The fee has changed meanwhile: {fee_words()}. Look at it, and ask again.")
    told = _fitting(words)
    try:
        with transaction.atomic():
            # One at a time gives out numbers in an account.
            Account.objects.select_for_update(no_key=True).get(pk=connection.account_id)
            rows = SupportRequest.objects.for_account(connection.account_id)
            number = (rows.aggregate(last=Max("number"))["last"] or 0) + 1
            request = rows.create(connection=connection, number=number, words=told, fee=fee, created_by=actor[:254])
            _audit(request, actor, "support.asked", f"Fee as shown: {fee}.")
            _mail_support(request, f"{actor} asks for help with {connection.name}. Fee as shown: {fee}.", told)
    except IntegrityError as twice:
        raise Refused(f"Support was asked about “{connection.name}” already.") from twice
    return request


@transaction.atomic
def support_answer(request: SupportRequest, *, words: str, actor: str) -> SupportNote:
    """Add what a member says; a request that waited for the merchant waits for support again.

    Raise `Refused` for a request that is over and for an empty or too long message.
    """
    request = _locked(request)
    if not request.is_unfinished:
        raise Refused(f"Request {request.number} is over. Ask for help again if you need more.")
    told = _fitting(words)
    if not told:
        raise Refused("Write what support should know.")
    note = _note(request, actor, told, by_support=False)
    if request.state == SupportState.WAITING_FOR_YOU:
        _move(request, SupportState.IN_PROGRESS)
    _mail_support(request, f"{actor} wrote about request {request.number}.", told)
    return note


@transaction.atomic
def support_withdraw(request: SupportRequest, *, actor: str) -> None:
    """End a request because the merchant needs it no more; one that is over stays as it is."""
    request = _locked(request)
    if request.is_unfinished:
        _move(request, SupportState.WITHDRAWN)
        _audit(request, actor, "support.withdrawn")
        _mail_support(request, f"{actor} withdrew request {request.number}.", "")


@transaction.atomic
def support_say(request: SupportRequest, *, words: str, actor: str) -> SupportNote:
    """Add what support says, and mail it to whoever asked. One that nobody had begun with is in progress from then on."""
    request = _locked(request)
    note = _note(request, actor, words.strip(), by_support=True)
    if request.state == SupportState.OPEN:
        _move(request, SupportState.IN_PROGRESS)
    _audit(request, actor, "support.said")
    _mail(
        person_of(request.created_by), f"Answer to your request {request.number}", request, "Support has answered.", note.words
    )
    return note


@transaction.atomic
def support_move(request: SupportRequest, *, state: SupportState, actor: str) -> None:
    """Put a request into a state because support says so; it says when it was over."""
    request = _locked(request)
    if request.state != state:
        _move(request, state)
        _audit(request, actor, "support.moved", f"To: {state}.")


def _locked(request: SupportRequest) -> SupportRequest:
    rows = SupportRequest.objects.for_account(request.account_id).select_for_update(of=("self",))
    return rows.select_related("connection", "account").get(pk=request.pk)


def _note(request: SupportRequest, who: str, words: str, *, by_support: bool) -> SupportNote:
    rows = SupportRequest.objects.for_account(request.account_id)
    rows.filter(pk=request.pk).update(updated_at=hub_now())
    return SupportNote.objects.create(
        account_id=request.account_id, request=request, who=who[:254], by_support=by_support, words=words
    )


def _move(request: SupportRequest, state: SupportState) -> None:
    now = hub_now()
    request.state, request.closed_at = state, None if state in UNFINISHED else now
    rows = SupportRequest.objects.for_account(request.account_id).filter(pk=request.pk)
    rows.update(state=state, closed_at=request.closed_at, updated_at=now)


def _fitting(words: str) -> str:
    told = words.strip()
    if len(told) > LONGEST:
        raise Refused(f"The message is longer than {LONGEST:,} characters. Write just what support must know.")
    return told


def _audit(request: SupportRequest, actor: str, verb: str, words: str = "") -> None:
    AuditEntry.objects.create(
        account_id=request.account_id, actor=actor[:254], verb=verb, subject=f"support request {request.number}", words=words
    )


# --- mail --------------------------------------------------------------------------------------------------------------------


def _mail_support(request: SupportRequest, what: str, words: str) -> None:
    if settings.SUPPORT_EMAIL:
        subject = f"[{request.account.slug} #{request.number}] {request.connection.name}"
        _mail(settings.SUPPORT_EMAIL, subject, request, what, words)


def _mail(to: str, subject: str, request: SupportRequest, what: str, words: str) -> None:
    """Send once the request is committed; mail that fails is logged, as the pages say the same."""
    place = reverse("help_request", kwargs={"slug": request.account.slug, "public_id": request.public_id})
    text = "\n\n".join(part for part in (what, words, f"{settings.PORTAL_URL}{place}") if part)

    def send() -> None:
        try:
            send_mail(" ".join(subject.split()), text, None, [to])
        except (SMTPException, OSError):
            logger.warning("mail about support request %s could not be sent", request.public_id, exc_info=True)

    transaction.on_commit(send)
