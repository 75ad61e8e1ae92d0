"""Who belongs to an account and in which role. There is always an owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account, Invitation, Membership, Role, User
from cartrover.accounts.refusals import Refused

PAGE = 50
"""Members on a page."""


@dataclass(frozen=True, slots=True)
class MembersPage:
    """Members by e-mail address, from one address on; `after` leads to the next ones, or is empty. Open invitations, too."""

    members: Sequence[Membership]
    invitations: Sequence[Invitation]
    after: str


def members_page(account: Account, after: str = "") -> MembersPage:
    """Return the members behind that address, and with the first page the invitations that wait or have run out."""
    rows = account.memberships.select_related("user").order_by("user__email")
    found = list(rows.filter(user__email__gt=after)[: PAGE + 1])
    waiting = Invitation.objects.for_account(account).filter(accepted_at=None, revoked_at=None).order_by("-created_at", "-pk")
    return MembersPage(
        members=found[:PAGE],
        invitations=[] if after else list(waiting[:PAGE]),
        after=found[PAGE - 1].user.email if len(found) > PAGE else "",
    )


@transaction.atomic
def role_change(*, account: Account, person: UUID, role: str, actor: User) -> Membership:
    """Give a member another role. Raise `Refused` for the last owner, and for somebody who is no member."""
    if role not in list(Role):
        raise Refused("Choose a role: owner, operator or viewer.")
    membership = _locked(account, person)
    if membership.role == role:
        return membership
    _require_other_owner(membership, "can't get another role")
    words = f"From {membership.role} to {role}."
    membership.role = role
    membership.save(update_fields=["role"])
    audit(account=account, actor=actor, verb="member.changed", subject=f"user {membership.user.email}", words=words)
    return membership


@transaction.atomic
def member_remove(*, account: Account, person: UUID, actor: User) -> Membership:
    """End a membership: the person is an outsider from the next page on. Raise `Refused` for the last owner."""
    membership = _locked(account, person)
    _require_other_owner(membership, "can't leave")
    Membership.objects.filter(pk=membership.pk).delete()
    audit(
        account=account,
        actor=actor,
        verb="member.removed",
        subject=f"user {membership.user.email}",
        words=f"Was {membership.role} since {membership.created_at.astimezone(timezone.get_current_timezone()):%d %b %Y}.",
    )
    return membership


def _locked(account: Account, person: UUID) -> Membership:
    """Lock all owners with the one who is meant: of two owners who remove each other at once, one stays."""
    rows = Membership.objects.select_for_update(of=("self",)).filter(account=account).select_related("user")
    list(rows.filter(role=Role.OWNER).order_by("pk"))
    membership = rows.filter(user__public_id=person).first()
    if membership is None:
        raise Refused("That person is no member of this account any more.")
    return membership


def _require_other_owner(membership: Membership, what: str) -> None:
    if membership.role != Role.OWNER:
        return
    owners = Membership.objects.filter(account=membership.account_id, role=Role.OWNER, user__is_active=True)
    if not owners.exclude(pk=membership.pk).exists():
        raise Refused(f"{membership.user.email} is the last owner and {what}. Make somebody else an owner first.")
