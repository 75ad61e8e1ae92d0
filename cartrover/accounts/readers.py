"""Who may go where."""

from __future__ import annotations

from collections.abc import Sequence

from cartrover.accounts.models import Account, Membership, Role, User


def memberships_of(user: User, *, named: str = "") -> Sequence[Membership]:
    """Return the person's memberships by the account's name, each with its account; `named` in its name only."""
    rows = user.memberships.select_related("account").order_by("account__name", "account__slug")
    return list(rows.filter(account__name__icontains=named) if named else rows)


def membership_in(user: User, slug: str) -> Membership | None:
    """Return the person's membership in the account of that slug, with the account; None for outsiders and unknown slugs."""
    return user.memberships.select_related("account").filter(account__slug=slug).first()


def owners_of(account: Account, *, at_most: int) -> Sequence[str]:
    """Return the e-mail addresses of owners of the account who can sign in, by the alphabet."""
    rows = account.memberships.filter(role=Role.OWNER, user__is_active=True)
    return list(rows.order_by("user__email").values_list("user__email", flat=True)[:at_most])


def account_of(slug: str) -> Account | None:
    """Return the account of that slug. For the console and its commands only: it asks nobody for a membership."""
    return Account.objects.filter(slug=slug).first()
