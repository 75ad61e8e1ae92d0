"""What changes accounts and their people, and the trail that it leaves."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from cartrover.accounts.models import Account, AuditEntry, Membership, Organization, OrganizationKind, Role, User


@transaction.atomic
def account_create(*, slug: str, name: str, owner_email: str, password: str | None = None) -> tuple[Account, User]:
    """Make the account exist, with a merchant organization of its own, and the person exist and own it.

    Doing it twice is harmless: what is there already stays as it is, a known person's password included. Without a password a
    new person can't sign in until one is set. Raise `ValidationError`, and change nothing, when a value can't be used.
    """
    owner_email = owner_email.strip().lower()
    _require_usable(slug=slug, name=name, owner_email=owner_email)
    account = Account.objects.filter(slug=slug).first()
    if account is None:
        account = account_make(slug=slug, name=name, actor="console")
    return account, owner_add(account=account, email=owner_email, password=password)


def account_make(*, slug: str, name: str, actor: User | str) -> Account:
    """Make an account that isn't there yet, with a merchant organization of its own."""
    organization = Organization.objects.create(name=name, kind=OrganizationKind.MERCHANT)
    account = Account.objects.create(organization=organization, slug=slug, name=name)
    audit(account=account, actor=actor, verb="account.made", subject=f"account {slug}", words=f"Made as {name}.")
    return account


def owner_add(*, account: Account, email: str, password: str | None = None) -> User:
    """Make the person exist and own the account. Raise `ValidationError` for a new person's password that is too weak."""
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        if password is not None:
            validate_password(password, User(email=email))
        user = User.objects.create_user(email, password)
    membership, is_new = Membership.objects.get_or_create(account=account, user=user, defaults={"role": Role.OWNER})
    if not is_new and membership.role == Role.OWNER:
        return user
    if not is_new:
        membership.role = Role.OWNER
        membership.save(update_fields=["role"])
    audit(account=account, actor="console", verb="member.made_owner", subject=f"user {user.email}")
    return user


@transaction.atomic
def person_rename(person: User, name: str) -> None:
    """Give a person another name."""
    words = f"From {person.name or 'none'} to {name}."
    person.name = name
    person.save(update_fields=["name"])
    audit(account=None, actor=person, verb="person.renamed", subject=f"user {person.email}", words=words)


def audit(*, account: Account | None, actor: User | str, verb: str, subject: str, words: str = "") -> AuditEntry:
    """Leave a trail: who (`actor`) did what (`verb`, as "connection.made") to what (`subject`). Never holds a secret."""
    return AuditEntry.objects.create(account=account, actor=str(actor)[:254], verb=verb, subject=subject[:200], words=words)


def person_of(actor: str) -> str:
    """Return the address of the person in whose name somebody acted: their own, or that of whom staff acted as."""
    return actor.rpartition(" as ")[2]


def _require_usable(*, slug: str, name: str, owner_email: str) -> None:
    validate_email(owner_email)
    draft = Account(slug=slug, name=name)
    draft.clean_fields(exclude=["organization"])
    if slug != slug.lower():
        raise ValidationError({"slug": "Use small letters: the slug stands in addresses, where people type it."})
