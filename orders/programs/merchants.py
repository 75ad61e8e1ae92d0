"""Merchants that a warehouse or a master makes by the API: accounts with the same owners as the one that they are made from."""

from __future__ import annotations

from django.db import transaction

from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account, Membership, Organization, Role
from cartrover.accounts.sign_up import free_slug


@transaction.atomic
def merchant_make(*, home: Account, name: str, actor: str) -> Account:
    """Make an account in the organization of `home`."""
    return _account(home, home.organization, name, actor)


@transaction.atomic
def account_below(*, home: Account, name: str, kind: str, actor: str) -> Account:
    """Make an organization of this kind below that of `home`, and its first account."""
    organization = Organization.objects.create(name=name, kind=kind, parent=home.organization)
    return _account(home, organization, name, actor)


def _account(home: Account, organization: Organization, name: str, actor: str) -> Account:
    # Two at once for one name would choose one slug.
    Account.objects.select_for_update(no_key=True).get(pk=home.pk)
    account = Account.objects.create(organization=organization, slug=free_slug(name), name=name, time_zone=home.time_zone)
    audit(account=account, actor=actor, verb="account.made", subject=f"account {account.slug}", words=f"Made as {name}.")
    audit(account=home, actor=actor, verb="account.made", subject=f"account {account.slug}", words=f"Made as {name}.")
    for owner in home.memberships.filter(role=Role.OWNER).select_related("user"):
        Membership.objects.create(account=account, user=owner.user, role=Role.OWNER)
    return account
