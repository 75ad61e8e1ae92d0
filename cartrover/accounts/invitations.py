"""Inviting people by e-mail. Who opens the link reads that mailbox: the address counts as verified by it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from cartrover.accounts import mail
from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account, AuditEntry, Invitation, Membership, Role, User
from cartrover.accounts.refusals import Refused

VALID_FOR = timedelta(days=7)

MAILS_AN_HOUR = 30
"""Invitations that an account may send within an hour: enough for a whole team, too few to bother strangers with."""

INVITED, SENT_AGAIN = "member.invited", "invitation.sent_again"
_IN_SESSION = "invitation"


def invite(*, account: Account, email: str, role: str, actor: User) -> bool:
    """Invite whoever reads the mail at that address; tell whether the mail went out. Raise `Refused` when it can't be."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Refused("That is no e-mail address. Check it and try again.") from None
    _require_role(role)
    if account.memberships.filter(user__email__iexact=email).exists():
        raise Refused(f"{email} is a member already. Change the role in the list instead.")
    now = timezone.now()
    rows = Invitation.objects.for_account(account)
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        _require_few(account)
        open_one = rows.filter(email=email, accepted_at=None, revoked_at=None).first()
        if open_one is not None and open_one.is_open:
            raise Refused(f"{email} is invited already. Send the invitation again, or take it back first.")
        if open_one is not None:
            open_one.revoked_at = now
            open_one.save(update_fields=["revoked_at"])
        token = secrets.token_urlsafe(32)
        invitation = rows.create(
            email=email, role=role, token_digest=digest(token), invited_by=str(actor), expires_at=now + VALID_FOR
        )
        audit(account=account, actor=actor, verb=INVITED, subject=f"invitation of {email}", words=f"As {role}.")
    return _send(invitation, token)


def send_again(*, account: Account, public_id: UUID, actor: User) -> bool:
    """Send an open invitation with a new link, which works from now on as long as a new one; the old link stops working."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = _locked(account, public_id)
        _require_few(account)
        now = timezone.now()
        invitation.token_digest, invitation.sent_at, invitation.expires_at = digest(token), now, now + VALID_FOR
        invitation.save(update_fields=["token_digest", "sent_at", "expires_at"])
        audit(account=account, actor=actor, verb=SENT_AGAIN, subject=f"invitation of {invitation.email}")
    return _send(invitation, token)


@transaction.atomic
def revoke(*, account: Account, public_id: UUID, actor: User) -> Invitation:
    """Take an open invitation back: its link stops working."""
    invitation = _locked(account, public_id)
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    audit(account=account, actor=actor, verb="invitation.revoked", subject=f"invitation of {invitation.email}")
    return invitation


def find(token: str) -> Invitation | None:
    """Return the invitation that a link belongs to, whatever became of it."""
    rows = Invitation.objects.across_accounts("the link names the account").select_related("account")
    return rows.filter(token_digest=digest(token)).first()


@transaction.atomic
def accept(invitation: Invitation, *, user: User) -> Membership:
    """Make the person a member; who is one already keeps the role. Raise `Refused` when it is somebody else's or over."""
    rows = Invitation.objects.for_account(invitation.account_id)
    invitation = rows.select_for_update().select_related("account").get(pk=invitation.pk)
    if over := why_over(invitation):
        raise Refused(over)
    if user.email.lower() != invitation.email.lower():
        raise Refused(f"This invitation is for {invitation.email}, and you are signed in as {user.email}.")
    membership, is_new = Membership.objects.get_or_create(
        account=invitation.account, user=user, defaults={"role": invitation.role}
    )
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    words = f"Invited by {invitation.invited_by} as {membership.role}." if is_new else "Was a member already."
    audit(account=invitation.account, actor=user, verb="member.joined", subject=f"user {user.email}", words=words)
    return membership


def why_over(invitation: Invitation) -> str:
    """Say why an invitation can't be accepted any more; nothing when it can."""
    ask = f"Ask an owner of {invitation.account.name} for a new one."
    if invitation.accepted_at is not None:
        return "This invitation was accepted already. Sign in to get to the account."
    if invitation.revoked_at is not None:
        return f"This invitation was taken back. {ask}"
    if not invitation.is_open:
        return f"This invitation has expired. {ask}"
    return ""


def keep_in_session(request: HttpRequest, invitation: Invitation) -> None:
    """Let this browser sign up as the invited person."""
    request.session[_IN_SESSION] = invitation.pk


def of_session(request: HttpRequest) -> Invitation | None:
    """Return the open invitation with which this browser is about to sign up."""
    pk = request.session.get(_IN_SESSION)
    if pk is None:
        return None
    rows = Invitation.objects.across_accounts("the link named the account").select_related("account")
    invitation = rows.filter(pk=pk).first()
    return invitation if invitation is not None and invitation.is_open else None


def drop_from_session(request: HttpRequest) -> None:
    request.session.pop(_IN_SESSION, None)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _send(invitation: Invitation, token: str) -> bool:
    said = {
        "invitation": invitation,
        "account": invitation.account,
        "days": VALID_FOR.days,
        "path": reverse("join", args=[token]),
    }
    return mail.send(invitation.email, "invitation", said)


def _locked(account: Account, public_id: UUID) -> Invitation:
    rows = Invitation.objects.for_account(account).select_for_update().select_related("account")
    invitation = rows.filter(public_id=public_id, accepted_at=None, revoked_at=None).first()
    if invitation is None:
        raise Refused("That invitation was accepted or taken back meanwhile.")
    return invitation


def _require_role(role: str) -> None:
    if role not in list(Role):
        raise Refused("Choose a role: owner, operator or viewer.")


def _require_few(account: Account) -> None:
    sent = AuditEntry.objects.filter(
        account=account, verb__in=[INVITED, SENT_AGAIN], at__gte=timezone.now() - timedelta(hours=1)
    )
    if sent.count() >= MAILS_AN_HOUR:
        raise Refused(f"{MAILS_AN_HOUR} invitations went out within the last hour, which is as many as may. Try again later.")
