"""Strangers who sign up: their account is made when their e-mail address is verified, and who never verifies is forgotten."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.text import slugify

from cartrover.accounts.actions import account_make, audit
from cartrover.accounts.models import Account, Membership, Role, SignUp, User

KEPT = timedelta(days=3)
"""How long a sign-up waits for its address to be verified: as long as the link in the mail works."""


def begin(user: User, *, company: str) -> SignUp:
    """Keep what the person said until their address is verified."""
    return SignUp.objects.create(user=user, company=" ".join(company.split()))


@transaction.atomic
def complete(user: User) -> Account | None:
    """Make the account that a verified person signed up for, and make them its owner; None when they signed up for none."""
    said = SignUp.objects.select_for_update().filter(user=user).first()
    if said is None:
        return None
    account = account_make(slug=free_slug(said.company), name=said.company, actor=user)
    Membership.objects.create(account=account, user=user, role=Role.OWNER)
    audit(account=account, actor=user, verb="member.made_owner", subject=f"user {user.email}", words="Signed up.")
    said.delete()
    return account


def unverified() -> QuerySet[User]:
    """Return the people who signed up and have never shown that the address is theirs."""
    return User.objects.filter(sign_up__isnull=False, last_login=None, memberships=None, is_staff=False)


def forget_expired() -> int:
    """Delete people who signed up and didn't verify their address in time, so that it is free again; tell how many."""
    return _forget(unverified().filter(sign_up__created_at__lt=timezone.now() - KEPT)[:100])


def forget(email: str) -> int:
    """Delete who signed up with that address without showing that it is theirs: somebody else has shown it meanwhile."""
    return _forget(unverified().filter(email__iexact=email))


def _forget(people: QuerySet[User]) -> int:
    gone = list(people.values_list("pk", flat=True))
    return User.objects.filter(pk__in=gone).delete()[1].get("accounts.User", 0)


def free_slug(name: str) -> str:
    """Return a slug that is like the name and that no account has."""
    wanted = slugify(name)[:50].strip("-") or "account"
    taken = set(Account.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    return wanted if wanted not in taken else next(slug for n in count(2) if (slug := f"{wanted}-{n}") not in taken)
